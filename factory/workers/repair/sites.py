"""Owns the places of a program that can be edited, and the material that the program itself offers for edits."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from factory.workers.repair.source import SourceText

SKIPPED_FIELDS = frozenset({"annotation", "returns", "decorator_list", "type_comment", "ctx", "keywords_names"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Scope:
    """What can be named at a place: variables (and fields such as `self.x`), and functions."""

    values: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    function: Function | None = None


@dataclass(frozen=True)
class Site:
    """A node of the program, the node above it, and the part that it plays there."""

    node: ast.expr | ast.stmt
    parent: ast.AST
    role: str
    scope: Scope
    in_loop: bool = False


@dataclass
class Material:
    """What the program uses anywhere: literals, attributes, calls, conditions, statements, kinds of names."""

    integers: set[int] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    methods: set[str] = field(default_factory=set)
    wrappers: set[str] = field(default_factory=set)
    conditions: dict[str, ast.expr] = field(default_factory=dict)
    places: dict[str, ast.expr] = field(default_factory=dict)
    returned: dict[str, ast.expr] = field(default_factory=dict)
    statements: dict[str, ast.stmt] = field(default_factory=dict)
    collections: set[str] = field(default_factory=set)
    growers: dict[str, str] = field(default_factory=dict)
    lines: dict[str, list[int]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Context:
    """The program under repair and its material."""

    source: SourceText
    material: Material

    def nearest(self, site: Site, names: tuple[str, ...] | None = None) -> list[str]:
        """The names in scope: first those that the program sets and never reads, then those used closest by."""
        line, used, read = site.node.lineno, self.material.lines, self.material.read
        chosen = site.scope.values if names is None else names

        def rank(name: str) -> tuple[bool, int, str]:
            distance = min((abs(line - at) for at in used.get(name, ())), default=99)
            return name in read or "." in name, distance, name

        return sorted(chosen, key=rank)


def free_names(node: ast.AST) -> set[str]:
    """The names that a piece of program reads."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def sites(source: SourceText) -> Iterator[Site]:
    """Every place of the program that an edit could be made at, from top to bottom."""
    variables, functions = bound_names(source.tree.body)
    scope = Scope(tuple(sorted(variables)), tuple(sorted(functions)))
    yield from _below(source.tree, scope, False)


def _below(parent: ast.AST, scope: Scope, in_loop: bool) -> Iterator[Site]:
    if isinstance(parent, ast.JoinedStr):
        return  # before Python 3.12 the positions inside an f-string are not those of the file
    for role, value in ast.iter_fields(parent):
        if role in SKIPPED_FIELDS:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.expr | ast.stmt):
                if not is_docstring(child):
                    yield Site(child, parent, role, scope, in_loop)
                    loops = in_loop or isinstance(child, ast.For | ast.While | ast.AsyncFor)
                    yield from _below(child, _scope_inside(child, scope), loops)
            elif isinstance(child, ast.AST):
                yield from _below(child, _scope_inside(child, scope), in_loop)


def is_docstring(node: ast.AST) -> bool:
    """Whether a statement is a bare text."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _scope_inside(node: ast.AST, outer: Scope) -> Scope:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        variables, functions = bound_names(node.body)
        arguments = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
        fields = {field for field in outer.values if field.startswith("self.") and "self" in arguments}
        plain = {name for name in outer.values if not name.startswith("self.")}
        values = plain | fields | variables | (arguments - {"self", "cls"})
        return Scope(tuple(sorted(values)), tuple(sorted({*outer.functions, *functions})), node)
    if isinstance(node, ast.ClassDef):
        fields = {f"self.{part.attr}" for part in ast.walk(node) if _is_field(part)}  # type: ignore[attr-defined]
        methods = {f"self.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
        return Scope(
            tuple(sorted({*outer.values, *fields} - methods)), tuple(sorted({*outer.functions, *methods})), None
        )
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp | ast.Lambda):
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
        names |= {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
        return Scope(tuple(sorted({*outer.values, *names})), outer.functions, outer.function)
    return outer


def _is_field(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def bound_names(body: list[ast.stmt]) -> tuple[set[str], set[str]]:
    """The variables and the functions that a block of statements binds, not those of the functions inside."""
    variables: set[str] = set()
    functions: set[str] = set()
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            functions.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            functions.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            variables.add(node.id)
        elif not isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp | ast.Lambda):
            todo.extend(ast.iter_child_nodes(node))
    return variables, functions
