"""Owns the edits of calls, subscripts and slices: arguments, bounds, a call too many or too few."""

import ast
from collections.abc import Iterator

from factory.workers.repair.sites import Context, Site
from factory.workers.repair.source import Edit, Span, literally

BUILTIN_WRAPPERS = ("len", "abs", "int", "list", "sorted", "str", "set", "reversed", "sum", "tuple", "float", "bool")
METHOD_WRAPPERS = (".strip()", ".lower()", ".copy()", ".rstrip()", ".items()", ".upper()", ".split()", ".values()")
VALUE_ROLES = frozenset({"args", "value", "iter", "left", "right", "comparators", "elt", "elts", "values", "operand"})


def edits(site: Site, context: Context) -> Iterator[Edit]:
    """The edits of calls and slices at a place."""
    node = site.node
    if isinstance(node, ast.Call):
        yield from _arguments(node, site, context)
        yield from _uncalled(node, context)
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield from _subscript(node, site, context)
    if not isinstance(node, ast.expr) or not _is_value(site):
        return
    yield from _wrapped(node, site, context)
    yield from _combined(node, site, context)
    if isinstance(node, ast.Call) and not isinstance(site.parent, ast.Attribute):
        for rank, name in enumerate(context.nearest(site)[:8]):
            yield context.source.put(node, name, ("a variable for a call", 0.28 - 0.02 * rank))


def _is_value(site: Site) -> bool:
    if site.role not in VALUE_ROLES or isinstance(site.node, ast.Constant | ast.Starred):
        return False
    stored = isinstance(getattr(site.node, "ctx", None), ast.Store | ast.Del)
    return not stored and not isinstance(site.parent, ast.Expr)


def _arguments(node: ast.Call, site: Site, context: Context) -> Iterator[Edit]:
    source, args = context.source, node.args
    for index, argument in enumerate(args):
        for other in args[index + 1 :]:
            weight = 0.8 if other is args[index + 1] else 0.4
            yield source.swap(argument, other, ("swap two arguments", weight))
    texts = [source.segment(part) for part in args] + [_keyword(word, context) for word in node.keywords]
    opening = source.text.find("(", source.span(node.func)[1])
    start, end = opening + 1, source.span(node)[1] - 1
    for index in range(len(texts)):
        rest = ", ".join(texts[:index] + texts[index + 1 :])
        yield Edit("drop an argument", node.lineno, 0.3, (Span(start, end, rest),))
    for extra, weight in _extras(node, site, context):
        more = ", ".join([*texts[: len(args)], extra, *texts[len(args) :]])
        yield Edit("add an argument", node.lineno, weight, (Span(start, end, more),))
    if isinstance(node.func, ast.Attribute) and len(args) == 1:
        yield source.swap(node.func.value, args[0], ("swap two arguments", 0.3))
    name = ast.unparse(node.func)
    if name == "range" and len(args) == 1:
        yield from (source.rewrite(node, text, args, ("another range", 0.35)) for text in
                    ("range(1, {0})", "range(1, {0} + 1)", "range({0} - 1, -1, -1)", "range(2, {0})"))  # fmt: skip
    if name == "range" and len(args) == 2:
        yield source.rewrite(node, "range({1})", args, ("another range", 0.3))


def _keyword(word: ast.keyword, context: Context) -> str:
    return f"{word.arg}={context.source.segment(word.value)}" if word.arg else "**" + context.source.segment(word.value)


def _extras(node: ast.Call, site: Site, context: Context) -> Iterator[tuple[str, float]]:
    name = ast.unparse(node.func).rsplit(".", 1)[-1]
    if name in {"sorted", "sort", "max", "min"}:
        yield from (("reverse=True", 0.3), ("key=len", 0.15), ("key=str.lower", 0.1))
    if name in {"split", "strip", "rstrip", "lstrip", "join", "round", "range", "int", "enumerate", "get", "pop"}:
        yield from ((text, 0.2) for text in ("0", "1", "2", "-1", "' '", "','", "None"))
    if name in {"append", "add", "len", "int", "str", "set", "list"}:
        return
    yield from ((value, 0.2 - 0.02 * rank) for rank, value in enumerate(context.nearest(site)[:6]))


def _uncalled(node: ast.Call, context: Context) -> Iterator[Edit]:
    source = context.source
    if len(node.args) >= 1:
        for argument in node.args:
            yield source.rewrite(node, "{}", [argument], ("drop the call", 0.45 / len(node.args)))
    if isinstance(node.func, ast.Attribute):
        yield source.rewrite(node, "{}", [node.func.value], ("drop the call", 0.3))


