"""Owns the edits of operators: comparisons, arithmetic, and/or/not, the sides of an operation."""

import ast
from collections.abc import Iterator

from factory.workers.repair.sites import Context, Site
from factory.workers.repair.source import Edit, Span

SYMBOLS: dict[type[ast.AST], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.In: "in",
    ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not", ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/",
    ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
    ast.LShift: "<<", ast.RShift: ">>", ast.MatMult: "@", ast.And: "and", ast.Or: "or",
}  # fmt: skip
# What each operator is mistaken for: the likeliest first, a number being the weight of all before it.
MISTAKEN: dict[str, tuple[tuple[str, float], ...]] = {
    "<": (("<=", 1.0), (">", 0.7), (">=", 0.6), ("!=", 0.3), ("==", 0.2)),
    "<=": (("<", 1.0), (">=", 0.7), (">", 0.6), ("==", 0.3), ("!=", 0.2)),
    ">": ((">=", 1.0), ("<", 0.7), ("<=", 0.6), ("!=", 0.3), ("==", 0.2)),
    ">=": ((">", 1.0), ("<=", 0.7), ("<", 0.6), ("==", 0.3), ("!=", 0.2)),
    "==": (("!=", 0.6), ("<=", 0.4), (">=", 0.4), ("<", 0.2), (">", 0.2), ("in", 0.15), ("is", 0.05)),
    "!=": (("==", 0.6), ("<", 0.35), (">", 0.35), ("<=", 0.2), (">=", 0.2), ("not in", 0.15)),
    "in": (("not in", 0.6), ("==", 0.15)),
    "not in": (("in", 0.6), ("!=", 0.15)),
    "is": (("is not", 0.6), ("==", 0.2)),
    "is not": (("is", 0.6), ("!=", 0.2)),
    "+": (("-", 0.8), ("*", 0.45), ("|", 0.1)),
    "-": (("+", 0.8), ("%", 0.3), ("*", 0.2), ("//", 0.15)),
    "*": (("+", 0.5), ("**", 0.4), ("/", 0.45), ("//", 0.4), ("-", 0.2)),
    "/": (("//", 0.7), ("*", 0.6), ("%", 0.3), ("-", 0.2)),
    "//": (("/", 0.7), ("%", 0.5), ("*", 0.4), ("-", 0.2), (">>", 0.1)),
    "%": (("//", 0.7), ("/", 0.4), ("-", 0.3), ("*", 0.3), ("+", 0.2)),
    "**": (("*", 0.7), ("^", 0.2)),
    "&": (("|", 0.7), ("^", 0.6), ("-", 0.3), ("and", 0.1)),
    "|": (("&", 0.7), ("^", 0.6), ("-", 0.2), ("or", 0.1)),
    "^": (("&", 0.7), ("|", 0.7), ("**", 0.4)),
    "<<": ((">>", 0.8),),
    ">>": (("<<", 0.8),),
    "@": (("*", 0.3),),
}


def edits(site: Site, context: Context) -> Iterator[Edit]:
    """The edits of the operators at a place."""
    node = site.node
    if isinstance(node, ast.Compare):
        yield from _comparison(node, context)
    elif isinstance(node, ast.BinOp):
        yield from _arithmetic(node, context)
    elif isinstance(node, ast.BoolOp):
        yield from _boolean(node, context)
    elif isinstance(node, ast.UnaryOp):
        weight = 0.9 if isinstance(node.op, ast.Not) else 0.4
        yield context.source.rewrite(node, "{}", [node.operand], ("drop a sign or a not", weight))
    elif isinstance(node, ast.AugAssign):
        yield from _augmented(node, context)
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        for symbol, weight in (("+=", 0.35), ("-=", 0.15), ("|=", 0.1)):
            yield from _symbol(node.targets[0], node.value, ("=", symbol), weight, context)
    if isinstance(node, ast.expr) and is_condition(site) and not _is_simple_comparison(node):
        yield context.source.rewrite(node, "not {}", [node], ("negate the condition", 0.6))


def is_condition(site: Site) -> bool:
    """Whether an expression stands where only its truth counts."""
    if site.role in {"test", "ifs"}:
        return True
    return isinstance(site.node, ast.BoolOp | ast.Compare) and site.role == "value"


def _is_simple_comparison(node: ast.expr) -> bool:
    return (isinstance(node, ast.Compare) and len(node.ops) == 1) or isinstance(node, ast.UnaryOp)


def _symbol(
    left: ast.expr, right: ast.expr, change: tuple[str, str], weight: float, context: Context
) -> Iterator[Edit]:
    span = context.source.between(left, right, *change)
    if span is not None:
        yield Edit("another operator", left.end_lineno or left.lineno, weight, (span,))


