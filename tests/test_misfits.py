"""What an executor says is held against the request: proven work that does not fit it is a crash of its own run."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

import pytest

from factory.execution.agents.reviewer import judged_subject
from factory.execution.control import Control
from factory.execution.outcome import Reviews, RunOutcome, SeatResult, Work
from factory.execution.request import RunRequest
from factory.line.tick import tick
from factory.model.errors import MachineError
from factory.model.evidence import Evidence, Ran
from factory.model.failure import Failure, FailureClass
from factory.model.lifecycle import Event
from factory.model.result import Claim, Handoff, Result, Status
from factory.model.verdict import MachineVerdict
from factory.store.repository.batch import plumbing_commit
from factory.store.repository.repository import Repository
from tests.test_bad_outcomes import FAILED, Odd, orchestrated
from tests.world import World

Altered = Callable[[RunOutcome, RunRequest, Repository], RunOutcome]
NO_FIT = "what it came to does not fit what was asked: "
B = "b" * 40
OTHER = "sha256:" + "0" * 64
TESTS = {"name": "tests", "kind": "checks"}
REPORT = {"path": "report.md", "max_kb": 1, "required": False}


def with_evidence(outcome: RunOutcome, **keys: object) -> RunOutcome:
    """The outcome with other evidence, and the subject as it is then."""
    assert outcome.proof is not None and outcome.evidence is not None
    said = {name: getattr(outcome.evidence, name) for name in Evidence.model_fields}
    return replace(outcome, proof=replace(outcome.proof, evidence=Evidence.model_validate({**said, **keys})))


def with_ran(outcome: RunOutcome, change: Callable[[Ran], Ran | None]) -> RunOutcome:
    assert outcome.evidence is not None
    return with_evidence(outcome, ran=tuple(new for ran in outcome.evidence.ran if (new := change(ran)) is not None))


def with_work(outcome: RunOutcome, request: RunRequest, **keys: object) -> RunOutcome:
    """The outcome with other work, and the subject of just that."""
    altered = replace(outcome, work=replace(outcome.work, **keys))  # type: ignore[arg-type]
    return replace(altered, reviews=Reviews(judged_subject(request, altered)))


def proposing(outcome: RunOutcome, proposal: str) -> RunOutcome:
    assert outcome.proof is not None
    told = replace(outcome, proof=replace(outcome.proof, proposal=proposal))
    return with_evidence(told, proposal=proposal)


def of_nobody(outcome: RunOutcome, request: RunRequest, repository: Repository) -> RunOutcome:
    """A proposal with the same files and another history."""
    tree = repository.objects.commit(outcome.proposal).tree
    commit = plumbing_commit(repository.objects, tree, (), "x\n")
    repository.objects.flush()
    return proposing(outcome, commit)


def seated(outcome: RunOutcome, subject: str, *names: str) -> RunOutcome:
    seats = tuple(SeatResult(name, "x", MachineVerdict(subject=subject)) for name in names)
    return replace(outcome, reviews=Reviews(outcome.subject, seats))


def renamed(ran: Ran, **keys: object) -> Ran:
    return ran.model_copy(update=keys)


def failing(outcome: RunOutcome, files: dict[str, bytes]) -> RunOutcome:
    failure = Failure(FailureClass.CRASH, "it failed")
    return RunOutcome(replace(outcome.work, files=files, failure=failure))


MISFITS: dict[str, tuple[Altered, str]] = {
    "base-is-proposal": (lambda o, *_: with_evidence(o, base=o.proposal), "its evidence is about the base "),
    "proposal-is-base": (lambda o, r, _: proposing(o, r.base), "its proposal is not what its patch makes of its base"),
    "another-history": (of_nobody, "its proposal is not what its patch makes of its base"),
    "nothing-ran": (lambda o, *_: with_evidence(o, ran=()), "its evidence says nothing of "),
    "no-check": (
        lambda o, *_: with_ran(o, lambda ran: None if ran.name == "fails" else ran),
        "its evidence says nothing of fails",
    ),
    "no-acceptance": (
        lambda o, *_: with_ran(o, lambda ran: None if ran.criterion else ran),
        "its evidence says nothing of acceptance/A1",
    ),
    "another-criterion": (
        lambda o, *_: with_ran(o, lambda ran: renamed(ran, criterion="A2")),
        "its evidence is about other commands than were to be run",
    ),
    "ran-twice": (
        lambda o, *_: with_evidence(o, ran=o.evidence.ran * 2 if o.evidence else ()),
        "its evidence is about other commands than were to be run",
    ),
    "check-as-claim": (
        lambda o, *_: with_ran(o, lambda ran: renamed(ran, claimed=1)),
        "its evidence takes checks for claims",
    ),
    "no-claim": (
        lambda o, r, _: with_work(
            o, r, result=Result(status=Status.OK, handoff=Handoff(commands=(Claim(run=("x",), exit_code=0),)))
        ),
        "its evidence says nothing of claims/1",
    ),
    "no-tree": (lambda o, *_: with_evidence(o, tree=B), "the checks were run on something else"),
    "empty-tree": (lambda o, *_: with_evidence(o, tree=""), "the checks were run on something else"),
    "tree-of-base": (
        lambda o, r, its: with_evidence(o, tree=its.content(its.objects.commit(r.base).tree)),
        "the checks were run on something else",
    ),
    "conflict-with-a-tree": (lambda o, *_: with_evidence(o, conflicts=("a",), ran=()), "it conflicts, and yet "),
    "no-target": (lambda o, *_: with_evidence(o, target=B), f"the repository has no commit {B}"),
    "another-subject": (
        lambda o, *_: replace(o, reviews=Reviews(OTHER)),
        "what it says is to be judged is not what it left",
    ),
    "uncalled-seat": (lambda o, *_: seated(o, o.subject, "human"), "other seats have judged it than were to"),
    "seat-twice": (lambda o, *_: seated(o, o.subject, "critic", "critic"), "other seats have judged it than were to"),
    "seat-of-another": (lambda o, *_: seated(o, OTHER, "critic"), "a seat judges something else"),
    "no-patch": (lambda o, r, _: with_work(o, r, patch=b"\xff no patch"), "git cannot make it again: "),
    "another-patch": (
        lambda o, r, _: with_work(o, r, patch=o.work.patch.replace(b"+text", b"+other")),
        "its proposal is not what its patch makes of its base",
    ),
    "unasked-file": (lambda o, r, _: with_work(o, r, files={"x": b""}), "the contract does not ask for the file x"),
    "large-file": (
        lambda o, r, _: with_work(o, r, files={"report.md": b"x" * 1025}),
        "the contract does not ask for the file report.md of 1025 bytes",
    ),
    "failure-with-a-file": (lambda o, *_: failing(o, {"x": b"y"}), "the contract does not ask for the file x"),
}  # fmt: skip


class Altering(Odd):
    """Works here, and hands on something else than what came of it."""

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        future = self.local.submit(request, control)
        if request.item_id not in MISFITS:
            return future
        altered: Future[RunOutcome] = Future()
        alter, repository = MISFITS[request.item_id][0], self.local.host.repository
        future.add_done_callback(lambda done: altered.set_result(alter(done.result(), request, repository)))
        return altered


def test_what_does_not_fit_its_request_is_a_crash_of_its_own_run_and_is_not_kept(world: World) -> None:
    # given work under a contract whose check fails, and an executor that says something else of it
    world.policy("agent: {max_concurrent_agents: 100}\nlimits: {review: 100}\n")
    world.contract(
        "checked",
        checks=[{"name": "fails", "run": ["false"]}],
        produces={"patch": {"required": True}, "files": [REPORT]},
        review={
            "seats": [{"name": "tests", "kind": "checks"}, {"name": "critic", "kind": "command", "run": ["false"]}]
        },
    )
    accepted = "acceptance:\n- {id: A1, text: it is, check: ['true']}\n- {id: A2, text: it is, check: ['true']}\n"
    text = [{"write": {"path": "text.txt", "text": "text\n"}}]
    for name in [*MISFITS, "honest"]:
        world.item(name, text, contract="checked", text=accepted)
    world.commit("Items")
    # when a pass follows
    with orchestrated(world, {}, Altering) as orchestrator, orchestrator.holding():
        tick(orchestrator)
    # then each says what does not fit, and what is right goes its way
    lasts = {name: world.last(name) for name in MISFITS}
    astray = {
        name: last.reason for name, last in lasts.items() if not str(last.reason).startswith(NO_FIT + MISFITS[name][1])
    }
    assert astray == {}
    assert {(last.event, last.failure) for last in lasts.values()} == {(Event.RELEASE, FailureClass.CRASH)}
    assert world.last("honest").event is Event.REWORK
    assert not [path for name in MISFITS for path in world.artifacts(name) if "/files/" in path]
    world.command("audit")


@pytest.mark.parametrize("path", ["WORKFLOW.md", "other.txt"])
def test_a_proposal_beyond_its_contract_is_a_crash_though_its_executor_says_nothing_of_it(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.contract("narrow", produces={"patch": {"required": True, "paths": ["one.txt"]}})
    world.item("one", [{"write": {"path": path, "text": world.read("WORKFLOW.md") + "more\n"}}], contract="narrow")
    world.commit("An item")
    # given an executor that holds no change against the contract
    monkeypatch.setattr("factory.execution.agents.worker.deliverables.change_breaches", lambda *_: ())
    monkeypatch.setattr("factory.execution.checks.evidence.change_breaches", lambda *_: ())
    with orchestrated(world, {}, Odd) as orchestrator, orchestrator.holding():
        tick(orchestrator)
    assert world.last("one").reason == f"{NO_FIT}{path}: may not be changed; the contract allows one.txt"


def test_a_huge_answer_of_an_executor_is_refused() -> None:
    outcome = RunOutcome(Work(1.0, raw_result=b"{" * 2_000_000, failure=FAILED))
    with pytest.raises(MachineError, match=r"work\.raw_result"):
        RunOutcome.checked(outcome)


@pytest.mark.parametrize(
    ("check", "feature", "said"),
    [
        ("'false'", "B", "contracts/missions/one/plan.yaml:3:61: there is no assertion 'B' in "),
        ("'true'", "A", "its evidence takes another check for one of its plan, or the other way round"),
    ],
    ids=["that breaks a rule", "whose check proves nothing"],
)
def test_a_plan_beyond_the_rules_is_a_crash_though_its_executor_says_nothing_of_it(
    world: World, check: str, feature: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assertions = f"- {{id: A, text: It is done, check: [{check}]}}\n"
    plan = f"goal: all\nmilestones:\n- {{id: m, title: m, features: [{{id: f, title: f, fulfills: [{feature}]}}]}}\n"
    folder = "contracts/missions/one"
    steps = [{"write": {"path": f"{folder}/assertions.yaml", "text": assertions}}]
    steps += [{"write": {"path": f"{folder}/plan.yaml", "text": plan}}]
    world.contract("mission", produces={"plan": True})
    world.item("one", steps, contract="mission")
    # given an executor that holds no plan against the rules, and says that all checks may pass
    monkeypatch.setattr("factory.execution.agents.ending.deliverables.problems_of_plan", lambda *_: ())
    monkeypatch.setattr("factory.execution.pipeline.held_to_plan", lambda proven, *_: proven)
    said_of_it = "may_pass" if feature == "A" else "must_fail"
    lie: Altered = lambda outcome, *_: with_ran(outcome, lambda ran: renamed(ran, before_work=said_of_it))  # noqa: E731
    monkeypatch.setitem(MISFITS, "one", (lie, ""))
    with orchestrated(world, {}, Altering) as orchestrator, orchestrator.holding():
        tick(orchestrator)
    assert str(world.last("one").reason).startswith(f"{NO_FIT}{said}")
