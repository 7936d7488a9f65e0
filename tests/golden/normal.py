"""What differs from one recording to the next is taken out: places, moments, durations, and the numbers of objects."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Replacements = tuple[tuple[re.Pattern[str], str], ...]

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_ID = re.compile(r"sha256:[0-9a-f]{64}|\b(?:[0-9a-f]{40}|[0-9a-f]{16})\b|<id \d+>")
# A stretch of time that varies by less than half of this is told exactly.
_GRAIN = timedelta(minutes=5)
_CHANCE = (
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "<day>"),
    (re.compile(r'("(?:seconds|bytes)": ?)[\d.]+'), r'\1"<number>"'),
    (re.compile(r"\b\d+(?:\.\d+)? ?s\b"), "<seconds>"),
    (re.compile(r"\bprocess \d+\b"), "process <pid>"),
    (re.compile(r"\b[0-9a-f]{7,12}\.\.[0-9a-f]{7,12}\b"), "<id>..<id>"),
)
# What the demo's worker tells of its search, which it breaks off here and there on a slow machine.
_SEARCH = (
    (re.compile(r"^## What was tried\n.*", re.MULTILINE | re.DOTALL), "## What was tried\n"),
    (re.compile(r"^tried \d+ edits; now: .*\n", re.MULTILINE), ""),
    (re.compile(r"\b\d+((?: single)? edits)\b"), r"<number>\1"),
    (re.compile(r"; \d+ ran too long and were stopped \([^)]*\)"), ""),
    (re.compile(r", or the search more time \([^)]*\)"), ""),
)
_SHOWN = (
    (re.compile(r"^\d\d:\d\d:\d\d ", re.MULTILINE), ""),  # the time of a line of news
    (re.compile(r"\b\d+[smhd]\b"), "<ago>"),
    (re.compile(r" {2,}"), "  "),  # columns are as wide as what they hold
)


@dataclass(frozen=True)
class Normal:
    """Takes out what one recording has by chance: `names` are texts, and what stands for each."""

    names: tuple[tuple[str, str], ...]
    host: str

    def text(self, text: str) -> str:
        """The text as every recording has it, but for the ids, which `numbered` deals with."""
        for name, placeholder in self.names:
            text = text.replace(name, placeholder)
        text = re.sub(rf"(?<=@){re.escape(self.host)}\b|\b{re.escape(self.host)}(?=:[0-9a-f]{{16}}\b)", "<host>", text)
        first = _MOMENT.search(text)
        if first:
            since = _moment(first[0])
            text = _MOMENT.sub(lambda found: _after(_moment(found[0]) - since), text)
        return _replaced(text, _CHANCE + _SEARCH)

    def shown(self, text: str) -> str:
        """The same of what a program shows to a person."""
        return self.text(_replaced(text, _SHOWN))


def _replaced(text: str, patterns: Replacements) -> str:
    for pattern, placeholder in patterns:
        text = pattern.sub(placeholder, text)
    return text


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _after(elapsed: timedelta) -> str:
    minutes = round(elapsed / _GRAIN) * int(_GRAIN.total_seconds() // 60)
    return f"<time{minutes:+}m>" if minutes else "<time>"


def numbered(text: str) -> str:
    """The text with every id replaced by a number, in the order in which they appear."""
    known: dict[str, str] = {}
    return _ID.sub(lambda found: known.setdefault(found[0], f"<id {len(known) + 1}>"), text)


def blank(text: str) -> str:
    """The text with all ids the same."""
    return _ID.sub("<id>", text)
