"""The checks of a plan's assertions, run before any work: one that passes already proves nothing."""

from collections.abc import Iterator
from dataclasses import replace

from factory.execution.agents.deliverables import in_short, of_problems
from factory.execution.checks.runner import CheckCall
from factory.execution.outcome import Proof
from factory.execution.request import RunRequest
from factory.model.errors import Problem
from factory.model.evidence import BeforeWork, Ran, assertion_check
from factory.model.failure import Failure, FailureClass
from factory.model.layout import assertions_path
from factory.store import yaml
from factory.store.missions import read_mission
from factory.store.repository.objects import Objects
from factory.store.repository.repository import Repository


def assertion_calls(request: RunRequest, objects: Objects, tree: str) -> Iterator[CheckCall]:
    """The checks of the assertions of the plan that a tree of content proposes; none where no plan is proposed.

    Raises InvalidFile.
    """
    for each in read_mission(objects, tree, request.item_id).assertions if request.plans else ():
        if each.check is not None:
            when: BeforeWork = "may_pass" if each.holds_already else "must_fail"
            yield CheckCall(assertion_check(each.id), each.check, before_work=when)


def held_to_plan(proven: Proof, request: RunRequest, repository: Repository) -> Proof:
    """What was proven, as a breach of the contract where an assertion's check proves nothing or cannot be run."""
    evidence = proven.evidence
    refused = [ran for ran in evidence.ran if ran.before_work and not ran.passed] if evidence else []
    if evidence is None or not refused:
        return proven
    objects, path = repository.objects, assertions_path(request.item_id)
    source = yaml.Source(path, objects.file(evidence.tree, path) or b"")
    assertions = read_mission(objects, evidence.tree, request.item_id).assertions
    numbers = {assertion_check(each.id): number for number, each in enumerate(assertions)}
    found = of_problems(
        [Problem(path, *yaml.place(source, (numbers[ran.name], "check")), _why(ran)) for ran in refused]
    )
    return replace(proven, findings=found, failure=Failure(FailureClass.CONTRACT, in_short(found)))


def _why(ran: Ran) -> str:
    """Why such a check counts for nothing."""
    command = f"`{' '.join(ran.run)}`"
    if ran.proves_nothing:
        text = f"{command} passes before any work, so that it proves nothing: have it fail until the work is done,"
        return f"{text} or say `holds_already: true`"
    return f"{command} cannot be run: {ran.problem or 'it did not end'}"
