"""Doors: for every kind of file, all that is done with its content before anything moves."""

import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from factory.execution.agents.usage import UsageMeter
from factory.execution.request import BudgetLeft
from factory.line.intake.batch import batch_problems
from factory.line.review.votes import Delivery, Reviewers, machine_vote, read_verdict, read_vote
from factory.model.base import canonical
from factory.model.breaker import BreakerState
from factory.model.contract import Contract
from factory.model.errors import FactoryError, InvalidFile, Problem
from factory.model.evidence import Evidence
from factory.model.findings import Table
from factory.model.item import Item, slug
from factory.model.journal import fold
from factory.model.journal_lines import read
from factory.model.layout import in_leases, in_no_lane
from factory.model.lease import Renewal
from factory.model.lifecycle import Lane
from factory.model.result import Result, Usage
from factory.model.verdict import MachineVerdict
from factory.report.audit.lines import entries_of
from factory.report.detail import journal
from factory.store import files, yaml
from factory.store.edits import held
from factory.store.leases import read_renewal
from factory.store.library import read_workflow, workflow_warnings
from factory.store.queue import read_item
from factory.store.repository.objects import Person
from factory.store.schema import misfit, schema_problem
from tests.fuzz.inputs import SUBJECT, Input

PLACE = "the/file"
_NOW = datetime(2026, 11, 21, tzinfo=UTC)
_ITEM = Item.model_validate_json('{"title": "t", "acceptance": [{"id": "A1", "text": "x"}]}')
_MATTER = Delivery("one", _ITEM, 1, 1, SUBJECT, "worker", {"U1": "left"}, Table())


def _item(data: bytes) -> None:
    item = read_item(PLACE, data)
    canonical(item.model_dump(mode="json"))
    slug(item.title)
    try:
        held(PLACE, data, not item.hold)
    except InvalidFile as error:
        assert "write `hold:" in str(error)


def _batch(data: bytes) -> None:
    problems = batch_problems(PLACE, data)
    if problems:
        raise InvalidFile(*problems)


def _contract(data: bytes) -> None:
    contract = yaml.load(Contract, yaml.Source(PLACE, data))
    canonical(contract.model_dump(mode="json"))
    for schema in (contract.receives, contract.produces.data or {}):
        schema_problem(schema)
        misfit({"a": "b", "n": 1e308}, schema)


def _workflow(data: bytes) -> None:
    workflow_warnings(data)
    policy = read_workflow(data).policy
    policy.contract_of(_ITEM)
    canonical(policy.governing())
    assert policy.hooks.timeout_s > 0
    policy.most_from(Lane.INBOX)


def _verdict(data: bytes) -> None:
    read_verdict(PLACE, data)
    read_vote("human", PLACE, data, _MATTER, lambda: Person("Ann", "ann@example.org"), Reviewers(("Ann",), frozenset()))


def _result(data: bytes) -> None:
    source = yaml.Source(PLACE, data)
    result = yaml.validate(Result, yaml.parse_json(source), source)
    result.handoff.loose_ends()
    files.as_json(result.model_dump(mode="json"))
    misfit(result.data, {"type": "object", "properties": {"a": {"multipleOf": 0.1}}})


def _usage(data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        Path(folder, "usage.json").write_bytes(data)
        meter = UsageMeter(Path(folder), BudgetLeft(usd=1.0, tokens=5))
        meter()
    if meter.usage == Usage():
        raise InvalidFile(Problem(PLACE, 1, 1, "says nothing that counts"))


def _answer(data: bytes) -> None:
    said = machine_vote("critic", PLACE, data, _MATTER)
    assert said
    yaml.load(MachineVerdict, yaml.Source(PLACE, data)).model_dump_json()


def _journal(data: bytes) -> None:
    history = fold(entries_of(data))
    journal(history)
    for row in history.table.rows():
        files.as_json(row)
    whole = read(data, PLACE)
    assert read(b"".join(entry.line() for entry in whole.entries), PLACE) == whole


def _evidence(data: bytes) -> None:
    try:
        evidence = Evidence.model_validate_json(data)
    except ValueError as error:
        raise InvalidFile(Problem(PLACE, 1, 1, str(error) or "no evidence")) from None
    evidence.findings()
    evidence.answers()
    evidence.model_dump_json()


def _breaker(data: bytes) -> None:
    state = yaml.load(BreakerState, yaml.Source(PLACE, data))
    state.cooled(_NOW)
    yaml.load(BreakerState, yaml.Source(PLACE, state.file()))


def _leases(data: bytes) -> None:
    renewal = yaml.load(Renewal, yaml.Source(PLACE, data))
    assert in_leases(renewal.path) and not in_no_lane(renewal.path)
    assert read_renewal(renewal.path, renewal.file()) == renewal


DOORS: Mapping[str, Callable[[bytes], None]] = {
    "item": _item,
    "batch": _batch,
    "contract": _contract,
    "workflow": _workflow,
    "verdict": _verdict,
    "result": _result,
    "usage": _usage,
    "answer": _answer,
    "journal": _journal,
    "evidence": _evidence,
    "breaker": _breaker,
    "leases": _leases,
}


def through(given: Input) -> bool:
    """Whether a file is taken. One that is not is refused with its place; anything else is a bug, and raised."""
    try:
        DOORS[given.kind](given.data)
    except InvalidFile as error:
        lines = given.data.count(b"\n") + given.data.count(b"\r") + given.data.count(b"\x85") + 3
        lines += given.data.count(b"\xe2\x80\xa8") + given.data.count(b"\xe2\x80\xa9")
        assert error.problems
        for problem in error.problems:
            assert problem.message
            assert 1 <= problem.line <= lines, problem
            assert problem.column >= 1, problem
            str(problem).encode("utf-8", "backslashreplace")
        return False
    except FactoryError as error:
        assert error.message
        return False
    return True
