"""Agents of the kind `codex-app-server`, in the line: here a stand-in that plays every part a server can play."""

import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from factory.model.failure import FailureClass
from tests.test_agent_programs import with_agent
from tests.world import World

_SERVER = Path(__file__).parent / "app_server.py"


def serving(world: World, part: str, *more: str, codex: str = "", contract: str = "", **agent: object) -> None:
    """Let a server that plays this part work."""
    command = json.dumps(shlex.join([sys.executable, str(_SERVER), part, *more]))
    with_agent(world, "codex-app-server", **agent)
    policy = world.read("WORKFLOW.md")
    world.write(
        "WORKFLOW.md", policy.replace("branch: main", f"branch: main\ncodex: {{command: {command}, {codex}}}", 1)
    )
    world.write("contracts/scripted.yaml", world.read("contracts/scripted.yaml") + contract)
    world.commit("A server")


def told(world: World) -> list[Mapping[str, object]]:
    """What the server was told in the run that was merged."""
    return [json.loads(line) for line in world.git("show", "main:told.jsonl").splitlines()]


def result(world: World) -> Mapping[str, object]:
    found = json.loads(world.artifacts("one")["run-1/result.json"])
    assert isinstance(found, dict)
    return found


def test_what_such_an_agent_delivers_is_proven_and_merged(world: World) -> None:
    serving(world, "delivers", model="m-1")
    world.tick()
    assert (world.lane("one"), world.git("show", "main:a.txt")) == ("done", "x")
    assert result(world)["summary"] == "It is done"
    assert [entry.usage.tokens for entry in world.journal("one") if entry.usage] == [1000]
    (agent,) = [entry.agent for entry in world.journal("one") if entry.agent]
    assert (agent.model, agent.session, agent.version) == ("m-1", "thread-1", "1.2.3")


def test_it_is_told_where_it_works_under_which_policy_and_who_has_its_model(world: World) -> None:
    serving(world, "delivers", codex="approval_policy: on-request", url="http://127.0.0.1:1/v1", network=True)
    world.tick()
    by_method = {each["method"]: each["params"] for each in told(world) if "method" in each}
    thread, turn = by_method["thread/start"], by_method["turn/start"]
    assert isinstance(thread, dict) and isinstance(turn, dict)
    assert thread["config"]["model_providers"]["factory"]["base_url"] == "http://127.0.0.1:1/v1"
    assert thread["approvalPolicy"] == turn["approvalPolicy"] == "on-request"
    assert thread["sandbox"] == "danger-full-access" and Path(thread["cwd"]).is_absolute()
    assert turn["sandboxPolicy"] == {"type": "externalSandbox", "networkAccess": "enabled"}
    assert turn["input"] == [{"type": "text", "text": "do one"}]


def test_what_the_owner_says_of_its_sandbox_counts_where_there_is_none_of_ours(world: World) -> None:
    own = "thread_sandbox: workspace-write, turn_sandbox_policy: {type: workspaceWrite}"
    serving(world, "delivers", codex=own)
    world.write("WORKFLOW.md", world.read("WORKFLOW.md").replace("branch: main", "branch: main\nsandbox: off", 1))
    world.commit("No sandbox")
    world.tick()
    by_method = {each["method"]: each["params"] for each in told(world) if "method" in each}
    assert by_method["thread/start"]["sandbox"] == "workspace-write"  # type: ignore[index]
    assert by_method["turn/start"]["sandboxPolicy"] == {"type": "workspaceWrite"}  # type: ignore[index]


def test_an_agent_that_has_not_delivered_goes_on_in_its_thread(world: World) -> None:
    serving(world, "goes on")
    world.tick()
    assert (world.lane("one"), world.git("show", "main:a.txt")) == ("done", "x\nx")
    assert [each.get("method") for each in told(world)].count("thread/start") == 1


