"""Owns the edits of values: literals, off by one, a value wrapped, widened or replaced by another."""

import ast
from collections.abc import Iterator

from factory.workers.repair.sites import Context, Site
from factory.workers.repair.source import Edit

NOT_NUMBERS = (
    ast.List, ast.Dict, ast.Set, ast.Tuple, ast.Compare, ast.BoolOp, ast.Lambda, ast.ListComp, ast.SetComp,
    ast.Constant, ast.DictComp, ast.GeneratorExp, ast.JoinedStr, ast.Starred, ast.Slice, ast.Yield,
    ast.YieldFrom, ast.NamedExpr,
)  # fmt: skip
TEXT_CALLS = frozenset({"range", "join", "split", "str", "set", "list", "sorted", "dict", "deque", "print", "open"})
DIRECTIVES = (("%m", "%M"), ("%m", "%d"), ("%d", "%m"), ("%H", "%I"), ("%y", "%Y"), ("%Y", "%y"), ("%M", "%m"))


def edits(site: Site, context: Context) -> Iterator[Edit]:
    """The edits of the value at a place."""
    node = site.node
    if not isinstance(node, ast.expr) or isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
        return
    if isinstance(node, ast.Constant) or _is_negative(node):
        yield from _literal(site, context)
    elif isinstance(node, ast.List | ast.Tuple):
        yield from _elements(node, site, context)
    elif (isinstance(node, ast.Dict) and not node.keys) or _is_empty_call(node):
        yield from (context.source.put(node, text, ("another start value", 0.1)) for text in ("[]", "set()", "{}"))
    if isinstance(node, ast.IfExp):
        yield context.source.swap(node.body, node.orelse, ("swap the branches", 0.6))
        yield context.source.rewrite(node, "{}", [node.body], ("keep one branch", 0.2))
        yield context.source.rewrite(node, "{}", [node.orelse], ("keep one branch", 0.2))
    weight = offset_weight(site, context)
    if weight:
        for step in ("+ 1", "- 1"):
            yield context.source.rewrite(node, "{} " + step, [node], ("off by one", weight))


def _is_negative(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant)


def _is_empty_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and not node.args and ast.unparse(node) in {"set()", "list()", "dict()"}


def offset_weight(site: Site, context: Context) -> float:
    """How likely an expression that is no literal is one too small or too large; 0 where it is no number."""
    node, parent, role = site.node, site.parent, site.role
    if isinstance(node, NOT_NUMBERS) or not isinstance(node, ast.expr):
        return 0.0
    if isinstance(node, ast.Call) and ast.unparse(node.func).rsplit(".", 1)[-1] in TEXT_CALLS:
        return 0.0
    weight = _role_weight(parent, role)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        weight = 0.0
    return weight * (0.2 if ast.unparse(node) in context.material.collections else 1.0)


def _role_weight(parent: ast.AST, role: str) -> float:
    if isinstance(parent, ast.Slice):
        return 0.7
    if isinstance(parent, ast.Subscript):
        return 0.6 if role == "slice" else 0.0
    if isinstance(parent, ast.Call):
        if role != "args":
            return 0.0
        return 0.75 if isinstance(parent.func, ast.Name) and parent.func.id == "range" else 0.45
    if isinstance(parent, ast.Compare):
        return 0.5
    if isinstance(parent, ast.Return | ast.Assign | ast.AugAssign | ast.Yield) and role == "value":
        return 0.5
    if isinstance(parent, ast.BinOp):
        return 0.3
    return 0.3 if isinstance(parent, ast.Tuple | ast.List | ast.ListComp | ast.GeneratorExp | ast.keyword) else 0.0


