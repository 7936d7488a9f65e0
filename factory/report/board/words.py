"""Words: how durations, times, amounts and the text of others stand on the page."""

from urllib.parse import quote

from factory.model.moments import moment_of
from factory.model.text import cut, printable

_LONGEST = 240  # characters of one text
UNKNOWN = "–"
_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def lasting(seconds: float | None) -> str:
    """A duration, in the largest unit of which there is one, to a tenth where that says more."""
    if seconds is None:
        return UNKNOWN
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), (1, "s"))
    amount = seconds / size
    told = f"{amount:.1f}" if amount < 10 and size > 60 else f"{amount:.0f}"
    return f"{told.removesuffix('.0')}{unit}"


def moment(seconds: int | None) -> str:
    """A time to the minute, in UTC; what a time stands in is said once on the page."""
    return UNKNOWN if seconds is None else f"{moment_of(seconds):%Y-%m-%d %H:%M}"


def dollars(usd: float | None) -> str:
    """An amount of money."""
    return UNKNOWN if usd is None else f"{usd:,.2f}"


def line(text: str, most: int = _LONGEST) -> str:
    """A text of others as one line that is not long, with nothing in it that turns or hides the rest."""
    return cut(printable(" ".join(text[: 2 * most].split())), most)


def anchor(kind: str, item_id: str) -> str:
    """What an item is called by within the page; the same in an `id` and, after `#`, in a link."""
    return f"{kind}-{quote(item_id, safe='', errors='replace')}".replace("%", "_")
