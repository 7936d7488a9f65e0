"""Whatever a person commits in the very moment of a publish: no run is forgotten, made twice or left unpaid."""

import json
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from factory.line.intake.reconcile import abandoned
from factory.line.orchestrator import Orchestrator
from factory.line.snapshot import SnapshotReader
from factory.line.tick import tick
from factory.model.breaker import BreakerState, State
from factory.model.errors import StopRequested
from factory.model.events import Started, entry_of
from factory.model.lease import Lease
from factory.model.lifecycle import Event, Lane
from factory.store.repository.commits import Publisher
from factory.store.repository.objects import Objects
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import Repository
from factory.store.system import MACHINE
from tests.world import World, say_nothing

set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hypothesis")  # nothing of it in the repository

PAID: list[dict[str, object]] = [
    {"write": {"path": "paid.txt", "text": "paid\n"}},
    {"result": {"usage": {"input_tokens": 7, "output_tokens": 3, "usd": 0.25}}},
]


def subjects(objects: Objects, updates: Sequence[RefUpdate]) -> Iterator[str]:
    """The first lines of the commits by which the first of these branches moves, the newest first."""
    commit = updates[0].new
    while commit not in (updates[0].old, NOTHING):
        found = objects.read(commit)
        assert found is not None
        yield found[2].partition(b"\n\n")[2].partition(b"\n")[0].decode()
        commit = next(iter(objects.commit(commit).parents), NOTHING)


def before_publishing(monkeypatch: pytest.MonkeyPatch, act: Callable[[str], None]) -> None:
    """Have somebody act in the moment of each publish, who knows the subjects of its commits."""
    publish = Publisher.publish

    def racing(publisher: Publisher, updates: Sequence[RefUpdate], landing: Collection[str]) -> None:
        act("\n".join(subjects(publisher._objects, updates)))
        publish(publisher, updates, landing)

    monkeypatch.setattr(Publisher, "publish", racing)


def once_at(move: str, act: Callable[[], object]) -> Callable[[str], None]:
    """Act when a move is about to be published for the first time."""
    left = [act]

    def acting(subject: str) -> None:
        if move in subject and left:
            left.pop()()

    return acting


def costs(world: World, item_id: str) -> list[float | None]:
    """What each run of an item has cost, in USD, as its journal has it."""
    return [entry.usage.usd for entry in world.journal(item_id) if entry.usage]


def test_a_snapshot_never_changes_and_what_follows_from_a_move_is_another_one(world: World) -> None:
    world.item("one", text="hold: true\n")
    world.tick()
    repository = Repository(world.root)
    try:
        snapshot = SnapshotReader(repository, "main").snapshot(MACHINE.now(), repository.tip("main"))
    finally:
        repository.close()
    state = snapshot.items["one"]
    blocked = replace(state, placed=replace(state.placed, lane=Lane.BLOCKED))
    breaker = BreakerState(contract="scripted", state=State.OPEN, since=MACHINE.now())
    after = snapshot.after(blocked).with_breaker(breaker)
    assert (after.items["one"], dict(after.breakers)) == (blocked, {"scripted": breaker})
    assert (snapshot.items["one"], dict(snapshot.breakers)) == (state, {})
    assert {type(each) for each in (after.items, after.breakers, after.lost, snapshot.items)} == {MappingProxyType}


