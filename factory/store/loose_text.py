"""Loose text: what was meant for a block of text in a YAML file, and is not indented below its key. Pure."""

import re

_BLOCK = re.compile(r"( *)(?:- +)?([\w.-]+): *[|>][+-]?\d?[+-]? *(?:#.*)?")
_PLAIN = re.compile(r"\s*(?:- +)*[\w.-]+: +[^\s'\"|>{\[#].*?:(?: .*)?")
_KEY = re.compile(r"[\w.-]+:(?: |$)")


def advice(text: str, line: int) -> str:
    """How to put right what keeps a text from being YAML at a line, counted from 0, as the end of a sentence.

    Empty where it is not about text that stands beside the key it belongs to, or that a colon makes a key of.
    """
    loose = _indent(text, line)
    told = "".join(text.split("\n")[line : line + 1]).rstrip()  # the end of a text is behind its last line
    return loose or ("; quote a text that holds a colon" if _PLAIN.fullmatch(told) else "")


def _indent(text: str, line: int) -> str:
    """What is to be indented below its key; empty where nothing is."""
    lines = text.split("\n")[: line + 1]
    for number in range(len(lines) - 1, -1, -1):
        block = _BLOCK.fullmatch(lines[number].rstrip("\r"))
        if block:
            indent = len(block[1])
            beside = (each for each in lines[number + 1 :] if each.strip() and not each.startswith(" " * (indent + 1)))
            loose = next(beside, "")
            return f"; indent it under {block[2]}" if loose and not _KEY.match(loose.strip()) else ""
    return ""
