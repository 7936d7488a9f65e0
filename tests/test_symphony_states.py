"""States and labels as a Symphony user writes them, and what the queue makes of them (docs/symphony.md)."""

import json
import signal
import time
from pathlib import Path

import pytest

from factory.model.item import Item
from factory.model.lifecycle import Lane
from factory.model.policy import Policy
from factory.store.library import workflow_warnings
from tests.test_symphony_load import policy
from tests.world import World

BOARD = "active_states: [Todo, In Progress, Merging, Rework]\n  terminal_states: [Closed, Cancelled, Duplicate, Done]"


def tracker(text: str) -> Policy:
    return policy(f"tracker:\n  {text}")


def waits(world: World, item_id: str) -> str:
    """For what an item waits."""
    said = world.command("status")
    return next(line for line in said.splitlines() if line.startswith(f"{item_id} ")).split("  ")[-1].strip()


def at_work(world: World) -> int:
    return world.git("ls-tree", "--name-only", "main:queue/active").count(".yaml")


# States


@pytest.mark.parametrize(
    ("lane", "states", "called"),
    [
        (Lane.INBOX, BOARD, "Todo"),
        (Lane.REWORK, BOARD, "Rework"),
        (Lane.DONE, BOARD, "Done"),
        (Lane.DONE, "terminal_states: [Closed, Cancelled]", "Closed"),
        (Lane.REWORK, "active_states: Todo, In Progress", "In Progress"),  # a board that has no Rework
        (Lane.REWORK, "active_states: [' REWORK ']", "REWORK"),
        (Lane.INBOX, "active_states: [Selected]\n  lanes: {selected: inbox}", "Selected"),
        (Lane.REVIEW, "lanes: {Waiting for QA: review}", "Waiting for QA"),
        (Lane.REVIEW, BOARD, "Merging"),
        (Lane.BLOCKED, BOARD, "blocked"),
    ],
)
def test_a_prompt_calls_a_lane_as_the_board_does(lane: Lane, states: str, called: str) -> None:
    assert tracker(states).tracker.state_of(lane) == called


def test_without_states_of_its_own_a_board_is_the_queue() -> None:
    assert [Policy().tracker.state_of(lane) for lane in Lane] == [str(lane) for lane in Lane]


@pytest.mark.parametrize(
    ("states", "started"),
    [
        ("active_states: [Todo]", {"new"}),
        ("active_states: [rework]", {"back"}),
        ("active_states: 'todo,in progress'", {"new", "back"}),
        ("active_states: [Selected]\n  lanes: {SELECTED: inbox}", {"new"}),
        ("active_states: [Human Review]", set()),
        ("active_states: []", set()),
        ("kind: queue", {"new", "back"}),
    ],
)
def test_work_starts_in_the_active_states_alone(states: str, started: set[str]) -> None:
    found = tracker(states).tracker
    lanes = {"new": Lane.INBOX, "back": Lane.REWORK}
    assert {name for name, lane in lanes.items() if not found.held_back(Item(title="t"), lane)} == started


def test_an_item_whose_lane_is_no_active_state_waits_and_says_so(world: World) -> None:
    world.policy("tracker: {kind: queue, active_states: [Rework]}")
    world.item("one")
    world.tick()
    assert (world.lane("one"), waits(world, "one")) == (
        "inbox",
        "waits: tracker.active_states names no state for the lane inbox",
    )


def test_the_prompt_of_an_item_that_waits_for_another_names_both_states(world: World) -> None:
    body = "{{ issue.state }}{% for each in issue.blocked_by %} {{ each.identifier }}={{ each.state }}{% endfor %}"
    front = f"branch: main\nroutes: [{{contract: scripted}}]\ntracker:\n  {BOARD}"
    world.write("WORKFLOW.md", f"---\n{front}\n---\n{body}\n")
    world.commit("A board")
    world.item("first")
    world.item("second", text="depends_on: [first]\n")
    world.tick(drain=True)
    assert world.artifacts("second")["run-1/prompt.md"] == "Todo first=Done"


