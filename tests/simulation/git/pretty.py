"""Commits as `--format` shows them (git-log, PRETTY FORMATS)."""

import re
from collections.abc import Callable

from tests.simulation.git.objects import Commit

_FIELD = re.compile(r"%(?:x([0-9a-fA-F]{2})|\(trailers:([^)]*)\)|(an|ae|at|cn|ce|ct|[HTPBsn%]))")
_TRAILER = re.compile(rb"([A-Za-z0-9-]+)[ \t]*:(.*)", re.DOTALL)
_OF_GIT = (b"Signed-off-by: ", b"(cherry picked from commit ")


def person(line: bytes) -> tuple[bytes, bytes, bytes]:
    """(name, address, seconds) of an author's or committer's line."""
    name, _, rest = line.partition(b"<")
    email, _, when = rest.partition(b">")
    told = when.rpartition(b">")[2].split()
    return name.strip(), email, told[0] if told and told[0].isdigit() else b""


def subject(message: bytes) -> bytes:
    """The first paragraph, in one line."""
    first = message.lstrip(b"\n").partition(b"\n\n")[0]
    lines = []
    for line in first.split(b"\n"):
        if not line.strip():
            break
        lines.append(line.rstrip())
    return b" ".join(lines)


def formatted(form: str, oid: str, commit: Commit) -> bytes:
    """One commit in a format. Raises NotImplementedError for a field that is not known."""
    out = b""
    at = 0
    while at < len(form):
        if form[at] != "%":
            end = form.find("%", at)
            end = len(form) if end < 0 else end
            out += form[at:end].encode("utf-8", "surrogateescape")
            at = end
            continue
        found = _FIELD.match(form, at)
        if found is None:
            raise NotImplementedError(f"--format={form}")
        if found[1] is not None:
            out += bytes([int(found[1], 16)])
        elif found[2] is not None:
            out += _trailers(found[2], commit.message)
        else:
            out += _field(found[3], oid, commit)
        at = found.end()
    return out


def _field(name: str, oid: str, commit: Commit) -> bytes:
    if len(name) == 2:
        return person(commit.author if name[0] == "a" else commit.committer)["net".index(name[1])]
    known: dict[str, Callable[[], bytes]] = {
        "H": lambda: oid.encode(),
        "T": lambda: commit.tree.encode(),
        "P": lambda: " ".join(commit.parents).encode(),
        "B": lambda: commit.message.partition(b"\0")[0],
        "s": lambda: subject(commit.message),
        "n": lambda: b"\n",
        "%": lambda: b"%",
    }
    return known[name]()


def trailers(message: bytes) -> list[tuple[bytes, bytes]]:
    """The trailers of a message: those of its last paragraph, if that is made of them."""
    paragraphs = [part for part in re.split(rb"\n(?:[ \t]*\n)+", message.strip(b"\n")) if part.strip()]
    if len(paragraphs) < 2:
        return []
    found: list[tuple[bytes, bytes]] = []
    others = 0
    by_git = False
    for line in paragraphs[-1].split(b"\n"):
        told = _TRAILER.fullmatch(line)
        if line[:1] in (b" ", b"\t") and found:
            found[-1] = found[-1][0], found[-1][1] + b"\n" + line
        elif told:
            found.append((told[1], told[2].strip()))
        elif not line.startswith(_OF_GIT[1]):
            others += 1
        by_git = by_git or line.startswith(_OF_GIT)
    return found if found and (not others or (by_git and len(found) * 3 >= others)) else []


def _trailers(options: str, message: bytes) -> bytes:
    wanted = b""
    separator: bytes | None = None
    for option in options.split(","):
        name, _, value = option.partition("=")
        if name == "key":
            wanted = value.encode().rstrip(b":").lower()
        elif name == "separator":
            separator = re.sub(rb"%x(..)", lambda found: bytes([int(found[1], 16)]), value.encode())
        elif name != "valueonly":
            raise NotImplementedError(f"%(trailers:{options})")
    values = [b" ".join(value.split(b"\n")) for key, value in trailers(message) if key.lower() == wanted]
    return b"".join(value + b"\n" for value in values) if separator is None else separator.join(values)
