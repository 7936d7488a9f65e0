"""Rounds: what became of earlier findings when an item is delivered again, and what is said of new ones."""

from collections.abc import Iterable

from factory.line.floor import Floor
from factory.line.gate import Ruling
from factory.line.proposal import Unreadable, ensure
from factory.line.survey import Case, Survey
from factory.model.findings import touches
from factory.model.lifecycle import Event
from factory.model.verdict import Finding


def closed_by_change(floor: Floor, survey: Survey, case: Case, proposal: str) -> dict[str, str]:
    """The open findings whose lines a new proposal changes, against the one that they were found in."""
    opened = case.history.table.open
    if not opened or not case.history.proposal:
        return {}
    patch = _between(floor, survey, case, case.history.proposal, proposal)
    if patch is None:
        return {}
    how = f"changed in round {case.history.round}"
    return {key: how for key, finding in opened.items() if touches(patch, finding)}


def closed_by_seat(case: Case, ruling: Ruling) -> dict[str, str]:
    """The open findings that a seat says are put right."""
    return {
        key: f"a seat said so in round {case.history.round}" for key in ruling.closes if key in case.history.table.open
    }


def repeated(case: Case, findings: Iterable[Finding]) -> list[Finding]:
    """The findings of seats with which the round before was sent back, too."""
    return [finding for finding in findings if finding.seat and finding.key in case.history.table.last]


def with_late_ones_marked(floor: Floor, survey: Survey, case: Case, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings; those that could have been found in the round before, since nothing changed there, as late."""
    proposals = [entry.proposal for entry in case.history.entries if entry.event is Event.DELIVER and entry.proposal]
    earlier = [entry for entry in case.history.entries if entry.round < case.history.round]
    judged = {vote.seat for entry in earlier for vote in entry.verdicts if not vote.lost}
    patch = _between(floor, survey, case, *proposals[-2:]) if len(proposals) > 1 else None
    if patch is None:
        return tuple(findings)

    def late(finding: Finding) -> bool:
        known = finding.key in case.history.table.open or finding.key in case.history.table.closed
        return bool(finding.seat in judged and finding.path and not known and not touches(patch, finding))

    return tuple(finding.model_copy(update={"late": True}) if late(finding) else finding for finding in findings)


def _between(floor: Floor, survey: Survey, case: Case, old: str, new: str) -> bytes | None:
    """What one proposal of an item changes of another; None when this clone cannot read both of them."""
    repository = floor.repository
    try:
        for proposal in (old, new):
            ensure(floor.surveyor, survey, case, proposal)
    except Unreadable:
        return None
    before, after = (repository.content(repository.objects.commit(commit).tree) for commit in (old, new))
    return repository.patch(before, after) if before != after else b""
