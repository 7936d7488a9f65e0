"""A clone in a simulation: its orchestrator and its person, who do what a script says; and what is wrong with it."""

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import TypeVar

from factory.line.orchestrator import PassReport
from factory.model.errors import FactoryError
from factory.model.events import Happening, Noticed, Recorded
from factory.store.repository.repository import Repository
from tests.simulation import invariants, rest
from tests.simulation.disk.inodes import Crash
from tests.simulation.endings import of_batches, of_endings
from tests.simulation.exchange import Exchanging
from tests.simulation.life import Life
from tests.simulation.machine import Machine
from tests.simulation.midst import CRASHES, POWER_CUT, Midst
from tests.simulation.person import Person
from tests.simulation.steps import FAULTS, Script, Step
from tests.simulation.workers import SimulatedExecutor, Tally

_MOST_TO_REST = 300  # passes until nothing moves any more
_WAITED_S = 2.0
_LOOKED_AT = 0.1  # of the crashes
_HOURS = 6
_HALF_DONE = "what a crash had left half done"

Given = TypeVar("Given")


class Violation(AssertionError):
    """Something happened that must not; the message says what."""


@dataclass
class Played:
    """What came of a simulation."""

    head: str = ""
    commits: int = 0
    operations: int = 0
    crashes: int = 0
    checks: int = 0
    violations: list[str] = field(default_factory=list)


