"""Owns the folders that candidates are tried in, and the program's place in each of them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

MANY_FILES = 2_000
MANY_BYTES = 50 << 20
LEFT_OUT = frozenset({".git", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"})


def is_small(root: Path) -> bool:
    """Whether a tree is cheap to copy."""
    size = 0
    for number, path in enumerate(_files(root)):
        size += path.lstat().st_size
        if number >= MANY_FILES or size > MANY_BYTES:
            return False
    return True


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        yield from (Path(folder, name) for name in names if name != ".git")


def copy(root: Path, target: Path, bytecode: bool = False) -> None:
    """Copies a tree without its history; with its compiled files if these are known to be fresh."""
    left_out = LEFT_OUT - {"__pycache__"} if bytecode else LEFT_OUT
    shutil.copytree(root, target, symlinks=True, ignore=lambda _, names: left_out.intersection(names))


def forget_bytecode(program: Path) -> None:
    """Drops the compiled forms of a program: they are told apart by whole seconds only, too coarse for a search."""
    for path in (program.parent / "__pycache__").glob(f"{program.stem}.*.pyc"):
        path.unlink(missing_ok=True)
