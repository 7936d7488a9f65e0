"""Text of others: cut, and without what a terminal would obey."""

import re

LONGEST_SAID = 4000  # characters
_LONGEST_LABEL = 200
_LONGEST_LINE = 160  # characters
_LONGEST_ROW = 500
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# What ECMA-48 calls control sequences and strings: colours, moves of the cursor, titles, links.
_FOR_TERMINALS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])")


def printable(text: str) -> str:
    """Text of others without anything that a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def without_colours(text: str) -> str:
    """What a program printed, without what would colour it on a terminal."""
    return _COLOUR.sub("", text)


def plain(text: str) -> str:
    """What a program printed, without the sequences by which it colours that on a terminal, or moves about there."""
    return _FOR_TERMINALS.sub("", text)


def cut(text: str, most: int) -> str:
    """A text of at most so many characters; one that was longer ends in an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def last_line(text: str) -> str:
    """The last line that a program printed anything on, without colours and cut; empty when it printed nothing."""
    told = (" ".join(printable(without_colours(line)).split()) for line in reversed(text.splitlines()))
    return cut(next((line for line in told if line), ""), _LONGEST_LINE)


def one_line(text: str) -> str:
    """A text of others as one line, cut where it is longer than anybody reads; `factory log` tells the whole."""
    return cut(printable(" ".join(text.split())), _LONGEST_ROW)


def label(text: str) -> str:
    """What others call something, as one short line, whatever they say."""
    return cut(printable(" ".join(text[: 2 * _LONGEST_LABEL].split())), _LONGEST_LABEL)


def said(text: str) -> str:
    """What others say, in so many words that a journal, a commit message or a terminal can hold it."""
    return cut(printable(text), LONGEST_SAID)


def counted(count: int, what: str) -> str:
    """How many of something there are, as people say it."""
    return f"{count} {what}{'' if count == 1 else 's'}"
