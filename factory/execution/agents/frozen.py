"""Frozen: what a worker finds in its worktree and cannot write."""

import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from factory.model.globs import beginning, covers, matches
from factory.store import files
from factory.store.repository.objects import Objects

_MOST = 500  # each is a mount of its own; what lies in a folder that is frozen as a whole is none


def frozen_places(objects: Objects, tree: str, patterns: Sequence[str], root: Path) -> tuple[Path, ...]:
    """The files and folders of a tree, laid out below `root`, that patterns cover: no more than can be mounted."""
    found = (root / path for path in _frozen(objects, tree, patterns, "") if _is_plain(root, path))
    return tuple(islice(found, _MOST))


def _frozen(objects: Objects, tree: str, patterns: Sequence[str], prefix: str) -> Iterator[str]:
    """Folders as a whole where all that could be in them is covered, then files one by one."""
    whole = [*patterns, *(pattern.removesuffix("/**") for pattern in patterns)]
    for name, entry in objects.tree(tree).items():
        path = prefix + name
        if entry.is_folder:
            if matches(path, whole):
                yield path
            elif any(_leads(pattern, f"{path}/") for pattern in patterns):
                yield from _frozen(objects, entry.oid, patterns, f"{path}/")
        elif covers(path, patterns):
            yield path


def _leads(pattern: str, folder: str) -> bool:
    """Whether something below a folder may be covered, as far as the pattern's beginning says."""
    first = beginning(pattern)
    return first.startswith(folder) or folder.startswith(first)


def _is_plain(root: Path, path: str) -> bool:
    """Whether a plain file or folder lies there, and no link leads to it: a hook may have laid something else."""
    above = files.real_folder(root, str(PurePosixPath(path).parent))
    try:
        mode = (root / path).lstat().st_mode
    except OSError:
        return False
    return above is not None and (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
