"""`factory check`: every mistake in every file, for people, pre-commit and CI."""

import os
from pathlib import Path

import click

from factory.cli.job_log import for_hosts, job_log
from factory.cli.session import json_option, repository
from factory.cli.text import echo_json
from factory.report.check import check


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path())
@json_option
@for_hosts
def check_command(paths: tuple[str, ...], as_json: bool) -> int:
    """Say everything that is wrong with the given files and folders, or with all. Exit status 1 when anything is."""
    with repository() as opened:
        root = opened.root
        chosen = [os.path.relpath(Path(path).absolute(), root).replace(os.sep, "/") for path in paths]
        problems, warnings = check(opened, chosen)
    if as_json:
        listed = [problem.__dict__ for problem in problems]
        echo_json({"problems": listed, "warnings": warnings})
        return 1 if problems else 0
    for warning in warnings:
        job_log().warning(warning)
    for problem in problems:
        job_log().problem(problem)
    if not problems:
        click.echo("all files are valid")
    return 1 if problems else 0
