"""Owns the edits of whole statements: one too many, one missing, in the wrong order, place or kind."""

import ast
from collections.abc import Iterator

from factory.workers.repair.operators import insertion
from factory.workers.repair.sites import Context, Function, Site, free_names, is_docstring
from factory.workers.repair.source import Edit, Span

SIMPLE = (ast.Assign, ast.AugAssign, ast.Expr, ast.Return, ast.Break, ast.Continue, ast.Raise, ast.Assert, ast.Delete)
KEYWORDS = {"break": ("continue", "return", "pass"), "continue": ("break", "return", "pass"), "pass": ("break",)}


def edits(site: Site, context: Context) -> Iterator[Edit]:
    """The edits of the statement at a place."""
    node = site.node
    if isinstance(node, ast.Yield | ast.YieldFrom) and node.value is not None:
        old, new = ("yield from", "yield") if isinstance(node, ast.YieldFrom) else ("yield", "yield from")
        yield context.source.put(node, f"{new} {context.source.segment(node.value)}", (f"{new} for {old}", 0.8))
    if not isinstance(node, ast.stmt) or is_docstring(node):
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from _mutable_defaults(node, context)
        return
    yield from _kind(node, context)
    if context.source.alone(node) and site.role in {"body", "orelse", "finalbody"}:
        yield from _removed(node, context)
        yield from _neighbours(node, site, context)
        yield from _inserted(node, site, context)


def _kind(node: ast.stmt, context: Context) -> Iterator[Edit]:
    source = context.source
    text = source.segment(node)
    for other in KEYWORDS.get(text, ()):
        yield source.put(node, other, ("another jump", 0.35))
    start = source.span(node)[0]
    for old, new in (("while", "if"), ("if", "while"), ("elif", "if"), ("if", "elif")):
        if isinstance(node, ast.If | ast.While) and text.startswith(old + " "):
            span = Span(start, start + len(old), new)
            yield Edit(f"{new} for {old}", node.lineno, 0.25, (span,))
    if isinstance(node, ast.Return) and node.value is not None:
        value = source.segment(node.value)
        yield source.put(node, f"yield {value}", ("yield for return", 0.1))
        yield source.put(node, f"return not ({value})", ("negate the result", 0.2))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield source.put(node, f"return {text}", ("return the value", 0.3))
        yield from _as_assignment(node.value, node, context)
    if isinstance(node, ast.Return | ast.Assign) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
        for part in node.value.elts:
            yield source.rewrite(node.value, "{}", [part], ("one value of two", 0.1))


def _as_assignment(call: ast.Call, node: ast.stmt, context: Context) -> Iterator[Edit]:
    if isinstance(call.func, ast.Attribute) and len(call.args) == 1:
        target, value = context.source.segment(call.func.value), context.source.segment(call.args[0])
        yield context.source.put(node, f"{target} = {value}", ("an assignment for a call", 0.2))
        yield context.source.put(node, f"{target} = {context.source.segment(call)}", ("keep the value", 0.2))
    elif call.args:
        target = context.source.segment(call.args[0])
        yield context.source.put(node, f"{target} = {context.source.segment(call)}", ("keep the value", 0.25))


def _removed(node: ast.stmt, context: Context) -> Iterator[Edit]:
    if isinstance(node, SIMPLE):
        yield context.source.put(node, "pass", ("drop the statement", 0.3))
    elif isinstance(node, ast.If) and not node.orelse:
        yield context.source.put(node, "pass", ("drop the statement", 0.2))


def _block(site: Site) -> list[ast.stmt]:
    block: list[ast.stmt] = getattr(site.parent, site.role)
    return block


def _neighbours(node: ast.stmt, site: Site, context: Context) -> Iterator[Edit]:
    source, block = context.source, _block(site)
    assert node.end_lineno is not None
    at = block.index(node)
    start, end = source.lines(node.lineno, node.end_lineno)
    own = source.text[start:end]
    if at + 1 < len(block) and source.alone(block[at + 1]) and own.endswith("\n"):
        mate = block[at + 1]
        first, last = source.lines(mate.lineno, mate.end_lineno or mate.lineno)
        other = source.text[first:last]
        swapped = (Span(start, end, other if other.endswith("\n") else other + source.newline), Span(first, last, own))
        yield Edit("swap two statements", node.lineno, 0.35, swapped)
        if isinstance(node, ast.For | ast.While | ast.If) and not getattr(node, "orelse", None):
            yield from _moved(mate, source.indent(node.body[-1].lineno), end, ("move into the block", 0.3), context)
    if at == len(block) - 1 and at > 0 and isinstance(site.parent, ast.For | ast.While | ast.If | ast.With):
        outer = source.indent(site.parent.lineno)
        yield from _moved(node, outer, end, ("move out of the block", 0.4), context)


