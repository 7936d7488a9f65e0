"""Durations as people write them: 1h30m, 2d, 45s."""

import re

SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
PART = re.compile(r"(\d+)([dhms])")


def parse_duration(text: str) -> int:
    """The seconds that a duration such as `1h30m` stands for."""
    total = 0
    position = 0
    compact = text.replace(" ", "")
    while position < len(compact):
        match = PART.match(compact, position)
        if match is None:
            raise ValueError(f"not a duration: {text}")
        total = int(match.group(1)) * SECONDS[match.group(2)]
        position = match.end()
    return total


def format_duration(seconds: int) -> str:
    """The shortest way to write so many seconds."""
    parts = []
    for unit, size in SECONDS.items():
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
