"""Owns the program's text: where each syntax node stands in it, and how it reads after an edit."""

import ast
import difflib
import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass

ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Dict, ast.Set, ast.ListComp)
Label = tuple[str, float]


@dataclass(frozen=True)
class Span:
    """A piece of the text, in characters, and what stands there after the edit."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Edit:
    """One change of the program; `safe` is the same change with every doubtful operand in brackets."""

    kind: str
    line: int
    weight: float
    spans: tuple[Span, ...]
    safe: tuple[Span, ...] = ()


class SourceText:
    """A program's text together with its syntax tree."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        self.text = data.decode(self.encoding)
        self.tree = ast.parse(self.text)
        self.starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self.text))]
        self.newline = "\r\n" if "\r\n" in self.text else "\n"

    def offset(self, line: int, column: int) -> int:
        """The character at which a syntax node's line and UTF-8 column point."""
        start = self.starts[line - 1]
        end = self.starts[line] if line < len(self.starts) else len(self.text)
        content = self.text[start:end]
        if content.isascii():
            return start + column
        return start + len(content.encode()[:column].decode())

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where a node starts and ends."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def segment(self, node: ast.expr | ast.stmt) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def indent(self, line: int) -> str:
        """The white space before a line's first character."""
        match = re.compile(r"[ \t]*").match(self.text, self.starts[line - 1])
        return match.group() if match else ""

    def lines(self, first: int, last: int) -> tuple[int, int]:
        """Where a run of whole lines starts and ends, its last line break included."""
        return self.starts[first - 1], self.starts[last] if last < len(self.starts) else len(self.text)

    def alone(self, node: ast.stmt) -> bool:
        """Whether a statement shares its lines with nothing but a comment."""
        start, end = self.span(node)
        assert node.end_lineno is not None
        first, last = self.lines(node.lineno, node.end_lineno)
        after = self.text[end:last].strip()
        return not self.text[first:start].strip() and (not after or after.startswith("#"))

    def put(self, node: ast.expr | ast.stmt, text: str, label: Label) -> Edit:
        """An edit that puts a text in a node's place."""
        start, end = self.span(node)
        return Edit(label[0], node.lineno, label[1], (Span(start, end, text),))

    def rewrite(self, node: ast.expr, template: str, parts: Sequence[ast.expr], label: Label) -> Edit:
        """An edit that puts a template, filled with the texts of `parts`, in an expression's place."""
        start, end = self.span(node)
        bare = template.format(*(self.segment(part) for part in parts))
        grouped = template.format(*(self.grouped(part) for part in parts))
        safe = grouped if bare == grouped and is_atom(bare) else f"({grouped})"
        return Edit(label[0], node.lineno, label[1], (Span(start, end, bare),), (Span(start, end, safe),))

    def grouped(self, node: ast.expr) -> str:
        """The text of an expression, in brackets where it could fall apart among operators."""
        text = self.segment(node)
        return text if isinstance(node, ATOMS) else f"({text})"

    def swap(self, one: ast.expr, other: ast.expr, label: Label) -> Edit:
        """An edit that exchanges two expressions."""
        (a, b), (c, d) = sorted((self.span(one), self.span(other)))
        return Edit(label[0], one.lineno, label[1], (Span(a, b, self.text[c:d]), Span(c, d, self.text[a:b])))

    def between(self, left: ast.expr, right: ast.expr, symbol: str, text: str) -> Span | None:
        """The change of an operator that stands between two expressions; none where it cannot be told apart."""
        start, end = self.span(left)[1], self.span(right)[0]
        gap = self.text[start:end]
        match = re.search(r"\s+".join(re.escape(word) for word in symbol.split()), gap)
        if match is None or "#" in gap:
            return None
        return Span(start + match.start(), start + match.end(), text)

    def apply(self, spans: Sequence[Span]) -> str:
        """The whole text after a change."""
        text = self.text
        for span in sorted(spans, key=lambda span: span.start, reverse=True):
            text = text[: span.start] + span.text + text[span.end :]
        return text

    def realise(self, edit: Edit) -> tuple[str, str] | None:
        """The text after an edit and its meaning, with no more brackets than it needs; none if it is no Python."""
        bare = self.apply(edit.spans)
        meaning = meaning_of(bare)
        if not edit.safe or edit.safe == edit.spans:
            return (bare, meaning) if meaning else None
        grouped = self.apply(edit.safe)
        intended = meaning_of(grouped)
        if intended is None:
            return None
        return (bare, intended) if meaning == intended else (grouped, intended)

    def diff(self, text: str, name: str) -> str:
        """A unified diff from this text to another one."""
        old, new = (value.splitlines(keepends=True) for value in (self.text, text))
        lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", n=2)
        return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def literally(text: str) -> str:
    """A text as it has to stand in a template to come out unchanged."""
    return text.replace("{", "{{").replace("}", "}}")


def is_atom(text: str) -> bool:
    """Whether a text is an expression that no neighbour can tear apart."""
    try:
        return isinstance(ast.parse(text, mode="eval").body, ATOMS)
    except SyntaxError:
        return False


def meaning_of(text: str) -> str | None:
    """The syntax tree of a text as text, which tells equal programs whatever their form; none if it is no Python."""
    try:
        return ast.dump(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
