"""`factory doctor`: what is there and what is not, and what to do about it."""

from collections.abc import Generator
from contextlib import closing

import click

from factory.cli.interrupts import stopping
from factory.cli.session import json_option, reading, repository
from factory.cli.text import echo_json
from factory.connect.otel.diagnosis import of_exporting
from factory.connect.otel.settings import settings_of
from factory.model.text import printable
from factory.report.baseline import baseline
from factory.report.diagnosis import Diagnosis, Health
from factory.report.doctor import examine
from factory.report.probe import probed

_COLOURS = {Health.GOOD: "green", Health.NOTE: "yellow", Health.BAD: "red"}


@click.command("doctor")
@click.option(
    "--checks", is_flag=True, help="Try every contract's checks on the untouched branch, and without the product."
)
@click.option("--probe", is_flag=True, help="Ask every agent for one word, in a cell, as it would work.")
@json_option
def doctor_command(checks: bool, probe: bool, as_json: bool) -> int:
    """Say what the factory needs and finds here. Exit status 1 when something is bad."""
    signs: list[Diagnosis] = []
    with closing(_looked_at(checks=checks, probe=probe)) as coming:  # also where ^C finds it between two signs
        for sign in coming:
            signs.append(sign)
            if not as_json:
                _tell(sign)
    if as_json:
        echo_json([sign.__dict__ for sign in signs])
    return int(any(sign.health is Health.BAD for sign in signs))


def _looked_at(*, checks: bool, probe: bool) -> Generator[Diagnosis, None, None]:
    """What was asked for, as it is found."""
    if not (checks or probe):
        with repository() as opened:
            yield from examine(opened)
            yield from of_exporting(settings_of(), opened.state)
        return
    with reading() as (reader, snapshot):
        if checks:
            yield from baseline(reader, snapshot)
        if probe:
            with stopping() as stop:
                yield from probed(reader, snapshot, stop)


def _tell(sign: Diagnosis) -> None:
    word = click.style(f"{sign.health:4}", fg=_COLOURS[sign.health])
    click.echo(f"{word}  {printable(sign.about)}: {printable(' '.join(sign.found.split()))}")
    if sign.advice:
        click.echo(f"      {printable(sign.advice)}")
    for line in sign.quoted:
        click.echo(f"      | {printable(line)}")
