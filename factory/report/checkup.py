"""The check-up: every contract's checks on the untouched branch, and whether they notice that the product is gone."""

import threading
from collections.abc import Iterator

from factory.line.bench import Bench, Question, check_questions, environment_of
from factory.line.canary import CanaryCheck
from factory.line.desk import look
from factory.line.lock import locked
from factory.line.proofs import Proof, Proofs, Recall
from factory.line.survey import Survey, Surveyor
from factory.model.base import printable
from factory.model.canary import Answer, Canary, rules_of
from factory.model.contract import Contract
from factory.model.errors import FactoryError
from factory.model.item import Item
from factory.report.sign import Health, Sign
from factory.store.canaries import Canaries
from factory.store.library import in_library
from factory.work.order import Order
from factory.work.prompt import TemplateProblem
from factory.work.workcell import Cells, cells_root

_UNTOUCHED = "doctor"
_MOST_LINES = 15  # of what a check printed; how it ended is told at the end
_WIDEST = 200


def checkup(surveyor: Surveyor, survey: Survey) -> Iterator[Sign]:
    """What becomes of the checks of every contract in a cell, tried now. Raises BusyError beside an orchestrator."""
    repository = surveyor.repository
    yield from _not_in_force(surveyor, survey)
    with locked(repository.state, survey.now):
        cells = Cells(repository, cells_root(repository.common_dir, survey.policy.workspace.root))
        try:
            yield from _checkup(surveyor, survey, cells)
        finally:
            cells.remove_all()


def _checkup(surveyor: Surveyor, survey: Survey, cells: Cells) -> Iterator[Sign]:
    target = surveyor.repository.head(survey.policy.target_branch)
    if target is None:
        error = surveyor.repository.missing(survey.policy.target_branch, "target")
        yield Sign("checks", Health.BAD, error.message, error.hint)
        return
    for name, contract in surveyor.library.contracts(survey.tree):
        if contract.checks:
            order = _order(survey, name, contract, target)
            stop = threading.Event()
            recall = Recall(Proofs(), "")
            bench = Bench(surveyor.repository, cells, recall, order, environment_of(order), stop, lambda: None)
            try:
                yield from _contract(bench, target)
            except TemplateProblem as error:
                found = f"cannot be tried without the inputs of an item: {error.message}"
                yield Sign(f"checks of {name}", Health.NOTE, found, "they are tried with the first item that has them")
            except FactoryError as error:
                yield Sign(f"checks of {name}", Health.BAD, error.message, error.hint)


def _not_in_force(surveyor: Surveyor, survey: Survey) -> Iterator[Sign]:
    """The policy files that a person has before them and that are not the committed ones, which are tried."""
    for edits in look(surveyor, survey):
        for path in sorted(edits.valid):
            if in_library(path) and path.endswith(".yaml"):
                found = "is not committed, so its checks were not tried"
                yield Sign(path, Health.NOTE, found, f"git add {path} && git commit {path}")
        for problem in edits.problems:
            if in_library(problem.path):
                yield Sign(problem.path, Health.NOTE, problem.message)


def remembered(surveyor: Surveyor, survey: Survey) -> Iterator[Sign]:
    """What is known of the canaries, without trying any."""
    known = Canaries(surveyor.repository.state).newest()
    for name, contract in surveyor.library.contracts(survey.tree):
        canary = known.get(name)
        if canary is not None and canary.rules == rules_of(contract):
            yield from _told(canary)
        elif contract.checks and survey.policy.canary != "off":
            yield Sign(f"canary of {name}", Health.NOTE, "not tried yet", "factory doctor --checks, or the first item")


def _order(survey: Survey, name: str, contract: Contract, target: str) -> Order:
    """For the checks alone; an open item of the contract lends its inputs."""
    items = (case.item for case in survey.cases.values() if case.contract_name == name and case.item)
    item = next(items, Item(title="The untouched branch")).model_copy(update={"acceptance": ()})
    return Order(_UNTOUCHED, item, name, contract, survey.policy, "", run=0, round=1, base=target, start=target)


def _contract(bench: Bench, target: str) -> Iterator[Sign]:
    name, repository = bench.order.contract_name, bench.repository
    content = repository.content(repository.objects.commit(target).tree)
    well = True
    for question in check_questions(bench.order):
        proof = bench.prove(question, content, target)
        sign = _baseline(f"check {question.name} of {name}", question, proof)
        well = well and sign.health is not Health.BAD
        yield sign
    if well:
        canary = CanaryCheck(Canaries(repository.state)).try_now(bench, content, target)
        if canary is None:
            found = "there is no file that it could be tried on: the contract allows only tests, settings or checks"
            yield Sign(f"canary of {name}", Health.NOTE, found)
        else:
            yield from _told(canary)


def _baseline(about: str, question: Question, proof: Proof) -> Sign:
    """How one check ended on what nobody has touched."""
    passed = proof.exit_code == 0 and not proof.problem
    how = proof.problem or f"exit status {proof.exit_code}"
    if question.must_fail_before:
        advice = "as long as it does, proposals are sent back" if passed else ""
        found = (
            f"passes in {proof.seconds:g} s, and has to fail without a change"
            if passed
            else f"fails as it must ({how})"
        )
        return Sign(about, Health.NOTE if passed else Health.GOOD, found, advice)
    if passed:
        return Sign(about, Health.GOOD, f"passes on the untouched branch in {proof.seconds:g} s")
    lines = [line.rstrip()[:_WIDEST] for line in printable(proof.log.decode(errors="replace")).split("\n")]
    told = tuple(line for line in lines if line)[-_MOST_LINES:]
    found = f"fails on the untouched branch: {how}{f': {told[-1].strip()}' if told else ''}"
    advice = "correct the check or the environment; else every proposal is sent back"
    return Sign(about, Health.BAD, found, advice, told if len(told) > 1 else ())


def _told(canary: Canary) -> Iterator[Sign]:
    for check, answer in canary.answers.items():
        about = f"canary of {canary.contract}"
        match answer:
            case Answer.FAILS:
                yield Sign(about, Health.GOOD, f"{check} fails when the product is gone, as it should")
            case Answer.DOCUMENTATION:
                yield Sign(about, Health.GOOD, f"{check} is about the documentation, and fails when that is gone")
            case Answer.PASSES:
                found = f"{check} still passes when the product is gone, and so proves nothing"
                advice = (
                    "it may run what is installed elsewhere, or test nothing: see docs/life.md, then doctor --checks"
                )
                yield Sign(about, Health.BAD, found, advice)
