"""The gate: from evidence and verdicts to the next event. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from factory.model.contract import Contract, Seat, SeatKind
from factory.model.evidence import Evidence
from factory.model.globs import matches
from factory.model.item import Item, Validator
from factory.model.journal import SeatVerdict
from factory.model.lifecycle import Event
from factory.model.policy import Policy
from factory.model.verdict import Decision, Finding, Verdict

NONE_LOST: Mapping[str, str] = MappingProxyType({})  # why the verdict of a machine seat does not count, by seat
_HUMAN = Seat(name="human", kind=SeatKind.HUMAN)


@dataclass(frozen=True)
class Vote:
    """A verdict that counts."""

    seat: str
    verdict: Verdict
    reviewer: str
    path: str
    person: str = ""  # by which one person is known again in another seat; empty: a machine


@dataclass(frozen=True)
class GateDecision:
    """The event that follows, or None and what is waited for."""

    event: Event | None
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    verdicts: tuple[SeatVerdict, ...] = ()
    closes: tuple[str, ...] = ()  # findings of earlier rounds that a seat says are put right, by key


def guarded(policy: Policy, evidence: Evidence) -> tuple[str, ...]:
    """The patterns of paths that only a person may let through: those of the policy, and what judges this proposal."""
    if evidence.silent and policy.canary == "person":
        return ("**",)
    return (*policy.guarded, *(evidence.instruments or ()))


def seats_needed(contract: Contract, changed: tuple[str, ...], protected: tuple[str, ...]) -> tuple[Seat, ...]:
    """The contract's seats, and a human one when the proposal touches what only a person may let through."""
    seats = contract.review.seats
    needs_person = touches(changed, protected)
    return (*seats, _HUMAN) if needs_person and not contract.seats(SeatKind.HUMAN) else seats


def seats_of(contract: Contract, policy: Policy, evidence: Evidence, changed: tuple[str, ...]) -> tuple[Seat, ...]:
    """The seats that a delivery needs, which changes these paths."""
    return seats_needed(contract, for_people(changed, evidence), guarded(policy, evidence))


def for_people(changed: Iterable[str], evidence: Evidence) -> tuple[str, ...]:
    """The changed paths at which a person may have to look: all but what is known to be within bounds."""
    return tuple(path for path in changed if path not in evidence.bounded)


def unanswered(item: Item) -> tuple[str, ...]:
    """The acceptance criteria that no check answers, so that a seat must."""
    return tuple(criterion.id for criterion in item.acceptance if criterion.check is None)


def touches(changed: tuple[str, ...], protected: tuple[str, ...]) -> bool:
    """Whether a proposal changes what only a person may let through."""
    return any(matches(path, protected) for path in changed)


def decide(
    contract: Contract,
    seats: tuple[Seat, ...],
    evidence: Evidence,
    votes: tuple[Vote, ...],
    needs_person: bool = False,
    lost: Mapping[str, str] = NONE_LOST,
) -> GateDecision:
    """What follows. A no from anybody outweighs any number of approvals; a quorum never stands in for a person."""
    verdicts = tuple(
        SeatVerdict(seat=vote.seat, decision=vote.verdict.decision, reviewer=vote.reviewer) for vote in votes
    )
    if not evidence.passed:
        failed = [ran.name for ran in evidence.ran if not ran.passed]
        reason = f"failed: {', '.join(failed)}" if failed else f"conflicts in {', '.join(evidence.conflicts[:3])}"
        return GateDecision(Event.REWORK, reason, evidence.findings(), verdicts)
    for decision, event in (
        (Decision.REJECT, Event.REJECT),
        (Decision.ESCALATE, Event.BLOCK),
        (Decision.REWORK, Event.REWORK),
    ):
        against = [vote for vote in votes if vote.verdict.decision is decision]
        if against:
            closes = tuple(key for vote in votes for key in vote.verdict.closes)
            return GateDecision(event, _reason(against), _findings(against), verdicts, closes)
    again = _again(votes)
    approved = {vote.seat for vote in votes if vote.verdict.decision is Decision.APPROVE} - again.keys()
    approved |= {seat.name for seat in seats if seat.kind is SeatKind.CHECKS}
    waiting = [seat for seat in seats if seat.name not in approved]
    quorum = contract.review.quorum
    enough = not waiting if quorum == "all" else len(approved) >= quorum
    if needs_person:
        enough = enough and any(seat.kind is SeatKind.HUMAN and seat.name in approved for seat in seats)
    if enough:
        by = ", ".join(f"{vote.reviewer} ({vote.seat})" for vote in votes if vote.seat in approved)
        passed = "nothing speaks against it yet" if evidence.pending else "all checks passed"
        return GateDecision(Event.FINISH, f"approved by {by}" if by else passed, (), verdicts)
    silent = [seat.name for seat in waiting if seat.name in lost]
    if silent:  # nobody waits for what will not come by itself
        reason = "; ".join(f"the verdict of {name} does not count: {lost[name]}" for name in silent)
        return GateDecision(Event.BLOCK, reason, (), verdicts)
    names = ", ".join(seat.name for seat in waiting)
    other = "".join(f"; {name} needs somebody else: {said}" for name, said in again.items())
    return GateDecision(None, f"waits for the verdict of {names}{other}", (), verdicts)