def _moved(node: ast.stmt, indent: str, at: int, label: tuple[str, float], context: Context) -> Iterator[Edit]:
    source = context.source
    assert node.end_lineno is not None
    start, end = source.lines(node.lineno, node.end_lineno)
    old = source.indent(node.lineno)
    lines = source.text[start:end].splitlines(keepends=True)
    text = "".join(indent + line[len(old) :] if line.startswith(old) else line for line in lines)
    spans = (Span(start, end, text),) if start <= at <= end else (Span(at, at, text), Span(start, end, ""))
    yield Edit(label[0], node.lineno, label[1], spans)


def _inserted(node: ast.stmt, site: Site, context: Context) -> Iterator[Edit]:
    source, block = context.source, _block(site)
    indent = source.indent(node.lineno)
    if site.scope.function is None:
        return
    before = source.lines(node.lineno, node.lineno)[0]
    after = source.lines(node.lineno, node.end_lineno or node.lineno)[1]
    last = node is block[-1] and not isinstance(node, ast.Return | ast.Break | ast.Continue | ast.Raise)
    for text, weight in _templates(site, context):
        lines = f"{indent}{text}{source.newline}"
        yield Edit("add a statement", node.lineno, weight, (insertion(before, lines),))
        if last:
            lead = "" if source.text[:after].endswith("\n") else source.newline
            yield Edit("add a statement", node.lineno, weight, (insertion(after, lead + lines),))


def _templates(site: Site, context: Context) -> Iterator[tuple[str, float]]:
    visible = {*site.scope.values, *site.scope.functions, "self", "len", "max", "min", "list", "set"}
    for text, node in context.material.statements.items():
        if node is not site.node and free_names(node) <= visible and "\n" not in text:
            yield text, 0.16
    names = context.nearest(site)[:7]
    for collection, method in context.material.growers.items():
        if free_names(ast.parse(collection)) <= visible:
            yield from ((f"{collection}.{method}({name})", 0.25) for name in names if name != collection)
    local = [name for name in names if name in _stored_names(site.scope.function)]
    for target in local:
        yield from ((f"{target} = {name}", 0.18) for name in names if name != target)
        if target not in context.material.collections:
            yield from ((f"{target} += 1", 0.18), (f"{target} -= 1", 0.16), (f"{target} = 0", 0.1))
    if site.in_loop:
        yield from (("continue", 0.15), ("break", 0.15))
    yield from ((f"return {name}", 0.12) for name in names[:4])


def _stored_names(function: Function | None) -> set[str]:
    if function is None:
        return set()
    stored = {part.id for part in ast.walk(function) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    fields = {ast.unparse(part) for part in ast.walk(function) if isinstance(part, ast.Attribute)}
    return stored | fields | {argument.arg for argument in function.args.args}


def _mutable_defaults(node: Function, context: Context) -> Iterator[Edit]:
    source = context.source
    body = next((part for part in node.body if not is_docstring(part)), None)
    pairs = list(zip(node.args.args[::-1], node.args.defaults[::-1], strict=False))
    pairs += [(arg, value) for arg, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value]
    for argument, default in pairs:
        if body is None or not source.alone(body) or not _is_mutable(default):
            continue
        start, end = source.span(default)
        indent, at = source.indent(body.lineno), source.lines(body.lineno, body.lineno)[0]
        guard = f"{indent}if {argument.arg} is None:{source.newline}"
        guard += f"{indent}    {argument.arg} = {source.segment(default)}{source.newline}"
        spans = (Span(start, end, "None"), insertion(at, guard))
        yield Edit("a fresh default on each call", node.lineno, 0.9, spans)


def _is_mutable(node: ast.expr) -> bool:
    return isinstance(node, ast.List | ast.Dict | ast.Set) or ast.unparse(node) in {"list()", "dict()", "set()"}
