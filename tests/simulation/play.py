"""A simulation: a script, played with the whole orchestrator on a simulated machine; and what was wrong."""

import errno
import os
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import TypeVar

from factory.execution.cell.pool import Cells
from factory.line.orchestrator import Orchestrator, PassReport
from factory.model.errors import FactoryError
from factory.model.events import Happening, Tell
from factory.store.repository.repository import Repository
from tests.simulation import invariants
from tests.simulation.disk.inodes import Crash
from tests.simulation.machine import Machine, simulated
from tests.simulation.person import Person
from tests.simulation.steps import FAULTS, Script, Step
from tests.simulation.witness import Witness
from tests.simulation.workers import SimulatedExecutor, Tally, local_executor

_MOST_TO_REST = 300  # passes until nothing moves any more
_WAITED_S = 2.0
_BY_FACTORY = b"\ncommitter factory <"
_LOOKED_AT = 0.1  # of the crashes
_HOURS = 6
_MOST_REFUSED = 6  # operations on the disk, one after the other
_REFUSED = {"no-space": errno.ENOSPC, "io-error": errno.EIO}

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


class _Life:
    """One life of the orchestrator, from its start to its end or its crash."""

    def __init__(
        self, machine: Machine, script: Script, tally: Tally, tell: Tell, persons: Mapping[str, bytes]
    ) -> None:
        self._stack = ExitStack()
        self.repository = Repository(machine.root, machine.system)
        try:
            cells = Cells(self.repository, machine.root.parent / "cells")
            local = local_executor(self.repository, cells, tally)
            executor = SimulatedExecutor(local.host, machine.system, str(script.seed), tally)
            self.orchestrator = Orchestrator(self.repository, tell, executor=executor, local=local)
            self.witness = Witness(self.repository, persons)
            self._stack.enter_context(self.orchestrator.holding())
        except BaseException:
            self.repository.close()
            raise

    def end(self) -> None:
        """Leave it as a person does who stops it."""
        with closing(self.repository):
            self._stack.close()


def play(script: Script, tell: Callable[[str], None] = lambda _: None) -> Played:
    """Play a script on a simulated machine."""
    with simulated(script) as machine:
        return Simulation(script, machine, tell).play()


