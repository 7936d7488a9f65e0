"""Notify: who is told of what, as WORKFLOW.md says, and when they are not to be disturbed."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from factory.model.base import Argv, Minutes, Name, Text, digest_of
from factory.model.lifecycle import Lane
from factory.model.notice import Notice, Occasion
from factory.model.section import Section
from factory.model.text import label

_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_ID = 16  # hexadecimal digits


def _hours(text: str) -> str:
    found = _HOURS.fullmatch(text)
    if found is None or found.group(1, 2) == found.group(3, 4):
        raise ValueError('should be two times of the day, from 00:00 to 23:59, such as "22:00-07:00"')
    return text


def _no_url(name: str) -> str:
    if "://" in name:
        raise ValueError("names the environment variable that holds the URL; no URL belongs in a committed file")
    return name


Hours = Annotated[str, AfterValidator(_hours)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
UrlVariable = Annotated[str, AfterValidator(_no_url), StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]


def zone_of(name: str) -> tzinfo | None:
    """A time zone; None for one that this machine does not know."""
    if name == "UTC":
        return UTC  # which needs no table of zones
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


class NotifyWhen(Section):
    """What a notice must be of for a rule to tell it: something of each list that is not empty, and all labels."""

    contracts: tuple[Name, ...] = ()
    labels: tuple[Text, ...] = ()
    lanes: tuple[Lane, ...] = ()
    missions: tuple[Text, ...] = ()

    def fits(self, notice: Notice) -> bool:
        """Whether a notice is of all that is asked for."""
        one_of = ((self.contracts, notice.contract), (self.lanes, notice.lane), (self.missions, notice.mission))
        return set(self.labels) <= set(notice.labels) and all(not names or name in names for names, name in one_of)


class NotifyRule(Section):
    """One way of telling people, and of what: a command, or services by a URL of Apprise's."""

    on: Annotated[tuple[Occasion, ...], Field(min_length=1)]
    when: NotifyWhen = NotifyWhen()
    run: Argv | None = None
    apprise: UrlVariable | None = None
    env: tuple[Variable, ...] = ()
    quiet: Hours | None = None
    timezone: Text = "UTC"
    digest: Minutes | None = None

    @model_validator(mode="after")
    def _tells_somebody(self) -> Self:
        if (self.run is None) == (self.apprise is None):
            raise ValueError("needs exactly one of 'run' and 'apprise'")
        return self

    @property
    def target(self) -> str:
        """What tells this way of telling from others; rules that agree in it tell a thing once."""
        return digest_of([*(self.run or ()), self.apprise]).rpartition(":")[2][:_ID]

    @property
    def to(self) -> str:
        """Whom it tells, in words."""
        return label(f"apprise ${self.apprise}" if self.apprise else " ".join(self.run or ()))

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables of the environment that are let through, besides PATH, HOME and LANG."""
        return tuple(dict.fromkeys((*self.env, *([self.apprise] if self.apprise else []))))

    def wants(self, notice: Notice) -> bool:
        """Whether it tells this."""
        return notice.event in self.on and self.when.fits(notice)

    def due(self, notice: Notice, now: datetime) -> datetime:
        """When, from now on, a notice may be told: once the minutes of a digest are over, and not in quiet hours."""
        return self._awake(max(now, notice.at + timedelta(minutes=self.digest or 0.0)))

    def _awake(self, moment: datetime) -> datetime:
        """This moment, or the end of the quiet hours that it is in."""
        if self.quiet is None:
            return moment
        local = moment.astimezone(zone_of(self.timezone) or UTC)
        first, last = (int(part[:2]) * 60 + int(part[3:]) for part in self.quiet.split("-"))
        minute = local.hour * 60 + local.minute
        if not (first <= minute < last if first < last else minute >= first or minute < last):
            return moment
        ends = local.replace(hour=last // 60, minute=last % 60, second=0, microsecond=0)
        return (ends if minute < last else ends + timedelta(days=1)).astimezone(UTC)


NotifyRules = Annotated[tuple[NotifyRule, ...], Field(max_length=20)]
