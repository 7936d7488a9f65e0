"""Owns the reading of a program for what it uses: the stock from which edits are made."""

import ast

from factory.workers.repair.sites import Material
from factory.workers.repair.source import SourceText

GROWN_BY = {"list": "append", "set": "add", "deque": "append"}


def gather(source: SourceText) -> Material:
    """The material of a program."""
    material = Material()
    called = {id(node.func) for node in ast.walk(source.tree) if isinstance(node, ast.Call)}
    for node in ast.walk(source.tree):
        _note_expression(node, source, material, id(node) in called)
        _note_statement(node, source, material)
        if isinstance(node, ast.Compare | ast.BoolOp) or _is_not(node):
            assert isinstance(node, ast.expr)
            material.conditions.setdefault(ast.unparse(node), node)
    return material


def _is_not(node: ast.AST) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


def _note_expression(node: ast.AST, source: SourceText, material: Material, called: bool) -> None:
    if isinstance(node, ast.Constant):
        if type(node.value) is int:
            material.integers.add(node.value)
        elif isinstance(node.value, str) and len(node.value) < 20:
            material.strings.add(node.value)
    elif isinstance(node, ast.Name):
        material.lines.setdefault(node.id, []).append(node.lineno)
        if isinstance(node.ctx, ast.Load):
            material.read.add(node.id)
    elif isinstance(node, ast.arg):
        material.lines.setdefault(node.arg, []).append(node.lineno)
    elif isinstance(node, ast.Attribute):
        (material.methods if called else material.fields).add(node.attr)
        material.lines.setdefault(ast.unparse(node), []).append(node.lineno)
        if called:
            material.collections.add(ast.unparse(node.value))
        elif isinstance(node.value, ast.Name):
            material.places.setdefault(source.segment(node), node)
    elif isinstance(node, ast.Subscript):
        material.collections.add(ast.unparse(node.value))
        if not isinstance(node.slice, ast.Slice):
            material.places.setdefault(source.segment(node), node)
    elif isinstance(node, ast.Call):
        _note_call(node, material)


def _note_call(node: ast.Call, material: Material) -> None:
    if isinstance(node.func, ast.Name) and len(node.args) == 1 and not node.keywords:
        material.wrappers.add(node.func.id)
        if node.func.id in {"len", "sum", "sorted", "enumerate", "reversed"}:
            material.collections.add(ast.unparse(node.args[0]))
    if isinstance(node.func, ast.Attribute) and node.func.attr in {"append", "add", "appendleft", "extend"}:
        material.growers.setdefault(ast.unparse(node.func.value), node.func.attr)


def _note_statement(node: ast.AST, source: SourceText, material: Material) -> None:
    if isinstance(node, ast.Assign | ast.AugAssign) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Yield | ast.YieldFrom)
    ):
        material.statements.setdefault(source.segment(node), node)
    elif isinstance(node, ast.Return) and node.value is not None:
        material.returned.setdefault(source.segment(node.value), node.value)
    elif isinstance(node, ast.For | ast.comprehension):
        material.collections.add(ast.unparse(node.iter))
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        kind = _literal_kind(node.value)
        if kind:
            name = ast.unparse(node.targets[0])
            material.collections.add(name)
            if kind in GROWN_BY:
                material.growers.setdefault(name, GROWN_BY[kind])


def _literal_kind(node: ast.expr) -> str:
    if isinstance(node, ast.List | ast.ListComp):
        return "list"
    if isinstance(node, ast.Set | ast.SetComp):
        return "set"
    if isinstance(node, ast.Dict | ast.DictComp):
        return "dict"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id if node.func.id in {"list", "set", "dict", "deque", "tuple"} else ""
    return ""
