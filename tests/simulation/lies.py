"""Lies: outcomes that no honest executor gives, each wrong in one thing and at one with itself in all others."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from factory.execution.agents.reviewer import judged_subject
from factory.execution.host import Host
from factory.execution.outcome import RunOutcome, SeatResult
from factory.execution.pipeline import take_over
from factory.execution.request import RunRequest
from factory.model.base import digest
from factory.model.evidence import Evidence, Ran
from factory.model.verdict import Decision, MachineVerdict
from factory.store.repository.trees import TreeEditor

Lie = Callable[[RunOutcome, Evidence, RunRequest, Host], RunOutcome]
_MORE = Ran(name="more", run=("simulated-check",), exit_code=0, seconds=1.0)


def told(honest: RunOutcome, request: RunRequest, host: Host, chance: Random) -> RunOutcome:
    """What somebody says who lies about a run that went well."""
    evidence = honest.evidence
    assert evidence is not None
    return chance.choice(_LIES)(honest, evidence, request, host)


def _saying(honest: RunOutcome, evidence: Evidence) -> RunOutcome:
    assert honest.proof is not None
    return replace(honest, proof=replace(honest.proof, evidence=evidence))


def _of_subject(honest: RunOutcome, subject: str) -> RunOutcome:
    assert honest.reviews is not None
    seats = (replace(each, verdict=each.verdict.model_copy(update={"subject": subject})) for each in honest.seats)
    return replace(honest, reviews=replace(honest.reviews, subject=subject, seats=tuple(seats)))


def _older_base(honest: RunOutcome, evidence: Evidence, request: RunRequest, host: Host) -> RunOutcome:
    """The evidence is about a base of before."""
    older = next(iter(host.repository.objects.commit(request.base).parents), evidence.proposal)
    return _saying(honest, evidence.model_copy(update={"base": older}))


def _own_target(honest: RunOutcome, evidence: Evidence, request: RunRequest, host: Host) -> RunOutcome:
    """The proposal was merged with itself."""
    return _saying(honest, evidence.model_copy(update={"base": evidence.target, "target": evidence.proposal}))


def _without_checks(honest: RunOutcome, evidence: Evidence, request: RunRequest, host: Host) -> RunOutcome:
    """Nothing was run."""
    return _saying(honest, evidence.model_copy(update={"ran": ()}))


def _later(honest: RunOutcome, evidence: Evidence, request: RunRequest, host: Host) -> RunOutcome:
    """What should have been run is left to the merge train."""
    return _saying(honest, evidence.model_copy(update={"ran": (), "pending": ("green",)}))


def _one_more(honest: RunOutcome, evidence: Evidence, request: RunRequest, host: Host) -> RunOutcome:
    """A check was run that nobody asks for."""
    return _saying(honest, evidence.model_copy(update={"ran": (*evidence.ran, _MORE)}))


def _other_tree(honest: RunOutcome, evidence: Evidence, request: RunRequest, host: Host) -> RunOutcome:
    """The checks were run on what was there before."""
    return _saying(honest, evidence.model_copy(update={"tree": host.repository.content_at(request.base)}))


def _of_nothing(honest: RunOutcome, evidence: Evidence, request: RunRequest, host: Host) -> RunOutcome:
    """The evidence is about no proposal."""
    return _saying(honest, evidence.model_copy(update={"proposal": request.base}))


def _other_patch(honest: RunOutcome, evidence: Evidence, request: RunRequest, host: Host) -> RunOutcome:
    """What people are shown is another change than what would be merged."""
    repository = host.repository
    base = repository.content_at(request.base)
    editor = TreeEditor(repository.objects, base)
    editor.put_file("work/shown.txt", b"good\n")
    shown = replace(honest, work=replace(honest.work, patch=repository.patch(base, editor.write())))
    return _of_subject(shown, judged_subject(request, shown))


def _other_run(honest: RunOutcome, evidence: Evidence, request: RunRequest, host: Host) -> RunOutcome:
    """What was made for another run."""
    assert honest.proof is not None
    other = take_over(replace(request, run=request.run + 1), honest.work, host.repository)
    proof = replace(honest.proof, proposal=other, evidence=evidence.model_copy(update={"proposal": other}))
    return replace(honest, proof=proof)


def _other_item(honest: RunOutcome, evidence: Evidence, request: RunRequest, host: Host) -> RunOutcome:
    """What is to be judged is something else."""
    return _of_subject(honest, digest(request.item_id.encode()))


def _another_seat(honest: RunOutcome, evidence: Evidence, request: RunRequest, host: Host) -> RunOutcome:
    """Somebody judged whom nobody had asked."""
    assert honest.reviews is not None
    verdict = MachineVerdict(subject=honest.subject, patch=digest(honest.work.patch), decision=Decision.APPROVE)
    seats = (*honest.seats, SeatResult("nobody", "nobody (command)", verdict))
    return replace(honest, reviews=replace(honest.reviews, seats=seats))


_LIES: tuple[Lie, ...] = (
    _older_base,
    _own_target,
    _without_checks,
    _later,
    _one_more,
    _other_tree,
    _of_nothing,
    _other_patch,
    _other_run,
    _other_item,
    _another_seat,
)
