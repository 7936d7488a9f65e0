"""Facts: what is known of one item from its file and its journal. Plain values; times are whole seconds since 1970."""

from dataclasses import dataclass

from factory.model.failure import FailureClass
from factory.model.lifecycle import Event, Lane, NotApplied, Outcome
from factory.model.verdict import Decision
from factory.report.fold.words import Words


@dataclass(frozen=True)
class Stay:
    """A time that an item was in one lane; `until` is None while it is still there."""

    lane: Lane
    since: int
    event: Event  # that brought it
    until: int | None = None
    run: int = 0
    round: int = 1
    actor: str = ""
    reason: str = ""  # cut

    def seconds(self, now: int) -> int:
        """How long it lasted, or has lasted so far."""
        return max(0, (now if self.until is None else self.until) - self.since)


@dataclass(frozen=True)
class RunFact:
    """One run; `ended` is None while it is under way. What nobody said is None: unknown is not free."""

    number: int
    round: int
    worker: str
    began: int
    model: str = ""
    ended: int | None = None
    ended_by: Event | None = None
    failure: FailureClass | None = None
    proposed: bool = False  # whether it left a proposal
    seconds: float | None = None  # as the journal says
    worked: float = 0.0  # seconds of the phase `worker`
    checked: float = 0.0  # of its checks, one after another
    judged: float = 0.0  # of its machine seats
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = None
    estimated: bool = False  # whether `usd` is reckoned from prices
    incomplete: bool = False  # whether `usd` is only a part

    @property
    def busy(self) -> float:
        """Seconds in which somebody or something is known to have been at work."""
        return self.worked + self.checked + self.judged or self.seconds or 0.0


@dataclass(frozen=True)
class SeatFact:
    """What one seat said of one delivery, from when it was asked until that was acted on."""

    seat: str
    reviewer: str
    decision: Decision
    run: int
    round: int
    asked: int
    at: int
    seconds: float  # that it took: of a machine its own, of a person those from `asked` to `at`
    human: bool = False
    lost: bool = False  # whether it does not count
    overturned: bool = False  # whether the review ended against it


@dataclass(frozen=True)
class FindingFact:
    """One thing that was found, as a round was sent back with it; `key` is the same in every round."""

    key: str
    seat: str
    text: str  # cut


@dataclass(frozen=True)
class Setback:
    """A release, a rework or a block, and what for."""

    event: Event
    at: int
    run: int
    round: int
    source: Lane
    cause: str  # one of the words of `causes`
    reason: str = ""  # cut
    failure: FailureClass | None = None
    not_applied: NotApplied | None = None
    findings: tuple[FindingFact, ...] = ()


@dataclass(frozen=True)
class LooseEnd:
    """What a worker left undone or came across, and what became of it."""

    key: str
    text: str  # cut
    run: int
    since: int
    until: int | None = None
    answer: str = ""  # `item`, `dismissed`, `sent back` or `ended`; empty while nobody has answered


@dataclass(frozen=True, kw_only=True)
class ItemFacts(Words):
    """One item: what it says of itself, and what happened to it.

    `lane` is where its file lies; the contract is the one it names, which may be none.
    """

    id: str
    lane: Lane
    day: str = ""  # under which a finished one lies
    outcome: Outcome | None = None
    submitted: int | None = None
    ended: int | None = None
    opened: int | None = None  # of a mission: when its plan was merged
    approved: str = ""  # of a mission: the commit that brought its plan into the target
    applied: str = ""
    round: int = 1
    lines: int = 0  # of its journal
    not_before: int | None = None
    waits_for_answers: bool = False
    stays: tuple[Stay, ...] = ()
    runs: tuple[RunFact, ...] = ()
    seats: tuple[SeatFact, ...] = ()
    setbacks: tuple[Setback, ...] = ()
    loose_ends: tuple[LooseEnd, ...] = ()
    strayed: tuple[str, ...] | None = None  # paths outside `scope` that it changed; None where it has none or no patch

    @property
    def is_open(self) -> bool:
        """Whether it is not at its end."""
        return self.lane is not Lane.DONE

    @property
    def landed(self) -> bool:
        """Whether it ended well: applied, or accepted."""
        return self.outcome in (Outcome.APPLIED, Outcome.ACCEPTED)

    @property
    def since(self) -> int | None:
        """Since when it has been where its journal says it is."""
        return self.stays[-1].since if self.stays else None

    @property
    def started(self) -> int | None:
        """When its first run began."""
        return self.runs[0].began if self.runs else None

    @property
    def usd(self) -> float | None:
        """What all of its runs have cost, as far as anybody said."""
        known = [run.usd for run in self.runs if run.usd is not None]
        return sum(known) if known else None

    @property
    def workers(self) -> tuple[str, ...]:
        """Whoever has worked on it."""
        return tuple(dict.fromkeys(run.worker for run in self.runs))
