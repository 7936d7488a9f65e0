"""Usage limits: when one is reset, as an agent's words tell it, or those of the service behind it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from factory.model.failure import Failure, FailureClass
from factory.model.moments import moment_of, seconds_of

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = r"(?:(?P<month>[a-z]{3})[a-z]* (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?:(?P<year>\d{4}),? )?(?:at )?)?"
_CLOCK = r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d))? ?(?P<half>[ap])m\b"
_WITHIN_THE_MINUTE = timedelta(seconds=59)  # a time without seconds may be cut off
_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_ONE = re.compile(r"(\d{1,6}) ?([dhms])", re.IGNORECASE)
# Without a time at which it is reset, an account whose allowance is used up waits for a person.
_USED_UP = re.compile(r"usage limit|\b(hit|reached) your [\w ]{0,30}limit|(weekly|session|hour) limit", re.IGNORECASE)


def with_reset(failure: Failure, told: str, now: datetime) -> Failure:
    """A failure by a limit with the time at which that is reset, where `told` or its reason says so.

    A limit that is used up, and of which nobody says when it is reset, is a matter of billing.
    """
    if failure.kind not in (FailureClass.RATE_LIMIT, FailureClass.BILLING):
        return failure
    reset = reset_told(f"{told}\n{failure.reason}", now)
    if reset is not None:
        return failure._replace(kind=FailureClass.RATE_LIMIT, until=reset)
    return failure._replace(kind=FailureClass.BILLING) if _USED_UP.search(failure.reason) else failure


def reset_told(words: str, now: datetime) -> datetime | None:
    """When words say that a limit is reset; None where they do not. A time without a zone is this machine's."""
    for pattern, read in _WAYS:
        found = pattern.search(words)
        try:
            if found:
                return read(found, now)
        except (ValueError, OverflowError, KeyError, OSError):
            continue  # no such day, time or zone
    return None


def _at_second(found: re.Match[str], _now: datetime) -> datetime:
    return moment_of(seconds_of(found[1]))


def _at_moment(found: re.Match[str], _now: datetime) -> datetime:
    return datetime.fromisoformat(found[1].upper().replace("Z", "+00:00")).astimezone(UTC)


def _after_seconds(found: re.Match[str], now: datetime) -> datetime:
    return now + timedelta(seconds=int(found[1]))


def _after_while(found: re.Match[str], now: datetime) -> datetime:
    return now + timedelta(seconds=sum(int(many) * _UNITS[unit.lower()] for many, unit in _ONE.findall(found[1])))


def _at_clock(found: re.Match[str], now: datetime) -> datetime:
    """A time of the day: the next one after now, unless its day is told."""
    here = now.astimezone(_zone(found.groupdict().get("zone")))
    hour = int(found["hour"]) % 12 + (12 if found["half"].lower() == "p" else 0)
    at = here.replace(hour=hour, minute=int(found["minute"] or 0), second=0, microsecond=0)
    if found["month"]:
        month, day = _MONTHS.index(found["month"].lower()) + 1, int(found["day"])
        at = at.replace(year=int(found["year"] or here.year), month=month, day=day)
        if not found["year"] and at < here - timedelta(days=1):
            at = at.replace(year=here.year + 1)
    elif at + _WITHIN_THE_MINUTE < here:
        at += timedelta(days=1)
    return at.astimezone(UTC) + _WITHIN_THE_MINUTE


def _zone(name: str | None) -> tzinfo | None:
    """A zone by its name; None is this machine's own. Raises KeyError, ValueError or OSError for one that is none."""
    return None if name is None else UTC if name == "UTC" else ZoneInfo(name)


_Read = Callable[[re.Match[str], datetime], datetime]
# The most exact first.
_WAYS: tuple[tuple[re.Pattern[str], _Read], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), read)
    for pattern, read in (
        (r"(?:\||reset(?:s?_?at)?\W{1,5})(\d{10})(?!\d)", _at_second),
        (r"reset\w*\W{1,5}(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d))", _at_moment),
        (r"(?:resets_in_seconds|retry[-_]after)\W{1,5}(\d{1,9})\b", _after_seconds),
        (rf"resets (?:at )?{_DAY}{_CLOCK} \((?P<zone>[\w/+-]{{1,40}})\)", _at_clock),
        (rf"(?:try again|resets) at {_DAY}{_CLOCK}", _at_clock),
        (r"(?:try again|resets) in ((?:\d{1,6} ?[dhms][a-z]*[ ,]*(?:and )?){1,4})", _after_while),
    )
)
