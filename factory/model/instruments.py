"""Instruments: the files by which a check or a seat can be made to say yes, as far as its argv names them."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from factory.model.base import Argv
from factory.model.commands import modules, program, starts_python, words
from factory.model.globs import matches
from factory.model.unasked import READ_BY, READ_BY_PYTHON

_SUFFIXES = (".py", ".js", ".mjs", ".cjs", ".ts", ".sh", "/__main__.py", "/index.js", "/main.go")

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def named(argvs: Iterable[Argv], paths: Iterable[str]) -> dict[str, str]:
    """Those of the paths with which one of the argvs could be made to end well, each with the word that names it.

    A path is named by a word that is it, by folders and a word together (`cd ci && ./x.sh`), as a module, by a shell's
    pattern, or because a program that is named reads it unasked, as `make` does its Makefile and Python its `*.pth`.
    """
    argvs = tuple(argvs)
    named: dict[str, str] = {}
    patterns: dict[str, str] = {}
    for word in dict.fromkeys(word for argv in argvs for word in words(argv)):
        for place in _places(word):
            (patterns if set("*?") & set(place) else named).setdefault(place, word)
        patterns |= dict.fromkeys(READ_BY.get(program(word), ()), program(word))
    for argv in argvs:
        named |= {f"{module.replace('.', '/')}/__init__.py": module for module in modules(argv)}
        if word := starts_python(argv):
            patterns |= dict.fromkeys(READ_BY_PYTHON, word)
    found = {path: _word_for(path, named) or _pattern_for(path, patterns) for path in paths}
    return {path: word for path, word in found.items() if word}


def _places(word: str) -> Iterator[str]:
    """The paths that a word may stand for."""
    for text in (word, word[2:] if re.match(r"-[A-Za-z]", word) else ""):
        place = re.sub(r"^(\.\./|/)+", "", posixpath.normpath(text)) if text else ""
        if place not in ("", ".", ".."):
            yield place
            yield from (place + suffix for suffix in _SUFFIXES if "." not in program(place))
    if _MODULE.fullmatch(word):
        parts = word.split(".")
        for module in ("/".join(parts[:count]) for count in range(1, len(parts) + 1)):
            yield from (module + suffix for suffix in (".py", "/__main__.py", "/__init__.py"))


def _word_for(path: str, words: Mapping[str, str]) -> str:
    """The last of the words that make up a path between them; nothing when they do not."""
    parts = path.split("/")
    reached = {0: ""}
    for end in range(1, len(parts) + 1):
        for start in reached:
            word = words.get("/".join(parts[start:end]))
            if word is not None:
                reached[end] = word
                break
    whole = (word for place, word in words.items() if word.startswith("/") and place.endswith(f"/{path}"))
    return reached.get(len(parts), "") or next(whole, "")


def _pattern_for(path: str, patterns: Mapping[str, str]) -> str:
    return next((word for pattern, word in patterns.items() if matches(path, [pattern])), "")
