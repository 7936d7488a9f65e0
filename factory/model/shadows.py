"""Shadows: new modules that Python finds before those of the same name which a check or its tools were to load."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from factory.model.base import Argv
from factory.model.commands import starts_python, words

_FOLDER = re.compile(r"(?:(?<![\w-])cd\s+|(?i:pythonpath)[=\s]\s*)[\"']?([^\s;&|\"'()]+)")
_SCRIPT = re.compile(r"\b(?:python|pypy)[\d.]*\s+(?:-[^\scm]+\s+)*(?![-\s])([^\s;&|\"'()]+)")
_ENDINGS = r"(?:\.[\w-]+)*\.(?:py|pyc|so|pyd)"
_FILE = re.compile(rf"([A-Za-z_]\w*){_ENDINGS}")
_BEGINNING = re.compile(rf"__init__{_ENDINGS}")
# No tool loads these for itself, and they come with ordinary work.
_FOR_NO_TOOL = re.compile(r"__init__|tests?|test_\w+|\w+_tests?|conftest")


def shadows(argvs: Iterable[Argv], made: Mapping[str, bool]) -> dict[str, str]:
    """The new files that bring a module of a new name where an argv makes Python look first, and the word that does.

    That is where Python is started, and beside a script that it runs. What its tools load there nobody knows, so every
    new name counts. A module deeper in a package, or in a folder of sources, is in nobody's way. `made` says of each
    changed path whether it is new.
    """
    found: dict[str, str] = {}
    for argv in argvs:
        word = starts_python(argv)
        for folder in dict.fromkeys(_folders(argv)) if word else ():
            found |= dict.fromkeys(_new_in(folder, made), word)
    return found


def _new_in(folder: str, made: Mapping[str, bool]) -> Iterator[str]:
    below = {path: path.removeprefix(folder) for path in made if path.startswith(folder)}
    known = {_name(rest) for path, rest in below.items() if not made[path]}
    for path, rest in below.items():
        name = _module(rest) if made[path] else ""
        if name and name not in known and not _FOR_NO_TOOL.fullmatch(name):
            yield path


def _folders(argv: Argv) -> Iterator[str]:
    """The folders in which Python looks first, each with a slash at its end; that of the root is empty."""
    text = " ".join(argv)
    entered = [part for found in _FOLDER.findall(text) for part in found.split(":")]
    scripts = [word for word in words(argv) if re.fullmatch(r"\S+\.py", word)] + _SCRIPT.findall(text)
    beside = {"", *(posixpath.dirname(script) for script in scripts)}
    for start in ("", *entered, *accumulate(entered, posixpath.join)):
        for folder in sorted(beside):
            yield from _places(posixpath.join(start, folder))


def _places(folder: str) -> Iterator[str]:
    """What a folder may be in the repository; an absolute one lies at any depth."""
    place = posixpath.normpath(re.sub(r"^\$\{?\w+\}?/?", "", folder) or ".")
    parts = [part for part in place.split("/") if part not in ("", ".")]
    for skipped in range(len(parts) if place.startswith("/") else 1):
        yield "".join(f"{part}/" for part in parts[skipped:])


def _name(path: str) -> str:
    """What a file is called, or the folder that it lies in, as a module would be."""
    first, _, rest = path.partition("/")
    return first if rest else first.partition(".")[0]


def _module(path: str) -> str:
    """The module that a file brings: itself, or the package that it begins."""
    first, _, rest = path.partition("/")
    if rest:
        return first if first.isidentifier() and _BEGINNING.fullmatch(rest) else ""
    found = _FILE.fullmatch(first)
    return found[1] if found else ""