def test_a_run_that_ended_is_not_forgotten_because_a_person_moved_another_item(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.item("other", text="hold: true\n")
    world.item("one", PAID)
    before_publishing(monkeypatch, once_at("one active ->", lambda: world.move("other", "queue/blocked", commit=True)))
    world.tick()
    assert world.events("one") == ["submit", "start", "deliver", "finish"]
    assert costs(world, "one") == [0.25]
    world.command("audit")


def test_a_run_that_ended_is_not_forgotten_by_a_tick_that_is_stopped_while_a_git_command_holds_the_branch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a run that has ended, and a git command of a person's in whose way its move is
    world.item("one", PAID)
    held = world.root / ".git/refs/heads/main.lock"
    repository = Repository(world.root)
    try:
        orchestrator = Orchestrator(repository, say_nothing)

        def act(subject: str) -> None:
            held.unlink(missing_ok=True)
            if "one active ->" in subject and not orchestrator_stopped:
                held.touch()
                orchestrator_stopped.append(True)
                orchestrator.stop()

        orchestrator_stopped: list[bool] = []
        before_publishing(monkeypatch, act)
        # when it is stopped just then
        with pytest.raises(StopRequested), orchestrator.holding():
            tick(orchestrator)
    finally:
        repository.close()
    monkeypatch.undo()
    world.tick()
    # then what the run came to is committed on the way out, and nobody pays for it twice
    assert world.events("one") == ["submit", "start", "deliver", "finish"]
    assert costs(world, "one") == [0.25]
    world.command("audit")


@pytest.mark.parametrize(
    ("target", "events", "paid"),
    [
        ("queue/blocked", ["submit", "start", "moved"], [0.25]),
        ("queue/inbox", ["submit", "start", "moved", "start", "deliver", "finish"], [0.25, 0.25]),
        ("queue/done/2030-01-01", ["submit", "start", "cancel"], [0.25]),
    ],
    ids=["to blocked", "back to the inbox", "to done"],
)
def test_a_run_that_ended_is_paid_though_a_person_moved_its_item_away_in_that_moment(
    world: World, monkeypatch: pytest.MonkeyPatch, target: str, events: list[str], paid: list[float]
) -> None:
    world.item("one", PAID)
    before_publishing(monkeypatch, once_at("one active ->", lambda: world.move("one", target, commit=True)))
    world.tick(drain=True)
    assert world.events("one") == events
    assert costs(world, "one") == paid
    world.command("audit")


def test_what_a_second_run_of_the_checks_found_is_recorded_when_a_person_commits_in_that_moment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    world.write("program.py", "print('hello again')\n")
    world.commit("Go on")
    world.verdict("one", "approve")
    commit = ("commit", "-q", "--allow-empty", "-m", "Mine")
    before_publishing(monkeypatch, once_at("one review ->", lambda: world.git(*commit)))
    world.tick()
    assert world.lane("one") == "done"
    assert "run-1/recheck.json" in world.artifacts("one")


INSTANT = """echo "$FACTORY_RUN" > "$0.txt"
echo '{"status": "ok", "usage": {"input_tokens": 7, "output_tokens": 3, "usd": 0.25}}' > "$FACTORY_OUT/result.json"
"""
OPEN = ["inbox", "active", "review", "rework", "blocked"]
MOST = 6  # commits of a person's in one example: a branch that moves for ever is another test's


class Person:
    """Somebody who commits to the branch in the moment of a publish."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.count = 0

    def _items(self) -> list[str]:
        listed = self.world.git("ls-tree", "-r", "--name-only", "main", "queue").split("\n")
        return [
            path for path in listed if path.endswith(".yaml") and path.split("/")[1] in OPEN and path.count(".") == 1
        ]

    def _commit(self) -> None:
        self.count += 1
        self.world.git(
            "commit", "-q", "--allow-empty", "-m", f"Mine {self.count}", "--", "queue", "notes.txt", check=False
        )

    def commit_a_new_item(self, which: int) -> None:
        add(self.world, f"new-{self.count}", ("plain", "judged")[which % 2])
        self.world.git("add", "queue")
        self._commit()

    def move_an_item(self, which: int) -> None:
        paths, lane = self._items(), OPEN[which // 8 % 5]
        if paths:
            path = paths[which % len(paths)]
            self.world.git("mv", path, f"queue/{lane}/{Path(path).name}", check=False)
            self._commit()

    def cancel_an_item(self, which: int) -> None:
        paths = self._items()
        if paths:
            path = paths[which % len(paths)]
            self.world.git("mv", path, f"queue/done/{Path(path).name}", check=False)
            self._commit()

    def edit_another_file(self, which: int) -> None:
        self.world.write("notes.txt", f"{which} {self.count}\n")
        self._commit()

    def edit_a_verdict(self, which: int) -> None:
        paths = sorted((self.world.root / "queue/review").glob("*.human.verdict.yaml"))
        if paths:
            decision = ("approve", "rework", "reject", "escalate")[which // 8 % 4]
            path = paths[which % len(paths)]
            path.write_text(path.read_text().replace("pending", decision, 1).replace("notes: |", "notes: because"))
            self._commit()


ACTS: tuple[Callable[[Person, int], None], ...] = (
    Person.commit_a_new_item,
    Person.move_an_item,
    Person.move_an_item,
    Person.cancel_an_item,
    Person.edit_another_file,
    Person.edit_a_verdict,
)


def add(world: World, item_id: str, contract: str) -> None:
    world.write(f"queue/inbox/{item_id}.yaml", f"title: do {item_id}\ncontract: {contract}\n")


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A factory whose workers are done at once, with one item that a person judges and two that nobody has to."""
    world = World.create(tmp_path_factory.mktemp("races") / "repo")
    seats: list[dict[str, object]] = [{"name": "tests", "kind": "checks"}]
    worker = {"run": ["sh", "-c", INSTANT, "{{ item.id }}"]}
    world.contract("plain", worker=worker, review={"seats": seats})
    world.contract("judged", worker=worker, review={"seats": [*seats, {"name": "human", "kind": "human"}]})
    world.write("notes.txt", "\n")
    for item_id, contract in (("a", "plain"), ("b", "plain"), ("c", "judged")):
        add(world, item_id, contract)
    world.commit("What is to be done")
    world.policy("retry: {initial_ms: 1}")
    return world.root


@contextmanager
def copied(beginning: Path) -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="factory-races-") as folder:
        shutil.copytree(beginning, Path(folder) / "repo", symlinks=True)
        yield World(Path(folder) / "repo")


