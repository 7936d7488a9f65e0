"""What a command opens: the repository, the survey of now, the working tree in which a person edits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from factory.line.survey import Survey, Surveyor, utc_now
from factory.model.errors import FactoryError, InvalidFile, UsageError
from factory.model.lifecycle import Lane
from factory.store import files
from factory.store.library import locate_branch
from factory.store.queue import lane_path, read_item
from factory.store.repository.repository import Repository
from factory.store.repository.view import View

_TICK = "factory tick"

json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@contextmanager
def repository() -> Iterator[Repository]:
    """The repository that this folder lies in."""
    opened = Repository(Path.cwd())
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def surveyed() -> Iterator[tuple[Surveyor, Survey]]:
    """The branch's survey at this moment."""
    with repository() as opened:
        branch = locate_branch(opened)
        head = opened.tip(branch)
        surveyor = Surveyor(opened, branch)
        yield surveyor, surveyor.survey(utc_now(), head)
        surveyor.queue.save()


def desk(surveyor: Surveyor) -> View:
    """The working tree in which people edit the queue. Raises UsageError when the branch is not checked out."""
    view = surveyor.repository.view_of(surveyor.branch)
    if view is None:
        raise UsageError(f"the branch {surveyor.branch} is not checked out anywhere", f"git switch {surveyor.branch}")
    return view


@contextmanager
def at_desk() -> Iterator[tuple[Surveyor, Survey, View]]:
    """The survey of now and the working tree to edit; meanwhile no orchestrator moves a file there."""
    with surveyed() as (surveyor, survey):
        view = desk(surveyor)
        with view.lock.held():
            head = surveyor.repository.head(surveyor.branch)
            moved = head is not None and head != survey.head
            yield surveyor, surveyor.survey(utc_now(), head) if head and moved else survey, view


def no_such_item(surveyor: Surveyor, survey: Survey, item_id: str) -> FactoryError:
    """The error for an id that is not open."""
    day = surveyor.queue.done_day(survey.tree, item_id)
    if day:
        return UsageError(f"{item_id} is done (queue/{Lane.DONE}/{day}/{item_id}.yaml)", f"factory log {item_id}")
    if item_id in survey.snapshot.twice:
        return UsageError(f"{item_id} lies in two lanes; delete one of the two files", "factory check")
    view, path = surveyor.repository.view_of(surveyor.branch), lane_path(Lane.INBOX, item_id)
    new = files.read_regular(view.root / path) if view else None
    if new is not None:
        try:
            read_item(path, new)
        except InvalidFile as error:
            return error
        return UsageError(f"{item_id} lies in {path} and has not been taken in yet; the next tick does so", _TICK)
    return UsageError(f"there is no item {item_id!r}", "factory list")
