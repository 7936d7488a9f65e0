"""The plan: what starts, in which order, and why the rest waits."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from factory.line.dispatch.schedule import ScheduleEntry, plan, unfit
from factory.line.snapshot import ItemState, Snapshot
from factory.model.breaker import BreakerState, State
from factory.model.contract import Contract
from factory.model.item import Item
from factory.model.journal import Entry, History
from factory.model.layout import item_path
from factory.model.lifecycle import Event, Lane, Outcome
from factory.model.policy import Policy, Workflow
from factory.store.queue import Placed, QueueListing
from factory.store.repository.objects import Person
from factory.store.repository.repository import Arrival
from tests.world import World

SLOW: list[dict[str, object]] = [{"result": {"status": "blocked", "question": "what now?"}}]


def reason(world: World, item_id: str) -> str:
    """Why an item waits: `status` and `tick --dry-run` must say the same."""
    status, dry = world.command("status"), world.command("tick", "--dry-run")
    line = next(line for line in status.splitlines() if line.startswith(f"{item_id} "))
    why = line.split("  ")[-1].strip()
    assert why in dry
    return why


def started(world: World) -> list[str]:
    """The items in the order in which they were started."""
    log = world.git("log", "--reverse", "--format=%s", "main").split("\n")
    return [line.split()[1] for line in log if "-> active" in line]


def test_a_dry_run_changes_nothing_at_all(world: World) -> None:
    world.item("one")
    head, status = world.git("rev-parse", "main"), world.status()
    said = world.command("tick", "--dry-run")
    assert "queue/inbox/one.yaml: would be taken in" in said
    assert (world.git("rev-parse", "main"), world.status()) == (head, status)
    world.commit("One")
    assert "starts with the next tick" in world.command("tick", "--dry-run")
    assert world.git("rev-parse", "--abbrev-ref", "HEAD") == "main"
    assert world.events("one") == []


def test_a_dry_run_promises_nothing_of_a_file_that_it_calls_invalid(world: World) -> None:
    world.item("good")
    world.write("queue/inbox/bad.yaml", "titel: t\n")
    said = world.command("tick", "--dry-run")
    assert "queue/inbox/good.yaml: would be taken in\n" in said
    assert "queue/inbox/bad.yaml:1:1: " in said
    assert "bad.yaml: would" not in said


def dry_rows(world: World) -> dict[str, tuple[str, str]]:
    """What a dry run says of each item, for programs: its state and why."""
    told = json.loads(world.command("tick", "--dry-run", "--json"))
    return {row["id"]: (row["state"], row["note"]) for row in told["items"]}


def test_a_dry_run_says_of_a_new_file_whether_it_would_start(world: World) -> None:
    # given new files of which nobody has committed any, a contract among them
    world.policy("agent: {max_concurrent_agents: 3}")
    world.item("old")
    world.commit("Old")
    world.item("one")
    world.item("held", text="hold: true\n")
    world.item("next", text="depends_on: [one]\n")
    world.item("lost", contract="nowhere")
    world.item("fresh", contract="fresh")
    world.write("contracts/fresh.yaml", world.read("contracts/scripted.yaml"))
    world.write("queue/inbox/many.jsonl", '{"title": "a", "id": "a"}\n')
    objects, head = world.git("count-objects", "-v"), world.git("rev-parse", "main")
    # when it is said what would happen
    said = world.command("tick", "--dry-run")
    # then of each item that would be there, in turn
    for item_id in ("old", "a", "fresh"):
        assert re.search(rf"^{item_id} +inbox +would move +(is taken in, and )?starts with the next tick$", said, re.M)
    rows = dry_rows(world)
    assert rows["one"] == ("waiting", "waits for a slot: 3 are at work, agent.max_concurrent_agents is 3")
    assert rows["held"] == ("waiting", "on hold; factory hold held --off")
    assert rows["next"] == ("waiting", "waits for one, which is in inbox")
    assert rows["lost"][0] == "invalid" and "there is no contract 'nowhere'" in rows["lost"][1]
    # and nothing at all has happened
    assert (world.git("count-objects", "-v"), world.git("rev-parse", "main")) == (objects, head)
    # and it becomes so
    world.tick()
    assert sorted(item_id for item_id in rows if world.events(item_id)[1:2] == ["start"]) == ["a", "fresh", "old"]


def test_a_dry_run_says_of_a_committed_batch_what_it_brings(world: World) -> None:
    world.write("queue/inbox/many.jsonl", '{"title": "a", "id": "a"}\n{"title": "b", "id": "b"}\n')
    world.commit("A batch")
    assert dry_rows(world) == dict.fromkeys("ab", ("ready", "is taken in, and starts with the next tick"))


def test_a_dry_run_promises_nothing_while_a_persons_merge_is_in_progress(world: World) -> None:
    world.item("one")
    merging = world.root / ".git/MERGE_HEAD"
    merging.write_text(world.git("rev-parse", "HEAD") + "\n")
    state, why = dry_rows(world)["one"]
    assert state == "waiting" and why.startswith("waits: a merge is in progress")


def test_the_most_urgent_starts_first_then_the_oldest_then_by_id(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.policy("agent: {max_concurrent_agents: 1}")
    # given five items, of which two came in the same commit
    for second, ids in enumerate((["z-old"], ["late"], ["urgent"], ["b-same", "a-same"])):
        for item_id in ids:
            world.item(item_id, text={"late": "priority: 4\n", "urgent": "priority: 1\n"}.get(item_id, ""))
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"2026-11-20T10:00:{second:02}Z")
        world.commit(f"Bring {ids}")
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    world.tick(drain=True)
    assert started(world) == ["urgent", "late", "z-old", "a-same", "b-same"]


def test_every_fifth_start_is_for_whoever_waits_longest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.policy("agent: {max_concurrent_agents: 1}")
    # given an item without a priority, and more urgent ones than could be done before it for a long time
    world.item("normal")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-11-20T10:00:00Z")
    world.commit("The first")
    for number in range(6):
        world.item(f"urgent-{number}", text="priority: 1\n")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-11-20T11:00:00Z")
    world.commit("More than enough")
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    # then it gets its turn, also where each start is made by another process
    for _ in range(7):
        world.command("tick", "--max", "1")
    assert started(world) == [*(f"urgent-{number}" for number in range(4)), "normal", "urgent-4", "urgent-5"]


def test_one_slot_means_one_at_a_time(world: World) -> None:
    world.policy("agent: {max_concurrent_agents: 1}")
    world.item("one", SLOW, text="priority: 1\n")
    world.item("two")
    report = world.tick()
    assert started(world) == ["one"]
    waiting = {outlook.id: outlook for outlook in report.schedule}["two"]
    assert waiting.start is False
    assert "max_concurrent_agents" in waiting.reason
    world.tick()
    assert started(world) == ["one", "two"]


def test_states_may_have_slots_of_their_own(world: World) -> None:
    # as in the Symphony specification: no more than so many of the items that came from this lane
    world.policy("agent: {max_concurrent_agents: 5, max_concurrent_agents_by_state: {inbox: 1}}")
    world.item("one")
    world.item("two")
    world.tick()
    assert started(world) == ["one"]


def test_a_tick_may_be_told_to_start_only_so_many(world: World) -> None:
    for item_id in ("a", "b", "c"):
        world.item(item_id)
    world.command("tick", "--max", "2")
    assert started(world) == ["a", "b"]


def test_an_item_on_hold_waits_until_somebody_lets_it_go(world: World) -> None:
    world.item("one", text="hold: true\n")
    world.tick()
    assert reason(world, "one") == "on hold; factory hold one --off"
    world.command("hold", "one", "--off")
    world.tick()
    assert world.lane("one") == "done"


def test_an_item_waits_until_what_it_depends_on_is_applied(world: World) -> None:
    world.item("second", text="depends_on: [first]\n")
    world.tick()
    assert reason(world, "second") == "waits for first, which is not in the queue, or cannot be read"
    world.item("first", contract="reviewed")
    world.tick()
    assert reason(world, "second") == "waits for first, which is in review"
    world.verdict("first", "approve")
    world.tick()
    world.tick()
    assert world.lane("second") == "done"


def test_an_accepted_dependency_counts_too(world: World) -> None:
    world.contract("tried", apply={"mode": "none"})
    world.item("first", contract="tried")
    world.item("second", text="depends_on: [first]\n")
    world.tick(drain=True)
    assert world.lane("second") == "done"


@pytest.mark.parametrize("end", ["rejected", "cancelled"])
def test_a_dependency_that_came_to_nothing_is_waited_for_and_said(world: World, end: str) -> None:
    world.item("first", contract="reviewed")
    world.item("second", text="depends_on: [first]\n")
    world.tick()
    if end == "rejected":
        world.verdict("first", "reject")
    else:
        world.command("cancel", "first")
    world.tick(drain=True)
    assert world.lane("second") == "inbox"
    assert reason(world, "second") == f"waits for first, which ended as {end}; edit depends_on"
    # and editing it is all that is needed
    place = world.root / "queue/inbox/second.yaml"
    place.write_text(place.read_text().replace("depends_on: [first]\n", ""))
    world.tick()
    assert world.lane("second") == "done"


def test_a_circle_of_dependencies_waits_and_does_not_hang(world: World) -> None:
    world.item("a", text="depends_on: [b]\n")
    world.item("b", text="depends_on: [a]\n")
    world.tick(drain=True)
    assert reason(world, "a") == "a depends on itself, and can never start: a -> b -> a; edit depends_on"


def test_routes_decide_where_an_item_names_no_contract(world: World) -> None:
    world.contract("bugs", apply={"mode": "none"})
    world.policy(routes="[{when: {labels: [bug, small]}, contract: bugs}, {when: {priority: [1]}, contract: reviewed}]")
    for item_id, text in (
        ("bug", "labels: [small, x, bug]"),
        ("urgent", "labels: [bug]\npriority: 1"),
        ("other", "labels: [bug]"),
    ):
        runs = "{runs: [[{write: {path: " + item_id + ".txt, text: x}}]]}"
        world.write(f"queue/inbox/{item_id}.yaml", f"title: {item_id}\ninputs: {runs}\n{text}\n")
    world.tick()
    assert world.lane("bug") == "done"
    assert str(world.last("bug").outcome) == "accepted"
    assert world.lane("urgent") == "review"
    assert reason(world, "other") == "it names no contract, and no route in WORKFLOW.md takes it"


def test_only_items_with_the_required_labels_are_taken(world: World) -> None:
    world.policy("tracker: {kind: queue, required_labels: [ready]}")
    world.item("one", text="labels: [ready, x]\n")
    world.item("two", text="labels: [x]\n")
    world.tick()
    assert world.lane("one") == "done"
    assert reason(world, "two") == "lacks the required label ready"


@pytest.mark.parametrize("lane", ["review", "rework", "blocked"])
def test_a_full_lane_holds_back_new_items_and_says_so(world: World, lane: str) -> None:
    # given a lane with room for one, and one in it
    world.policy(f"limits: {{{lane}: 1}}")
    world.item("first", SLOW if lane == "blocked" else [], contract="reviewed")
    if lane == "review":
        world.item("first", contract="reviewed")
    world.tick()
    assert world.lane("first") == lane
    if lane == "rework":  # which would start at once
        place = world.root / "queue/rework/first.yaml"
        place.write_text(place.read_text() + "hold: true\n")
    # when another one comes
    world.item("second")
    world.tick(drain=True)
    # then it waits
    assert world.lane("second") == "inbox"
    assert reason(world, "second") == f"waits because the lane {lane} is full (1 of 1)"
    # and goes on when there is room
    world.command("cancel", "first")
    world.tick(drain=True)
    assert world.lane("second") == "done"


def test_items_that_start_together_do_not_overfill_review(world: World) -> None:
    world.policy("limits: {review: 2}")
    for number in range(4):
        world.item(f"item-{number}", contract="reviewed")
    world.tick(drain=True)
    lanes = [world.lane(f"item-{number}") for number in range(4)]
    assert sorted(lanes) == ["inbox", "inbox", "review", "review"]


def test_rework_is_not_held_back_by_a_full_review(world: World) -> None:
    world.policy("limits: {review: 1}")
    world.contract("checked", checks=[{"name": "good", "run": ["grep", "-q", "good", "work.txt"]}])
    runs = [[{"write": {"path": "work.txt", "text": text}}] for text in ("bad\n", "good\n")]
    world.item("again", *runs, contract="checked")
    world.tick()
    world.item("waiting", contract="reviewed")
    world.tick(drain=True)
    assert world.lane("again") == "done"


def test_a_full_inbox_is_said_by_add(world: World) -> None:
    world.policy("limits: {inbox: 1}")
    world.item("one", text="hold: true\n")
    world.tick()
    assert "the inbox is full (1 of 1)" in world.command("add", "Another one", status=2)


def test_the_wait_after_a_failure_is_said_with_its_end(world: World) -> None:
    world.now = datetime.now(UTC) + timedelta(days=400)
    world.item("one", [{"exit": 1}])
    world.tick()
    until = world.last("one").not_before
    assert until is not None
    assert reason(world, "one") == f"waits until {until:%Y-%m-%dT%H:%M:%SZ} for attempt 2"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"worker": {"agent": "solver"}}, "the agent 'solver', which WORKFLOW.md does not name"),
        ({"review": {"seats": [{"name": "critic", "kind": "agent", "agent": "critic"}]}}, "seat 'critic'"),
    ],
)
def test_what_cannot_be_done_yet_is_blocked_with_a_plain_word(world: World, keys: dict[str, object], said: str) -> None:
    world.contract("future", **keys)
    world.item("one", contract="future")
    world.tick()
    assert world.lane("one") == "blocked"
    assert said in str(world.last("one").reason)


def test_inputs_that_the_contract_does_not_receive_are_refused(world: World) -> None:
    receives = {"type": "object", "required": ["program"], "properties": {"program": {"type": "string"}}}
    world.contract("repair", receives=receives)
    world.item("one", contract="repair")
    said = world.command("tick")
    assert world.lane("one") in ("inbox", "blocked")
    assert "program" in said + world.command("status")


# The plan as a function of what is known: values in, outlooks out

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WORKER: dict[str, object] = {"purpose": "p", "worker": {"run": ["true"]}}


def contract(**keys: object) -> Contract:
    return Contract.model_validate_json(json.dumps({**WORKER, **keys}))


def case(item_id: str, lane: Lane = Lane.INBOX, history: History | None = None, **keys: object) -> ItemState:
    """An item that lies in a lane, for the contract `c`."""
    item = Item.model_validate_json(json.dumps({"title": item_id, **keys}))
    placed = Placed(item_id, lane, item_path(lane, item_id), "0" * 40)
    return ItemState(placed, item, history or History(), "c", contract())


def snapshot(*cases: ItemState, breakers: Mapping[str, BreakerState] | None = None, **policy: object) -> Snapshot:
    """What a pass knows at noon."""
    return Snapshot(
        now=NOW,
        head="",
        tree="",
        workflow=Workflow(policy=Policy.model_validate_json(json.dumps({"branch": "main", **policy})), prompt=""),
        listing=QueueListing({each.id: each.placed for each in cases}),
        items=MappingProxyType({each.id: each for each in cases}),
        problems=(),
        breakers=MappingProxyType(dict(breakers or {})),
        lost=MappingProxyType({}),
    )


def arrivals(*ids: str) -> dict[str, Arrival]:
    """These items came one second after the other."""
    ann = Person("Ann", "ann@example.org")
    return {item_path(Lane.INBOX, item_id): Arrival(second, ann, "") for second, item_id in enumerate(ids)}


def planned(
    known: Snapshot, *came: str, outcomes: Mapping[str, Outcome] | None = None, unready: str = ""
) -> list[ScheduleEntry]:
    return plan(known, arrivals(*came), (outcomes or {}).get, unready)


def starting(schedule: list[ScheduleEntry]) -> list[str]:
    return [outlook.id for outlook in schedule if outlook.start]


def test_nothing_waits_where_nothing_is() -> None:
    assert planned(snapshot()) == []
    assert planned(snapshot(case("a", Lane.ACTIVE), case("r", Lane.REVIEW), case("b", Lane.BLOCKED))) == []


def test_the_order_is_urgency_then_age_then_id() -> None:
    known = snapshot(case("z"), case("late", priority=4), case("urgent", priority=1), case("b"), case("a"))
    same = {item_path(Lane.INBOX, "b"): 5, item_path(Lane.INBOX, "a"): 5}
    came = {path: each._replace(at=same.get(path, each.at)) for path, each in arrivals("z", "late", "b", "a").items()}
    found = plan(known, came, lambda _id: None)
    assert [outlook.id for outlook in found] == ["urgent", "late", "z", "a", "b"]
    assert found == [ScheduleEntry(each, True) for each in ("urgent", "late", "z", "a", "b")]


@pytest.mark.parametrize(("begun", "first"), [(0, "urgent"), (3, "urgent"), (4, "old"), (5, "urgent"), (9, "old")])
def test_one_start_in_five_is_for_the_oldest_however_many_were_begun(begun: int, first: str) -> None:
    known = replace(snapshot(case("old"), case("urgent", priority=1)), turn=begun)
    assert next(outlook.id for outlook in planned(known, "old", "urgent")) == first


def test_slots_are_counted_with_who_is_at_work_and_who_starts_before() -> None:
    known = snapshot(case("busy", Lane.ACTIVE), case("a"), case("b"), agent={"max_concurrent_agents": 2})
    first, second = planned(known, "a", "b")
    assert first == ScheduleEntry("a", True)
    said = "waits for a slot: 2 are at work, agent.max_concurrent_agents is 2"
    assert second == ScheduleEntry("b", False, said, crowded=True)


def test_slots_of_a_lane_count_those_who_came_from_it() -> None:
    began = Entry(seq=1, at=NOW, event=Event.START, source=Lane.REWORK, to=Lane.ACTIVE, actor="factory")
    busy = case("busy", Lane.ACTIVE, History((began,)))
    known = snapshot(
        busy, case("new"), case("again", Lane.REWORK), agent={"max_concurrent_agents_by_state": {"rework": 1}}
    )
    found = {outlook.id: outlook for outlook in planned(known, "new")}
    assert starting([*found.values()]) == ["new"]
    assert found["again"].reason == "waits for a slot: 1 from rework are at work, which is as many as may be"
    assert found["again"].crowded


@pytest.mark.parametrize(
    ("full", "lane"), [("review", Lane.REVIEW), ("rework", Lane.REWORK), ("blocked", Lane.BLOCKED)]
)
def test_a_full_lane_holds_back_what_is_new_and_not_what_was_begun(full: str, lane: Lane) -> None:
    known = snapshot(case("full", lane, hold=True), case("new"), case("again", Lane.REWORK), limits={full: 1})
    found = {outlook.id: outlook for outlook in planned(known, "new")}
    assert found["again"].start
    assert not found["new"].start
    assert found["new"].crowded
    assert f"the lane {lane} is full" in found["new"].reason


def test_those_at_work_are_on_their_way_to_review() -> None:
    known = snapshot(case("a"), case("b"), limits={"review": 1})
    assert starting(planned(known, "a", "b")) == ["a"]


def test_what_cannot_start_takes_no_slot_from_the_next() -> None:
    known = snapshot(case("held", hold=True, priority=1), case("free"), agent={"max_concurrent_agents": 1})
    held, free = planned(known)
    assert held == ScheduleEntry("held", False, "on hold; factory hold held --off")
    assert free.start


def test_a_case_with_a_problem_waits_with_it() -> None:
    broken = replace(case("one"), item=None, problem="it cannot be read")
    assert planned(snapshot(broken)) == [ScheduleEntry("one", False, "it cannot be read")]


def test_a_wait_after_a_failure_ends_at_its_moment_and_not_before() -> None:
    until = NOW + timedelta(seconds=1)
    known = snapshot(case("one", history=History(attempts=1, not_before=until)))
    assert planned(known) == [ScheduleEntry("one", False, "waits until 2026-11-20T12:00:01Z for attempt 2", until)]
    assert starting(planned(replace(known, now=until))) == ["one"]


@pytest.mark.parametrize(
    ("outcome", "start", "said"),
    [
        (Outcome.APPLIED, True, ""),
        (Outcome.ACCEPTED, True, ""),
        (Outcome.REJECTED, False, "waits for first, which ended as rejected; edit depends_on"),
        (Outcome.CANCELLED, False, "waits for first, which ended as cancelled; edit depends_on"),
    ],
)
def test_a_dependency_lets_go_by_how_it_ended(outcome: Outcome, start: bool, said: str) -> None:
    known = snapshot(case("second", depends_on=["first"]))
    assert planned(known, outcomes={"first": outcome}) == [ScheduleEntry("second", start, said)]


def test_an_open_dependency_is_said_with_its_lane_and_an_unknown_one_too() -> None:
    known = snapshot(case("first", Lane.REVIEW), case("second", depends_on=["first"]), case("third", depends_on=["no"]))
    second, third = planned(known)
    assert second.reason == "waits for first, which is in review"
    assert third.reason == "waits for no, which is not in the queue, or cannot be read"


def test_a_circle_is_told_to_each_in_it_and_to_nobody_else() -> None:
    known = snapshot(case("a", depends_on=["b"]), case("b", depends_on=["a"]), case("c"))
    found = {outlook.id: outlook for outlook in planned(known)}
    assert "a -> b -> a" in found["a"].reason
    assert "depends on itself" in found["b"].reason
    assert found["c"].start


def test_a_machine_that_can_run_nothing_starts_nothing_and_is_no_crowd() -> None:
    assert planned(snapshot(case("one")), unready="no sandbox") == [ScheduleEntry("one", False, "no sandbox")]


def test_a_day_that_is_used_up_ends_at_midnight() -> None:
    known = replace(snapshot(case("one"), budget={"usd_per_day": 2.0}), spent_today=2.5)
    [found] = planned(known)
    assert (found.start, found.until) == (False, datetime(2026, 11, 21, tzinfo=UTC))
    assert found.reason == "waits until tomorrow: 2.50 of 2.00 USD a day are used up"


def breaker(state: State, trial: str | None = None) -> BreakerState:
    return BreakerState(
        contract="c", state=state, since=NOW, until=NOW + timedelta(minutes=30), failures=5, reason="r", trial=trial
    )


def test_an_open_breaker_holds_back_until_it_has_cooled_and_then_lets_one_go() -> None:
    known = snapshot(case("a"), case("b"), breakers={"c": breaker(State.OPEN)})
    assert starting(planned(known, "a", "b")) == []
    assert {each.until for each in planned(known, "a", "b")} == {NOW + timedelta(minutes=30)}
    first, second = planned(replace(known, now=NOW + timedelta(minutes=30)), "a", "b")
    assert first.start
    assert second.reason == "waits: the contract c is being tried with a"


def test_a_trial_that_runs_holds_back_the_others_and_a_closed_breaker_nobody() -> None:
    trying = snapshot(case("t", Lane.ACTIVE), case("a"), breakers={"c": breaker(State.HALF_OPEN, "t")})
    assert [each.reason for each in planned(trying)] == ["waits: the contract c is being tried with t"]
    assert starting(planned(snapshot(case("a"), breakers={"c": breaker(State.CLOSED)}))) == ["a"]


def agents(**models: str | None) -> dict[str, object]:
    return {name: {"kind": "command", "run": ["true"], "model": model} for name, model in models.items()}


def seated(**seat: object) -> Contract:
    return contract(worker={"agent": "solver"}, review={"seats": [{"name": "critic", "kind": "agent", **seat}]})


CHECKED = contract(review={"seats": [{"name": "tests", "kind": "checks"}]})


@pytest.mark.parametrize(
    ("known", "item", "judged", "said"),
    [
        ({}, {}, contract(), ""),
        ({}, {}, seated(agent="critic"), "which WORKFLOW.md does not name under 'agents'"),
        ({"agents": agents(solver=None)}, {}, seated(agent="critic"), "needs the agent 'critic'"),
        ({"agents": agents(solver=None)}, {}, seated(agent="solver"), "is the worker itself"),
        ({"agents": agents(solver=None, critic=None)}, {}, seated(agent="critic"), ""),
        ({}, {"acceptance": [{"id": "A1", "text": "t"}]}, CHECKED, "nobody can answer A1"),
        ({}, {"acceptance": [{"id": "A1", "text": "t", "check": ["true"]}]}, CHECKED, ""),
    ],
    ids=["fit", "no such worker", "no such reviewer", "reviews itself", "both are there", "nobody answers", "answered"],
)
def test_what_can_never_pass_is_known_before_it_runs(
    known: dict[str, object], item: dict[str, object], judged: Contract, said: str
) -> None:
    policy = Policy.model_validate_json(json.dumps(known))
    found = unfit(Item.model_validate_json(json.dumps({"title": "t", **item})), judged, policy, ["command"])
    assert said in (found.reason if found else "")
    assert bool(found) == bool(said)


SCRUTINISED = {"mission": "shop", "milestone": "m1", "validates": "scrutiny"}


@pytest.mark.parametrize(
    ("worker", "seat", "keys", "said"),
    [
        ({"role": "review"}, {"kind": "agent", "role": "review"}, {}, ""),
        ({"run": ["judge"]}, {"kind": "command", "run": ["judge"]}, {}, ""),
        ({"role": "work"}, {"kind": "agent", "role": "review"}, {}, ""),
        ({"run": ["judge"], "secrets": ["NOT_THERE"]}, {"kind": "agent", "role": "review"}, {}, ""),
        ({"run": ["judge"]}, {"kind": "agent", "role": "review"}, {"secrets": ["NOT_THERE"]}, "needs NOT_THERE"),
    ],
    ids=["an agent as both", "a command as both", "nobody works", "its key is not there", "a judge's key is not there"],
)
def test_whoever_a_contract_names_as_its_worker_may_judge_where_the_factory_itself_works(
    worker: dict[str, object], seat: dict[str, object], keys: dict[str, object], said: str
) -> None:
    policy = {"agents": {"critic": {"kind": "command", "run": ["true"], **keys}}, "roles": {"review": "critic"}}
    judged = contract(worker=worker, review={"seats": [{"name": "critic", **seat}]})
    item = Item.model_validate_json(json.dumps({"title": "t", **SCRUTINISED}))
    found = unfit(item, judged, Policy.model_validate_json(json.dumps(policy)), ["command"])
    assert said in (found.reason if found else "")
    assert bool(found) == bool(said)


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ({"solver": "a", "critic": "b"}, ""),
        ({"solver": "a", "critic": "a"}, "the seat 'critic' has the worker's, 'a'"),
        ({"solver": "a", "critic": None}, "does not say which model each agent has"),
    ],
    ids=["distinct", "the same", "unknown"],
)
def test_distinct_models_are_asked_for_before_it_runs(models: dict[str, str | None], said: str) -> None:
    seats = [{"name": "critic", "kind": "agent", "agent": "critic"}]
    judged = contract(worker={"agent": "solver"}, review={"seats": seats, "distinct_models": True})
    found = unfit(Item(title="t"), judged, snapshot(agents=agents(**models)).policy, ["command"])
    assert said in (found.reason if found else "")
    assert bool(found) == bool(said)