def test_turns_are_no_more_than_may_be(world: World) -> None:
    serving(world, "never delivers")
    policy = world.read("WORKFLOW.md").replace("branch: main", "branch: main\nagent: {max_turns: 3}", 1)
    world.write("WORKFLOW.md", policy)
    world.commit("Three turns")
    world.tick()
    assert world.last("one").failure is FailureClass.MAX_TURNS
    assert "within 3 turns" in (world.last("one").reason or "")


@pytest.mark.parametrize("part", ["asks", "wants input"])
def test_a_question_is_put_to_a_person(world: World, part: str) -> None:
    serving(world, part)
    world.tick()
    assert (world.lane("one"), world.last("one").reason) == ("blocked", "Which of the two?")


def test_a_question_is_put_to_a_person_also_where_the_server_does_not_end_its_turn(world: World) -> None:
    serving(world, "wants input and hangs", codex="read_timeout_ms: 500")
    world.tick()
    assert (world.lane("one"), world.last("one").reason) == ("blocked", "Which?")


def test_what_asks_for_approval_is_answered_by_policy_and_what_nobody_knows_by_an_error(world: World) -> None:
    serving(world, "wants approval")
    world.tick()
    assert world.lane("one") == "done"
    answers = {each["id"]: each for each in told(world) if "method" not in each}
    assert answers["a"]["result"] == answers[12]["result"] == {"decision": "accept"}
    assert answers[13]["error"]["code"] == -32601  # type: ignore[index]


@pytest.mark.parametrize(
    ("part", "kind", "said"),
    [
        ("breaks off", FailureClass.CRASH, "has not said that it is finished"),
        ("is killed", FailureClass.CRASH, "killed by signal 9"),
        ("has no key", FailureClass.AUTH, "401 Unauthorized"),
        ("is too quick", FailureClass.RATE_LIMIT, "retry limit"),
        ("talks rubbish", FailureClass.CRASH, "2 lines of its output"),
    ],
)
def test_an_ending_costs_what_its_class_costs(world: World, part: str, kind: FailureClass, said: str) -> None:
    serving(world, part)
    world.tick()
    assert world.last("one").failure is kind and said in (world.last("one").reason or "")
    assert world.lane("one") == ("inbox" if kind.cost == "attempt" else "blocked")


def test_a_command_that_there_is_not_is_for_a_person(world: World) -> None:
    with_agent(world, "codex-app-server")
    policy = world.read("WORKFLOW.md").replace("branch: main", "branch: main\ncodex: {command: no-such app-server}", 1)
    world.write("WORKFLOW.md", policy)
    world.commit("A typo")
    world.tick()
    assert world.last("one").failure is FailureClass.CONFIG and "no-such" in (world.last("one").reason or "")


@pytest.mark.parametrize(
    ("part", "more", "codex", "kind", "said"),
    [
        ("delivers", ("initialize",), "read_timeout_ms: 700", FailureClass.TIMEOUT, "did not answer initialize"),
        ("delivers", ("turn/start",), "read_timeout_ms: 700", FailureClass.TIMEOUT, "did not answer turn/start"),
        ("chatters", (), "turn_timeout_ms: 1000", FailureClass.TIMEOUT, "its turn took longer than 1 s"),
        ("does not end", (), "stall_timeout_ms: 1500", FailureClass.STALL, "without a sign of life"),
    ],
    ids=["no greeting", "no turn", "a turn without an end", "silence"],
)
def test_nothing_is_waited_for_longer_than_its_time(
    world: World, part: str, more: tuple[str, ...], codex: str, kind: FailureClass, said: str
) -> None:
    serving(world, part, *more, codex=codex)
    world.tick()
    assert world.last("one").failure is kind and said in (world.last("one").reason or "")


def test_who_spends_more_than_is_left_is_stopped(world: World) -> None:
    serving(world, "spends")
    item = world.path("one")
    world.write(item, world.read(item) + "budget: {tokens: 1000}\n")
    world.commit("A budget")
    world.tick()
    assert world.last("one").failure is FailureClass.BUDGET


