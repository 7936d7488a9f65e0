"""Instants: a person's act in each instant of the passes that land a merge train, one play for each."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from random import Random

from factory.model.layout import item_in_queue
from factory.store.repository.repository import Repository
from tests.simulation.clone import Simulation
from tests.simulation.hands import Doing
from tests.simulation.machine import Machine, simulated
from tests.simulation.person import Person
from tests.simulation.play import played_in
from tests.simulation.steps import Script, Step

# What a person does, and how many of the others land all the same.
ACTS = {"hold": 3, "reject": 3, "send-back": 3, "edit-item": 4, "edit-code": 4, "commit-code": 4, "in-the-way": 3}
MODES = ("every", "tip")
_NO = ("hold", "reject", "send-back")
_ITEMS = tuple(f"good-{number}" for number in range(4))
_APPROVALS = 16  # as many as it takes until each item has drawn one


@dataclass(frozen=True)
class Instant:
    """A script with an act in an instant of one pass."""

    act: str
    mode: str
    number: int  # of the pass
    at: int  # operations on the disk

    @property
    def script(self) -> Script:
        """It, with all that comes before and after."""
        steps = _steps(self.act)
        return _script(self.mode, [*steps[: self.number], Step(self.act, 1, self.at), *steps[self.number + 1 :]])


def _steps(act: str) -> list[Step]:
    """Work, judgement and landing, with nobody who comes in between."""
    made = [Step("pass"), *(Step("work") for _ in _ITEMS), Step("pass")]
    judged = [Step("approve", which) for which in range(_APPROVALS)]
    first = [Step("edit-code", 1)] if act == "commit-code" else []
    # First what was checked at delivery, then the others; once more for what a pass that gave way has left.
    landing = [Step("pass"), *(Step("work") for _ in _ITEMS)] * 3
    return [*first, *made, *judged, *landing, Step("pass")]


def _script(mode: str, steps: list[Step]) -> Script:
    return Script(2, _ITEMS, "human", mode, len(_ITEMS), tuple(steps))


def instants(act: str, mode: str, stride: int = 1) -> Iterator[Instant]:
    """Those of each pass after the judgement, every so many operations."""
    script = _script(mode, _steps(act))
    judged = max(number for number, step in enumerate(script.steps) if step.what == "approve")
    lasting = _operations(script)
    for number, step in enumerate(script.steps):
        if step.what == "pass" and number > judged:
            yield from (Instant(act, mode, number, at) for at in range(1, lasting[number], stride))


def _operations(script: Script) -> list[int]:
    """How many operations on the disk each step takes."""
    found: list[int] = []
    with simulated(script) as machine:
        simulation = Simulation(script, machine)
        for step in script.steps:
            before = machine.operations
            simulation.do(step)
            found.append(machine.operations - before)
        simulation.leave()
    return found


def wrong(instant: Instant) -> list[str]:
    """What is wrong when the act comes in this instant.

    That is what always is; fewer of the others that land than can; and one that does although a person's no was saved
    while it still lay in review.
    """
    with simulated(instant.script) as machine:
        simulation = Simulation(instant.script, machine)
        person = simulation.person = _Noted(machine, instant.script)
        violations = played_in(simulation).violations
        landed = sorted(path.stem for path in machine.root.glob("work/good-*.txt") if path.read_text() != "mine\n")
        blocked = list(machine.root.glob("queue/blocked/good-*.yaml"))  # this machine lets their checks down at times
        if len(landed) + len(blocked) < ACTS[instant.act]:
            violations.append(f"only {', '.join(landed)} landed")
        with closing(Repository(machine.root, machine.system)) as repository:
            violations += [f"{each} landed all the same" for each in person.in_time(repository) if each in landed]
    return violations


class _Noted(Person):
    """A person of whom it is known what they had saved, and which commit the queue's branch held by then."""

    def __init__(self, machine: Machine, script: Script) -> None:
        super().__init__(machine, script)
        self._git = machine.root / ".git"
        self._says_no = False
        self._saved: dict[str, str] = {}  # the branch's commit, by path

    def begin(self, step: Step) -> None:
        self._says_no = step.what in _NO
        super().begin(step)

    def _write(self, path: str, text: str, *, torn: bool = False) -> Doing:
        says_no = self._says_no
        yield from super()._write(path, text, torn=torn)
        if says_no and not (self._git / "index.lock").exists():  # else the factory has looked for the last time
            self._saved[path] = (self._git / "refs/heads/main").read_text().strip()

    def _hold_one(self, chance: Random) -> None:
        if self._says_no:  # else all has to land that can
            super()._hold_one(chance)

    def in_time(self, repository: Repository) -> Iterator[str]:
        """The items to which they had said no while these still lay there on the branch."""
        for path, head in self._saved.items():
            item_id = item_in_queue(path)
            if item_id and repository.objects.file(repository.objects.commit(head).tree, path) is not None:
                yield item_id
