"""The mask: values that were let through by name are replaced by their names, however programs have written them."""

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property

from factory.execution.processes.supervision import CUT_HERE
from factory.execution.redaction.dumps import Dumps

SHORTEST = 4  # characters; masking less would make every text unreadable
_SHORTEST_PART = 8  # characters of a line, of base64 or of a beginning, which stand for the whole
_SOUGHT = 12  # characters that a place is found by; the rest is compared there
_RUN = 24

_PERCENT = b"%(?:25){0,3}"  # of a URL, which may itself be a part of one
_ESCAPE = rb"(?:\x1b|\\{1,8}u001[bB]|\\{1,8}x1[bB]|\\{1,8}033|\xef\xbf\xbd)"  # or as it is printed
_COLOUR = _ESCAPE + rb"\[[0-9;]{0,20}[A-Za-z]"
_NUMBER = rb"[ \t]{0,10}[0-9]{1,7}[\t:|]"
_LINE = rb"(?:\\{0,8}\r?\n|\r|\\{1,8}r\\{1,8}n|\\{1,8}[nr]|(?:%b0[dD])?%b0[aA])" % (_PERCENT, _PERCENT)
# Between two characters a program may have wrapped the line, and numbered, indented, quoted or commented what follows.
_BREAK = _LINE + b"(?:" + _NUMBER + rb")?[ \t+>#*|\"'-]{0,80}"
_WRAP = b"(?:" + _BREAK + b"|" + _COLOUR + b"){0,5}"
_LINE_END = rb"(?:[ \t]{0,80}" + _BREAK + b"){1,3}"
_BETWEEN_BYTES = rb"(?:0x|\\{1,8}x|\\{1,8}u00|%|&#x|[\s:;,+>#*|\"'-]){0,99}"
_COLOURS = re.compile(_COLOUR)
_NUMBERED = re.compile(rb"\n" + _NUMBER)
_ENTITIES = {ord("&"): b"amp", ord("<"): b"lt", ord(">"): b"gt", ord('"'): b"quot", ord("'"): b"apos"}
_ARMOUR = re.compile(rb"-----[A-Z ]+-----")


