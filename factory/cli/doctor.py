"""`factory doctor`: what is there and what is not, and what to do about it."""

import click

from factory.cli.session import json_option, reading, repository
from factory.cli.text import echo_json
from factory.model.text import printable
from factory.report.baseline import baseline
from factory.report.diagnosis import Health
from factory.report.doctor import examine

_COLOURS = {Health.GOOD: "green", Health.NOTE: "yellow", Health.BAD: "red"}


@click.command("doctor")
@click.option(
    "--checks", is_flag=True, help="Try every contract's checks on the untouched branch, and without the product."
)
@json_option
def doctor_command(checks: bool, as_json: bool) -> int:
    """Say what the factory needs and finds here. Exit status 1 when something is bad."""
    if checks:
        with reading() as (reader, snapshot):
            signs = list(baseline(reader, snapshot))
    else:
        with repository() as opened:
            signs = list(examine(opened))
    if as_json:
        echo_json([sign.__dict__ for sign in signs])
    else:
        for sign in signs:
            word = click.style(f"{sign.health:4}", fg=_COLOURS[sign.health])
            click.echo(f"{word}  {printable(sign.about)}: {printable(' '.join(sign.found.split()))}")
            if sign.advice:
                click.echo(f"      {printable(sign.advice)}")
            for line in sign.quoted:
                click.echo(f"      | {printable(line)}")
    return int(any(sign.health is Health.BAD for sign in signs))
