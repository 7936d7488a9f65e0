"""Throw-away repositories for demos: what ships in the package, laid out in a new folder and committed."""

import os
import shutil
import sys
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from pathlib import Path

from factory.cli.scaffold import scaffold
from factory.model.errors import UsageError
from factory.model.layout import contract_path
from factory.store import files
from factory.store.repository.git import Git
from factory.store.system import MACHINE

_SKIPPED = frozenset({"__pycache__"})


def lay_out(folder: Path, source: str, message: str) -> None:
    """A new repository with a folder of the package in it, and what it lacks of a factory, committed.

    Raises UsageError where something lies in the folder already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty", "factory demo SOME-NEW-FOLDER")
    folder.mkdir(parents=True, exist_ok=True)
    git = Git(folder, MACHINE)
    git.run("init", "-q", "-b", "main")
    if not git.text("config", "user.email", allowed=(0, 1)):
        git.run("config", "user.name", "You")
        git.run("config", "user.email", "you@example.org")
    _copy(package_files("factory.cli") / source, folder)
    scaffold(folder, "main")
    (folder / contract_path("change")).unlink()
    commit(folder, message)


def commit(folder: Path, message: str) -> None:
    """Commit all that lies there, as a person does."""
    git = Git(folder, MACHINE)
    git.run("add", "-A")
    git.run("commit", "-q", "-m", message)


def _copy(source: Traversable, target: Path) -> None:
    for entry in source.iterdir():
        if entry.is_dir() and entry.name not in _SKIPPED:
            _copy(entry, target / entry.name)
        elif entry.is_file():
            files.write_new(target / entry.name, entry.read_bytes())


def this_program() -> str:
    """How the reader can call this program again."""
    found = shutil.which("factory")
    same = found is not None and Path(found).resolve() == Path(sys.argv[0]).resolve()
    return "factory" if same or not os.access(sys.argv[0], os.X_OK) else sys.argv[0]
