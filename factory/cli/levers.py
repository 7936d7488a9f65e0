"""`factory retry`, `hold` and `cancel`: a person's levers, each the same as an edit or a move of the file by hand."""

from pathlib import Path

import click

from factory.cli.session import desk, no_such_item, surveyed
from factory.line.survey import Case, Survey, Surveyor
from factory.model.errors import UsageError
from factory.model.lifecycle import Lane
from factory.store import edits, files
from factory.store.queue import lane_path


def _open_item(surveyor: Surveyor, survey: Survey, item_id: str) -> tuple[Case, Path]:
    case = survey.cases.get(item_id)
    if case is None:
        raise no_such_item(surveyor, survey, item_id)
    path = desk(surveyor).root / case.placed.path
    if not path.is_file():
        raise UsageError(f"{case.placed.path} is not in the working tree", f"git checkout -- {case.placed.path}")
    return case, path


def _move(surveyor: Surveyor, source: Path, target: str) -> None:
    if not files.move_new(source, desk(surveyor).root / target):
        raise UsageError(f"{target} exists already", "factory check")


@click.command("retry")
@click.argument("item_id", metavar="ID")
def retry_command(item_id: str) -> None:
    """Send a blocked item back to work: to rework if it was judged before, else to the inbox."""
    with surveyed() as (surveyor, survey):
        case, path = _open_item(surveyor, survey, item_id)
        if case.lane is not Lane.BLOCKED:
            raise UsageError(f"{item_id} is not blocked, it is in {case.lane}", "factory status")
        lane = Lane.REWORK if case.history.findings else Lane.INBOX
        _move(surveyor, path, lane_path(lane, item_id))
    click.echo(f"{item_id}: moved to queue/{lane}; the next tick takes it up")


@click.command("hold")
@click.argument("item_id", metavar="ID")
@click.option("--off", is_flag=True, help="Let it go on.")
def hold_command(item_id: str, off: bool) -> None:
    """Keep an item from starting and from being applied, until --off."""
    with surveyed() as (surveyor, survey):
        case, path = _open_item(surveyor, survey, item_id)
        files.write(path, edits.held(case.placed.path, path.read_bytes(), not off))
    click.echo(f"{item_id}: hold is {'off' if off else 'on'}; the next tick takes it in")


@click.command("cancel")
@click.argument("item_id", metavar="ID")
def cancel_command(item_id: str) -> None:
    """End an item; a running worker is stopped by the next pass."""
    with surveyed() as (surveyor, survey):
        _, path = _open_item(surveyor, survey, item_id)
        target = f"queue/{Lane.DONE}/{item_id}.yaml"
        _move(surveyor, path, target)
    click.echo(f"{item_id}: moved to {target}; the next tick records it as cancelled")
