"""`factory run`: passes for ever."""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from factory.cli.engine import orchestrator_of
from factory.cli.exports import exporting
from factory.cli.interrupts import holding
from factory.cli.news import News
from factory.cli.say import say
from factory.cli.serve import Asked, serving_beside, serving_options
from factory.cli.session import repository
from factory.connect.notify.notifier import Notifier
from factory.line.orchestrator import PassReport
from factory.line.sync.branches import bring_branches
from factory.line.watch import watch
from factory.model.errors import UsageError
from factory.model.layout import WORKFLOW


@click.command("run")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@serving_options
@click.option(
    "--push/--no-push",
    default=None,
    help="Exchange with the git remote in each pass. By default as `sync: {push: …}` in WORKFLOW.md says.",
)
def run_command(path: Path | None, port: int | None, host: str | None, act: bool, push: bool | None) -> None:
    """Watch the queue and make a pass whenever something changes, until interrupted.

    PATH is a repository, or its WORKFLOW.md; without one it is where you are. ^C and SIGTERM end it with 0. With
    --port, or `server: {port: N}` in WORKFLOW.md, it serves meanwhile what `factory serve` does.
    """
    if path is not None:
        _go_to(path)
    try:
        _run(push, Asked(port, host, act))
    except KeyboardInterrupt:
        say("ended")
    _let_go_of_what_is_not_printed()


def _go_to(path: Path) -> None:
    """Work where a repository is, or where its WORKFLOW.md lies. Raises UsageError."""
    if not path.exists():
        raise UsageError(f"there is no {path}", "factory run")
    if path.is_dir():
        os.chdir(path)
        return
    os.chdir(path.parent)
    with repository() as opened:
        if (opened.root / WORKFLOW).resolve() != Path(path.name).resolve():
            raise UsageError(f"{path} is not the {WORKFLOW} of a repository", f"factory run {opened.root / WORKFLOW}")


def _let_go_of_what_is_not_printed() -> None:
    """What a full disk has refused must not be tried once more at the very end, and make it one of failure."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run(push: bool | None, asked: Asked) -> None:
    news = News()
    waited = ""

    def after_pass(report: PassReport, passed: Callable[[], None]) -> None:
        nonlocal waited
        passed()
        news.problems(report.problems)
        if report.waiting != waited:
            waited = report.waiting
            say(f"waiting: {waited}" if waited else "going on")

    with repository() as opened:
        bring_branches(opened, push)
        with exporting(opened, news) as tell:
            notifier = Notifier(opened, tell)
            orchestrator = orchestrator_of(opened, notifier, push=push)
            policy = orchestrator.workflow.policy.server
            with (
                holding(orchestrator),
                notifier.beside(orchestrator),
                serving_beside(opened, policy, orchestrator.wake, asked) as passed,
            ):
                say(f"watching queue/ on the branch {orchestrator.context.branch}; ^C ends it")
                watch(orchestrator, partial(after_pass, passed=passed))
