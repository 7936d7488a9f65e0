"""Places: what the path of a file of the factory means. `layout` parses and builds them."""

from dataclasses import dataclass

from factory.model.lifecycle import Lane
from factory.model.run_layout import ANSWERS, JOURNAL, kept_verdict, run_path


@dataclass(frozen=True)
class PolicyFile:
    """The policy and the default prompt."""


@dataclass(frozen=True)
class ContractFile:
    """A contract."""

    name: str


@dataclass(frozen=True)
class PromptFile:
    """A prompt of a contract or of a seat, by its path below the prompts' folder."""

    name: str


@dataclass(frozen=True)
class BreakerFile:
    """The state of a contract's breaker."""

    contract: str


@dataclass(frozen=True)
class AgentBreakerFile:
    """The state of an agent's breaker."""

    agent: str


@dataclass(frozen=True)
class LeaseFile:
    """Until when a clone holds the runs that it works on."""

    clone: str


@dataclass(frozen=True)
class _Queued:
    """A file below the queue."""

    lane: Lane | None  # none: it lies beside the lanes
    folder: str  # between its lane, or the queue, and the file: the day among the finished, else nothing if all is well

    @property
    def day(self) -> str:
        """The day under which it lies among the finished."""
        return self.folder.partition("/")[0] if self.lane is Lane.DONE else ""


@dataclass(frozen=True)
class ItemFile(_Queued):
    """An item; also one that was put where nobody looks for it."""

    name: str  # as a person wrote it

    @property
    def id(self) -> str:
        """The id that this name gives it; whether that is a good one is for `id_problem` to say."""
        return self.name.lower()


@dataclass(frozen=True)
class BatchFile(_Queued):
    """A batch of items, which belongs into the inbox."""

    name: str


@dataclass(frozen=True)
class OpenVerdict(_Queued):
    """The verdict file of a human seat, which belongs into review. An id may have dots in it, a seat has none."""

    item_id: str
    seat: str

    @property
    def is_at_home(self) -> bool:
        """Whether it lies where it belongs."""
        return self.lane is Lane.REVIEW

    @property
    def kept(self) -> str:
        """What it is called in the run that it is about."""
        return kept_verdict(self.seat)


@dataclass(frozen=True)
class OpenAnswers(_Queued):
    """The file in which a person answers what a worker asks; it belongs into blocked."""

    item_id: str

    @property
    def is_at_home(self) -> bool:
        """Whether it lies where it belongs."""
        return self.lane is Lane.BLOCKED

    @property
    def kept(self) -> str:
        """What it is called in the run that asked."""
        return ANSWERS


@dataclass(frozen=True)
class _OfItem:
    """A file below the artifacts of an item; those of a finished one lie below its day."""

    item_id: str
    day: str


@dataclass(frozen=True)
class JournalFile(_OfItem):
    """An item's journal."""

    @property
    def below(self) -> str:
        """The path below the item's folder."""
        return JOURNAL


@dataclass(frozen=True)
class RunFile(_OfItem):
    """A file of one run."""

    run: int
    name: str  # the path below the run's folder

    @property
    def below(self) -> str:
        """The path below the item's folder."""
        return run_path(self.run, self.name)


@dataclass(frozen=True)
class LooseArtifact(_OfItem):
    """Something else, which the factory did not write."""

    path: str

    @property
    def below(self) -> str:
        """The path below the item's folder."""
        return self.path


@dataclass(frozen=True)
class ArchiveIndex:
    """The lines of the items that were finished in one year and have been archived since."""

    year: str


Opened = OpenVerdict | OpenAnswers  # what is put before a person
Artifact = JournalFile | RunFile | LooseArtifact
Breakers = BreakerFile | AgentBreakerFile
_Known = PolicyFile | ContractFile | PromptFile | Breakers | LeaseFile | ArchiveIndex
Place = _Known | ItemFile | BatchFile | Opened | Artifact
