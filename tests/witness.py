"""Witnesses: what was a person's before, and what must hold of a repository after anything that may happen to it."""

import os
import re
import subprocess
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from factory.execution.cell.pool import cells_root
from factory.model.journal import Entry
from factory.model.lifecycle import Event
from factory.store.repository.repository import Repository
from tests.program import COLD, UNTIL_TRACED, Process, Started, start
from tests.world import World

FACTORY = COLD
OURS = (b"queue/", b"artifacts/")


def raw_git(folder: Path, *arguments: str | bytes, stdin: bytes = b"") -> bytes:
    """What git prints, byte for byte."""
    return subprocess.run(["git", *arguments], cwd=folder, input=stdin, capture_output=True, check=True).stdout


@dataclass(frozen=True)
class Picture:
    """Everything in a working tree that is the person's: files with their times, the index, stashes, the head."""

    files: dict[bytes, tuple[int, int, bytes]]  # mode, time of change, content
    index: tuple[bytes, ...]
    flags: tuple[bytes, ...]
    status: tuple[bytes, ...]
    stash: bytes
    head: str

    def without(self, *paths: str) -> "Picture":
        """The same, but for these paths."""
        names = [os.fsencode(path) for path in paths]

        def rest(lines: tuple[bytes, ...]) -> tuple[bytes, ...]:
            return tuple(line for line in lines if not any(line.endswith(name) for name in names))

        files = {path: what for path, what in self.files.items() if path not in names}
        return Picture(files, rest(self.index), rest(self.flags), rest(self.status), self.stash, self.head)


def picture(folder: Path, *, whole: bool = False) -> Picture:
    """What a working tree holds outside the factory's own folders; with them when it shows another branch."""

    def records(*arguments: str) -> tuple[bytes, ...]:
        found = raw_git(folder, *arguments).split(b"\0")[:-1]
        return tuple(record for record in found if whole or not _path_of(record).startswith(OURS))

    files: dict[bytes, tuple[int, int, bytes]] = {}
    top = os.fsencode(folder)
    for place, folders, names in os.walk(top):
        if place == top:
            folders[:] = [name for name in folders if name != b".git" and (whole or name + b"/" not in OURS)]
        for name in names:
            path = place + b"/" + name
            if path == top + b"/.git":
                continue
            seen = os.lstat(path)
            there = Path(os.fsdecode(path))
            content = os.fsencode(there.readlink()) if there.is_symlink() else there.read_bytes()
            files[path[len(top) + 1 :]] = seen.st_mode, seen.st_mtime_ns, content
    asked = ("status", "--porcelain=v2", "-z", "--no-renames", "--untracked-files=all", "--ignored")
    head = raw_git(folder, "rev-parse", "--git-path", "HEAD").decode().strip()
    return Picture(
        files,
        records("ls-files", "-s", "-z"),
        records("ls-files", "-v", "-z"),
        records("-c", "core.fsmonitor=false", "--no-optional-locks", *asked),
        raw_git(folder, "stash", "list", "--format=%H %gs"),
        (folder / head).read_text(),
    )


def _path_of(record: bytes) -> bytes:
    """The path in a record of ls-files -s, ls-files -v or status --porcelain=v2."""
    if b"\t" in record:
        return record.partition(b"\t")[2]
    if record[:2] in (b"1 ", b"u "):
        return record.split(b" ", 8 if record[:1] == b"1" else 10)[-1]
    return record[2:]


def moves(world: World, rev: str = "main") -> list[tuple[str, str, str]]:
    """(commit, item, move) of every commit that moved something, oldest first."""
    form = "%H%x00%(trailers:key=Factory-Item,valueonly,separator=%x2C)%x00"
    form += "%(trailers:key=Factory-Move,valueonly,separator=%x2C)"
    lines = world.git("log", "--reverse", "--first-parent", f"--format={form}", rev).split("\n")
    found = [tuple(line.split("\0")) for line in lines]
    return [(commit, item, move) for commit, item, move in found if move]


