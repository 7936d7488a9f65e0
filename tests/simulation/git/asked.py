"""What a command was asked: its options, told from what they are about."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple


class Asked(NamedTuple):
    """The options that are on, those with a value, what else was named, and what came after `--`."""

    on: frozenset[str]
    values: dict[str, str]
    rest: list[str]
    paths: list[str]
    split: bool  # whether there was a `--`


def asked(command: str, arguments: Sequence[str], flags: str = "", values: str = "") -> Asked:
    """Sort arguments. `values` names options as `--x=` or `-x`, whose value follows. Raises NotImplementedError."""
    known, with_value = _words(flags), _words(values)
    on: set[str] = set()
    found: dict[str, str] = {}
    rest: list[str] = []
    words = iter([each for word in arguments for each in _apart(word, known, with_value)])
    for word in words:
        if word == "--":
            return Asked(frozenset(on), found, rest, list(words), True)
        if word in known:
            on.add(word)
        elif word in with_value and not word.endswith("="):
            found[word] = next(words)
        elif word.partition("=")[0] + "=" in with_value:
            name, equals, value = word.partition("=")
            found[name] = value if equals else next(words)
        elif word.startswith("-") and word != "-":
            raise NotImplementedError(f"git {command} {' '.join(arguments)}: the option {word}")
        else:
            rest.append(word)
    return Asked(frozenset(on), found, rest, [], False)


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _apart(word: str, known: frozenset[str], with_value: frozenset[str]) -> list[str]:
    """The options in one that stands for several (`-am`)."""
    if len(word) < 3 or word[0] != "-" or word[1] == "-" or word in known:
        return [word]
    letters = [f"-{letter}" for letter in word[1:]]
    return letters if known.issuperset(letters[:-1]) and letters[-1] in known | with_value else [word]


def lines(*said: str) -> bytes:
    """Lines as git prints them."""
    return "".join(f"{line}\n" for line in said).encode("utf-8", "surrogateescape")