class _Spelling:
    """One spelling of a value, found whatever the lines that it is broken into."""

    def __init__(self, text: bytes, name: bytes, *, hexadecimal: bool = False) -> None:
        self.text = text
        self.name = name
        self.hexadecimal = hexadecimal
        line_ends = [False, *(byte == ord("\n") for byte in text)]
        self._bytes = [each for each in zip(text, line_ends, strict=False) if hexadecimal or each[0] != ord("\n")]
        # No program spells letters and digits otherwise than all the others.
        shown = text.hex().encode() if hexadecimal else text
        self._run = max(re.findall(rb"[A-Za-z0-9]+", shown), key=len, default=b"")[:_RUN]

    @cached_property
    def _beginning(self) -> re.Pattern[bytes]:
        (first, _), *more = self._bytes[:_SOUGHT]
        steps = (_step(*each, self.hexadecimal).pattern for each in more)
        return re.compile(_spelled(first, self.hexadecimal) + b"".join(steps))

    def may_be_in(self, data: bytes, bare: Sequence[bytes], digits: bytes) -> bool:
        """Whether it is worth a search; `bare` is the data without what stands between characters, or bytes."""
        if self.hexadecimal:
            return self._run in digits
        if b"\0" in self.text:  # of a wide character
            return b"\0" in data
        return len(self._run) < SHORTEST or any(self._run in each for each in (data, *bare))

    def places(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where it stands."""
        end = 0
        for found in self._beginning.finditer(data):
            if found.start() >= end:
                # A sign may be a part of the secret, or of how it is written.
                ways = (self._whole(data, found.end(), *way) for way in ((True, True), (True, False), (False, True)))
                whole = next((way for way in ways if way), None)
                if whole:
                    end = whole
                    yield found.start(), end

    def _whole(self, data: bytes, end: int, lazy: bool, escaped: bool) -> int | None:
        for byte, line_end in self._bytes[_SOUGHT:]:
            found = _step(byte, line_end, self.hexadecimal, lazy, escaped).match(data, end)
            if found is None:
                return None
            end = found.end()
        return end


@cache
def _step(byte: int, line_end: bool, hexadecimal: bool, lazy: bool = False, escaped: bool = True) -> re.Pattern[bytes]:
    """The pattern of one byte of a secret in any spelling, after the line ends and escapes that may stand before it.

    A `lazy` one takes as little of these as it can, else as much; an `escaped` one is first looked for as an escape.
    """
    before = _LINE_END if line_end else _WRAP
    if hexadecimal:
        before = _BETWEEN_BYTES
    elif lazy:
        before = before.replace(b"{0,80}", b"{0,80}?")
    return re.compile(before + _spelled(byte, hexadecimal, escaped))


def _spelled(byte: int, hexadecimal: bool, escaped: bool = True) -> bytes:
    """A byte as its digits, or as it is and in the spellings of JSON, URLs, HTML and shells."""
    digits = b"".join(b"[%c%c]" % (each, each ^ 32) if each > 64 else b"%c" % each for each in b"%02x" % byte)
    character = bytes([byte])
    if hexadecimal:
        return digits
    if character.isalnum():
        return character
    ways = [_PERCENT + digits, rb"\\{1,8}%03o" % byte, rb"\\{1,8}u00" + digits, rb"\\{1,8}x" + digits]
    ways += [b"&#0{0,5}%d;" % byte, b"&#[xX]0{0,5}" + digits + b";"]
    ways += [b"&" + _ENTITIES[byte] + b";"] if byte in _ENTITIES else []
    ways += [rb"\+"] if byte == ord(" ") else []
    ways += [rb"'\"'\"'", rb"'\\\\''"] if byte == ord("'") else []  # as shells have it
    ways.insert(len(ways) if escaped else 0, rb"\\{0,8}" + re.escape(character))
    return b"(?:" + b"|".join(ways) + b")"


class Mask:
    """Replaces secret values by their names, in every spelling that programs give them."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        spelled = [
            spelling
            for name, value in secrets.items()
            if len(value) >= SHORTEST
            for spelling in _spellings(value, f"[masked {name}]".encode())
        ]
        # The longest first: one value may be a part of another.
        self._spelled = sorted(spelled, key=lambda spelling: -len(spelling.text))
        self._values = [spelling for spelling in self._spelled if spelling.hexadecimal]

    @classmethod
    def of_environment(cls, names: Iterable[str]) -> "Mask":
        """For the values that these variables have."""
        return cls({name: os.environ[name] for name in names if name in os.environ})

    def hide(self, data: bytes) -> bytes:
        """The data without the secrets."""
        if not self._spelled or not data:
            return data
        data = self._without_dumps(data)
        bare, digits = _bare(data), _digits(data)
        for spelling in self._spelled:
            if spelling.may_be_in(data, bare, digits):
                data = _replaced(data, spelling.places(data), spelling.name)
        return data

    def _without_dumps(self, data: bytes) -> bytes:
        dumps = Dumps(data)
        for spelling in self._values:
            places = list(dumps.places(spelling.text))
            if places:
                data = _replaced(data, places, spelling.name)
                dumps = Dumps(data)
        return data

    def hide_cut(self, data: bytes) -> bytes:
        """Without secrets, what may have been cut anywhere: a secret that was is made out by its beginning."""
        data = self.hide(data)
        ends = [found.start() for found in re.finditer(re.escape(CUT_HERE), data)] + [len(data)]
        for end in reversed(ends):
            for spelling in self._spelled:
                begun = _begun(data[:end][-len(spelling.text) :], spelling.text)
                if begun:
                    data = data[: end - begun] + spelling.name + data[end:]
                    break
        return data

    def text(self, text: str) -> str:
        """The text without the secrets."""
        return self.hide(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def finds(self, data: bytes) -> bool:
        """Whether there is anything to mask."""
        return self.hide(data) != data


def _begun(tail: bytes, text: bytes) -> int:
    """How much of a text stands at the end of another, when it is enough to be told from chance."""
    least = min(_SHORTEST_PART, len(text))
    return next((size for size in range(min(len(tail), len(text)), least - 1, -1) if tail.endswith(text[:size])), 0)


def _replaced(data: bytes, places: Iterable[tuple[int, int]], name: bytes) -> bytes:
    parts: list[bytes] = []
    end = 0
    for start, after in places:
        parts += (data[end:start], name)
        end = after
    return b"".join((*parts, data[end:]))


def _bare(data: bytes) -> list[bytes]:
    """The data without what may stand between two characters of a spelling, as quickly as it can be had."""
    between = b" \t\r\n\\+>#*|\"'-"
    data = _COLOURS.sub(b"", data) if b"[" in data else data
    escaped = data
    while b"%25" in escaped:
        escaped = escaped.replace(b"%25", b"%")
    for end in (b"\\n", b"\\r", b"%0A", b"%0a", b"%0D", b"%0d"):
        escaped = escaped.replace(end, b"")
    unnumbered = _NUMBERED.sub(b"", data)
    return [each.translate(None, between) for each in (data, escaped, unnumbered)]


def _digits(data: bytes) -> bytes:
    """The data's hexadecimal digits alone, for spellings in them."""
    return data.lower().replace(b"0x", b"").replace(b"u00", b"").translate(None, b" \t\r\n\f\v\\+>#*|\"'-%&:;,x")


def _spellings(value: str, name: bytes) -> Iterator[_Spelling]:
    plain = value.encode("utf-8", "surrogateescape")
    lines = [line.strip() for line in plain.splitlines() if line.strip()]  # how they are indented is layout
    texts = {b"\n".join(lines), *_in_base64(plain), *_in_base64(plain.strip())}
    if not value.isascii():
        texts.add(json.dumps(value.strip())[1:-1].encode())
        texts |= set(_in_entities(value.strip()))
    if len(lines) > 1:  # a log may show them apart from each other
        texts |= {line for line in lines if len(line) >= _SHORTEST_PART and not _ARMOUR.fullmatch(line)}
    texts |= {value.strip().encode(wide, "surrogatepass") for wide in ("utf-16-le", "utf-16-be")}
    yield from (_Spelling(text, name) for text in texts if len(text) >= SHORTEST)
    yield _Spelling(plain.strip() or plain, name, hexadecimal=True)


def _in_entities(value: str) -> Iterator[bytes]:
    """What is not ASCII as HTML and XML number it, with the digits that programs write them in."""
    for form in ("&#{};", "&#x{:x};", "&#x{:X};"):
        yield "".join(each if each.isascii() else form.format(ord(each)) for each in value).encode()


def _in_base64(plain: bytes) -> set[bytes]:
    """The whole, and what never varies of it when something stands before or after it, as in `user:secret`."""
    found = {base64.b64encode(plain), base64.urlsafe_b64encode(plain)}
    for before in range(3):
        end = (before + len(plain)) // 3 * 4
        inner = base64.b64encode(b"\0" * before + plain)[(before + 2) // 3 * 4 if before else 0 : end]
        if len(inner) >= _SHORTEST_PART:
            found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return found