def assert_history_agrees(world: World, *ids: str, rev: str = "main") -> None:
    """Folder, journal and commits tell the same story of every item, and no journal ever lost a byte."""
    told = moves(world, rev)
    for item_id in ids:
        lane = world.lane(item_id, rev)
        entries = [entry for entry in world.journal(item_id, rev) if entry.event is not Event.SUBMIT]
        assert entries, f"{item_id} has no journal"
        assert str(entries[-1].to) == lane
        assert [f"{entry.source} -> {entry.to}" for entry in entries] == [
            move for _, item, move in told if item == item_id
        ]
        _chained(entries)
    _append_only(world, rev)


def _chained(entries: list[Entry]) -> None:
    for before, after in pairwise(entries):
        assert after.source is before.to, f"{before.event} ended in {before.to}, {after.event} began in {after.source}"


def _append_only(world: World, rev: str) -> None:
    """Each commit leaves every journal as it was or longer by whole lines."""
    out = world.git("log", "-m", "--first-parent", "-M", "--raw", "--no-abbrev", "--format=", rev, "--", "artifacts")
    for line in out.split("\n"):
        found = re.match(r":\d+ \d+ (\w+) (\w+) (\w)\d*\t(.*)", line)
        if found and "journal.jsonl" in line:
            old, new, kind, paths = found.groups()
            assert kind != "D", f"a journal was deleted: {paths}"
            before = b"" if kind == "A" else raw_git(world.root, "cat-file", "blob", old)
            after = raw_git(world.root, "cat-file", "blob", new)
            assert after.startswith(before)
            assert after.endswith(b"\n")


def cells_of(world: World) -> Path:
    """The folder of this repository's cells."""
    repository = Repository(world.root)
    try:
        return cells_root(repository.common_dir, None)
    finally:
        repository.close()


def processes_in(folder: Path) -> list[str]:
    """The processes that have a path below a folder in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if os.fsencode(folder) in (place / "environ").read_bytes():
                found.append((place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def commands_with(text: str) -> list[int]:
    """The living processes with a text in their command line. Inside its sandbox a worker sees other numbers."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
            alive = (place / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            continue
        if alive and text.encode() in words:
            found.append(int(place.name))
    return found


def assert_nothing_left(world: World) -> None:
    """No lock, no cell, no process, no half-written file, no damage."""
    git = world.root / ".git"
    assert world.status() == ""
    assert world.git("worktree", "list", "--porcelain").count("worktree ") == 1
    assert sorted(path.name for path in git.rglob("*.lock")) == []
    assert sorted(path.name for path in world.root.rglob(".factory-*")) == []
    assert not (git / "factory/pending").exists()
    assert list((git / "factory/heartbeats").glob("*")) == []
    assert not cells_of(world).exists()
    assert processes_in(cells_of(world)) == []
    assert_sound(world)


def assert_sound(world: World) -> None:
    """git finds nothing wrong with the repository."""
    checked = subprocess.run(
        ["git", "fsck", "--strict", "--full"], cwd=world.root, capture_output=True, text=True, check=False
    )
    said = [line for line in (checked.stdout + checked.stderr).split("\n") if line and not line.startswith("dangling")]
    assert (checked.returncode, said) == (0, []), said


class Background:
    """The factory as a process of its own, that a test can signal; under what starts it or traces it, if given."""

    def __init__(
        self, world: World, *arguments: str, before: tuple[str, ...] = (), tracer: tuple[str, ...] = ()
    ) -> None:
        self._tracer: subprocess.Popen[bytes] | None = None
        self.process = self._start(world, *arguments, before=before, tracer=tracer)

    def _start(self, world: World, *arguments: str, before: tuple[str, ...], tracer: tuple[str, ...]) -> Process:
        if tracer:
            traced = Started(arguments, world.root, session=True, before=UNTIL_TRACED)
            self._tracer = subprocess.Popen([*tracer, "-p", str(traced.pid)], start_new_session=True)
            return traced
        if not before:
            return start(arguments, world.root, session=True)
        return subprocess.Popen(
            [*before, *FACTORY, *arguments],
            cwd=world.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def end(self, seconds: float = 60) -> tuple[int, str, str]:
        """Wait for it: exit status, and what it printed."""
        out, err = self.process.communicate(timeout=seconds)
        if self._tracer is not None:
            self._tracer.wait(seconds)
        return self.process.wait(), out, err

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)


def wait_for(condition: object, seconds: float = 15) -> None:
    """Wait until a function says yes."""
    assert callable(condition)
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.02)
