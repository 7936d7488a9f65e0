"""Owns the edits that put one name in another's place: variables, functions, methods, fields."""

import ast
from collections.abc import Iterator

from factory.workers.repair.sites import Context, Site
from factory.workers.repair.source import Edit, Span

FAMILIES = (
    ("min", "max"), ("any", "all"), ("sorted", "reversed", "list", "set", "tuple"), ("sum", "len", "max", "min"),
    ("int", "float", "round", "str", "abs"), ("floor", "ceil", "trunc"),
    ("append", "extend", "add", "update", "insert"), ("append", "appendleft"), ("pop", "popleft", "popitem"),
    ("remove", "discard", "pop"), ("add", "discard", "remove"),
    ("strip", "lstrip", "rstrip"), ("split", "rsplit", "splitlines", "partition", "rpartition"),
    ("find", "rfind", "index", "rindex"), ("startswith", "endswith"), ("keys", "values", "items"),
    ("upper", "lower", "title", "capitalize", "casefold", "swapcase"), ("ljust", "rjust", "center", "zfill"),
    ("isalpha", "isdigit", "isalnum", "isspace", "isupper", "islower"), ("removeprefix", "removesuffix"),
    ("union", "intersection", "difference", "symmetric_difference"), ("issubset", "issuperset", "isdisjoint"),
    ("heappush", "heappop", "heapify", "heappushpop"), ("bisect_left", "bisect_right", "insort_left", "insort_right"),
    ("nlargest", "nsmallest"), ("lru_cache", "cache"), ("days", "seconds"), ("day", "month", "year"),
    ("hour", "minute", "second"), ("ROUND_HALF_UP", "ROUND_HALF_EVEN", "ROUND_DOWN", "ROUND_UP", "ROUND_FLOOR"),
    ("sort", "reverse"), ("setdefault", "get", "pop"), ("get", "setdefault"), ("ord", "chr"), ("hex", "bin", "oct"),
    ("real", "imag"), ("weekday", "isoweekday"), ("gcd", "lcm"), ("log", "log2", "log10"), ("sin", "cos", "tan"),
    ("floordiv", "truediv", "mod"), ("ValueError", "KeyError", "IndexError", "TypeError", "ZeroDivisionError"),
)  # fmt: skip


def relatives(name: str) -> list[str]:
    """The common names that are taken for a name."""
    found = [other for family in FAMILIES if name in family for other in family if other != name]
    return list(dict.fromkeys(found))


def edits(site: Site, context: Context) -> Iterator[Edit]:
    """The edits of the name at a place."""
    node = site.node
    if isinstance(node, ast.Name):
        yield from _stored(node, site, context) if isinstance(node.ctx, ast.Store) else _loaded(node, site, context)
    elif isinstance(node, ast.Attribute):
        yield from _attribute(node, site, context)
    if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
        for text, other in context.material.places.items():
            if _visible(other, site):
                yield context.source.put(node, text, ("another target", 0.2))


def _visible(node: ast.expr, site: Site) -> bool:
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return names <= {*site.scope.values, *site.scope.functions, "self"}


def _loaded(node: ast.Name, site: Site, context: Context) -> Iterator[Edit]:
    called = isinstance(site.parent, ast.Call) and site.role == "func"
    handled = isinstance(site.parent, ast.ExceptHandler | ast.Raise)
    for other in relatives(node.id):
        yield context.source.put(node, other, ("another function", 0.7 if called or handled else 0.15))
    if called or node.id in site.scope.functions:
        for other in site.scope.functions:
            if other != node.id:
                yield context.source.put(node, other, ("another function", 0.45))
        return
    if node.id not in site.scope.values:
        return
    grouped = node.id in context.material.collections
    for rank, name in enumerate(name for name in context.nearest(site) if name != node.id):
        alike = (name in context.material.collections) == grouped
        weight = max(0.12, 0.6 - 0.04 * rank) * (1.0 if alike else 0.55)
        yield context.source.put(node, name, ("another variable", weight))


def _stored(node: ast.Name, site: Site, context: Context) -> Iterator[Edit]:
    for rank, name in enumerate(name for name in context.nearest(site) if name != node.id):
        yield context.source.put(node, name, ("another target", max(0.06, 0.25 - 0.02 * rank)))


def _attribute(node: ast.Attribute, site: Site, context: Context) -> Iterator[Edit]:
    called = isinstance(site.parent, ast.Call) and site.role == "func"
    start, end = context.source.span(node)[1] - len(node.attr), context.source.span(node)[1]
    line = node.end_lineno or node.lineno
    common = relatives(node.attr)
    for other in common:
        yield Edit("another method", line, 0.65, (Span(start, end, other),))
    for other in sorted(context.material.methods if called else context.material.fields):
        if other not in common and other != node.attr:
            yield Edit("another attribute", line, 0.4, (Span(start, end, other),))
    if not called and isinstance(node.ctx, ast.Load):
        yield context.source.rewrite(node, "{}", [node.value], ("drop the attribute", 0.3))
        for rank, name in enumerate(context.nearest(site)[:8]):
            if name != ast.unparse(node):
                yield context.source.put(node, name, ("another variable", 0.35 - 0.02 * rank))
