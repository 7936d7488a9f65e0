"""The one door to YAML: bytes to plain data, and every mistake with its line and column."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from factory.model.errors import InvalidFile, Problem, TooLarge
from factory.store.loose_text import advice
from factory.store.mistakes import sentence

MAX_BYTES = 256 * 1024
MAX_DEPTH = 60
MOST_PROBLEMS = 20  # of one file that are told; nobody reads more
MAX_WHOLE = 2**63 - 1  # beyond this no other program reads it as the same number
MAX_BRACKETS = 500  # beyond this the C reader itself would run out of stack
MAX_UNFOLDED = 10_000  # values that a file with aliases may stand for

M = TypeVar("M", bound=BaseModel)
_BRACKETS = re.compile(r"[\[\]{}]")
Key = str | int
Marks = dict[tuple[Key, ...], tuple[int, int]]

_TAG = "tag:yaml.org,2002:"
_SCALARS = {"str", "int", "float", "bool", "null", "timestamp", "merge", "value"}


@dataclass(frozen=True)
class Source:
    """Text to be read, where it comes from, how many lines stand before it, and whether it may repeat itself."""

    path: str
    data: bytes
    lines_before: int = 0
    aliases: bool = False

    def problem(self, line: int, column: int, message: str) -> Problem:
        """A problem at a place counted from 0."""
        return Problem(self.path, line + 1 + self.lines_before, column + 1, message)

    def invalid(self, line: int, column: int, message: str) -> InvalidFile:
        """The error for one problem at a place counted from 0."""
        return InvalidFile(self.problem(line, column, message))


def load(model: type[M], source: Source, tidied: Callable[[JsonValue], JsonValue] = lambda data: data) -> M:
    """Read one value of a format, from its data once tidied. Raises InvalidFile with the first problems found."""
    data, node = _read(source)
    return validate(model, tidied(data), source, node)


def validate(model: type[M], data: JsonValue, source: Source, node: Node | None = None) -> M:
    """Plain data as a value of a format. Raises InvalidFile; `source` and `node` only serve to find the places."""
    try:
        return model.model_validate_json(json.dumps(data))
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False)
    marks = _marks(source, node)
    shown = errors[:MOST_PROBLEMS]
    problems = [source.problem(*_nearest(marks, found["loc"]), sentence(model, found)) for found in shown]
    if len(errors) > len(shown):
        place = _nearest(marks, errors[len(shown)]["loc"])
        problems.append(source.problem(*place, f"and {len(errors) - len(shown)} more problems from here on"))
    raise InvalidFile(*dict.fromkeys(problems))


def parse(source: Source) -> JsonValue:
    """YAML 1.2 (or JSON) as plain data. Raises InvalidFile at the first mistake."""
    return _read(source)[0]


def _read(source: Source) -> tuple[JsonValue, Node | None]:
    """Plain data, and the node that it was made from if YAML's reader made it."""
    if len(source.data) > MAX_BYTES:
        raise source.invalid(0, 0, TooLarge(len(source.data), MAX_BYTES).message)
    if source.data.lstrip()[:1] == b"{":
        try:
            return _json(source.data), None
        except (ValueError, RecursionError):
            pass  # YAML's flow style also begins with a brace, and its reader has the better messages
    node = _compose(source)
    return _plain(node, source, 0), node


def place(source: Source, path: tuple[Key, ...]) -> tuple[int, int]:
    """The line and column, counted from 1, of a key in a file that has been read before."""
    line, column = _nearest(_marks(source), path)
    return line + 1 + source.lines_before, column + 1


