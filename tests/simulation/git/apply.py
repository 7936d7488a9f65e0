"""Patches applied to the index (`git apply --cached`)."""

import base64
import re
import zlib
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from tests.simulation.git.asked import asked
from tests.simulation.git.index import Entry, Index
from tests.simulation.git.repo import Repo, write_index
from tests.simulation.git.staging import locked
from tests.simulation.git.steps import Done, Failure, Steps
from tests.simulation.git.xdiff import split

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@.*")
_QUOTED = re.compile(rb"\\([0-7]{3}|.)")
_LETTERS = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}
_NO_END = b"\\ No newline at end of file\n"


class _Hunk(NamedTuple):
    at: int  # in the old file, from 1
    old: list[bytes]
    new: list[bytes]


class _File(NamedTuple):
    path: bytes
    old_mode: int | None
    new_mode: int | None  # 0 for a file that goes
    ids: tuple[str, str]
    hunks: list[_Hunk]
    binary: bytes | None


def apply(repo: Repo, arguments: Sequence[str], stdin: bytes) -> Steps[Done]:
    """`git apply --cached -`."""
    told = asked("apply", arguments, "--cached --binary", "--whitespace=")
    if "--cached" not in told.on:
        raise NotImplementedError("git apply to the working tree")
    index = repo.index()
    patches = _parsed(split(stdin))
    made: list[tuple[bytes, Entry | None]] = []
    for each in patches:
        entry = yield from _applied(repo, index, each)
        made.append((each.path, entry))
    lock = yield from locked(repo)
    for path, entry in made:
        if entry is None:
            index.remove(path)
    for path, entry in made:
        if entry is not None:
            index.put(path, entry)
    yield from write_index(repo, index, lock)
    return Done()


def _applied(repo: Repo, index: Index, patch: _File) -> Steps[Entry | None]:
    name = patch.path.decode("utf-8", "surrogateescape")
    entry = index.get(patch.path)
    comes = patch.old_mode is None and patch.new_mode is not None
    if comes and entry is not None:
        raise Failure(f"error: {name}: already exists in index\n", 1)
    if not comes and entry is None:
        raise Failure(f"error: {name}: does not exist in index\n", 1)
    before = repo.store.blob(entry.oid) if entry else b""
    if patch.binary is not None:
        if entry is not None and entry.oid != patch.ids[0]:
            raise Failure(f"error: the patch applies to '{name}', which does not match the current contents.\n", 1)
        after = patch.binary
    else:
        after = _patched(split(before), patch.hunks, name)
    if patch.new_mode == 0:
        if after:
            raise Failure(f"error: removal patch leaves file contents\nerror: {name}: patch does not apply\n", 1)
        return None
    oid = yield from repo.store.write("blob", after)
    return Entry(patch.new_mode or (entry.mode if entry else 0o100644), oid)


def _patched(lines: list[bytes], hunks: Sequence[_Hunk], name: str) -> bytes:
    out: list[bytes] = []
    done = 0
    for hunk in hunks:
        wanted = max(hunk.at - 1, 0) if hunk.old else hunk.at
        places = (at for at in range(done, len(lines) + 1) if lines[at : at + len(hunk.old)] == hunk.old)
        at = min(places, key=partial(_distance, wanted), default=None)
        if at is None:
            raise Failure(f"error: patch failed: {name}:{hunk.at}\nerror: {name}: patch does not apply\n", 1)
        out += lines[done:at] + hunk.new
        done = at + len(hunk.old)
    return b"".join(out + lines[done:])


def _distance(one: int, two: int) -> int:
    return abs(one - two)


def _parsed(lines: list[bytes]) -> list[_File]:
    starts = [at for at, line in enumerate(lines) if line.startswith(b"diff --git ")]
    if not starts:
        raise Failure('error: No valid patches in input (allow with "--allow-empty")\n', 128)
    # A line of a hunk begins with a sign, so no content looks like a beginning.
    return [_file(lines[start:end]) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


def _file(lines: list[bytes]) -> _File:
    path = _path_of(lines[0][len(b"diff --git ") :].removesuffix(b"\n"))
    old_mode: int | None = 0o100644
    new_mode: int | None = None
    ids = ("", "")
    at = 1
    while at < len(lines) and not lines[at].startswith((b"@@ ", b"GIT binary patch")):
        words = lines[at].split()
        if lines[at].startswith(b"new file mode "):
            old_mode, new_mode = None, int(words[3], 8)
        elif lines[at].startswith(b"deleted file mode "):
            new_mode = 0
        elif lines[at].startswith(b"new mode "):
            new_mode = int(words[2], 8)
        elif lines[at].startswith(b"index "):
            one, _, two = words[1].decode().partition("..")
            ids = one, two
        at += 1
    binary = _binary(lines[at + 1 :]) if at < len(lines) and lines[at].startswith(b"GIT") else None
    return _File(path, old_mode, new_mode, ids, [] if binary is not None else _hunks(lines[at:]), binary)


def _path_of(names: bytes) -> bytes:
    """The path in `a/PATH b/PATH`; both are the same, as nothing is renamed."""
    half = names[: len(names) // 2]
    if half.startswith(b'"'):
        return _QUOTED.sub(_unquoted, half[1:-1])[2:]
    return half[2:]


def _unquoted(found: re.Match[bytes]) -> bytes:
    told = found[1]
    return bytes([int(told, 8)]) if len(told) == 3 else _LETTERS.get(told, told)


def _hunks(lines: list[bytes]) -> list[_Hunk]:
    found: list[_Hunk] = []
    sign = b""
    for line in lines:
        header = _HUNK.match(line)
        if header:
            found.append(_Hunk(int(header[1]), [], []))
            continue
        hunk = found[-1]
        if line == _NO_END:
            for side in ([hunk.old] if sign != b"+" else []) + ([hunk.new] if sign != b"-" else []):
                side[-1] = side[-1].removesuffix(b"\n")
            continue
        sign = line[:1]
        if sign in b" -":
            hunk.old.append(line[1:])
        if sign in b" +":
            hunk.new.append(line[1:])
    return found


def _binary(lines: list[bytes]) -> bytes:
    """The new content, from the first of both parts."""
    kind, size = lines[0].split()
    if kind != b"literal":
        raise NotImplementedError("git apply of a binary delta")
    packed = b""
    for line in lines[1:]:
        if line == b"\n":
            break
        length = line[0] - 64 if line[0] <= 90 else line[0] - 96 + 26
        packed += base64.b85decode(line[1:].removesuffix(b"\n"))[:length]
    data = zlib.decompress(packed)
    if len(data) != int(size):
        raise Failure("error: corrupt binary patch\n", 1)
    return data