class Simulation:
    """What happens in one clone of a script on a machine."""

    def __init__(
        self, script: Script, machine: Machine, tell: Callable[[str], None] = lambda _: None, clone: int = 0
    ) -> None:
        self.script = script
        self.machine = machine
        self.tell = tell
        self.clone = clone
        self.beside: Sequence[Simulation] = ()  # the other clones on this machine
        self.person = Exchanging(machine, script, clone) if script.clones else Person(machine, script)
        self.played = Played()
        self.heads: list[str] = []  # the newest commit of the factory's, after each pass
        self._seed = f"{script.seed}" + (f" {clone}" if clone else "")
        self._chance = Random(f"{self._seed} faults")
        self.tally = Tally(on_other_bases=script.clones, stumbles=Random(f"{self._seed} stumbles"))
        self.workers = SimulatedExecutor
        self._life: Life | None = None
        self._to_be_looked_at = False  # after the next pass that is made in peace
        self._in_peace = True  # whether the life before was left with nothing half done
        self.power = False  # whether the crash that comes takes the machine with it

    def do_the_rest(self) -> None:
        """Go on until nothing moves any more, with all that waits to be judged judged."""
        self.put_in_order()
        self.come_to_rest()
        self.person.answer_all(Random(f"{self._seed} answers"))
        self.tally.stumbles = None  # a pass after which nothing happens has tried everything
        self.come_to_rest()

    def do(self, step: Step) -> None:
        """Let one thing happen."""
        self.machine.turn(self.clone)
        self.tell(f"{self.machine.system.now():%d %H:%M:%S} {step}")
        if step.what == "pass":
            self._pass()
        elif step.what == "work":
            self._living(self.machine.system.next_job)
        elif step.what == "later":
            self.machine.system.elapsed += step.which * _HOURS * 3.6
            self._living(self.machine.system.jobs_due)
        elif step.what == "restart":
            self.leave()
        elif step.at < 0:
            self.person.do(step)
        else:
            self._pass(step)

    def _pass(self, step: Step | None = None) -> PassReport | None:
        """A pass, in the midst of which something happens if it lasts so long; else it happens after it."""
        midst, moved = Midst(self.person, step, self._is_cut), self.person.just_moved
        with self.machine.interrupted(midst):
            report = self._living(self._one_pass)
        if midst.left is not None:
            self._after_pass(midst.left)
        if report is None and self._life is not None and midst.refused == 1 and not self.person.at_work:
            self.played.violations += self._life.witness.failed()
        if self._life is not None and report is not None:
            self.person.torn = False
            head = self._life.orchestrator.context.writer.head
            if invariants.is_published(self._life.repository, head, alone=not self.script.clones):
                self.heads.append(head)
            if moved and step is None:
                self.person.just_moved = None
                self.played.violations += rest.of_move(self._life.repository, *moved)
            if self._to_be_looked_at and step is None:
                self._to_be_looked_at = False
                self.played.violations += self._look_after_crash()
        return report

    def _after_pass(self, step: Step) -> None:
        """What was to happen in the midst of a pass that was over before."""
        if step.what in CRASHES:
            self.power = step.what == POWER_CUT
            self.crash()
        elif step.what not in FAULTS:
            self.person.do(step)

    def _is_cut(self, power: bool) -> None:
        self.power = power

    def _one_pass(self) -> PassReport:
        if self._life is None:
            self._life = Life(self.machine, self._seed, self.tally, self._told, self.person, self.workers)
        with self.machine.undisturbed():
            self._life.witness.begin()
        report = self._life.orchestrator.one_pass()
        with self.machine.undisturbed():
            self.played.violations += self._life.witness.end()
            if not self.person.at_work:
                self.played.violations += self._life.witness.indexes()
        return report

    def _living(self, call: Callable[[], Given]) -> Given | None:
        """What a part of the orchestrator's life comes to; None when it failed, or when it was its end."""
        try:
            return call()
        except (FactoryError, OSError) as error:
            self.tell(f"    {error}")  # what is in its way will be gone some time
            return None
        except Crash:
            self.crash()
            return None

    def crash(self) -> None:
        """The orchestrator dies, wherever it is; and the machine with it, when its power was cut."""
        self.played.crashes += 1
        sides = (self, *self.beside) if self.power else (self,)
        for side in reversed(sides):
            side.fall()
        self.machine.crash(self._chance, power=self.power)
        if self.power:
            for side in reversed(sides):
                side.after_power_loss()
        self._to_be_looked_at = self._chance.random() < _LOOKED_AT

    def after_power_loss(self) -> None:
        """What is left of the person's, and what they mend."""
        self.machine.turn(self.clone)
        self.person.mend_head()
        with closing(Repository(self.machine.root, self.machine.system)) as repository:
            head = repository.head("main") or ""
            is_there = partial(repository.is_ancestor, new=head)
            self.person.lose_power(invariants.places(repository), is_there)

    def die(self) -> None:
        """Whatever still lives ends."""
        self.fall()
        self.machine.crash(self._chance, power=self.power)

    def fall(self) -> None:
        """The orchestrator is dead. The machine has to crash then."""
        self.machine.turn(self.clone)
        life, self._life, self._in_peace = self._life, None, False
        with suppress(Crash):
            self.machine.die()
        with suppress(Crash):
            if life is not None:
                life.end()
        self.machine.system.end_threads()

    def leave(self) -> None:
        """Stop the orchestrator, if it lives."""
        life, self._life = self._life, None
        if life is not None:
            self._in_peace = life.witness.whole
            try:
                life.end()
            except (FactoryError, OSError):
                self._in_peace = False
            self.machine.system.end_threads()

    def put_in_order(self) -> None:
        """What the person had begun is ended."""
        self.machine.turn(self.clone)
        self.person.put_in_order()

    def go_on_until(self, moment: float) -> None:
        """A pass; when it has nothing to do, the clock goes on to what comes next, and no further than a moment."""
        report, system = self._pass(), self.machine.system
        if report is None or report.commits or report.waiting:
            system.step()
            return
        untils = [
            (each.until - system.now()).total_seconds() + system.elapsed for each in report.schedule if each.until
        ]
        system.elapsed = max(system.elapsed, min([moment, system.due, *untils]))
        self._living(system.jobs_due)

    def come_to_rest(self) -> None:
        """Pass after pass until nothing moves any more."""
        self.machine.turn(self.clone)
        for _ in range(_MOST_TO_REST):
            report = self._pass()
            if report is None:
                self.machine.system.elapsed += 60
                continue
            if report.commits or report.waiting or self._living(self._go_on):
                continue
            untils = [each.until for each in report.schedule if each.until]
            if not untils:
                return
            left = min(untils) - self.machine.system.now()
            self.machine.system.elapsed += max(left, timedelta(seconds=1)).total_seconds()
        raise Violation("it does not come to rest")

    def _told(self, happening: Happening) -> None:
        self.tell(f"    {happening}")
        if self._in_peace and isinstance(happening, Noticed) and _HALF_DONE in happening.text:
            self.played.violations.append("it tells of a crash, and there was none")
        if self._life is not None:
            self._life.witness.hear(happening)
            if isinstance(happening, Recorded):
                context = self._life.orchestrator.context
                self.played.violations += invariants.of_claims(context.repository, happening, context.owner)

    def _go_on(self) -> bool:
        """Let whatever comes next happen, and what others wait for meanwhile, who look ten times a second."""
        system = self.machine.system
        if not system.next_job():
            return False
        system.elapsed += _WAITED_S
        system.jobs_due()
        return True

    def head(self) -> str:
        """What the branch points to."""
        self.machine.turn(self.clone)
        return self.machine.said("rev-parse", "main")

    def look_at_the_end(self) -> list[str]:
        """Stop the orchestrator; what is wrong when nothing moves any more."""
        self.machine.turn(self.clone)
        self.leave()
        with closing(Repository(self.machine.root, self.machine.system)) as repository:
            return [*self._look(repository), *self._look_at_rest(repository), *self.person.wrong]

    def _look_after_crash(self) -> list[str]:
        with closing(Repository(self.machine.root, self.machine.system)) as repository:
            return [f"after a crash: {each}" for each in self._look(repository)]

    def _look(self, repository: Repository) -> list[str]:
        """What is wrong with what lies there."""
        person, alone = self.person, not self.script.clones
        found = [
            *invariants.of_history(repository, self.tally, alone=alone),
            *invariants.of_heads(repository, self.heads, person.taken_off, alone=alone),
        ]
        self.played.head = repository.head("main") or ""
        return found

    def _look_at_rest(self, repository: Repository) -> list[str]:
        """What is wrong when nothing moves any more."""
        person, persons = self.person, [self.person, *(side.person for side in self.beside)]
        moved = set().union(*(each.moved for each in persons))
        return [
            *rest.of_places(repository, person.known),
            *rest.of_verdicts(repository),
            *rest.of_waiting(repository),
            *([] if self.beside else rest.of_branches(repository)),  # a clone shows what it has proposed itself
            *rest.of_evidence(repository),
            *of_endings(repository, alone=not self.script.clones),
            *of_batches(repository, self.heads),
            *([] if any(each.astray for each in persons) else rest.of_moves(repository, moved)),
            *invariants.of_person(repository, person.mine, person.commits, person.taken_off),
        ]