class Simulation:
    """Plays a script on a machine."""

    def __init__(self, script: Script, machine: Machine, tell: Callable[[str], None] = lambda _: None) -> None:
        self.script = script
        self.machine = machine
        self.tell = tell
        self.tally = Tally()
        self.person = Person(machine, script)
        self.played = Played()
        self.heads: list[str] = []  # the newest commit of the factory's, after each pass
        self._chance = Random(f"{script.seed} faults")
        self._life: _Life | None = None
        self._to_be_looked_at = False  # after the next pass that is made in peace
        self.power = False  # whether the crash that comes takes the machine with it

    def play(self) -> Played:
        """All of the script, and then the rest until nothing moves. What went wrong is told in what is returned."""
        try:
            for step in self.script.steps:
                self.do(step)
            self.person.put_in_order()
            self._come_to_rest()
            self.person.answer_all(Random(f"{self.script.seed} answers"))
            self._come_to_rest()
            self.leave()
            self.played.violations += [*self._look(), *self._look_at_rest()]
        except Violation as error:
            self.played.violations.append(str(error))
        except Exception as error:  # whatever it is, it is one to be told of with the seed
            self.played.violations.append("".join(traceback.format_exception(error)))
        finally:
            self._die()
        self.played.checks = self.tally.checks
        self.played.operations = self.machine.operations
        return self.played

    def do(self, step: Step) -> None:
        """Let one thing happen."""
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
        midst, moved = _Midst(self, step), self.person.just_moved
        with self.machine.interrupted(midst):
            report = self._living(self._one_pass)
        if step is not None:
            midst.else_now()
        if self._life is not None and report is not None:
            head = self._life.orchestrator.context.writer.head
            found = self._life.repository.objects.read(head)
            if found and _BY_FACTORY in found[2]:  # what a person commits git makes durable by and by
                self.heads.append(head)
            if moved and step is None:
                self.person.just_moved = None
                self.played.violations += invariants.of_move(self._life.repository, *moved)
            if self._to_be_looked_at and step is None:
                self._to_be_looked_at = False
                self.played.violations += [f"after a crash: {each}" for each in self._look()]
        return report

    def _one_pass(self) -> PassReport:
        if self._life is None:
            self._life = _Life(self.machine, self.script, self.tally, self._told, self.person.mine)
        with self.machine.undisturbed():
            self._life.witness.begin()
        report = self._life.orchestrator.one_pass()
        with self.machine.undisturbed():
            self.played.violations += self._life.witness.end()
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
        self._die()
        if self.power:
            self.person.mend_head()
            with closing(Repository(self.machine.root, self.machine.system)) as repository:
                head = repository.head("main") or ""
                is_there = partial(repository.is_ancestor, new=head)
                self.person.lose_power(invariants.places(repository), is_there)
        self._to_be_looked_at = self._chance.random() < _LOOKED_AT

    def _die(self) -> None:
        life, self._life = self._life, None
        with suppress(Crash):
            self.machine.die()
        with suppress(Crash):
            if life is not None:
                life.end()
        self.machine.system.end_threads()
        self.machine.crash(self._chance, power=self.power)

    def leave(self) -> None:
        """Stop the orchestrator, if it lives."""
        life, self._life = self._life, None
        if life is not None:
            try:
                life.end()
            except (FactoryError, OSError):
                pass
            self.machine.system.end_threads()

    def _come_to_rest(self) -> None:
        """Pass after pass until nothing moves any more."""
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
        if self._life is not None:
            self._life.witness.hear(happening)

    def _go_on(self) -> bool:
        """Let whatever comes next happen, and what others wait for meanwhile, who look ten times a second."""
        system = self.machine.system
        if not system.next_job():
            return False
        system.elapsed += _WAITED_S
        system.jobs_due()
        return True

    def _look(self) -> list[str]:
        """What is wrong with what lies there."""
        with closing(Repository(self.machine.root, self.machine.system)) as repository:
            found = [*invariants.of_history(repository, self.tally), *invariants.of_heads(repository, self.heads)]
            self.played.head = repository.head("main") or ""
            return found

    def _look_at_rest(self) -> list[str]:
        """What is wrong when nothing moves any more."""
        with closing(Repository(self.machine.root, self.machine.system)) as repository:
            person = self.person
            return [
                *invariants.of_places(repository, person.known),
                *invariants.of_verdicts(repository),
                *invariants.of_waiting(repository),
                *invariants.of_branches(repository),
                *invariants.of_evidence(repository),
                *([] if person.astray else invariants.of_moves(repository, person.moved)),
                *invariants.of_person(repository, person.mine, person.commits),
            ]


class _Midst:
    """Called before each operation of a pass on the disk: lets happen what is to happen in its midst."""

    def __init__(self, simulation: Simulation, step: Step | None) -> None:
        self._simulation = simulation
        self._step = step
        self._count = 0
        self._begun = False
        self._chance = Random(step.which if step else 0)

    def __call__(self, operation: str, path: str) -> None:
        self._count += 1
        step, person = self._step, self._simulation.person
        if person.at_work and self._chance.random() < 0.5:
            person.go_on()
        if step is None or self._count < step.at or (self._begun and step.what not in ("no-space", "io-error")):
            return
        self._begun = True
        match step.what:
            case "kill" | "power-cut":
                self._simulation.power = step.what == "power-cut"
                raise Crash
            case "no-space" | "io-error":
                # No disk keeps a lock from being taken or let go of: that is between processes alone.
                if self._count - step.at <= step.which % _MOST_REFUSED and operation != "flock":
                    raise OSError(_REFUSED[step.what], os.strerror(_REFUSED[step.what]), path)
            case _:
                person.begin(step)

    def else_now(self) -> None:
        """It was over before."""
        if self._begun or self._step is None:
            return
        if self._step.what in ("kill", "power-cut"):
            self._simulation.power = self._step.what == "power-cut"
            self._simulation.crash()
        elif self._step.what not in FAULTS:
            self._simulation.person.do(self._step)
