"""Twins: two folders that begin alike, in one of which git works, and in the other the git of the simulation."""

import os
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from factory.store.repository.git import environment
from tests.simulation.git.process import Process

_AGO_S = 100_000  # so that no clean-up takes anything for old
_TIMES = re.compile(r"^  (?:ctime|mtime|dev|uid): .*\n", re.MULTILINE)
_SIZE = re.compile(r"^  size: (\d+)\tflags: (\w+)$", re.MULTILINE)


class Said(NamedTuple):
    """How a call ended."""

    status: int
    out: bytes
    err: bytes


class Twins:
    """Does everything twice, and compares."""

    def __init__(self, place: Path) -> None:
        self.real, self.made = place / "real", place / "made"
        self.real.mkdir(parents=True)
        self.made.mkdir()
        self.seconds = int(time.time()) - _AGO_S
        self._touched = self.seconds

    def env(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of the product, with one person at one time for both."""
        told = {f"GIT_{role}_DATE": f"{self.seconds} +0000" for role in ("AUTHOR", "COMMITTER")}
        who = {f"GIT_{role}_{what}": text for role in ("AUTHOR", "COMMITTER") for what, text in _ANN.items()}
        env = environment({**told, **who, **(extra or {})})
        del env["GIT_GRAFT_FILE"]  # of which git speaks at every commit
        return env

    def git(
        self,
        *arguments: str,
        stdin: bytes = b"",
        below: str = "repo",
        env: Mapping[str, str] | None = None,
        exact: bool = True,
    ) -> Said:
        """Run a command in both. It must end alike; with `exact`, say the same."""
        self.seconds += 1
        real = self._ran(self.real, arguments, stdin, below, env)
        made = self._simulated(self.made, arguments, stdin, below, env)
        shown = f"git {' '.join(arguments)}\nreal {real}\nmade {made}"
        assert real.status == made.status, shown
        if exact:
            assert (real.out, real.err) == (made.out, made.err), shown
        return made

    def _ran(
        self, place: Path, arguments: Sequence[str], stdin: bytes, below: str, env: Mapping[str, str] | None
    ) -> Said:
        words = [word.replace("@", str(place)) if word.startswith("@") else word for word in arguments]
        told = _placed(place, self.env(env))
        done = subprocess.run(
            ["git", *words], cwd=place / below, env=told, input=stdin, capture_output=True, check=False
        )
        return _without(place, Said(done.returncode, done.stdout, done.stderr))

    def _simulated(
        self, place: Path, arguments: Sequence[str], stdin: bytes, below: str, env: Mapping[str, str] | None
    ) -> Said:
        words = [word.replace("@", str(place)) if word.startswith("@") else word for word in arguments]
        told = _placed(place, self.env(env))
        pipe = subprocess.PIPE
        with Process(["git", *words], lambda: self.seconds, cwd=place / below, env=told, stdin=pipe) as process:
            out, err = process.communicate(stdin)
        return _without(place, Said(process.returncode, out, err))

    def write(self, path: str, data: str | bytes, *, mode: int = 0o644) -> None:
        """A file, in both, of one and the same time that was long ago."""
        self._touched += 1
        for root in (self.real, self.made):
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data.encode() if isinstance(data, str) else data)
            place.chmod(mode)
            os.utime(place, (self._touched, self._touched))

    def each(self, do: Callable[[Path], None]) -> None:
        """Do something in both."""
        do(self.real)
        do(self.made)

    def remove(self, path: str) -> None:
        """Remove a file or a folder, in both."""
        for root in (self.real, self.made):
            place = root / path
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)

    def compare(self, below: str = "repo") -> None:
        """Both must hold the same, as git sees it, and git must find nothing wrong with what was simulated."""
        real, made = (state(root / below, self.env()) for root in (self.real, self.made))
        assert sorted(real) == sorted(made), (set(real) - set(made), set(made) - set(real))
        for name in real:
            assert real[name] == made[name], f"{name}:\nreal {real[name]}\nmade {made[name]}"
        told = [asked(root / below, self.env(), "fsck", "--strict", "--no-dangling") for root in (self.real, self.made)]
        assert told[0].replace(str(self.real), "@") == told[1].replace(str(self.made), "@")


def _placed(place: Path, env: Mapping[str, str]) -> dict[str, str]:
    return {key: str(place) + value[1:] if value.startswith("@") else value for key, value in env.items()}


_ANN = {"NAME": "Ann", "EMAIL": "ann@example.org"}
# What is but a note for people, or of which a program makes nothing.
_SKIPPED = ("COMMIT_EDITMSG", "FETCH_HEAD", "description", "hooks", "objects", "index", "config", "branches", "gc.log")
_OF_REBASE = ("head-name", "onto", "orig-head")  # what others read of it


def _without(place: Path, said: Said) -> Said:
    name = os.fsencode(place)
    return Said(said.status, said.out.replace(name, b"@"), said.err.replace(name, b"@"))


def asked(folder: Path, env: Mapping[str, str], *arguments: str) -> str:
    """What the real git says."""
    told = ["git", *arguments]
    done = subprocess.run(told, cwd=folder, env={**env, "GIT_OPTIONAL_LOCKS": "0"}, capture_output=True, check=False)
    text = (done.stdout + done.stderr).decode(errors="replace")
    return f"{text}{done.returncode}"


def state(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    """All that two repositories can differ in, but for times, inodes and how objects lie on disk."""
    told = {
        "refs": asked(folder, env, "for-each-ref"),
        "status": asked(folder, env, "status", "--porcelain", "-uall", "--ignored"),
        "index": _index(asked(folder, env, "ls-files", "-s", "-v", "--debug")),
        "objects": asked(folder, env, "cat-file", "--batch-all-objects", "--batch-check"),
    }
    git_dir = folder / ".git" if (folder / ".git").is_dir() else folder
    told |= {f"file {name}": text for name, text in _files(git_dir, _SKIPPED).items()}
    if git_dir != folder:
        told |= {f"tree {name}": text for name, text in _files(folder, (".git",)).items()}
    return {name: text.replace(str(folder.parent), "@") for name, text in told.items()}


def _index(text: str) -> str:
    """The index without times; a size that says "look again" depends on the moment."""
    return _SIZE.sub(r"  flags: \2", _TIMES.sub("", text))


def _files(root: Path, skipped: Sequence[str]) -> dict[str, str]:
    found = {}
    for place in sorted(root.rglob("*")):
        path = place.relative_to(root)
        if path.parts[0] in skipped or (place.is_dir() and not place.is_symlink()):
            continue
        if path.parts[0] == "rebase-merge" and path.name not in _OF_REBASE:
            continue
        data = str(place.readlink()) if place.is_symlink() else place.read_bytes().decode(errors="surrogateescape")
        found[str(path)] = f"{stat.S_IMODE(place.lstat().st_mode):o} {data}"
    return found
