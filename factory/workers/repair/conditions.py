"""Owns the edits of conditions: one missing from a test, a wrong one, a base case left out."""

import ast
from collections.abc import Iterator

from factory.workers.repair.operators import insertion
from factory.workers.repair.sites import Context, Site, free_names, is_docstring
from factory.workers.repair.source import Edit, literally

ON_NAMES = (
    ("not {}", 0.9), ("{}", 0.9), ("{} is None", 0.6), ("{} == 0", 0.7), ("{} is not None", 0.5), ("{} > 0", 0.6),
    ("{} < 0", 0.5), ("{} != 0", 0.4), ("{} == 1", 0.4), ("{} <= 1", 0.4), ("len({}) <= 1", 0.2), ("len({}) == 1", 0.2),
)  # fmt: skip
ON_PAIRS = (("{} == {}", 0.5), ("{} != {}", 0.5), ("{} < {}", 0.5), ("{} <= {}", 0.5), ("{} > {}", 0.5),
            ("{} in {}", 0.5), ("{} not in {}", 0.5))  # fmt: skip
CONSTANTS = ("0", "1", "[]", "None", "''", "True", "False", "[[]]", "-1")


def edits(site: Site, context: Context) -> Iterator[Edit]:
    """The edits of the condition, and the base cases, at a place."""
    node = site.node
    if isinstance(node, ast.expr) and site.role in {"test", "ifs"}:
        yield from _widened(node, site, context)
    elif isinstance(node, ast.Constant) and site.role == "value" and isinstance(node.value, bool):
        for text, weight in available(site, context):
            yield context.source.put(node, text, ("a condition for a constant", 0.4 * weight))
    elif isinstance(node, ast.FunctionDef):
        yield from _base_cases(node, context)
    elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp) and not node.generators[-1].ifs:
        at = context.source.span(node.generators[-1].iter)[1]
        for text, weight in available(site, context):
            span = insertion(at, f" if {text}")
            yield Edit("add a condition", node.lineno, 0.25 * weight, (span,))


def available(site: Site, context: Context) -> Iterator[tuple[str, float]]:
    """Conditions that can be stated at a place, each with its likelihood: the program's own, then simple ones."""
    visible = {*site.scope.values, *site.scope.functions, "len", "set", "self", "any", "all", "abs", "int", "str"}
    for text, node in context.material.conditions.items():
        if free_names(node) <= visible:
            yield text, 0.8
            yield f"not ({text})", 0.3
    names = context.nearest(site)[:8]
    for rank, name in enumerate(names):
        for form, weight in ON_NAMES:
            yield form.format(name), weight * (1 - 0.07 * rank)
    for one in names[:5]:
        for other in names[:5]:
            if one != other:
                yield from ((form.format(one, other), weight * 0.7) for form, weight in ON_PAIRS)


def _widened(node: ast.expr, site: Site, context: Context) -> Iterator[Edit]:
    source = context.source
    constant = isinstance(node, ast.Constant)
    for text, weight in available(site, context):
        yield source.put(node, text, ("another condition", (0.6 if constant else 0.2) * weight))
        if constant:
            continue
        plain = literally(text)
        for form in ("{} and " + plain, "{} or " + plain):
            yield source.rewrite(node, form, [node], ("add a condition", 0.28 * weight))
        if _depends(node, text):
            for form in (plain + " or {}", plain + " and {}"):
                yield source.rewrite(node, form, [node], ("add a condition before", 0.34 * weight))
    yield from _guarded(node, context)
    if not constant:
        for text in ("True", "False"):
            yield source.put(node, text, ("a constant condition", 0.15))


def _guarded(node: ast.expr, context: Context) -> Iterator[Edit]:
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript) and not isinstance(part.slice, ast.Slice):
            whole, index = (literally(context.source.segment(piece)) for piece in (part.value, part.slice))
            for guard, weight in (("{1} < len({0})", 0.3), ("{1} >= 0", 0.2), ("{1} in {0}", 0.2), ("{0}", 0.25)):
                text = guard.format(whole, index) + " and {}"
                yield context.source.rewrite(node, text, [node], ("add a condition before", weight))


def _depends(node: ast.expr, text: str) -> bool:
    # A condition put in front matters only where evaluating the old one could fail without it.
    guarded = {ast.unparse(part.value) for part in ast.walk(node) if isinstance(part, ast.Attribute | ast.Subscript)}
    guarded |= {ast.unparse(arg) for part in ast.walk(node) if isinstance(part, ast.BinOp) for arg in [part.right]}
    return any(name in text for name in guarded)


def _base_cases(node: ast.FunctionDef, context: Context) -> Iterator[Edit]:
    source = context.source
    body = [statement for statement in node.body if not is_docstring(statement)]
    if not body or not source.alone(body[0]):
        return
    arguments = [part.arg for part in node.args.args if part.arg not in {"self", "cls"}]
    at, indent = source.lines(body[0].lineno, body[0].lineno)[0], source.indent(body[0].lineno)
    returned = [text for text, value in context.material.returned.items() if free_names(value) <= set(arguments)]
    results = list(dict.fromkeys([*returned, *arguments, *CONSTANTS, *(f"[{name}]" for name in arguments)]))
    for condition, weight in _guards(arguments):
        for rank, result in enumerate(results):
            text = f"{indent}if {condition}:{source.newline}{indent}    return {result}{source.newline}"
            likely = weight * 0.3 * (1 - 0.04 * rank)
            yield Edit("add a base case", body[0].lineno, likely, (insertion(at, text),))


def _guards(arguments: list[str]) -> Iterator[tuple[str, float]]:
    for name in arguments:
        for form, weight in ON_NAMES:
            if form != "{}":
                yield form.format(name), weight