@settings(
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
@given(acts=st.lists(st.none() | st.tuples(st.sampled_from(ACTS), st.integers(0, 39)), min_size=4, max_size=14))
def test_no_run_is_forgotten_doubled_or_unpaid_whatever_is_committed_in_the_moment_of_a_publish(
    beginning: Path, acts: list[tuple[Callable[[Person, int], None], int] | None]
) -> None:
    with copied(beginning) as world, pytest.MonkeyPatch.context() as patch:
        person, coming = Person(world), iter(acts)

        def act(_subject: str) -> None:
            chosen = next(coming, None)
            if chosen is not None and person.count < MOST:
                chosen[0](person, chosen[1])

        before_publishing(patch, act)
        world.tick(drain=True)
        patch.undo()
        world.tick(drain=True)
        listed = world.git("ls-tree", "-r", "--name-only", "main", "queue").split("\n")
        for item_id in {Path(path).stem for path in listed if path.endswith(".yaml") and path.count(".") == 1}:
            assert_every_run_ended_once_and_was_paid(world, item_id)
        assert world.status() == ""
        world.command("audit")


def assert_every_run_ended_once_and_was_paid(world: World, item_id: str) -> None:
    journal = world.journal(item_id)
    told = [(str(entry.event), str(entry.to), entry.reason) for entry in journal]
    started = [number for number, entry in enumerate(journal) if entry.event is Event.START]
    assert [journal[number].run for number in started] == list(range(1, len(started) + 1)), told
    for number in started:
        assert number + 1 < len(journal), f"{item_id} is still at work: {told}"
        end = journal[number + 1]
        assert end.source is Lane.ACTIVE and end.run == journal[number].run, told
        assert end.seconds is not None, f"nobody knows what run {end.run} of {item_id} has cost: {told}"
        stopped = end.event in (Event.MOVED, Event.CANCEL) or end.reason == "the run was stopped"
        assert stopped or (end.usage is not None and end.usage.usd == 0.25), told
    assert len([entry for entry in journal if entry.seconds is not None]) == len(started), f"paid twice: {told}"


def test_an_item_is_abandoned_when_nobody_here_works_on_it_and_no_other_lease_holds(world: World) -> None:
    world.item("one", text="hold: true\n")
    world.tick()
    repository = Repository(world.root)
    try:
        snapshot = SnapshotReader(repository, "main").snapshot(repository.system.now(), repository.tip("main"))
    finally:
        repository.close()
    held = Lease(owner="other", generation=1, expires_at=snapshot.now + timedelta(minutes=1), base="", item="")
    started = entry_of(Started(lease=held, worker="w"), seq=2, at=snapshot.now, source=Lane.INBOX, run=1, actor="me")
    state = snapshot.items["one"]
    state = replace(state, placed=replace(state.placed, lane=Lane.ACTIVE), history=state.history.add(started))
    active = snapshot.after(state)

    def found(now: datetime, owner: str, at_work: tuple[str, ...] = ()) -> list[str]:
        return [each.id for each, _ in abandoned(replace(active, now=now), at_work, owner)]

    assert found(snapshot.now, "me") == []
    assert found(snapshot.now, "other") == ["one"]
    assert found(snapshot.now, "other", ("one",)) == []
    assert found(held.expires_at, "me") == ["one"]


def test_a_run_that_ends_while_its_journal_cannot_be_read_and_its_file_is_gone_is_kept_until_it_is_mended(
    world: World,
) -> None:
    # given a run under way, and a person who deletes the item's file and spoils its journal
    world.item("one", [{"sleep": 0.5}, *PAID])
    world.item("two")
    world.commit("Two items")
    with closing(Repository(world.root)) as repository:
        orchestrator = Orchestrator(repository, say_nothing)
        with orchestrator.holding():
            orchestrator.one_pass()
            whole = world.read("artifacts/one/journal.jsonl")
            (world.root / "queue/active/one.yaml").unlink()
            world.write("artifacts/one/journal.jsonl", whole + "<<<<<<<\n")
            world.commit("Away with it")
            # when it ends, then nothing of it is recorded or let go of, and others move
            for running in orchestrator.context.runs.running.values():
                running.future.result()
            problems = orchestrator.one_pass().problems
            assert [problem.path for problem in problems] == ["artifacts/one/journal.jsonl"]
            assert list(orchestrator.context.runs.running) == ["one"]
            assert world.lane("two") == "done"
            assert world.git("show", "main:artifacts/one/journal.jsonl") == f"{whole}<<<<<<<"
            # and once the journal is mended, the item comes back, and it is paid once
            world.write("artifacts/one/journal.jsonl", whole)
            world.commit("Mended")
            for _ in range(2):
                orchestrator.one_pass()
            assert not orchestrator.context.runs.running
    assert world.lane("one") == "blocked"
    assert world.events("one") == ["submit", "start", "block"]
    assert costs(world, "one") == [0.25]


def test_a_run_that_ends_while_its_item_lies_twice_is_kept_until_one_of_the_files_goes(world: World) -> None:
    # given a run under way, and a person who commits a second file of its item
    world.item("one", [{"sleep": 0.5}, *PAID])
    world.commit("An item")
    with closing(Repository(world.root)) as repository:
        orchestrator = Orchestrator(repository, say_nothing)
        with orchestrator.holding():
            orchestrator.one_pass()
            world.write("queue/inbox/one.yaml", world.read("queue/active/one.yaml"))
            world.commit("A copy")
            # when it ends, and the person takes the copy away
            orchestrator.context.runs.running["one"].future.result()
            orchestrator.one_pass()
            assert "one" in orchestrator.context.runs.running
            (world.root / "queue/inbox/one.yaml").unlink()
            world.commit("No copy")
            orchestrator.one_pass()
    # then what it came to counts, and it is paid once
    assert world.events("one") == ["submit", "start", "deliver", "finish"]
    assert costs(world, "one") == [0.25]


def test_what_loses_its_route_while_its_worker_works_is_delivered_all_the_same(world: World) -> None:
    inputs = json.dumps({"runs": [[{"write": {"path": "one.txt", "text": "one\n"}}]]})
    world.write("queue/inbox/one.yaml", f"title: do one\ninputs: {inputs}\n")
    world.commit("An item")
    with closing(Repository(world.root)) as repository:
        orchestrator = Orchestrator(repository, say_nothing)
        with orchestrator.holding():
            orchestrator.one_pass()
            world.policy(routes="[]")
            world.until(lambda: all(running.future.done() for running in orchestrator.context.runs.running.values()))
            orchestrator.one_pass()
    assert world.lane("one") == "review"
