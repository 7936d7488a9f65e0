"""The plan: what starts, in which order, and why the rest waits."""

from datetime import UTC, datetime, timedelta

import pytest

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
