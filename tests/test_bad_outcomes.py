"""What executors and agents give back that is not right: a crash of that run alone, and nobody else loses anything."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

import pytest

from factory.execution.cell.pool import Cells
from factory.execution.control import Control, PhaseLog
from factory.execution.host import Host
from factory.execution.local import LocalExecutor
from factory.execution.outcome import Proof, Reviews, RunOutcome, SeatResult, Work
from factory.execution.request import RunRequest
from factory.line import runs
from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.model.agent import AgentIdentity
from factory.model.errors import InvalidFile, MachineError
from factory.model.events import Happening, Noticed, Recorded, Tell
from factory.model.evidence import Evidence
from factory.model.failure import Failure, FailureClass, of_error
from factory.model.journal import MOST_PHASES, Phase
from factory.model.lifecycle import Event
from factory.model.result import Result, Status, Usage
from factory.model.verdict import Finding, MachineVerdict
from factory.store.repository.objects import EMPTY_TREE, name_of
from factory.store.repository.repository import Repository
from factory.store.repository.trees import TreeEditor
from factory.store.state import HEARTBEATS
from tests.world import StandingStill, World, say_nothing

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FAILED = Failure(FailureClass.CRASH, "it failed")
LOST = "its result was lost: the executor's outcome cannot be used: "
A, B = "a" * 40, "b" * 40
SUBJECT = "sha256:" + "0" * 64
OK = Result(status=Status.OK)

Given = Callable[[], object]


def failed(**work: object) -> Given:
    """A run that failed, as it may well do; with something in it that is not right."""
    return lambda: RunOutcome(replace(Work(1.0, failure=FAILED), **work))  # type: ignore[arg-type]


def done(proof: Proof, reviews: Reviews | None = None, **work: object) -> Given:
    return lambda: RunOutcome(replace(Work(1.0, result=OK), **work), proof, reviews)  # type: ignore[arg-type]


def phases(*given: Phase) -> Given:
    return lambda: RunOutcome(Work(1.0, failure=FAILED), phases=given)


def judged(**evidence: str) -> Proof:
    return Proof(A, Evidence(**{"base": A, "proposal": A, "target": A, "tree": A, **evidence}))  # type: ignore[arg-type]


# What is not right, and the beginning of what a person is told of it.
NOT_RIGHT: dict[str, tuple[Given, str]] = {
    "no-outcome": (lambda: None, "its result was lost: the executor gave NoneType for an outcome"),
    "a-mapping": (lambda: {"work": 1}, "its result was lost: the executor gave dict for an outcome"),
    "no-work": (lambda: RunOutcome(cast(Work, None)), f"{LOST}work: "),
    "nothing-at-all": (lambda: RunOutcome(Work()), f"{LOST}it is neither a failure nor proven work"),
    "no-proof": (lambda: RunOutcome(Work(result=OK)), f"{LOST}it is neither a failure nor proven work"),
    "no-evidence": (done(Proof(A), Reviews(SUBJECT)), f"{LOST}it is neither a failure nor proven work"),
    "no-proposal": (
        done(replace(judged(), proposal=""), Reviews(SUBJECT)),
        f"{LOST}it is neither a failure nor proven work",
    ),
    "another-proposal": (
        done(judged(proposal=B), Reviews(SUBJECT)),
        f"{LOST}it is neither a failure nor proven work",
    ),
    "no-subject": (done(judged()), f"{LOST}it is neither a failure nor proven work"),
    "odd-subject": (done(judged(), Reviews("sha256:zz")), f"{LOST}reviews.subject: "),
    "odd-proposal": (done(Proof("main\ndelete refs/heads/main")), f"{LOST}proof.proposal: "),
    "odd-base": (done(judged(base="--output=x"), Reviews(SUBJECT)), f"{LOST}proof.evidence: "),
    "nan-seconds": (failed(seconds=float("nan")), f"{LOST}work.seconds: "),
    "negative-seconds": (failed(seconds=-5.0), f"{LOST}work.seconds: "),
    "words-for-seconds": (failed(seconds="5"), f"{LOST}work.seconds: "),
    "text-for-bytes": (failed(log="text"), f"{LOST}work.log: "),
    "a-kind-that-is-none": (failed(failure=Failure(cast(FailureClass, "odd"), "x")), f"{LOST}work.failure.kind: "),
    "no-reason": (failed(failure=Failure(FailureClass.CONTRACT, "")), f"{LOST}work.failure.reason: "),
    "reason-no-unicode": (failed(failure=Failure(FailureClass.CRASH, "a\ud800")), f"{LOST}work.failure.reason: "),
    "prompt-no-unicode": (failed(prompt="\ud800"), f"{LOST}it holds text that is no"),
    "finding-no-unicode": (
        failed(findings=(Finding(id="F1", text="x", path="\ud800"),)),
        f"{LOST}it holds text that is no",
    ),
    "endless-prompt": (failed(prompt="x" * 20_000_000), f"{LOST}it says more than"),
    "no-usage": (failed(usage=None), f"{LOST}work.usage: "),
    "usage-out-of-bounds": (
        failed(usage=Usage.model_construct(input_tokens=10**400, output_tokens=-4, usd=float("nan"))),
        f"{LOST}work.usage.input_tokens: ",
    ),
    "agent-is-none": (failed(agent=None), f"{LOST}work.agent: "),
    "rubbish-in-data": (
        failed(result=Result.model_construct(status=Status.FAILED, data=object())),
        f"{LOST}work.result.data",
    ),
    "no-number-of-json": (
        failed(result=Result.model_construct(status=Status.FAILED, data=[float("nan")])),
        f"{LOST}work.result: ",
    ),
    "endless-number": (failed(result=Result(status=Status.FAILED, data=10**5000)), f"{LOST}work.result: "),
    "phase-out-of-bounds": (
        phases(Phase.model_construct(name="a", at=datetime(2020, 1, 1), seconds=-1.0)),
        f"{LOST}phases.0.at: ",
    ),
    "endless-phases": (phases(*[Phase(name="a", at=NOON, seconds=1.0)] * (MOST_PHASES + 1)), f"{LOST}phases: "),
    "file-out-of-its-folder": (failed(files={"../../../WORKFLOW.md": b"x"}), f"{LOST}work.files."),
    "file-with-a-root": (failed(files={"/etc/x": b"x"}), f"{LOST}work.files."),
    "file-without-a-folder": (failed(files={"a//b": b"x"}), f"{LOST}work.files."),
    "file-of-git": (failed(files={".GIT/config": b"x"}), f"{LOST}work.files."),
    "file-no-unicode": (failed(files={"\udcff": b"x"}), f"{LOST}work.files."),
    "file-too-long": (failed(files={"x" * 256: b"x"}), f"{LOST}work.files."),
    "file-and-folder": (
        failed(files={"a": b"x", "a.b": b"", "a/b": b"y"}),
        f"{LOST}work.files: has 'a' as a file and as a folder",
    ),
    "log-of-no-check": (done(replace(judged(), logs={"../journal.jsonl": b""})), f"{LOST}proof.logs."),
    "log-elsewhere": (done(replace(judged(), logs={"manifest.json": b""})), f"{LOST}proof.logs: "),
    "seat-of-no-name": (
        done(judged(), Reviews(SUBJECT, (SeatResult("../x", "x", MachineVerdict(subject=SUBJECT)),))),
        f"{LOST}reviews.seats.0.seat: ",
    ),
}  # fmt: skip


@dataclass
class Odd:
    """An executor that gives what it is told to for some items; the others are worked on here."""

    local: LocalExecutor
    odd: dict[str, Given]
    kinds: tuple[str, ...] = ("command",)
    submitted: list[str] = field(default_factory=list)

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        self.submitted.append(request.item_id)
        if request.item_id not in self.odd:
            return self.local.submit(request, control)
        future: Future[object] = Future()
        future.set_result(self.odd[request.item_id]())
        return cast("Future[RunOutcome]", future)

    def shutdown(self) -> None:
        self.local.shutdown()


@contextmanager
def orchestrated(
    world: World, odd: dict[str, Given], executor: type[Odd] = Odd, tell: Tell = say_nothing
) -> Iterator[Orchestrator]:
    """An orchestrator whose runs an executor carries out."""
    repository = Repository(world.root)
    cells = Cells(repository, world.root.parent / "cells")
    try:
        yield Orchestrator(repository, tell, executor=executor(LocalExecutor(Host.of(repository, cells)), odd))
    finally:
        repository.close()


def test_an_outcome_that_is_not_right_is_a_crash_of_its_own_run_with_a_reason(world: World) -> None:
    # given an executor that brings one good outcome among every kind of rubbish
    world.policy("agent: {max_concurrent_agents: 100}\nlimits: {review: 100}\n")
    for name in [*NOT_RIGHT, "other"]:
        world.item(name)
    world.commit("Items")
    # when they all end in one pass
    odd = {name: given for name, (given, _) in NOT_RIGHT.items()}
    with orchestrated(world, odd) as orchestrator, orchestrator.holding():
        tick(orchestrator)
    # then each of them is tried again, and says why; and the other is done
    assert world.lane("other") == "done"
    lasts = {name: world.last(name) for name in NOT_RIGHT}
    assert {(last.event, last.failure, last.attempt) for last in lasts.values()} == {
        (Event.RELEASE, FailureClass.CRASH, 1)
    }
    astray = {name: last.reason for name, last in lasts.items() if not str(last.reason).startswith(NOT_RIGHT[name][1])}
    assert astray == {}
    assert max(len(str(last.reason)) for last in lasts.values()) < 500
    world.git("fsck", "--strict")
    world.command("audit")


def test_names_and_phases_of_others_are_short_lines_in_the_journal(world: World) -> None:
    huge = "m\udc80\x1b[2J\n" * 1_000_000
    names = AgentIdentity.model_construct(model=huge, session=huge, version=None)
    phase = Phase.model_construct(name=huge, at=NOON, seconds=1.0)
    world.item("one")
    world.commit("An item")
    with (
        orchestrated(world, {"one": lambda: RunOutcome(Work(failure=FAILED, agent=names), phases=(phase,))}) as its,
        its.holding(),
    ):
        tick(its)
    last = world.last("one")
    assert last.reason == FAILED.reason
    assert last.agent is not None
    for said in (last.agent.model, last.agent.session, last.phases[0].name):
        assert said is not None and said.startswith("m��[2J m") and len(said) == 200 and said.isprintable()


def test_a_run_notes_no_more_phases_than_its_outcome_may_have() -> None:
    log = PhaseLog(StandingStill(NOON))
    for _ in range(MOST_PHASES + 5):
        with log.timed("a"):
            pass
    assert len(log.ended()) == MOST_PHASES
    RunOutcome.checked(RunOutcome(Work(failure=FAILED), phases=log.ended()))


def test_an_outcome_that_is_right_is_the_same_once_it_is_checked() -> None:
    seat = SeatResult("lint", "lint (command)", MachineVerdict(subject=SUBJECT), b"\xfe", 1.5, Usage(usd=0.25))
    logs = {"checks/tests.log": b"\xff"}
    right = RunOutcome(
        Work(1.5, "do it", b"\x00", brought={B: ("blob", b"\xff")}, files={" a/b c.md": b"# \xff"}, result=OK),
        replace(judged(), logs=logs),
        Reviews(SUBJECT, (seat,)),
        (Phase(name="worker", at=NOON, seconds=1.5),),
    )
    assert RunOutcome.checked(right) == right


class Unreadable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unreadable(), "x: <exception str() failed>"),
        (ValueError("a\ud800\x1b[2Jb"), "x: a��[2Jb"),
        (ValueError(), "x: ValueError"),
        (SystemExit(3), "x: SystemExit 3"),
        (MachineError("no space"), "x: no space"),
    ],
)
def test_the_text_of_any_error_can_be_written_down(error: BaseException, said: str) -> None:
    assert of_error(error, "x") == Failure(FailureClass.CRASH, said)


def test_the_text_of_an_error_is_cut() -> None:
    assert len(of_error(ValueError("x" * 50_000_000)).reason) < 5000


@pytest.mark.parametrize("path", ["files/../x", "/etc/x", "a//b", "a/", "a/./b", ".git/x", "a/.Git", "a\0b", ""])
def test_the_editor_of_trees_lays_nothing_where_no_file_can_be(world: World, path: str) -> None:
    repository = Repository(world.root)
    try:
        editor = TreeEditor(repository.objects, EMPTY_TREE)
        with pytest.raises(InvalidFile, match="is no path that a file in a repository can have"):
            editor.put_file(path, b"x")
        assert editor.write() == EMPTY_TREE
        editor.put_file(" a\\b/\udcff", b"x")  # git knows no other rule than that
        assert list(repository.objects.tree(editor.write())) == [" a\\b"]
    finally:
        repository.close()


class Refusing(Odd):
    """Hands on what it is told to in place of a future, and fails when it is shut down."""

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        if request.item_id in self.odd:
            return cast("Future[RunOutcome]", self.odd[request.item_id]())
        return super().submit(request, control)


def no_host() -> object:
    raise RuntimeError("no host is free")


def test_what_an_executor_does_not_take_is_a_crash_of_its_own_run_and_the_others_begin(world: World) -> None:
    for name in ("first", "none", "other"):
        world.item(name)
    world.commit("Items")
    odd: dict[str, Given] = {"first": no_host, "none": lambda: None}
    with orchestrated(world, odd, Refusing) as orchestrator, orchestrator.holding():
        tick(orchestrator)
    assert world.lane("other") == "done"
    lasts = [world.last(name) for name in ("first", "none")]
    assert [(last.event, last.failure, last.reason) for last in lasts] == [
        (Event.RELEASE, FailureClass.CRASH, "its result was lost: no host is free"),
        (Event.RELEASE, FailureClass.CRASH, "its result was lost: the executor gave NoneType for a future"),
    ]


class Careless(Odd):
    """Returns from its shutdown, or fails there, while its runs are under way; those end a little later, or never."""

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        future: Future[RunOutcome] = Future()

        def end() -> None:
            control.stop.wait()
            if request.item_id in self.odd:
                future.set_result(cast(RunOutcome, self.odd[request.item_id]()))

        self.local._pool.submit(end)
        return future

    def shutdown(self) -> None:
        raise RuntimeError("the cluster is away")


def test_an_executor_that_cannot_be_shut_down_loses_no_run_that_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a run that ends soon after it is asked to, and one that does not
    monkeypatch.setattr(runs, "_PATIENCE_S", 0.5)
    usage = Usage(usd=0.25)
    for name in ("ends", "stays"):
        world.item(name)
    world.commit("Items")
    told: list[Happening] = []
    odd: dict[str, Given] = {"ends": failed(usage=usage)}
    # when the orchestrator is left, and the executor's shutdown fails
    with orchestrated(world, odd, Careless, told.append) as orchestrator, orchestrator.holding():
        orchestrator.one_pass()
    # then what ended is paid and its item given back, and a person knows of the rest
    assert world.last("ends").reason == FAILED.reason
    assert world.last("ends").usage == usage
    assert world.events("stays") == ["submit", "start"]
    assert [each.text for each in told if isinstance(each, Noticed) and "executor" in each.text] == [
        "the executor could not be shut down: the cluster is away",
        "still under way in the executor, and what they come to is lost: stays",
    ]
    world.tick()  # whose runs these were is known to the next orchestrator
    assert world.lane("stays") == "done"


def test_what_an_executor_does_to_a_request_changes_nothing_that_is_remembered(world: World) -> None:
    class Changing(Odd):
        def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
            request.item.inputs["runs"] = []
            return super().submit(request, control)

    world.item("one")
    world.commit("An item")
    with orchestrated(world, {"one": failed()}, Changing) as orchestrator, orchestrator.holding():
        before = orchestrator.present().items["one"]
        assert before.item is not None
        assert before.item.inputs["runs"]
        tick(orchestrator)
        assert before.item.inputs["runs"]
        again = orchestrator.present().items["one"].item
    assert again == before.item


def test_a_proposal_or_a_base_that_is_no_commit_here_is_a_crash_of_its_own_run(world: World) -> None:
    commit, tree, blob = (world.git("rev-parse", name) for name in ("HEAD", "HEAD^{tree}", "HEAD:WORKFLOW.md"))
    for name in ("blob", "lost", "other"):
        world.item(name)
    world.commit("Items")
    evidence = Evidence(base=commit, proposal=blob, target=commit, tree=tree)
    odd: dict[str, Given] = {
        "blob": done(Proof(blob, evidence, failure=Failure(FailureClass.EVIDENCE, "x")), Reviews(SUBJECT)),
        "lost": done(Proof(commit, Evidence(base=B, proposal=commit, target=commit, tree=tree)), Reviews(SUBJECT)),
    }
    with orchestrated(world, odd) as orchestrator, orchestrator.holding():
        tick(orchestrator)
    assert world.lane("other") == "done"
    gone = "is no commit of this repository: git threw it away (git gc --prune=now, git prune?), or it never was one"
    assert world.last("lost").reason == f"its proposal's base {B[:10]} {gone}"
    assert world.last("blob").reason == f"its proposal {blob[:10]} {gone}"


def blob_of(data: bytes) -> tuple[str, tuple[str, bytes]]:
    return name_of("blob", data), ("blob", data)


def folder(*entries: tuple[bytes, bytes]) -> dict[str, tuple[str, bytes]]:
    """A folder as an executor may bring it: the modes with the names of its entries, and what each stands for."""
    data = b"".join(mode_and_name + b"\0" + oid for mode_and_name, oid in entries)
    return {name_of("tree", data): ("tree", data)}


X, (HELD, HELD_BLOB) = bytes.fromhex(A), blob_of(b"x")
NOT_SOUND: dict[str, tuple[dict[str, tuple[str, bytes]], str]] = {
    "no-folder": ({name_of("tree", b"\xff"): ("tree", b"\xff")}, "is no tree of that name"),
    "half-an-entry": (folder((b"100644 a", X[:10])), "is no tree of that name"),
    "another-name": ({A: HELD_BLOB}, f"{A[:10]}, which it brought, is no blob of that name"),
    "another-kind": ({name_of("commit", b"x"): ("commit", b"x")}, "is no commit of that name"),
    "out-of-the-folder": (folder((b"100644 ..", X)), "is no tree of that name"),
    "into-git": (folder((b"40000 .git", X)), "is no tree of that name"),
    "half-brought": (folder((b"100644 a", X)), f"the blob {A[:10]} was not brought"),
    "other-work": (
        {**folder((b"100644 a", bytes.fromhex(HELD))), HELD: HELD_BLOB},
        "its work makes ",
    ),
}


def test_objects_that_an_executor_brings_and_that_are_not_sound_are_a_crash_of_its_own_run(world: World) -> None:
    for name in [*NOT_SOUND, "other"]:
        world.item(name)
    world.policy("agent: {max_concurrent_agents: 100}")
    world.commit("Items")
    head = world.git("rev-parse", "HEAD")
    evidence = Evidence(base=head, proposal=B, target=head, tree=A)
    odd = {
        name: done(Proof(B, evidence), Reviews(SUBJECT), tree=next(iter(brought)), brought=brought)
        for name, (brought, _) in NOT_SOUND.items()
    }
    with orchestrated(world, odd) as orchestrator, orchestrator.holding():
        tick(orchestrator)
    assert world.lane("other") == "done"
    for name, (_, said) in NOT_SOUND.items():
        last = world.last(name)
        assert (last.event, last.failure) == (Event.RELEASE, FailureClass.CRASH)
        assert str(last.reason).startswith(f"its proposal {B[:10]} cannot be made here: ") and said in str(last.reason)
    world.git("fsck", "--strict")


def test_a_listener_that_fails_loses_nothing_that_follows_from_what_was_published(world: World) -> None:
    # given a listener that fails whatever it is told
    told: list[Happening] = []

    def tell(happening: Happening) -> None:
        told.append(happening)
        raise BrokenPipeError("nobody reads")

    for name in ("one", "two"):
        world.item(name)
    world.commit("Items")
    odd: dict[str, Given] = {"one": failed(), "two": failed()}
    with orchestrated(world, odd, tell=tell) as orchestrator, orchestrator.holding():
        # when runs are claimed, the error goes up, and yet they are begun
        with pytest.raises(BrokenPipeError):
            orchestrator.one_pass()
        under_way = orchestrator.context.runs.running
        assert sorted(under_way) == ["one", "two"]
        # and when they have ended, what they came to is committed once, and is let go of
        with pytest.raises(BrokenPipeError):
            orchestrator.one_pass(may_start=False)
        assert under_way == {}
    assert [world.events(name) for name in ("one", "two")] == [["submit", "start", "release"]] * 2
    assert len([each for each in told if isinstance(each, Recorded)]) == 4


class Talking(Odd):
    """Says what nobody can write down, for ever so long."""

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        control.says("\ud800\x1b[2J" * 1_000_000)
        said = (self.local.host.repository.state / HEARTBEATS / request.item_id).read_text()
        self.odd[request.item_id] = failed(failure=Failure(FailureClass.CRASH, said))
        return super().submit(request, control)


def test_what_a_run_says_that_it_is_at_is_a_short_line(world: World) -> None:
    world.item("one")
    world.commit("An item")
    with orchestrated(world, {}, Talking) as orchestrator, orchestrator.holding():
        tick(orchestrator)
    said = str(world.last("one").reason)
    assert (len(said), said.isprintable()) == (200, True)


def test_a_run_whose_item_lies_in_two_lanes_keeps_its_place(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a run under way, and no place for another one
    monkeypatch.setattr(runs, "_PATIENCE_S", 0.5)
    world.policy("agent: {max_concurrent_agents: 1}")
    world.item("first")
    world.commit("One")
    with orchestrated(world, {}, Careless) as orchestrator, orchestrator.holding():
        orchestrator.one_pass()
        assert world.events("first") == ["submit", "start"]
        # when somebody puts its item into another lane, too, so that neither is touched until a person decides
        world.write("queue/blocked/first.yaml", world.read("queue/active/first.yaml"))
        world.item("second")
        world.commit("Twice")
        orchestrator.one_pass()
        # then nothing is started beside it
        assert list(orchestrator.context.runs.running) == ["first"]
        assert world.lane("second") == "inbox"