@pytest.mark.parametrize("part", ["stays", "exits oddly"])
def test_once_it_has_delivered_nothing_that_the_server_does_undoes_it(world: World, part: str) -> None:
    serving(world, part, codex="read_timeout_ms: 1000")
    world.tick()
    assert (world.lane("one"), result(world)["summary"]) == ("done", "It is done")


def test_its_standard_error_is_kept_and_never_read(world: World) -> None:
    serving(world, "complains")
    world.tick()
    assert world.lane("one") == "done"
    said, apart = world.artifacts("one")["run-1/output.log"].split("[what it printed on its standard error]")
    assert "turn/failed" not in said and "turn/failed" in apart


def test_it_inherits_no_secret_that_nobody_gave_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAR_API_KEY", "lin-0123456789")
    monkeypatch.setenv("NAMED", "for-it")
    serving(world, "tells its environment", env=["NAMED"])
    world.tick()
    told_it = world.git("show", "main:a.txt")
    assert "NAMED=for-it" in told_it and "LINEAR_API_KEY" not in told_it and "lin-0123456789" not in told_it


def test_a_turn_is_interrupted_when_the_factory_is_to_stop(world: World) -> None:
    place = world.root.parent / "told.jsonl"
    serving(world, "does not end", contract="")
    policy = world.read("WORKFLOW.md").replace(
        "branch: main", f"branch: main\nsandbox: off\nhooks: {{after_run: 'cp told.jsonl {place}'}}", 1
    )
    world.write("WORKFLOW.md", policy)
    world.commit("Where a hook leaves what the server was told")
    process = world.start("run")
    world.until(lambda: world.lane("one") == "active")
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert [json.loads(line)["method"] for line in place.read_text().splitlines()][-1] == "turn/interrupt"
    assert os.path.lexists(world.root / "queue/inbox/one.yaml")


@pytest.mark.parametrize("more", [(), ("remembers nothing",)], ids=["there", "gone"])
def test_rework_goes_on_in_the_thread_of_the_round_before_or_in_a_new_one(world: World, more: tuple[str, ...]) -> None:
    world.write("twice.sh", "test $(wc -l < a.txt) = 2\n")
    serving(world, "delivers", *more, contract="checks: [{name: twice, run: [sh, twice.sh], when: delivery}]\n")
    world.tick(drain=True)
    assert world.lane("one") == "done", world.last("one")
    asked = [(each["method"], each["params"]) for each in told(world) if "method" in each]
    threads = [method for method, _ in asked if str(method) in ("thread/start", "thread/resume")]
    assert threads == ["thread/start", "thread/resume", *(["thread/start"] if more else [])]
    resumed = next(params for method, params in asked if method == "thread/resume")
    assert isinstance(resumed, dict) and resumed["threadId"] == "thread-1"
    first, second = (json.dumps(params) for method, params in asked if method == "turn/start")
    assert "do one" in first and ("Put right" in second) is not bool(more) and ("do one" in second) is bool(more)
    assert [entry.usage.tokens for entry in world.journal("one") if entry.usage] == [1000, 1000]


def test_one_may_judge_in_a_seat_where_one_turn_is_all_and_it_is_offered_no_tool(world: World) -> None:
    command = json.dumps(shlex.join([sys.executable, str(_SERVER), "judges"]))
    world.policy(f"codex: {{command: {command}}}\nagents: {{critic: {{kind: codex-app-server}}}}")
    seats = [{"name": "tests", "kind": "checks"}, {"name": "critic", "kind": "agent", "agent": "critic"}]
    world.contract("scripted", review={"seats": seats})
    world.item("one")
    world.tick()
    assert world.lane("one") == "done", world.last("one")
    assert "there is no tool" not in world.artifacts("one")["run-1/seats/critic.log"]
