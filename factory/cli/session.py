"""What a command opens: the repository, the survey of now, the working tree in which a person edits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from factory.line.survey import Survey, Surveyor, utc_now
from factory.model.errors import UnusableError, UsageError
from factory.model.lifecycle import Lane
from factory.store.library import locate_branch
from factory.store.repository.repository import Repository
from factory.store.repository.view import View

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
        head = opened.head(branch)
        if head is None:
            raise UnusableError(f"the branch {branch} has no commit yet", "git commit --allow-empty -m start")
        surveyor = Surveyor(opened, branch)
        yield surveyor, surveyor.survey(utc_now(), head)
        surveyor.queue.save()


def desk(surveyor: Surveyor) -> View:
    """The working tree in which people edit the queue. Raises UsageError when the branch is not checked out."""
    view = surveyor.repository.view_of(surveyor.branch)
    if view is None:
        raise UsageError(f"the branch {surveyor.branch} is not checked out anywhere", f"git switch {surveyor.branch}")
    return view


def no_such_item(surveyor: Surveyor, survey: Survey, item_id: str) -> UsageError:
    """The error for an id that is not open."""
    day = surveyor.queue.done_day(survey.tree, item_id)
    if day:
        return UsageError(f"{item_id} is done (queue/{Lane.DONE}/{day}/{item_id}.yaml)", f"factory log {item_id}")
    return UsageError(f"there is no item {item_id!r}", "factory list")
