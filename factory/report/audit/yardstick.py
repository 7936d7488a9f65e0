"""The yardstick: whether the checks ran on what the contract says, and a person was asked of what judges a proposal."""

from collections.abc import Iterator

from factory.execution.checks.checks_from import content_for_checks, instruments_among
from factory.model.base import Argv
from factory.model.contract import Contract
from factory.model.evidence import Evidence
from factory.report.audit.judgement import Judgement
from factory.store.repository.repository import Repository


def unmeasured(repository: Repository, judgement: Judgement, contract: Contract, evidence: Evidence) -> Iterator[str]:
    """What is wrong with what a proposal was measured by."""
    if evidence.instruments is None:
        return  # from before this was looked at
    checks = tuple(ran.run for ran in evidence.ran if ran.judges)
    seats = (seat.run for seat in contract.review.seats if seat.run)
    plain = tuple(tuple(word for word in argv if "{" not in word) for argv in seats)  # what no template can alter
    made = judgement.made(evidence)
    found = instruments_among(contract, checks, plain, made, made).keys() - evidence.instruments.keys()
    if found:
        yield f"was judged by {', '.join(sorted(found))}, which it changes itself, and its evidence does not say so"
    wanted = content_checked(repository, judgement, contract, evidence, checks)
    for ran in evidence.ran if wanted else ():
        if ran.judges and (ran.tree or evidence.tree) != wanted:
            yield f"has the check {ran.name} of another content than its contract asks for"


def content_checked(
    repository: Repository, judgement: Judgement, contract: Contract, evidence: Evidence, checks: tuple[Argv, ...]
) -> str:
    """The content that the checks had to run on; nothing when git has let go what tells it."""
    if contract.checks_from == "proposal":
        return evidence.proven or evidence.tree
    objects, applied = repository.objects, judgement.entry.applied or ""
    if objects.read(evidence.target) is None or objects.read(applied or evidence.tree) is None:
        return ""
    content = repository.content
    merged = evidence.proven or (content(objects.commit(applied).tree) if applied else evidence.tree)
    before = content(objects.commit(evidence.target).tree)
    return content_for_checks(objects, merged, before, contract, checks)
