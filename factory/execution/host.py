"""A host: the machine's part in a run, which is a clone, its pool of cells, and what is remembered here of checks."""

from dataclasses import dataclass, field

from factory.execution.agents.kinds import AGENTS, Agents
from factory.execution.cell.pool import Cells
from factory.execution.checks.evidence import Gatherer
from factory.execution.control import Slots
from factory.execution.redaction.redactor import Redactor
from factory.store.repository.repository import Repository
from factory.store.sessions import Sessions


@dataclass(frozen=True)
class Host:
    """What every run on this machine shares."""

    repository: Repository
    cells: Cells
    gatherer: Gatherer
    redactor: Redactor
    agents: Agents
    reviews: Slots = field(default_factory=Slots)  # of machine seats; the gatherer has those of checks

    @classmethod
    def of(cls, repository: Repository, cells: Cells, agents: Agents = AGENTS) -> "Host":
        """A host with nothing remembered yet."""
        return cls(repository, cells, Gatherer(repository, cells), Redactor(repository.objects), agents)

    @property
    def sessions(self) -> Sessions:
        """The conversations of agents that can be gone on with here."""
        return Sessions(self.repository.state)

    def close(self) -> None:
        """Let go of what lasts from run to run."""
        self.redactor.close_down()
