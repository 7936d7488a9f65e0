"""`factory check`: every mistake in every file, for people, pre-commit and CI."""

import os
from pathlib import Path

import click

from factory.cli.session import json_option, repository
from factory.cli.text import echo_json
from factory.line.survey import Surveyor, utc_now
from factory.model.base import printable
from factory.model.errors import Problem, UnusableError
from factory.report.check import check, check_branches
from factory.report.status import status
from factory.store.library import WORKFLOW, locate_branch
from factory.store.repository.repository import Repository


def _of_the_line(opened: Repository, bad: set[str], chosen: list[str]) -> list[Problem]:
    """What only shows beside everything else: verdicts that do not count, ids that are taken."""
    try:
        surveyor = Surveyor(opened, locate_branch(opened))
        head = opened.head(surveyor.branch)
        survey = surveyor.survey(utc_now(), head) if head else None
    except UnusableError:
        return []  # what is wrong with the policy, or with where it lies, has been said already
    found = status(surveyor, survey).problems if survey else ()
    below = tuple(f"{path}/" for path in chosen)
    wanted = (problem for problem in found if not chosen or "." in chosen or f"{problem.path}/".startswith(below))
    return [problem for problem in wanted if problem.path not in bad]


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path())
@json_option
def check_command(paths: tuple[str, ...], as_json: bool) -> int:
    """Say everything that is wrong with the given files and folders, or with all. Exit status 1 when anything is."""
    with repository() as opened:
        root = opened.root
        chosen = [os.path.relpath(Path(path).absolute(), root).replace(os.sep, "/") for path in paths]
        problems, warnings = check(root, chosen)
        if not chosen or {".", WORKFLOW} & set(chosen):
            absent, unsure = check_branches(opened)
            problems, warnings = problems + absent, warnings + unsure
        problems = sorted({*problems, *_of_the_line(opened, {problem.path for problem in problems}, chosen)})
    if as_json:
        listed = [problem.__dict__ for problem in problems]
        echo_json({"problems": listed, "warnings": warnings})
        return 1 if problems else 0
    for warning in warnings:
        click.echo(f"warning: {printable(warning)}", err=True)
    for problem in problems:
        click.echo(printable(str(problem)))
    if not problems:
        click.echo("all files are valid")
    return 1 if problems else 0
