"""`factory demo`: a throw-away factory with real bugs, run to the end before your eyes."""

import os
import shutil
import sys
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from factory.cli.interrupts import holding
from factory.cli.news import News
from factory.cli.scaffold import scaffold
from factory.cli.text import lane_word, table
from factory.line.orchestrator import Orchestrator
from factory.line.snapshot import SnapshotReader
from factory.line.tick import tick
from factory.model.errors import UsageError
from factory.model.layout import YAML, contract_path, lane_folder, verdict_path
from factory.model.lifecycle import Lane
from factory.model.run_layout import PATCH
from factory.model.text import printable
from factory.report.detail import Detail, detail
from factory.store import files
from factory.store.repository.git import Git
from factory.store.repository.repository import Repository
from factory.store.system import MACHINE

_SKIPPED = frozenset({"__pycache__"})


def _copy(source: Traversable, target: Path) -> None:
    for entry in source.iterdir():
        if entry.is_dir() and entry.name not in _SKIPPED:
            _copy(entry, target / entry.name)
        elif entry.is_file():
            files.write_new(target / entry.name, entry.read_bytes())


def lay_out(folder: Path) -> list[str]:
    """A new repository with the demo's programs, tests, contracts and items, committed; the items' ids."""
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty", "factory demo SOME-NEW-FOLDER")
    folder.mkdir(parents=True, exist_ok=True)
    git = Git(folder, MACHINE)
    git.run("init", "-q", "-b", "main")
    if not git.text("config", "user.email", allowed=(0, 1)):
        git.run("config", "user.name", "You")
        git.run("config", "user.email", "you@example.org")
    _copy(package_files("factory.cli") / "demo_repository", folder)
    scaffold(folder, "main")
    (folder / contract_path("change")).unlink()
    git.run("add", "-A")
    git.run("commit", "-q", "-m", "Fourteen programs with a bug each, and an item for each bug")
    return sorted(path.stem for path in (folder / lane_folder(Lane.INBOX)).glob(f"*{YAML}"))


@click.command("demo")
@click.argument("folder", metavar="[DIR]", default="factory-demo", type=click.Path(path_type=Path))
def demo_command(folder: Path) -> None:
    """Make a repository of small programs with real bugs in DIR, and let the factory repair them."""
    ids = lay_out(folder)
    click.echo(
        f"{len(ids)} items lie in {folder}/{lane_folder(Lane.INBOX)}; the worker is factory-repair, without any model\n"
    )
    news = News()
    repository = Repository(folder.absolute())
    began = repository.system.monotonic()
    try:
        orchestrator = Orchestrator(repository, news)
        with holding(orchestrator):
            tick(orchestrator, drain=True, waiting=news.waiting)
        reader = SnapshotReader(repository, "main")
        head = repository.head("main")
        assert head is not None
        snapshot = reader.snapshot(reader.repository.system.now(), head)
        found = [each for item_id in ids if (each := detail(reader, snapshot, item_id))]
    finally:
        repository.close()
    click.echo(f"\nThe line has stopped after {repository.system.monotonic() - began:.0f} s:\n")
    _print(folder, found)


def _print(folder: Path, found: list[Detail]) -> None:
    order = [Lane.DONE, *(lane for lane in Lane if lane is not Lane.DONE)]
    found.sort(key=lambda each: (order.index(each.lane), each.history.round, each.id))
    table(
        [
            (
                each.id,
                lane_word(each.lane, str(each.history.outcome or each.lane)),
                str(each.history.round),
                f"{each.history.seconds:.1f} s",
                printable(each.note.splitlines()[0]),
            )
            for each in found
        ],
        ("ITEM", "END", "ROUND", "WORK", "WHY"),
    )
    applied = sum(each.lane is Lane.DONE for each in found)
    again = sum(each.history.round > 1 for each in found)
    blocked = [each for each in found if each.lane is Lane.BLOCKED]
    waiting = [each for each in found if each.lane is Lane.REVIEW]
    click.echo(f"\n{applied} were repaired, proven and merged, {again} of the {len(found)} after a rework.")
    for each in blocked:
        click.echo(f"{each.id} is blocked: {printable(each.note)}")
    for each in waiting:
        path = f"{folder}/{verdict_path(each.id, 'human')}"
        click.echo(f"\n{each.id} waits for your verdict. Its patch is {folder}/{each.artifacts}{PATCH}.")
        click.echo(f"Edit the line `decision: pending` to `decision: approve` in\n\n  {path}\n\nand then run\n")
        click.echo(f"  {_this_program()} -C {folder} tick")
    click.echo(f"\nEvery step is a commit:  git -C {folder} log --oneline")


def _this_program() -> str:
    """How the reader can call this program again."""
    found = shutil.which("factory")
    same = found is not None and Path(found).resolve() == Path(sys.argv[0]).resolve()
    return "factory" if same or not os.access(sys.argv[0], os.X_OK) else sys.argv[0]