def _wrapped(node: ast.expr, site: Site, context: Context) -> Iterator[Edit]:
    source, own = context.source, context.material.wrappers
    known = [name for name in sorted(own) if name in site.scope.functions or name in BUILTIN_WRAPPERS]
    plain = isinstance(node, ast.Name | ast.Call | ast.Attribute | ast.Subscript)
    for name in dict.fromkeys([*known, *BUILTIN_WRAPPERS]):
        weight = (0.3 if name in known else 0.12) * (1.0 if plain else 0.6)
        yield source.rewrite(node, name + "({})", [node], ("wrap in a call", weight))
    for name in ("max", "min"):
        weight = 0.25 if site.role == "value" else 0.1
        yield source.rewrite(node, name + "(0, {})", [node], ("bound the value", weight))
        if isinstance(site.parent, ast.Assign) and site.role == "value":
            target = literally(source.segment(site.parent.targets[0]))
            yield source.rewrite(node, name + f"({target}, {{}})", [node], ("keep the extreme", 0.35))
        elif site.role in {"value", "elts", "args"} and plain:
            for rank, value in enumerate(context.nearest(site)[:4]):
                yield source.rewrite(node, name + f"({value}, {{}})", [node], ("bound the value", 0.2 - 0.03 * rank))
    if plain:
        for text in METHOD_WRAPPERS:
            weight = 0.2 if text[1:-2] in context.material.methods else 0.1
            yield source.rewrite(node, "{}" + text, [node], ("call a method on it", weight))
        for text in sorted(context.material.fields):
            yield source.rewrite(node, "{}." + text, [node], ("take an attribute", 0.2))
        yield source.rewrite(node, "{} ** 2", [node], ("another term", 0.12))
        yield source.rewrite(node, "-{}", [node], ("another sign", 0.2))
        yield from _sliced(node, site, context)


def _sliced(node: ast.expr, site: Site, context: Context) -> Iterator[Edit]:
    collection = ast.unparse(node) in context.material.collections
    scale = 1.0 if collection else 0.4
    for text, weight in (("[1:]", 0.4), ("[:-1]", 0.3), ("[0]", 0.2), ("[-1]", 0.2), ("[::-1]", 0.25), ("[:]", 0.3)):
        yield context.source.rewrite(node, "{}" + text, [node], ("take a part", weight * scale))
    if collection:
        for name in (name for name in context.nearest(site)[:6] if name not in context.material.collections):
            for text in (f"[{name}:]", f"[:{name}]", f"[{name}]"):
                yield context.source.rewrite(node, "{}" + text, [node], ("take a part", 0.25))


def _combined(node: ast.expr, site: Site, context: Context) -> Iterator[Edit]:
    if site.role not in {"args", "value", "comparators", "left", "elts"} or isinstance(node, ast.Compare | ast.BoolOp):
        return
    for rank, name in enumerate(name for name in context.nearest(site)[:6] if name != ast.unparse(node)):
        for text in ("{} + " + name, "{} - " + name, name + " + {}", name + " - {}", "{} * " + name):
            weight = 0.2 if text[0] == "{" and "*" not in text else 0.12
            yield context.source.rewrite(node, text, [node], ("another term", weight - 0.015 * rank))


def _subscript(node: ast.Subscript, site: Site, context: Context) -> Iterator[Edit]:
    source, part = context.source, node.slice
    outer = site.parent.slice if isinstance(site.parent, ast.Subscript) and site.role == "value" else None
    if outer is not None and not isinstance(part, ast.Slice) and not isinstance(outer, ast.Slice):
        yield source.swap(part, outer, ("swap two indices", 0.6))
    yield source.rewrite(node, "{}", [node.value], ("drop the subscript", 0.2))
    if not isinstance(part, ast.Slice):
        parts = [node.value, part]
        for text, weight in (("{}.get({}, 0)", 0.2), ("{}[:{}]", 0.15), ("{}[{}:]", 0.15), ("{}.get({})", 0.15)):
            yield source.rewrite(node, text, parts, ("another subscript", weight))
        return
    bounds = [bound for bound in (part.lower, part.upper) if bound is not None]
    base = literally(source.grouped(node.value))
    for bound in bounds:
        for text in (f"{base}[{{}}:]", f"{base}[:{{}}]", f"{base}[{{}}]"):
            yield source.rewrite(node, text, [bound], ("another bound", 0.5 if "{}]" not in text else 0.35))
    for text, weight in (("1", 0.3), ("-1", 0.3), *((name, 0.15) for name in context.nearest(site)[:5])):
        if part.upper is None and part.lower is not None and part.step is None:
            yield source.rewrite(node, f"{base}[{{}}:{text}]", [part.lower], ("another bound", weight))
        elif part.lower is None and part.upper is not None and part.step is None:
            yield source.rewrite(node, f"{base}[{text}:{{}}]", [part.upper], ("another bound", weight))
    if part.step is not None:
        lower, upper = (source.segment(bound) if bound else "" for bound in (part.lower, part.upper))
        yield source.put(node, f"{source.grouped(node.value)}[{lower}:{upper}]", ("drop the step", 0.3))
