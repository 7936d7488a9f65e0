"""What is ignored: .gitignore files and the lists beside them (gitignore)."""

from collections.abc import Sequence
from typing import NamedTuple

from tests.simulation.git import files
from tests.simulation.git.config import excludes
from tests.simulation.git.pathspec import glob
from tests.simulation.git.repo import Repo


class _Rule(NamedTuple):
    pattern: bytes
    wanted: bool  # it begins with `!`
    folder_only: bool
    anywhere: bool  # it holds no slash, so it is about names


_parsed: dict[bytes, tuple[_Rule, ...]] = {}


def _rules(data: bytes) -> tuple[_Rule, ...]:
    found = _parsed.get(data)
    if found is None:
        found = _parsed[data] = tuple(rule for line in data.split(b"\n") if (rule := _rule(line)))
    return found


def _rule(line: bytes) -> _Rule | None:
    line = line.removesuffix(b"\r")
    while line.endswith(b" ") and not line.endswith(b"\\ "):
        line = line[:-1]
    if not line or line.startswith(b"#"):
        return None
    wanted = line.startswith(b"!")
    line = line[1:] if wanted else line
    folder_only = line.endswith(b"/")
    line = line.removesuffix(b"/")
    anywhere = b"/" not in line
    return _Rule(line.removeprefix(b"/"), wanted, folder_only, anywhere)


class Ignored:
    """Tells what is ignored in one working tree."""

    def __init__(self, repo: Repo) -> None:
        self._root = repo.root
        places = excludes(repo.config, repo.common_dir, repo.env)
        self._general: tuple[_Rule, ...] = sum((_rules(files.read(place) or b"") for place in places), ())
        self._of: dict[bytes, tuple[_Rule, ...]] = {}

    def _local(self, folder: bytes) -> tuple[_Rule, ...]:
        found = self._of.get(folder)
        if found is None:
            below = folder.decode("utf-8", "surrogateescape")
            place = f"{self._root}/{below}/.gitignore" if folder else f"{self._root}/.gitignore"
            found = self._of[folder] = _rules(files.read(place) or b"")
        return found

    def __call__(self, path: bytes, *, is_folder: bool) -> bool:
        """Whether a path is ignored, as its own name and its folders' lists tell; not what holds for a folder above."""
        parts = path.split(b"/")
        for depth in range(len(parts) - 1, -1, -1):
            told = _told(self._local(b"/".join(parts[:depth])), b"/".join(parts[depth:]), is_folder)
            if told is not None:
                return told
        return bool(_told(self._general, path, is_folder))


def _told(rules: Sequence[_Rule], path: bytes, is_folder: bool) -> bool | None:
    for rule in reversed(rules):
        if rule.folder_only and not is_folder:
            continue
        subject = path.rpartition(b"/")[2] if rule.anywhere else path
        if glob(rule.pattern, by_folder=True).fullmatch(subject):
            return not rule.wanted
    return None
