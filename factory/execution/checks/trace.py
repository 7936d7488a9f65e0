"""The trace: what of a content a command looked at, as strace tells it. The one door to strace."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path, PurePosixPath
from posixpath import normpath

from factory.execution.cell.filesystem import Filesystem
from factory.model.errors import TooLarge
from factory.model.reads import HISTORY, Reads, listing_of
from factory.store import files
from factory.store.repository.objects import Objects
from factory.store.repository.trees import OWN_FOLDERS
from factory.store.system import MACHINE

_MOST_BYTES = 128_000_000  # of a trace
_PROBE_S = 10
_CALLS = "trace=%file,getdents,getdents64,fchdir,clone,clone3,fork,vfork"
_LINE = re.compile(r"(\d+)\s+(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)")
_UNFINISHED = " <unfinished ...>"
_ENDED = re.compile(r"\)\s+= (-?\d+|\?)(?:<((?:[^>\\]|\\.)*)>)?")
_PLACE = re.compile(r'(?:(AT_FDCWD|-?\d+)(?:<((?:[^>\\]|\\.)*)>)?, )?"((?:[^"\\]|\\.)*)"')
_FOLDER = re.compile(r"\d+<((?:[^>\\]|\\.)*)>")
_ESCAPED = re.compile(r"\\([0-7]{1,3}|x[0-9a-f]{2}|.)")
_LETTERS = {"n": 10, "t": 9, "r": 13, "v": 11, "f": 12}
_STARTS = frozenset({"clone", "clone3", "fork", "vfork"})
_LISTS = frozenset({"getdents", "getdents64"})
_MOVES = ("rename", "link")  # from a place that is read to one that is made, as `renameat` too
_OF_TWO = (*_MOVES, "symlink")
_MAKES = (*_OF_TWO, "mkdir", "mknod", "creat")
# What of git's own folder tells of the history, where the rest is the machine's.
_OF_HISTORY = re.compile(r"(?:worktrees/[^/]+/)?(?:HEAD|ORIG_HEAD|index|packed-refs|(?:logs|refs|objects)(?:/.*)?)")


@cache
def tracer() -> str:
    """strace, if it is there and works; else nothing."""
    found = shutil.which("strace")
    try:
        done = MACHINE.run((found, *_options("/dev/null"), "true"), _PROBE_S) if found else None
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found if found and done and done.returncode == 0 else ""


def traced(argv: Sequence[str], into: Path) -> tuple[str, ...]:
    """The argv that runs an argv under strace, with the trace in a file. It ends as the other does."""
    return (tracer(), *_options(str(into)), "--", *argv)


def _options(into: str) -> tuple[str, ...]:
    return ("-f", "--seccomp-bpf", "-qqq", "-y", "-o", into, "-e", _CALLS, "-e", "signal=none")


@dataclass(frozen=True)
class _Call:
    """A call of one process: what it gave, whether it went well, and the path that it opened."""

    process: str
    name: str
    given: str
    well: bool
    result: str
    opened: str


@dataclass(frozen=True)
class Trace:
    """Follows a trace of a command that ran on a content in a filesystem."""

    objects: Objects
    tree: str
    filesystem: Filesystem
    folder: str  # where the command began
    _folders: dict[str, str] = field(default_factory=dict)  # of each process
    _made: set[str] = field(default_factory=set)  # what the command itself laid down

    def beyond(self, trace: Path, reads: Reads) -> tuple[str, ...] | None:
        """What was read of the content that is not covered, as patterns; None when the trace does not tell.

        A file that was looked for in vain was read as well: one that comes would be found.
        """
        try:
            told = files.read_regular(trace, _MOST_BYTES)
        except TooLarge:
            return None
        if told is None:
            return None
        lines = (line.decode("utf-8", "surrogateescape") for line in BytesIO(told))
        needed = {each for call in _calls(lines) for each in self._needed(call)}
        return tuple(each for each in sorted(needed) if reads.lacks(each) and not self._is_implied(each, reads))

    def _is_implied(self, path: str, reads: Reads) -> bool:
        """Whether a folder is there for as long as what is covered in it is."""
        found = self.objects.find(self.tree, path) if path != HISTORY else None
        return found is not None and found.is_folder and self._has_covered(path, found.oid, reads)

    def _has_covered(self, folder: str, oid: str, reads: Reads) -> bool:
        for name, entry in self.objects.tree(oid).items():
            path = f"{folder}/{name}"
            if self._has_covered(path, entry.oid, reads) if entry.is_folder else reads.covers(path):
                return True
        return False

    def _needed(self, call: _Call) -> Iterator[str]:
        here = self._folders.setdefault(call.process, self.folder)
        if call.name in _STARTS:
            if call.well:
                self._folders[call.result] = here
        elif call.name in _LISTS or call.name == "fchdir":
            found = _FOLDER.match(call.given)
            if found and call.name == "fchdir":
                self._folders[call.process] = _text(found[1])
            elif found:
                yield from self._of(_text(found[1]), listed=True)
        else:
            yield from self._of_path(call, here)

    def _of_path(self, call: _Call, here: str) -> Iterator[str]:
        places = [*_PLACE.finditer(call.given)]
        if not places:
            return
        first, last = (self._path(call, place, here) for place in (places[0], places[-1]))
        if call.well and (call.name.startswith(_MAKES) or "O_CREAT" in call.given):
            new = last if call.name.startswith(_OF_TWO) else first
            made = [below for below in self._within(new) if not self._lies(below)]
            self._made.update(made)
            if made and not call.name.startswith(_MOVES):
                return
        if call.well and call.name == "chdir":
            self._folders[call.process] = first
        yield from self._of(first)
        if call.opened:
            yield from self._of(_text(call.opened))

    def _path(self, call: _Call, place: re.Match[str], here: str) -> str:
        start = _text(place[2]) if place[2] else here
        if place[1] == "AT_FDCWD" and place[2]:
            self._folders[call.process] = start
        return normpath(str(PurePosixPath(start) / _text(place[3])))

    def _lies(self, path: str) -> bool:
        return self.objects.find(self.tree, path) is not None

    def _within(self, path: str) -> Iterator[str]:
        """The path below the content, if it lies there."""
        for place in (self.filesystem.tree, *self.filesystem.checkouts):
            below = path.removeprefix(f"{place}/")
            mounted = self.filesystem.mounted
            if below != path and not any(PurePosixPath(path).is_relative_to(each.at) for each in mounted):
                yield below
                return

    def _of(self, path: str, *, listed: bool = False) -> Iterator[str]:
        """What of the content has to be the same for a path to be found as it was."""
        git = self.filesystem.git
        for place in (git.at, git.folder) if git else ():
            below = path.removeprefix(f"{place}/")
            if below != path:
                if _OF_HISTORY.fullmatch(below):
                    yield HISTORY
                return
        if path in {str(place) for place in (self.filesystem.tree, *self.filesystem.checkouts)}:
            if listed:
                yield listing_of("")
            return
        for below in self._within(path):
            first = below.partition("/")[0]
            if first != HISTORY and first not in OWN_FOLDERS:
                yield from self._below(below, listed)

    def _below(self, path: str, listed: bool) -> Iterator[str]:
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            upper = "/".join(parts[:count])
            found = self.objects.find(self.tree, upper)
            if upper in self._made:
                return
            if found is None or not found.is_folder:
                yield upper
                return
        yield listing_of(path) if listed else path


def _calls(lines: Iterable[str]) -> Iterator[_Call]:
    """The calls of a trace; one that another process came in between counts from its end."""
    begun: dict[str, str] = {}
    for line in lines:
        found = _LINE.match(line.rstrip("\n"))
        if found is None:
            continue
        process, resumed, name, rest = found.groups()
        if rest.endswith(_UNFINISHED):
            begun[process] = rest.removesuffix(_UNFINISHED)
            continue
        given = begun.pop(process, "") + rest if resumed else rest
        *_, ended = (None, *_ENDED.finditer(given))
        if ended is not None:
            well = not ended[1].startswith(("-", "?"))
            yield _Call(process, resumed or name, given, well, ended[1], ended[2] or "")


def _text(escaped: str) -> str:
    """What strace shows with escapes."""
    if "\\" not in escaped:
        return escaped

    def plain(found: re.Match[str]) -> bytes:
        told = found[1]
        if told[0] in "01234567":
            return bytes([int(told, 8) & 255])
        if told[0] == "x" and len(told) == 3:
            return bytes([int(told[1:], 16)])
        return bytes([_LETTERS.get(told, ord(told) & 127)])

    parts: list[bytes] = []
    end = 0
    for found in _ESCAPED.finditer(escaped):
        parts += [escaped[end : found.start()].encode("utf-8", "surrogateescape"), plain(found)]
        end = found.end()
    return b"".join((*parts, escaped[end:].encode("utf-8", "surrogateescape"))).decode("utf-8", "surrogateescape")
