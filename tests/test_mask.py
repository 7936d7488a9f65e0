"""The mask: no spelling of a secret that programs have comes through, and nothing else is lost."""

import base64
import html
import json
import random
import shlex
import textwrap
import time
import urllib.parse
from collections.abc import Callable

import pytest

from factory.execution.processes.supervision import CUT_HERE
from factory.execution.redaction.mask import Mask

KEY = "sk-very/secret+0123456789=abc defghijklmnopqrstuvwxyz%ABC'DEF\"GHIJKLM&NOP/QRSTUVWXYZ-0123456789-end"
LINES = [
    "-----BEGIN PRIVATE KEY-----",
    *(f"{n}aB/+{'x' * n}9{'Zq' * 25}" for n in range(1, 6)),
    "-----END PRIVATE KEY-----",
]
PEM = "\n".join(LINES)
ACCENTS = "pässwörd-mit-Ünicode-0123456789"

Spell = Callable[[str], str]


def wrapped(text: str, width: int, prefix: str = "") -> str:
    return "\n".join(prefix + text[at : at + width] for at in range(0, len(text), width)) + "\n"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def octets(text: str, before: str, between: str = "") -> str:
    return between.join(before + f"{byte:02x}" for byte in text.encode())


SPELLINGS: dict[str, Spell] = {
    "plain": str,
    "wrapped": lambda text: wrapped(text, 20),
    "wrapped and indented": lambda text: wrapped(text, 31, "    "),
    "wrapped in a comment": lambda text: wrapped(text, 40, "# "),
    "json": json.dumps,
    "json of json": lambda text: json.dumps(json.dumps(text)),
    "json with escaped slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "json that is ascii": lambda text: json.dumps(text, ensure_ascii=True),
    "repr": repr,
    "shell": shlex.quote,
    "backslashes": lambda text: "".join(c if c.isalnum() or c == "\n" else f"\\{c}" for c in text),
    "url": lambda text: urllib.parse.quote(text, safe=""),
    "url path": urllib.parse.quote,
    "url in lower case": lambda text: urllib.parse.quote(text, safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
    "form": urllib.parse.quote_plus,
    "html": html.escape,
    "base64": b64,
    "base64 as base64 wraps it": lambda text: wrapped(b64(text), 76),
    "base64 as PEM wraps it": lambda text: wrapped(b64(text), 64, "  "),
    "base64 with carriage returns": lambda text: wrapped(b64(text), 76).replace("\n", "\r\n"),
    "base64 in a patch": lambda text: wrapped(b64(text), 76, "+"),
    "base64 wrapped in json": lambda text: json.dumps(wrapped(b64(text), 76)),
    "base64 in a url": lambda text: urllib.parse.quote(b64(text), safe=""),
    "base64 for urls": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 after a user": lambda text: wrapped(b64(f"user:{text}"), 60),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal in capitals": lambda text: text.encode().hex().upper(),
    "hexadecimal as xxd -p wraps it": lambda text: wrapped(text.encode().hex(), 60),
    "hexadecimal with spaces": lambda text: wrapped(octets(text, "", " "), 48, "  "),
    "hexadecimal with colons": lambda text: octets(text, "", ":"),
    "hexadecimal as python": lambda text: octets(text, "\\x"),
    "hexadecimal as C": lambda text: wrapped(octets(text, "0x", ", "), 72),
    "every byte for a url": lambda text: octets(text, "%"),
    "every character for json": lambda text: octets(text, "\\u00"),
    "printf %q": lambda text: "$'" + "".join(octal(byte) for byte in text.encode()) + "'",
    "xml": lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
    "xml of html": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace").decode(),
    "xml in digits": lambda text: "".join(c if c.isascii() else f"&#x{ord(c):X};" for c in text),
    "url twice": lambda text: urllib.parse.quote(urllib.parse.quote(text, safe=""), safe=""),
    "in colours": lambda text: (
        f"{text[:3]}\x1b[01;31m\x1b[K{text[3:6]}\x1b[m\x1b[K\x1b[01;31m\x1b[K{text[6:]}\x1b[m\x1b[K"
    ),
    "xxd": lambda text: dumped(text, address="{:08x}: ", group=2, column=" "),
    "xxd in capitals after a word": lambda text: dumped(f"key={text}", address="{:08x}: ", group=2, column=" ").upper(),
    "od in hexadecimal": lambda text: dumped(text, address="{:06x} ", column=">"),
    "od without offsets": lambda text: dumped(text, address=" "),
    "hexdump -C": lambda text: dumped(text, address="{:08x}  ", column="|"),
    "hexdump": lambda text: dumped(text, address="{:07x} ", group=2, swap=True),
    "od -x": lambda text: dumped(f"4{text}", address="{:07o} ", group=2, swap=True),
    "od -t x4": lambda text: dumped(text, address="{:07o} ", group=4, swap=True),
}


def octal(byte: int) -> str:
    return (
        f"\\{chr(byte)}"
        if chr(byte) in "\\'"
        else "\\n"
        if byte == 10
        else chr(byte)
        if byte < 128
        else f"\\{byte:03o}"
    )


def dumped(text: str, *, address: str, group: int = 1, swap: bool = False, column: str = "") -> str:
    """Rows of sixteen bytes, as xxd, od and hexdump have them."""
    data, lines = text.encode(), []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        groups = [
            row[n : n + group].ljust(group if swap else 0, b"\0")[:: -1 if swap else 1]
            for n in range(0, len(row), group)
        ]
        digits = [each.hex() for each in groups]
        told = (
            "  ".join(filter(None, (" ".join(digits[:8]), " ".join(digits[8:])))) if column == "|" else " ".join(digits)
        )
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        text_column = f"  {column.strip()}{shown}{column.strip().replace('>', '<')}" if column else ""
        width = {"|": 48, " ": 39}.get(column, 47)
        lines.append(address.format(at) + (told.ljust(width) if column else told) + text_column)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("secret", [KEY, PEM, ACCENTS, "hunter22"], ids=["key", "lines", "accents", "short"])
@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=list(SPELLINGS))
def test_no_spelling_of_a_secret_comes_through(secret: str, spell: Spell) -> None:
    told = Mask({"KEY": secret}).hide(f"before it\n{spell(secret)}\nafter it\n".encode()).decode()
    assert told.startswith("before it\n")
    assert told.endswith("after it\n")
    assert "[masked KEY]" in told
    left = told.replace("[masked KEY]", "").replace("before it", "").replace("after it", "")
    assert len(left) < 45, left


