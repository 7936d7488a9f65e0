"""Moments: times as files have them, and the one way from what a commit says of its time to one to reckon with."""

from datetime import UTC, datetime

LATEST = int(datetime(9998, 12, 31, tzinfo=UTC).timestamp())  # a day from here in any direction still is a date
_DIGITS = 20  # more say no more than these: anybody can write a commit, and git keeps what it says


def seconds_of(told: str) -> int:
    """Seconds since 1970 as a commit tells them: 0 when it tells none or an earlier time, LATEST for any later one.

    The audit's findings about dates compare what this gives with the journal's own times.
    """
    digits = told.strip()
    if not (digits.isascii() and digits.isdecimal()):
        return 0
    return min(int(digits[:_DIGITS]), LATEST)


def moment_of(seconds: int) -> datetime:
    """The moment so many seconds after 1970 began, in UTC, within the same bounds."""
    return datetime.fromtimestamp(max(0, min(seconds, LATEST)), UTC)


def epoch(moment: datetime) -> int:
    """Whole seconds since 1970: the way back of `moment_of`."""
    return int(moment.timestamp())


def rfc3339(moment: datetime) -> str:
    """A time as it stands in every file: UTC, whole seconds."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def midnight(moment: datetime) -> datetime:
    """When the day of a moment began, in UTC."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> str:
    """The day of a moment, in UTC, as folders are named after it: 2026-11-21."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def to_the_second(moment: datetime) -> datetime:
    """As it will be read again: whoever is told of an entry gets the very one that the journal has."""
    try:
        return moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise ValueError("is a time that no calendar has") from None


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    if moment is None:
        return "-"
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