def conclude(
    validator: Validator,
    seats: tuple[Seat, ...],
    evidence: Evidence,
    votes: tuple[Vote, ...],
    lost: Mapping[str, str] = NONE_LOST,
) -> GateDecision:
    """What follows for a validator, whose findings are its product: it is done once everybody has spoken."""
    verdicts = tuple(
        SeatVerdict(seat=vote.seat, decision=vote.verdict.decision, reviewer=vote.reviewer) for vote in votes
    )
    failed = [ran.criterion or ran.name for ran in evidence.ran if not ran.passed]
    if failed:  # then nobody was asked
        return GateDecision(Event.FINISH, f"found: {', '.join(failed[:5])} failed", (), verdicts)
    spoken = {vote.seat for vote in votes} | {seat.name for seat in seats if seat.kind is SeatKind.CHECKS}
    silent = [seat.name for seat in seats if seat.name not in spoken]
    unheard = [name for name in silent if name in lost]
    if unheard:
        reason = "; ".join(f"the verdict of {name} does not count: {lost[name]}" for name in unheard)
        return GateDecision(Event.BLOCK, reason, (), verdicts)
    if silent:
        return GateDecision(None, f"waits for the verdict of {', '.join(silent)}", (), verdicts)
    against = [vote.seat for vote in votes if vote.verdict.decision is not Decision.APPROVE]
    said = "its report says what was found" if validator is Validator.TESTING else "nothing was found"
    return GateDecision(Event.FINISH, f"found by {', '.join(against)}" if against else said, (), verdicts)


def _again(votes: tuple[Vote, ...]) -> dict[str, str]:
    """The approvals, by seat, of people who approve in another seat already, and whose that one is: they count once."""
    sits: dict[str, str] = {}
    again: dict[str, str] = {}
    for vote in votes:
        if vote.person and vote.verdict.decision is Decision.APPROVE:
            first = sits.setdefault(vote.person, vote.seat)
            if first != vote.seat:
                again[vote.seat] = f"{vote.reviewer} gave the verdict of {first}"
    return again


def _reason(votes: list[Vote]) -> str:
    said = "; ".join((vote.verdict.notes or "").strip() for vote in votes if (vote.verdict.notes or "").strip())
    who = ", ".join(f"{vote.reviewer} ({vote.seat})" for vote in votes)
    return f"{who}: {said}" if said else who


def _findings(votes: list[Vote]) -> tuple[Finding, ...]:
    found = [
        finding.model_copy(update={"seat": vote.seat, "late": False})
        for vote in votes
        for finding in vote.verdict.findings
    ]
    for number, vote in enumerate(votes, 1):
        notes = (vote.verdict.notes or "").strip()
        if notes:
            found.append(Finding(id=f"N{number}", severity="major", text=notes))
    return tuple(found)