def parse_json(source: Source) -> JsonValue:
    """JSON as plain data. Raises InvalidFile."""
    if len(source.data) > MAX_BYTES:
        raise source.invalid(0, 0, TooLarge(len(source.data), MAX_BYTES).message)
    try:
        return _json(source.data)
    except json.JSONDecodeError as error:
        raise source.invalid(error.lineno - 1, error.colno - 1, f"is not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        _plain(_compose(source), source, 0)  # YAML's reader knows the place of what cannot be used
        raise source.invalid(0, 0, f"is not JSON that can be used: {error}") from None


def _json(data: bytes) -> JsonValue:
    def no_constant(name: str) -> JsonValue:
        raise ValueError(name)

    def number(text: str) -> JsonValue:
        return _finite(float(text))

    def whole(text: str) -> JsonValue:
        return _whole(int(text))

    def once(pairs: list[tuple[str, JsonValue]]) -> JsonValue:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("duplicate key")
        return found

    value: JsonValue = json.loads(
        data, object_pairs_hook=once, parse_constant=no_constant, parse_float=number, parse_int=whole
    )
    return value


def text_of(source: Source) -> str:
    """The text of a file. Raises InvalidFile when it is none."""
    try:
        return source.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = source.data[: error.start]
        line = before.count(b"\n")
        raise source.invalid(line, len(before) - before.rfind(b"\n") - 1, "is not UTF-8 text") from None


def _compose(source: Source) -> Node:
    text = text_of(source)
    _refuse_depth(text, source)
    try:
        if not source.aliases and ("&" in text or "*" in text):
            _refuse_aliases(text, source)
        node: Node | None = YAML(typ="safe").compose(text)
    except ReaderError as error:
        line = text.count("\n", 0, error.position)
        raise source.invalid(line, 0, f"holds the character {error.character!r}, which YAML does not allow") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        why = f"{error.problem or error.context}{advice(text, line)}"
        raise source.invalid(line, column, f"is not YAML: {why}") from None
    except (YAMLError, RecursionError, ValueError) as error:
        raise source.invalid(0, 0, f"is not YAML: {str(error).splitlines()[0] if str(error) else error}") from None
    if node is None:
        raise source.invalid(0, 0, "is empty; a mapping of keys to values was expected")
    if source.aliases:
        _refuse_growth(node, source)
    return node


def _refuse_depth(text: str, source: Source) -> None:
    """Composing recurses in C, where too deep a nesting would end the process."""
    depth = 0
    for line, content in enumerate(text.split("\n")):
        indent = len(content) - len(content.lstrip(" "))
        deepest = depth
        for bracket in _BRACKETS.findall(content):
            depth = max(0, depth + (1 if bracket in "[{" else -1))
            deepest = max(deepest, depth)
        dashes = len(content) - len(content.lstrip(" -?:"))
        if max(deepest, indent, dashes - indent) > MAX_BRACKETS:
            raise source.invalid(line, 0, f"is nested deeper than {MAX_DEPTH} levels")


def _refuse_aliases(text: str, source: Source) -> None:
    for event in YAML(typ="safe").parse(text):
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            sign = "*" if isinstance(event, AliasEvent) else "&"
            mark = event.start_mark
            raise source.invalid(mark.line, mark.column, f"uses {sign}{anchor}; anchors and aliases are not allowed")


def _refuse_growth(node: Node, source: Source) -> None:
    """What is repeated within what is repeated, or within itself, would stand for more than there is room for."""
    ahead, seen = [node], 0
    while ahead:
        node, seen = ahead.pop(), seen + 1
        if seen > MAX_UNFOLDED:
            raise source.invalid(0, 0, f"stands for more than {MAX_UNFOLDED} values once its aliases are unfolded")
        if isinstance(node, MappingNode):
            ahead += [value for _, value in node.value]
        elif isinstance(node, SequenceNode):
            ahead += node.value


def _plain(node: Node, source: Source, depth: int) -> JsonValue:
    """Plain data from a node, with YAML 1.2's core types and no others."""
    kind = str(node.tag).removeprefix(_TAG)
    if depth > MAX_DEPTH:
        raise _at(node, source, f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(node, MappingNode) and kind == "map":
        return _mapping(node, source, depth)
    if isinstance(node, SequenceNode) and kind == "seq":
        return [_plain(child, source, depth + 1) for child in node.value]
    if isinstance(node, ScalarNode) and kind in _SCALARS:
        return _scalar(node, kind, source)
    raise _at(node, source, f"has the tag {node.tag!r}; only plain YAML is read")


def _mapping(node: MappingNode, source: Source, depth: int) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise _at(key, source, "has a key that is not a word")
        if key.value in found:
            raise _at(key, source, f"the key {key.value!r} stands here twice")
        found[key.value] = _plain(value, source, depth + 1)
    return found


def _scalar(node: ScalarNode, kind: str, source: Source) -> JsonValue:
    text: str = node.value
    try:
        match kind:
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                prefixed = text.lstrip("+-")[:2].lower() in ("0o", "0x", "0b")
                return _whole(int(text, 0) if prefixed else int(text))
            case "float":
                return _finite(float(text.replace("_", "")))
    except (ValueError, OverflowError):
        raise _at(node, source, f"{text[:40]!r} is not a number that can be used; quote it if it is text") from None
    return text


def _whole(value: int) -> int:
    if not -MAX_WHOLE <= value <= MAX_WHOLE:
        raise ValueError("a number is too large")
    return value


def _finite(value: float) -> float:
    if value - value != 0:
        raise ValueError("a number is too large")
    return value


def _at(node: Node, source: Source, message: str) -> InvalidFile:
    return source.invalid(node.start_mark.line, node.start_mark.column, message)


def _marks(source: Source, node: Node | None = None) -> Marks:
    """Where each value stands, by its path of keys; a key's own place is under the path ending in it."""
    marks: Marks = {(): (0, 0)}

    def walk(node: Node, path: tuple[Key, ...]) -> Iterator[tuple[tuple[Key, ...], Node]]:
        if isinstance(node, MappingNode):
            for key, value in node.value:
                yield (*path, key.value), key
                yield from walk(value, (*path, key.value))
        elif isinstance(node, SequenceNode):
            for number, value in enumerate(node.value):
                yield (*path, number), value
                yield from walk(value, (*path, number))

    try:
        for path, at in walk(node or _compose(source), ()):
            marks.setdefault(path, (at.start_mark.line, at.start_mark.column))
    except InvalidFile:
        pass  # JSON that YAML would not read: the file's beginning has to do
    return marks


def _nearest(marks: Marks, loc: tuple[Key, ...]) -> tuple[int, int]:
    while loc not in marks:
        loc = loc[:-1]
    return marks[loc]