@pytest.mark.parametrize("indent", ["", "  ", "\t", "      | ", "> "])
def test_lines_of_a_secret_are_masked_however_they_are_indented(indent: str) -> None:
    mask = Mask({"KEY": PEM})
    told = mask.hide(textwrap.indent(PEM, indent).encode()).decode()
    alone = mask.hide("".join(f"{indent}line {n}: {line}.\n" for n, line in enumerate(LINES)).encode()).decode()
    for line in LINES[1:-1]:
        assert line not in told
        assert line not in alone


@pytest.mark.parametrize("secret", [KEY, PEM])
@pytest.mark.parametrize("spell", [str, b64], ids=["plain", "base64"])
def test_what_was_cut_of_a_secret_is_masked_too(secret: str, spell: Spell) -> None:
    mask, spelled = Mask({"KEY": secret}), spell(secret)
    for size in (8, 20, len(spelled) - 1):
        log = b"a line\n" + spelled[:size].encode()
        for told in (mask.hide_cut(log), mask.hide_cut(log + CUT_HERE)):
            assert told.startswith(b"a line\n[masked KEY]") or b"-----BEGIN" in told
            left = told.replace(CUT_HERE, b"")
            for armour in (b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY----"):
                left = left.replace(armour, b"")
            assert all(spelled[at : at + 10].encode() not in left for at in range(len(spelled) - 35))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sk-very",
        "sk-very/secret is what it begins with\n",
        "\\\\n\\r\\/",
        "%2f%2F%",
        "secret+0123\n456789",
        "\n" * 500,
    ],
)
def test_nothing_else_is_masked(text: str) -> None:
    mask = Mask({"KEY": KEY, "PEM": PEM})
    assert mask.hide(text.encode()) == text.encode()
    assert not mask.finds(text.encode())


def test_a_part_of_another_secret_does_not_uncover_the_rest() -> None:
    mask = Mask({"USER": "anne", "URL": "https://anne:hunter22@host"})
    assert mask.text("at https://anne:hunter22@host by anne") == "at [masked URL] by [masked USER]"


@pytest.mark.parametrize(
    "hostile",
    [b"\\" * 300_000, b"\n" * 300_000, b"\n+-" * 100_000, b"sk-very/\\" * 40_000, b"%0a" * 100_000, b"sk" * 200_000],
    ids=["backslashes", "lines", "patch", "beginnings", "urls", "pairs"],
)
def test_no_text_makes_the_mask_take_for_ever(hostile: bytes) -> None:
    began = time.process_time()
    assert (
        Mask({"KEY": KEY, "BACK": "\\" * 20 + "x-", "DASH": "-" * 30})
        .hide(hostile + KEY.encode())
        .endswith(b"[masked KEY]")
    )
    assert time.process_time() - began < 20


def test_random_bytes_come_through_as_they_are() -> None:
    data = random.Random(7).randbytes(200_000)
    assert Mask({"KEY": KEY, "PEM": PEM}).hide(data) == data


@pytest.mark.parametrize("secret", [KEY, ACCENTS, 'pässwörd "quote" $x 1234'], ids=["key", "accents", "quotes"])
@pytest.mark.parametrize("number", ["{:6}\t", "{:>3}: ", "{}:"], ids=["cat -n", "a margin", "grep -n"])
def test_a_secret_that_is_folded_into_numbered_lines_is_masked(secret: str, number: str) -> None:
    folded = [secret[at : at + 11] for at in range(0, len(secret), 11)]
    told = Mask({"KEY": secret}).text("".join(f"{number.format(n)}{line}\n" for n, line in enumerate(folded, 1)))
    assert "[masked KEY]" in told
    assert len(told) < 30


@pytest.mark.parametrize("secret", [KEY, ACCENTS, "hunter22"], ids=["key", "accents", "short"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_secret_in_utf_16_is_masked(secret: str, encoding: str) -> None:
    told = Mask({"KEY": secret}).hide(f"before {secret} after".encode(encoding))
    assert told.replace(b"\0", b"") == b"before [masked KEY] after"


def test_only_the_lines_of_a_dump_that_hold_a_secret_are_masked() -> None:
    lines = dumped("." * 320 + KEY + "." * 320, address="{:08x}: ", group=2, column=" ").splitlines()
    told = Mask({"KEY": KEY}).text("\n".join(lines) + "\n").splitlines()
    assert told == [*lines[:20], "[masked KEY]", *lines[20 + -(-len(KEY) // 16) :]]


def test_a_long_log_is_masked_quickly() -> None:
    line = b"12: 2026-11-21T10:00:00Z \x1b[32mINFO\x1b[m %20 0001f0: 70 61 9f request 4f3a from 10.0.0.1 &#x41; \\303\n"
    began = time.process_time()
    mask = Mask({"KEY": KEY, "PEM": PEM, "PW": ACCENTS})
    assert mask.hide(line * 200_000) == line * 200_000
    assert time.process_time() - began < 20
