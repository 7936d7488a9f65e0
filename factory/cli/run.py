"""`factory run`: passes for ever."""

import click

from factory.cli.interrupts import holding
from factory.cli.news import News
from factory.cli.say import say
from factory.cli.session import repository
from factory.line.orchestrator import Orchestrator, PassReport
from factory.line.watch import watch


@click.command("run")
def run_command() -> None:
    """Watch the queue and make a pass whenever something changes, until interrupted."""
    news = News()
    waited = ""

    def after_pass(report: PassReport) -> None:
        nonlocal waited
        news.problems(report.problems)
        if report.waiting != waited:
            waited = report.waiting
            say(f"waiting: {waited}" if waited else "going on")

    with repository() as opened:
        orchestrator = Orchestrator(opened, news)
        with holding(orchestrator):
            say(f"watching queue/ on the branch {orchestrator.context.branch}; ^C ends it")
            watch(orchestrator, after_pass)