@pytest.mark.parametrize(("limits", "most"), [("{Todo: 1}", 1), ("{In Progress: 1}", 1), ("{Todo: 2}", 2)])
def test_slots_by_state_hold_back_what_is_one_too_many(world: World, limits: str, most: int) -> None:
    world.policy(f"agent: {{max_concurrent_agents_by_state: {limits}}}")
    world.contract("slow", worker={"run": ["sh", "-c", "echo x > $FACTORY_RUN.txt; sleep 30"]})
    for item_id in ("one", "two", "three"):
        world.item(item_id, contract="slow")
    process = world.start("run")
    try:
        world.until(lambda: at_work(world) == most)
        world.until(lambda: "waits for a slot" in world.command("status"))
        assert at_work(world) == most
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def test_the_status_for_programs_says_what_runs_and_what_is_tried_again_and_when(world: World) -> None:
    world.policy("agent: {max_concurrent_agents: 2}")
    world.item("bad", [{"exit": 1}])
    world.item("good", [{"say": "x"}, {"sleep": 60}])
    process = world.start("run")
    try:
        world.until(lambda: at_work(world) == 1 and "attempt 2" in world.command("status"))
        said = {each["id"]: each for each in json.loads(world.command("status", "--json"))["items"]}
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert (said["good"]["lane"], said["bad"]["lane"]) == ("active", "inbox")
    assert "for attempt 2" in json.dumps(said["bad"])


# Labels


@pytest.mark.parametrize(
    ("wanted", "labels", "taken"),
    [
        ("[Symphony]", ("symphony", "x"), True),
        ("[' symphony ']", ("SYMPHONY",), True),
        ("'A, b'", ("a", "B"), True),
        ("[a, b]", ("a",), False),
        ("['  ']", ("a",), False),  # a blank one is one that nobody has
        ("[]", (), True),
    ],
)
def test_required_labels_count_without_case_and_space(wanted: str, labels: tuple[str, ...], taken: bool) -> None:
    found = tracker(f"required_labels: {wanted}").tracker.held_back(Item(title="t", labels=labels), Lane.INBOX)
    assert (found == "") is taken
    assert taken or found.startswith("lacks the required label ")


def test_a_run_is_stopped_when_the_policy_asks_for_a_label_that_its_item_lacks(world: World) -> None:
    world.item("one", [{"say": "x"}, {"sleep": 60}], text="labels: [Here]\n")
    process = world.start("run")
    try:
        world.until(lambda: at_work(world) == 1 and world.status() == "")
        world.policy("tracker: {required_labels: [here]}")
        time.sleep(1)  # a few passes, none of which may stop it
        assert world.lane("one") == "active"
        world.policy("tracker: {required_labels: [elsewhere]}")
        world.until(lambda: world.lane("one") == "inbox")
        assert waits(world, "one") == "lacks the required label elsewhere"
        assert world.last("one").failure is None  # it costs no attempt
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


# Keys without effect

IDLE = Path(__file__).parent / "fixtures" / "symphony_workflow.md"


def test_every_key_without_effect_is_told_with_its_line() -> None:
    said = workflow_warnings(IDLE.read_bytes())
    lines = IDLE.read_text().split("\n")
    for key, why in {
        "project_slug": "tracker.project_slug is without effect: the queue in this repository is the tracker",
        "Merging": "'Merging' is without effect: it is the lane review, in which nothing starts",
        "model": "unknown key 'codex.model' is ignored",
    }.items():
        number = next(number for number, line in enumerate(lines, 1) if line.strip(" -").startswith(key))
        assert any(line.startswith(f"WORKFLOW.md:{number}:") and why in line for line in said), (key, said)


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("tracker: {provider: {team: x}}", "WORKFLOW.md:2:11: tracker.provider is without effect"),
        ("tracker: {active_states: [Todo, Odd]}", "WORKFLOW.md:2:33: tracker.active_states.1 'Odd' is without effect"),
        ("tracker: {terminal_states: [Todo]}", "WORKFLOW.md:2:29: tracker.terminal_states.0 'Todo' is without effect"),
        (
            "agent: {max_concurrent_agents_by_state: {Odd: 1}}",
            "agent.max_concurrent_agents_by_state.Odd is without effect: no lane is called so",
        ),
        (
            "agent: {max_concurrent_agents_by_state: {Todo: -1}}",
            "agent.max_concurrent_agents_by_state.Todo is without effect: it is no number above 0",
        ),
        ("polling: {intervall_ms: 1}", "WORKFLOW.md:2:11: unknown key 'polling.intervall_ms' is ignored; did you mean"),
    ],
)
def test_what_has_no_effect_says_so(front: str, said: str) -> None:
    assert any(said in line for line in workflow_warnings(f"---\n{front}\n---\n".encode()))


@pytest.mark.parametrize("front", ["server:", "tracker: {endpoint: ~}", "tracker: {active_states: [Todo, rework]}"])
def test_what_is_not_there_or_has_its_effect_is_not_told_of(front: str) -> None:
    assert workflow_warnings(f"---\n{front}\n---\n".encode()) == []


def test_check_shows_the_keys_without_effect(world: World) -> None:
    world.policy("tracker: {endpoint: x}")
    assert "tracker.endpoint is without effect" in world.factory("check")
