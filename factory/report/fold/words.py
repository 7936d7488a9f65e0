"""Words: what views need of an item's file. The plainest files are read here, all others by the reader of YAML.

That reader takes a fifth of a millisecond for an item, which is half a minute for those of a long history.
"""

import re
from dataclasses import dataclass

from factory.model.errors import InvalidFile
from factory.model.item import Item, Validator
from factory.store.queue import read_item

_KEY = re.compile(r"([a-z_]+):(?: +(.*?))? *")
_BLOCK = re.compile(r"[|>][+-]?")
_WORD = r"[A-Za-z][A-Za-z0-9_./()+=%;!?<>*-]*"
_PLAIN = re.compile(rf"{_WORD}(?: +[A-Za-z0-9_./()+=%;!?<>,-]+)*")
_QUOTED = re.compile(r'"[^"\\\x00-\x1f\x7f-\xa0\ud800-\uffff]*"')
_LIST = re.compile(rf"\[ *(?:(?:{_WORD}|{_QUOTED.pattern})(?: *, *(?:{_WORD}|{_QUOTED.pattern}))*)? *\]")
_ENTRY = re.compile(rf"{_QUOTED.pattern}|{_WORD}")
_OTHERWISE = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})  # when no text, in some YAML
_TEXTS = ("title", "contract", "mission", "milestone", "discovered_from", "reverts", "validates")
_LISTS, _FLAGS, _NUMBER = ("labels", "depends_on", "scope"), ("steers", "hold"), "priority"
_WANTED = frozenset({*_TEXTS, *_LISTS, *_FLAGS, _NUMBER})


@dataclass(frozen=True)
class Words:
    """What an item says of itself, as far as views ask."""

    title: str = ""
    contract: str = ""
    labels: tuple[str, ...] = ()
    priority: int | None = None
    mission: str = ""
    milestone: str = ""
    depends_on: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    discovered_from: str = ""
    reverts: str = ""
    validates: Validator | None = None
    steers: bool = False
    hold: bool = False


def words_of(path: str, data: bytes) -> Words:
    """What an item's file says; nothing where it cannot be read."""
    plain = plain_words(data)
    if plain is not None:
        return plain
    try:
        item = read_item(path, data)
    except InvalidFile:
        return Words()
    return Words(
        item.title,
        item.contract or "",
        item.labels,
        item.priority,
        item.mission or "",
        item.milestone or "",
        item.depends_on,
        item.scope,
        item.discovered_from or "",
        item.reverts or "",
        item.validates,
        item.steers,
        item.hold,
    )


def plain_words(data: bytes) -> Words | None:
    """The same of a file that nothing in it makes ambiguous: None for any other, which may well be right."""
    try:
        found = _plain(data.decode())
    except UnicodeDecodeError:
        return None
    if found is None or not found.get("title"):
        return None
    texts = {key: found.get(key, "") for key in _TEXTS}
    lists = {key: tuple(_text(each) for each in _ENTRY.findall(found.get(key, "")[1:-1])) for key in _LISTS}
    priority, validates = found.get(_NUMBER), texts["validates"]
    if validates and validates not in [*Validator]:
        return None
    return Words(
        texts["title"],
        texts["contract"],
        lists["labels"],
        int(priority) if priority else None,
        texts["mission"],
        texts["milestone"],
        lists["depends_on"],
        lists["scope"],
        texts["discovered_from"],
        texts["reverts"],
        Validator(validates) if validates else None,
        found.get("steers") == "true",
        found.get("hold") == "true",
    )


def _plain(text: str) -> dict[str, str] | None:
    """The wanted keys' values, as they are written but for quotes; None where a line is not plain."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    under, block = "", False  # the key that lines with spaces before them belong to, and whether that is a text
    for line in text.split("\n"):
        if not line or line.isspace():
            continue
        if line[0] in " -":
            if not under or under in _WANTED or (not (block and line[0] == " ") and not _is_whole(line)):
                return None
            block = block and line[0] == " "
            continue
        key = _KEY.fullmatch(line)
        if key is None or key[1] in seen or key[1] not in Item.model_fields:
            return None
        under, value = key[1], key[2] or ""
        seen.add(under)
        block = bool(_BLOCK.fullmatch(value))
        if under in _WANTED:
            told = _value(under, value)
            if told is None:
                return None
            found[under] = told
        elif not block and not _is_whole(value):
            return None
    return found


def _value(key: str, value: str) -> str | None:
    """What a wanted key says; None where that takes more than a look."""
    if key in _LISTS:
        words = _ENTRY.findall(value)
        return value if _LIST.fullmatch(value) and not any(each.lower() in _OTHERWISE for each in words) else None
    if key in _FLAGS:
        return value if value in ("true", "false") else None
    if key == _NUMBER:
        return value if value in ("1", "2", "3", "4") else None
    if _QUOTED.fullmatch(value):
        return _text(value)
    return value if _PLAIN.fullmatch(value) and value.lower() not in _OTHERWISE else None


def _text(value: str) -> str:
    return (value[1:-1] if value.startswith('"') else value).strip()


def _is_whole(line: str) -> bool:
    """Whether nothing that a line begins can go on in the next one: quotes and brackets are closed."""
    if "'" in line or line.count('"') % 2 or "#" in line or "\t" in line:
        return False
    return line.count("[") == line.count("]") and line.count("{") == line.count("}")
