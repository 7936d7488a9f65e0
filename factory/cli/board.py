"""`factory board`: the whole factory as one page, which works from disk and asks for nothing from anywhere."""

import sys
from pathlib import Path

import click

from factory.cli.say import say
from factory.cli.session import repository
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import UnusableError, UsageError
from factory.model.moments import epoch, moment_of
from factory.model.text import printable
from factory.report.board.board import Shown, board_of
from factory.report.board.page import MARK, page_of
from factory.report.fold.fold import fold_of
from factory.report.status import status
from factory.store import files
from factory.store.library import locate_branch
from factory.store.repository.repository import Repository
from factory.store.repository.revisions import resolve

_PAGE = "board.html"
_STANDARD_OUTPUT = "-"
_BEGINNING = 2000  # bytes in which a page says that it is one


@click.command("board")
@click.option("--at", "revision", metavar="COMMIT", help="As it was at a commit of the past, with nothing of now.")
@click.option("-o", "--output", default=_PAGE, show_default=True, metavar="FILE", help="Where to; '-' prints it.")
def board_command(revision: str | None, output: str) -> None:
    """Write the whole factory as one HTML page: lanes, flow, costs, dependencies, missions, and links to all evidence.

    It works from disk, asks for nothing from anywhere, and is written over only where a board lies already.
    """
    printed = output == _STANDARD_OUTPUT
    place = Path.cwd() / (_PAGE if printed else output)
    with repository() as opened:
        if not printed:
            _refuse_others(opened, place)
        reader = SnapshotReader(opened, locate_branch(opened))
        shown = _past(reader, resolve(opened, revision)) if revision else _present(reader)
        page = page_of(board_of(reader, shown, place.parent)).encode(errors="replace")
    if printed:
        sys.stdout.buffer.write(page)
        return
    files.write(place, page)
    click.echo(printable(output))


def _present(reader: SnapshotReader) -> Shown:
    """The branch's newest commit, with what this machine knows besides."""
    now = reader.repository.system.now()
    snapshot = reader.snapshot(now, reader.repository.tip(reader.branch))
    found = status(reader, snapshot)
    reader.queue.save()
    return Shown(fold_of(reader, snapshot.head, epoch(now)), snapshot, found)


def _past(reader: SnapshotReader, commit: str) -> Shown:
    """A commit as it was when it was made."""
    fold = fold_of(reader, commit)
    snapshot: Snapshot | None
    try:
        snapshot = reader.snapshot(moment_of(fold.at), commit)
    except UnusableError:
        say(f"factory: {commit[:10]} has no policy that can be used; its missions are left out", err=True)
        snapshot = None
    return Shown(fold, snapshot)


def _refuse_others(repository: Repository, place: Path) -> None:
    """Raises UsageError when a file would be lost that is no board, or one that git looks after."""
    there = printable(str(place))
    if not place.parent.is_dir():
        raise UsageError(f"there is no folder {printable(str(place.parent))}", "factory board -o FILE")
    if place.is_symlink() or (place.exists() and not place.is_file()):
        raise UsageError(f"{there} is no plain file", "factory board -o FILE")
    if place.exists() and MARK not in files.read_start(place, _BEGINNING):
        raise UsageError(f"{there} is there already, and is no board", "factory board -o FILE")
    if repository.git.text("ls-files", "--", f":(literal){place}", allowed=(0, 128)):
        raise UsageError(f"{there} is tracked by git", "factory board -o FILE")
