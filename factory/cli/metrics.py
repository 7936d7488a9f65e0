"""`factory metrics`: how the factory does, in numbers."""

import re
from collections.abc import Iterator

import click

from factory.cli.say import say
from factory.cli.session import json_option, repository
from factory.cli.text import echo_json, table
from factory.line.snapshot import SnapshotReader
from factory.model.errors import UsageError
from factory.model.moments import moment_of, rfc3339
from factory.model.text import counted, label, printable
from factory.report.fold.fold import fold_of
from factory.report.metrics.grouping import By
from factory.report.metrics.metrics import Measured, Metrics, metrics_of
from factory.report.metrics.prometheus import MOST_GROUPS, prometheus_text
from factory.report.metrics.tally import DAY
from factory.store.library import locate_branch
from factory.store.repository.repository import Repository
from factory.store.repository.revisions import resolve

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_BACK = re.compile(r"(\d{1,5})([dw])")
_UNITS = ((DAY, "d"), (3600, "h"), (60, "m"), (1, "s"))


@click.command("metrics")
@click.option("--since", metavar="DAY", help="A date as 2026-11-21, days or weeks back as 30d or 4w, or a commit.")
@click.option("--by", type=click.Choice([str(by) for by in By]), help="The same for each of these.")
@click.option("--at", "revision", metavar="COMMIT", help="As it was at this commit, in place of now.")
@click.option("--prometheus", "for_prometheus", is_flag=True, help="In Prometheus' text format.")
@json_option
def metrics_command(
    since: str | None, by: str | None, revision: str | None, for_prometheus: bool, as_json: bool
) -> None:
    """Say how the factory does: flow, quality, reviews, cost and handoffs.

    Each number comes with n, on how many things it rests; docs/metrics.md defines them all. Days are UTC's.
    """
    if as_json and for_prometheus:
        raise UsageError("--json and --prometheus are two forms of the same", "factory metrics --json")
    with repository() as opened:
        branch = locate_branch(opened)
        commit = resolve(opened, revision) if revision else opened.tip(branch)
        reader = SnapshotReader(opened, branch)
        now = None if revision else int(opened.system.now().timestamp())
        fold = fold_of(reader, commit, now)
        day = _day(opened, since, fold.at) if since else None
        found = metrics_of(reader, fold, By(by) if by else None, day, MOST_GROUPS if for_prometheus else None)
        unreadable = fold.unreadable
    for problem in unreadable:
        say(f"left out: {problem}", err=True)
    if as_json:
        echo_json({**found.as_json(), "unreadable": [str(problem) for problem in unreadable]})
    elif for_prometheus:
        click.echo(prometheus_text(found), nl=False)
    else:
        _print(found)


def _day(opened: Repository, since: str, now: int) -> int:
    """The day from which on things count, in days since 1970. Raises UsageError for what is none."""
    if _DATE.fullmatch(since):
        try:
            return int(click.DateTime(["%Y-%m-%dT%z"])(f"{since}T+0000").timestamp()) // DAY
        except click.BadParameter:
            raise UsageError(f"{since} is no day", "factory metrics --since 2026-11-21") from None
    if back := _BACK.fullmatch(since):
        return now // DAY - int(back[1]) * (7 if back[2] == "w" else 1)
    return opened.objects.commit(resolve(opened, since)).committed_at // DAY


def _print(found: Metrics) -> None:
    begins = "the beginning" if found.since is None else rfc3339(moment_of(found.since))[:10]
    click.echo(f"at {found.commit[:10]}, from {begins} to {rfc3339(moment_of(found.until))}")
    for group, told in found.groups.items():
        if found.by:
            click.echo(f"\n{click.style(f'{found.by} {printable(label(group))}', bold=True)}")
        rows = [row for each in told for row in _rows(each)]
        if rows:
            table(rows, ["METRIC", "OF", "VALUE", "N"])
        else:
            click.echo("nothing has happened in this time")
    if found.by:
        click.echo(f"\n{counted(len(found.groups), 'group')}")


def _rows(each: Measured) -> Iterator[tuple[str, str, str, str]]:
    """A number as people read it; nothing where it rests on nothing."""
    of = ", ".join(printable(label(value)) for value in each.labels)
    if each.spread is not None:
        told = ", ".join(f"{word} {_shown(each.name, value)}" for word, value in each.spread.items())
        yield each.name, of, told, str(each.n)
    elif each.value is not None and each.n:
        yield each.name, of, _shown(each.name, each.value), str(each.n)


def _shown(name: str, value: int | float) -> str:
    if name.endswith("_seconds"):
        return _duration(value)
    if name.endswith("_ratio"):
        return f"{value:.1%}"
    if "usd" in name and name != "usd_unknown_runs":
        return f"{value:.2f} USD"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _duration(seconds: float) -> str:
    """Its two largest units."""
    if seconds < 60:
        return f"{seconds:.0f}s" if seconds >= 10 or seconds == int(seconds) else f"{seconds:.1f}s"
    told: list[str] = []
    left = int(seconds)
    for size, unit in _UNITS:
        if left >= size or told:
            told.append(f"{left // size}{unit}")
            left %= size
    return " ".join(told[:2])
