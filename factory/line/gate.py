"""The gate: from evidence and verdicts to the next event. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from factory.model.contract import Contract, Seat, SeatKind
from factory.model.evidence import Evidence
from factory.model.item import Item
from factory.model.journal import SeatVerdict
from factory.model.lifecycle import Event
from factory.model.paths import matches
from factory.model.policy import Policy
from factory.model.verdict import Decision, Finding, Verdict

NONE_LOST: Mapping[str, str] = MappingProxyType({})  # why the verdict of a machine seat does not count, by seat
_HUMAN = Seat(name="human", kind=SeatKind.HUMAN)


@dataclass(frozen=True)
class Cast:
    """A verdict that counts."""

    seat: str
    verdict: Verdict
    reviewer: str
    path: str
    person: str = ""  # by which one person is known again in another seat; empty: a machine


@dataclass(frozen=True)
class Ruling:
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
    casts: tuple[Cast, ...],
    needs_person: bool = False,
    lost: Mapping[str, str] = NONE_LOST,
) -> Ruling:
    """What follows. A no from anybody outweighs any number of approvals; a quorum never stands in for a person."""
    verdicts = tuple(
        SeatVerdict(seat=cast.seat, decision=cast.verdict.decision, reviewer=cast.reviewer) for cast in casts
    )
    if not evidence.passed:
        failed = [ran.name for ran in evidence.ran if not ran.passed]
        reason = f"failed: {', '.join(failed)}" if failed else f"conflicts in {', '.join(evidence.conflicts[:3])}"
        return Ruling(Event.REWORK, reason, evidence.findings(), verdicts)
    for decision, event in (
        (Decision.REJECT, Event.REJECT),
        (Decision.ESCALATE, Event.BLOCK),
        (Decision.REWORK, Event.REWORK),
    ):
        against = [cast for cast in casts if cast.verdict.decision is decision]
        if against:
            closes = tuple(key for cast in casts for key in cast.verdict.closes)
            return Ruling(event, _reason(against), _findings(against), verdicts, closes)
    again = _again(casts)
    approved = {cast.seat for cast in casts if cast.verdict.decision is Decision.APPROVE} - again.keys()
    approved |= {seat.name for seat in seats if seat.kind is SeatKind.CHECKS}
    waiting = [seat for seat in seats if seat.name not in approved]
    quorum = contract.review.quorum
    enough = not waiting if quorum == "all" else len(approved) >= quorum
    if needs_person:
        enough = enough and any(seat.kind is SeatKind.HUMAN and seat.name in approved for seat in seats)
    if enough:
        by = ", ".join(f"{cast.reviewer} ({cast.seat})" for cast in casts if cast.seat in approved)
        return Ruling(Event.FINISH, f"approved by {by}" if by else "all checks passed", (), verdicts)
    silent = [seat.name for seat in waiting if seat.name in lost]
    if silent:  # nobody waits for what will not come by itself
        reason = "; ".join(f"the verdict of {name} does not count: {lost[name]}" for name in silent)
        return Ruling(Event.BLOCK, reason, (), verdicts)
    names = ", ".join(seat.name for seat in waiting)
    other = "".join(f"; {name} needs somebody else: {said}" for name, said in again.items())
    return Ruling(None, f"waits for the verdict of {names}{other}", (), verdicts)


def _again(casts: tuple[Cast, ...]) -> dict[str, str]:
    """The approvals, by seat, of people who approve in another seat already, and whose that one is: they count once."""
    sits: dict[str, str] = {}
    again: dict[str, str] = {}
    for cast in casts:
        if cast.person and cast.verdict.decision is Decision.APPROVE:
            first = sits.setdefault(cast.person, cast.seat)
            if first != cast.seat:
                again[cast.seat] = f"{cast.reviewer} gave the verdict of {first}"
    return again


def _reason(casts: list[Cast]) -> str:
    said = "; ".join((cast.verdict.notes or "").strip() for cast in casts if (cast.verdict.notes or "").strip())
    who = ", ".join(f"{cast.reviewer} ({cast.seat})" for cast in casts)
    return f"{who}: {said}" if said else who


def _findings(casts: list[Cast]) -> tuple[Finding, ...]:
    found = [
        finding.model_copy(update={"seat": cast.seat, "late": False})
        for cast in casts
        for finding in cast.verdict.findings
    ]
    for number, cast in enumerate(casts, 1):
        notes = (cast.verdict.notes or "").strip()
        if notes:
            found.append(Finding(id=f"N{number}", severity="major", text=notes))
    return tuple(found)
