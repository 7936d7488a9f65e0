"""Path patterns: `*` and `?` stay within a folder, `**` does not."""

import re
from collections.abc import Iterable
from functools import cache


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether any of the patterns covers the whole path."""
    return any(_compiled(pattern).fullmatch(path) for pattern in patterns)


def covers(path: str, patterns: Iterable[str]) -> bool:
    """Whether any of the patterns covers the path, or a folder that it lies in."""
    return any(matches(path, (pattern, f"{pattern}/**")) for pattern in patterns)


def beginning(pattern: str) -> str:
    """What every path begins with that a pattern covers."""
    return re.split(r"[*?]", pattern, maxsplit=1)[0]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    wild = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    return re.compile("".join(wild.get(part) or re.escape(part) for part in parts), re.DOTALL)
