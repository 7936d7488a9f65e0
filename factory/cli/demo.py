"""`factory demo`: a throw-away factory with real bugs, run to the end before your eyes."""

from pathlib import Path

import click

from factory.cli.demo_folder import lay_out, this_program
from factory.cli.interrupts import holding
from factory.cli.mission_demo import mission_demo
from factory.cli.news import News
from factory.cli.text import lane_word, table
from factory.line.orchestrator import Orchestrator
from factory.line.snapshot import SnapshotReader
from factory.line.tick import tick
from factory.model.layout import YAML, lane_folder, verdict_path
from factory.model.lifecycle import Lane
from factory.model.run_layout import PATCH
from factory.model.text import printable
from factory.report.detail import Detail, detail
from factory.store.repository.repository import Repository


@click.command("demo")
@click.argument("folder", metavar="[DIR]", default="factory-demo", type=click.Path(path_type=Path))
@click.option("--mission", is_flag=True, help="A goal in place of bugs: planned, built, tried over HTTP and proven.")
def demo_command(folder: Path, mission: bool) -> None:
    """Make a repository of small programs with real bugs in DIR, and let the factory repair them.

    With --mission it holds a goal, a little shop on the web, which scripts carry out in the place of agents.
    """
    if mission:
        mission_demo(folder)
        return
    lay_out(folder, "demo_repository", "Fourteen programs with a bug each, and an item for each bug")
    ids = sorted(path.stem for path in (folder / lane_folder(Lane.INBOX)).glob(f"*{YAML}"))
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
        click.echo(f"  {this_program()} -C {folder} tick")
    click.echo(f"\nEvery step is a commit:  git -C {folder} log --oneline")