def _literal(site: Site, context: Context) -> Iterator[Edit]:
    node = site.node
    value = ast.literal_eval(node)
    assert isinstance(node, ast.expr)
    if isinstance(value, bool):
        yield context.source.put(node, str(not value), ("True/False", 0.7))
    elif isinstance(value, int):
        yield from _number(node, value, site, context)
    elif isinstance(value, float):
        for other in (value * 10, value / 10, value * 100, value / 100, value * 2, value / 2, -value, 1 - value):
            yield context.source.put(node, f"{other:.12g}", ("another number", 0.25))
    elif isinstance(value, str):
        for text, weight in _texts(value, context):
            yield context.source.put(node, _quoted(text, context.source.segment(node)), ("another text", weight))
    elif value is None:
        for index, text in enumerate(("0", "[]", "False", "True", "''", "1", "-1", "{}")):
            yield context.source.put(node, text, ("another value", 0.3 - index * 0.02))


def _number(node: ast.expr, value: int, site: Site, context: Context) -> Iterator[Edit]:
    if isinstance(site.parent, ast.UnaryOp):
        return
    near = max(0.55, _role_weight(site.parent, site.role) + 0.1)
    yield context.source.put(node, str(value + 1), ("off by one", near))
    yield context.source.put(node, str(value - 1), ("off by one", near))
    others = ((0, 0.4), (1, 0.4), (-1, 0.3), (2, 0.2), (-value, 0.4), (value * 10, 0.2), (value // 10, 0.2))
    for other, weight in others:
        yield context.source.put(node, str(other), ("another number", weight))
    for other in sorted(context.material.integers):
        yield context.source.put(node, str(other), ("another number", 0.3))
    if value in {0, 1, -1}:
        for text in ("float('inf')", "-float('inf')", "None", "[]", "''", "0.0"):
            yield context.source.put(node, text, ("another start value", 0.12))


def _texts(value: str, context: Context) -> Iterator[tuple[str, float]]:
    yield from ((text, 0.3) for text in (value.strip(), value.upper(), value.lower()) if text != value)
    yield from ((value.replace(one, other), 0.3) for one, other in DIRECTIVES if one in value)
    if len(value) <= 1:
        yield from ((text, 0.15) for text in ("", " ", ",", "0", "\n", "-", value + " ") if text != value)
    yield from ((text, 0.25) for text in sorted(context.material.strings) if text != value)
    if value:
        yield from ((value[1:], 0.12), (value[:-1], 0.12), (value + " ", 0.1), (value[::-1], 0.12))


def _quoted(text: str, like: str) -> str:
    plain = repr(text)
    if like.startswith('"') and '"' not in text and plain.startswith("'"):
        return '"' + plain[1:-1].replace("\\'", "'") + '"'
    return ("b" if like.startswith("b") else "") + plain


def _elements(node: ast.List | ast.Tuple, site: Site, context: Context) -> Iterator[Edit]:
    source = context.source
    for index, element in enumerate(node.elts):
        for other in node.elts[index + 1 :]:
            yield source.swap(element, other, ("swap two elements", 0.6 / (1 + node.elts.index(other) - index) + 0.2))
    if isinstance(node, ast.Tuple) or isinstance(site.parent, ast.Subscript):
        return
    texts = [source.segment(element) for element in node.elts]
    for index in range(len(texts)):
        rest = ", ".join(texts[:index] + texts[index + 1 :])
        yield source.put(node, f"[{rest}]", ("drop an element", 0.2))
    if not texts:
        yield source.put(node, "[[]]", ("another start value", 0.4))
        yield from (source.put(node, text, ("another start value", 0.2)) for text in ("[0]", "[1]", "None", "['']"))
        yield from (source.put(node, text, ("another start value", 0.12)) for text in ("set()", "{}", "0", "''"))
    for rank, name in enumerate(context.nearest(site)[:8]):
        weight = 0.3 - 0.02 * rank
        yield source.put(node, f"[{', '.join([*texts, name])}]", ("add an element", weight))
        if texts:
            yield source.put(node, f"[{', '.join([name, *texts])}]", ("add an element", weight - 0.05))
