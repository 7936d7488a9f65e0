"""What a command opens: the repository, the snapshot of now, the working tree in which a person edits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from factory.line.person import editing as at_desk
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.store.repository.repository import Repository

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
def reading() -> Iterator[tuple[SnapshotReader, Snapshot]]:
    """The branch's snapshot at this moment."""
    with repository() as opened, at_desk.reading(opened) as read:
        yield read


@contextmanager
def editing() -> Iterator[at_desk.Desk]:
    """The snapshot of now and the working tree to edit; meanwhile no orchestrator moves a file there."""
    with repository() as opened, at_desk.editing(opened) as desk:
        yield desk
