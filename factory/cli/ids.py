"""Ids on the command line: the argument that names an item, which the shell completes."""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TypeVar

import click

from factory.model.errors import FactoryError
from factory.model.layout import lane_folder, stem
from factory.model.lifecycle import Lane
from factory.store.library import locate_branch
from factory.store.queue import Queue
from factory.store.repository.repository import Repository

Command = TypeVar("Command", bound=Callable[..., object])
OPEN = tuple(lane for lane in Lane if lane is not Lane.DONE)
_MOST = 200  # more names help nobody to choose


def item_argument(*lanes: Lane, required: bool = True) -> Callable[[Command], Command]:
    """The argument `item_id`; a shell offers the ids of what lies in these lanes."""

    def offered(context: click.Context, _argument: click.Parameter, incomplete: str) -> list[str]:
        folder = context.find_root().params.get("folder")
        try:
            with closing(Repository(Path(folder or ".").absolute())) as opened:
                ids = (item_id for item_id in _ids(opened, lanes) if item_id.startswith(incomplete))
                return list(islice(ids, _MOST))
        except (FactoryError, OSError):
            return []  # a shell that completes is no place for complaints

    metavar = "ID" if required else "[ID]"
    return click.argument("item_id", metavar=metavar, required=required, shell_complete=offered)


def _ids(repository: Repository, lanes: tuple[Lane, ...]) -> Iterator[str]:
    """The ids in these lanes, as the branch has them; of the finished ones the newest day first."""
    head = repository.head(locate_branch(repository))
    if head is None:
        return
    objects, tree = repository.objects, repository.objects.commit(head).tree
    items = Queue(objects, repository.state).listing(tree).items.values()
    yield from sorted(placed.id for placed in items if placed.lane in lanes)
    for day in sorted(objects.folder(tree, lane_folder(Lane.DONE)), reverse=True) if Lane.DONE in lanes else ():
        names = objects.folder(tree, lane_folder(Lane.DONE, day))
        yield from sorted(item_id for name in names if (item_id := stem(name)))
