"""`factory demo --mission`: a goal becomes proven work before your eyes, by scripts in the place of agents."""

from pathlib import Path

import click

from factory.cli.demo_folder import commit, lay_out, this_program
from factory.cli.interrupts import holding
from factory.cli.mission_end import MissionEnd
from factory.cli.news import News
from factory.cli.text import lines
from factory.line.orchestrator import Orchestrator
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.line.tick import tick
from factory.model.errors import MachineError
from factory.model.events import Happening, Recorded
from factory.model.layout import answers_path, item_path, verdict_path
from factory.model.lifecycle import Lane
from factory.model.mission.assertions import AssertionState
from factory.model.verdict import Decision
from factory.report.detail import detail
from factory.store.edits import answered, decided
from factory.store.repository.repository import Repository

MISSION = "shop"
_BROKEN, _RIGHT, _WRONG = "shop/cart.py", "line.cents * line.quantity", "line.cents"
_WIDEST = 150  # characters of a line of the plan
_PATIENCE_S = 60.0  # for what a machine that is very busy lets a run fail of: it is tried again


def mission_demo(folder: Path) -> None:
    """Carry out the demo's mission in a new folder, deciding in the reader's place, and break what it made."""
    lay_out(folder, "mission_repository", "A wish, and scripts to carry it out in the place of agents")
    click.echo(f"A wish lies in {folder}/{item_path(Lane.INBOX, MISSION)}. Scripts work on it, without any model;")
    click.echo(f"{folder}/README.md says which. All else is real.")
    repository = Repository(folder.absolute())
    began = repository.system.monotonic()
    try:
        _carry_out(folder, repository)
        took = MissionEnd(*_present(repository), MISSION).took()
        _break(folder, repository)
        _part("6. What there is now")
        MissionEnd(*_present(repository), MISSION).print_assertions()
        click.echo(f"\nWhat rests on {_BROKEN} is stale since that commit, until it is put right.")
        click.echo(f"It took {took}; {repository.system.monotonic() - began:.0f} s in all.")
    finally:
        repository.close()
    click.echo("Of a person it took an answer and an approval: two lines.")
    _advise(folder)


def _advise(folder: Path) -> None:
    program = this_program()
    click.echo(f"\nWhat is broken is put right by  {program} -C {folder} tick --drain\n\nTo look around:\n")
    click.echo(f"  git -C {folder} log --oneline")
    click.echo(f"  {program} -C {folder} mission report {MISSION}")
    click.echo(f"  {program} -C {folder} audit")


def _carry_out(folder: Path, repository: Repository) -> None:
    _part("1. The planner asks")
    _pass(repository, drain=True)
    _must_be(*_present(repository), Lane.BLOCKED)
    _answer(folder)
    _part("2. The plan, which a person approves")
    _pass(repository, drain=True)
    _approve(folder, repository)
    _part("3. It is built, feature by feature, and tried, milestone by milestone")
    _pass(repository, drain=True)
    reader, snapshot = _present(repository)
    _must_be(reader, snapshot, Lane.DONE)
    _part("4. What neither tests nor scrutiny saw")
    MissionEnd(reader, snapshot, MISSION).print_defect()


def _part(title: str) -> None:
    click.echo(f"\n{click.style(title, bold=True)}\n")


def _pass(repository: Repository, *, drain: bool) -> None:
    """One tick, or as many as it takes until nothing can move."""
    news = _MissionNews()
    orchestrator = Orchestrator(repository, news)
    with holding(orchestrator):
        tick(orchestrator, drain=drain, patience=_PATIENCE_S, waiting=news.waiting)


class _MissionNews(News):
    """The news, and what was seen of assertions that failed."""

    def __call__(self, happening: Happening) -> None:
        """Print what happens, and why an assertion has failed."""
        super().__call__(happening)
        if isinstance(happening, Recorded):
            judged = happening.entry.judged.items()
            lines(f"         {key} failed: {each.said}" for key, each in judged if each.state is AssertionState.FAILED)


def _present(repository: Repository) -> tuple[SnapshotReader, Snapshot]:
    """What there is now."""
    reader = SnapshotReader(repository, "main")
    return reader, reader.snapshot(repository.system.now(), repository.tip("main", "branch"))


def _must_be(reader: SnapshotReader, snapshot: Snapshot, lane: Lane) -> None:
    """Do nothing where the mission lies in a lane. Raises MachineError where something has kept it from there."""
    found = detail(reader, snapshot, MISSION)
    if found is None or found.lane is not lane:
        said = f"the mission is in {found.lane}, and not in {lane}: {found.note}" if found else "the mission is gone"
        raise MachineError(said, f"factory log {MISSION}, in the folder of the demo")


def _answer(folder: Path) -> None:
    """Answer the planner's question as a person would."""
    path = answers_path(MISSION)
    before = (folder / path).read_bytes()
    click.echo(f"\nIn {folder}/{path} waits:\n")
    lines(f"    {line}" for line in before.decode().splitlines())
    _edit(folder, path, answered(path, before, {"money": "cents"}))


def _approve(folder: Path, repository: Repository) -> None:
    """Show the plan, and approve it as a person would."""
    reader, snapshot = _present(repository)
    _must_be(reader, snapshot, Lane.REVIEW)
    found = detail(reader, snapshot, MISSION)
    path = verdict_path(MISSION, "human")
    click.echo(f"\n{folder}/{path} says:\n")
    told = found.plan if found else ()
    lines(f"    {line if len(line) <= _WIDEST else f'{line[:_WIDEST]}…'}" for line in told)
    _edit(folder, path, decided(path, (folder / path).read_bytes(), Decision.APPROVE, None, ()))


def _edit(folder: Path, path: str, after: bytes) -> None:
    """Write a file, and say which line is another one now."""
    before = (folder / path).read_bytes()
    (folder / path).write_bytes(after)
    pairs = enumerate(zip(before.decode().splitlines(), after.decode().splitlines(), strict=True), 1)
    for number, (old, new) in pairs:
        if old != new:
            click.echo(f"\nThe demo edits it in your place. {folder}/{path}, line {number}:\n")
            lines([f"    - {old}", f"    + {new}"])
    click.echo("")


def _break(folder: Path, repository: Repository) -> None:
    """Break by hand what the mission has proven, and make one more tick."""
    _part("5. Days later somebody breaks it by hand")
    path = folder / _BROKEN
    path.write_text(path.read_text().replace(_RIGHT, _WRONG))
    commit(folder, "Add up the prices in a simpler way")
    click.echo(f"In {folder}/{_BROKEN} the demo commits `{_WRONG}` in place of `{_RIGHT}`, and makes one tick:\n")
    _pass(repository, drain=False)
    MissionEnd(*_present(repository), MISSION).print_guard()