def _comparison(node: ast.Compare, context: Context) -> Iterator[Edit]:
    left = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        symbol = SYMBOLS[type(operator)]
        for other, weight in MISTAKEN[symbol]:
            yield from _symbol(left, right, (symbol, other), weight, context)
        if isinstance(right, ast.Constant) and type(right.value) is int:
            yield from _boundary(node, right.value, context)
        left = right
    if len(node.ops) > 1:
        for index in range(len(node.ops)):
            side = [node.left, *node.comparators][index : index + 2]
            text = "{} " + SYMBOLS[type(node.ops[index])] + " {}"
            yield context.source.rewrite(node, text, side, ("keep one comparison of the chain", 0.3))


def _boundary(node: ast.Compare, value: int, context: Context) -> Iterator[Edit]:
    if len(node.ops) != 1:
        return
    for symbol in ("<", "<=", "==", "!=", ">", ">="):
        for number in (value - 1, value + 1):
            label = ("another operator and bound", 0.22)
            yield context.source.rewrite(node, f"{{}} {symbol} {number}", [node.left], label)


def _arithmetic(node: ast.BinOp, context: Context) -> Iterator[Edit]:
    symbol = SYMBOLS[type(node.op)]
    for other, weight in MISTAKEN[symbol]:
        yield from _symbol(node.left, node.right, (symbol, other), weight, context)
    swap = {"+": 0.35, "*": 0.05, "&": 0.05, "|": 0.1, "^": 0.05}.get(symbol, 0.5)
    yield context.source.rewrite(node, f"{{1}} {symbol} {{0}}", [node.left, node.right], ("swap the sides", swap))
    for kept, dropped in ((node.left, node.right), (node.right, node.left)):
        weight = 0.55 if isinstance(dropped, ast.Constant) else 0.3
        yield context.source.rewrite(node, "{}", [kept], ("drop one side", weight))
    if isinstance(node.left, ast.BinOp):
        inner, outer = SYMBOLS[type(node.left.op)], symbol
        parts = [node.left.left, node.left.right, node.right]
        yield context.source.rewrite(node, f"{{0}} {inner} ({{1}} {outer} {{2}})", parts, ("other brackets", 0.4))
    if isinstance(node.right, ast.BinOp):
        inner, outer = SYMBOLS[type(node.right.op)], symbol
        parts = [node.left, node.right.left, node.right.right]
        yield context.source.rewrite(node, f"({{0}} {outer} {{1}}) {inner} {{2}}", parts, ("other brackets", 0.4))


def _augmented(node: ast.AugAssign, context: Context) -> Iterator[Edit]:
    symbol = SYMBOLS[type(node.op)]
    for other, weight in MISTAKEN[symbol]:
        if other not in {"and", "or"}:
            yield from _symbol(node.target, node.value, (symbol + "=", other + "="), weight, context)
    yield from _symbol(node.target, node.value, (symbol + "=", "="), 0.35, context)
    for function in ("max", "min"):
        target, value = context.source.segment(node.target), context.source.segment(node.value)
        yield context.source.put(node, f"{target} = {function}({target}, {value})", ("keep the extreme", 0.15))


def _boolean(node: ast.BoolOp, context: Context) -> Iterator[Edit]:
    symbol = SYMBOLS[type(node.op)]
    other = "or" if symbol == "and" else "and"
    pairs = list(zip(node.values, node.values[1:], strict=False))
    spans = [span for left, right in pairs if (span := context.source.between(left, right, symbol, other))]
    line = node.lineno
    if len(spans) == len(pairs):
        yield Edit("and/or", line, 0.8, tuple(spans))
    if len(spans) > 1:
        yield from (Edit("and/or", line, 0.4, (span,)) for span in spans)
    for index in range(len(node.values)):
        kept = node.values[:index] + node.values[index + 1 :]
        yield context.source.rewrite(node, f" {symbol} ".join("{}" for _ in kept), kept, ("drop a condition", 0.4))
    yield from _regrouped(node, symbol, other, context)


def _regrouped(node: ast.BoolOp, symbol: str, other: str, context: Context) -> Iterator[Edit]:
    for index, value in enumerate(node.values):
        if isinstance(value, ast.BoolOp) and len(value.values) == 2 and len(node.values) == 2:
            mate = node.values[1 - index]
            parts = [*value.values, mate] if index == 0 else [mate, *value.values]
            text = f"{{0}} {other} ({{1}} {symbol} {{2}})" if index == 0 else f"({{0}} {symbol} {{1}}) {other} {{2}}"
            yield context.source.rewrite(node, text, parts, ("other brackets", 0.35))


def insertion(at: int, text: str) -> Span:
    """A span that only inserts."""
    return Span(at, at, text)
