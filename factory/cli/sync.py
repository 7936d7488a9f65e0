"""`factory sync`: this clone and its remote are brought to one state."""

import click

from factory.cli.interrupts import holding
from factory.cli.news import News
from factory.cli.session import repository
from factory.line.orchestrator import Orchestrator
from factory.line.sync.branches import bring_branches


@click.command("sync")
def sync_command() -> None:
    """Take over what the remote has and push what only this clone has; no pass is made.

    Commits of yours that are not pushed are carried along by a merge. Exit status 4 when somebody else keeps pushing or
    the remote is not to be reached, 3 when it refuses or you have to decide something.
    """
    with repository() as opened:
        bring_branches(opened, push=True)
        orchestrator = Orchestrator(opened, News(), push=True)
        with holding(orchestrator):
            moved = orchestrator.exchange()
    if not moved:
        click.echo("nothing new")
