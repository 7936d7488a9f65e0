"""Moments: the one way from what a commit says of its time to a time that can be reckoned with."""

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
