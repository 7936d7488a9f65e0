"""The life of an orchestrator in a simulation, from its start to its end or its crash."""

from contextlib import ExitStack, closing

from factory.execution.cell.pool import Cells
from factory.line.orchestrator import Orchestrator
from factory.model.events import Tell
from factory.store.repository.repository import Repository
from tests.simulation.machine import Machine
from tests.simulation.person import Person
from tests.simulation.stumbles import stumbling
from tests.simulation.witness import Witness
from tests.simulation.workers import SimulatedExecutor, Tally, local_executor


class Life:
    """One life, in the clone whose turn it is."""

    def __init__(
        self,
        machine: Machine,
        seed: str,
        tally: Tally,
        tell: Tell,
        person: Person,
        workers: type[SimulatedExecutor] = SimulatedExecutor,
    ) -> None:
        self._stack = ExitStack()
        self.repository = Repository(machine.root, machine.system)
        try:
            cells = Cells(self.repository, machine.root.parent / "cells")
            local = local_executor(self.repository, cells, tally)
            executor = workers(local.host, machine.system, seed, tally)
            self.orchestrator = Orchestrator(self.repository, tell, executor=executor, local=local)
            self.witness = Witness(self.repository, person)
            self._stack.enter_context(self.orchestrator.holding())
            self._stack.enter_context(stumbling(self.orchestrator.context.writer, tally))
        except BaseException:
            self.repository.close()
            raise

    def end(self) -> None:
        """Leave it as a person does who stops it."""
        with closing(self.repository):
            self._stack.close()
