"""Usage limits: an account that is used up is left alone until it is reset, and nobody pays for it."""

import json
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue

import pytest

from factory.execution.agents.programs.claude import claude
from factory.execution.agents.programs.codex import codex
from factory.execution.agents.programs.heard import Parser
from factory.execution.agents.programs.limits import reset_told, with_reset
from factory.execution.agents.programs.opencode import opencode
from factory.execution.agents.programs.stream import Stream
from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.model.breaker import BreakerState, State
from factory.model.failure import Failure, FailureClass
from factory.store import yaml
from factory.store.repository.repository import Repository
from factory.store.system import System
from tests.world import World, say_nothing

_RECORDED = Path(__file__).parent / "fixtures/agent_cli"
NOW = datetime(2026, 11, 30, 14, 10, tzinfo=UTC)
RESET = datetime(2026, 11, 30, 19, 7, 50, tzinfo=UTC)
FILE = "queue/breakers/agents/solver.yaml"
WRITE: list[dict[str, object]] = [{"write": {"path": "good.txt", "text": "good\n"}}]


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.execution.agents.programs.limits._zone", lambda _: UTC)


def limited(until: str) -> list[dict[str, object]]:
    said = {"status": "failed", "failure": "rate_limit", "summary": "five hours are used up", "resets_at": until}
    return [{"result": said}]


def breaker(world: World, path: str = FILE) -> BreakerState:
    return yaml.load(BreakerState, yaml.Source(path, world.git("show", f"main:{path}").encode()))


def solved(world: World, more: str = "") -> None:
    """A contract whose worker is an agent that does what its item says."""
    agents = {"solver": {"kind": "command", "run": ["factory-scripted"]}}
    world.policy(f"agents: {json.dumps(agents)}\n{more}")
    world.contract("scripted", worker={"agent": "solver"})
    world.now = NOW


def test_the_real_programs_say_when_their_account_is_reset() -> None:
    parsers: dict[str, Parser] = {"claude.429_session_limit": claude, "codex.429_usage_limit_reset": codex}
    for name, parser in parsers.items():
        stream = Stream(parser)
        stream.take((_RECORDED / f"{name}.out").read_bytes())
        failure = stream.failure(1)
        assert failure is not None
        known = with_reset(failure, stream.heard.reset, NOW)
        assert known.kind is FailureClass.RATE_LIMIT and known.until is not None
        assert timedelta() <= known.until - RESET < timedelta(minutes=1), name


def test_an_answer_of_the_service_says_after_how_long() -> None:
    data = {"message": "Too many requests", "statusCode": 429, "responseHeaders": {"retry-after": "18000"}}
    stream = Stream(opencode)
    stream.take(json.dumps({"type": "error", "error": {"name": "APIError", "data": data}}).encode() + b"\n")
    failure = stream.failure(1)
    assert failure is not None
    assert with_reset(failure, stream.heard.reset, NOW).until == NOW + timedelta(hours=5)


IN_FIVE_HOURS = NOW + timedelta(hours=5)
TOLD = {
    "Claude AI usage limit reached|1796065670": RESET,
    '{"type": "usage_limit_reached", "resets_at": 1796065670}': RESET,
    "usage_limit_reached resets_in_seconds=18000": IN_FIVE_HOURS,
    "anthropic-ratelimit-unified-reset: 1796065670": RESET,
    "anthropic-ratelimit-requests-reset: 2026-11-30T20:07:50+01:00": RESET,
    "429 with retry-after: 18000": IN_FIVE_HOURS,
    "You've hit your session limit · resets 7:07pm (UTC)": RESET.replace(second=59),
    "You've hit your weekly limit · resets Dec 3, 9am (UTC)": datetime(2026, 12, 3, 9, 0, 59, tzinfo=UTC),
    "You've hit your limit · resets 1pm (UTC)": datetime(2026, 12, 1, 13, 0, 59, tzinfo=UTC),
    "try again at 2:10 PM.": NOW.replace(second=59),
    "try again at Jan 2nd, 2027 12:05 AM.": datetime(2027, 1, 2, 0, 5, 59, tzinfo=UTC),
    "Try again in 4 days 3 hours 1 minute": NOW + timedelta(days=4, hours=3, minutes=1),
    "You’ve hit your usage limit. Try again later.": None,
    "resets Feb 31, 9am (UTC)": None,
    "try again at 99:99 PM": None,
    "the pipe |123 is no time": None,
}


@pytest.mark.parametrize("words", TOLD)
def test_a_reset_is_read_in_every_way_that_it_is_told(words: str) -> None:
    assert reset_told(words, NOW) == TOLD[words]


@pytest.mark.parametrize(
    ("kind", "words", "then"),
    [
        ("billing", "You've hit your usage limit, try again at 3:00 PM", "rate_limit"),
        ("billing", "You've hit your usage limit. Try again later.", "billing"),
        ("rate_limit", "You've hit your session limit", "billing"),
        ("rate_limit", "429 Too Many Requests", "rate_limit"),
        ("auth", "Not logged in, resets_at: 1796065670", "auth"),
    ],
)
def test_a_limit_without_a_reset_is_a_matter_for_a_person(kind: str, words: str, then: str) -> None:
    assert with_reset(Failure(FailureClass(kind), words), "", NOW).kind == then


def test_a_limit_costs_no_attempt_and_the_whole_agent_waits_for_its_reset(world: World) -> None:
    # given a limit that is reset far beyond the longest wait before another attempt
    solved(world)
    world.item("one", limited("2026-11-30T19:10:00Z"), WRITE)
    world.tick()
    last = world.last("one")
    assert (last.failure, last.attempt, last.not_before) == (FailureClass.RATE_LIMIT, None, IN_FIVE_HOURS)
    state = breaker(world)
    assert (state.state, state.agent, state.limited, state.until) == (State.OPEN, "solver", True, IN_FIVE_HOURS)
    assert "# A usage limit of the agent solver is reset at `until`." in world.read(FILE)
    assert "queue/breakers/scripted.yaml" not in world.git("ls-files", "queue")
    # when somebody else comes along, then nobody asks the agent
    world.item("two")
    world.now = IN_FIVE_HOURS - timedelta(seconds=1)
    found = {each.id: each for each in world.tick().schedule}
    assert world.events("two") == []
    assert found["two"].reason == "waits: the usage limit of the agent solver is reset at 2026-11-30T19:10:00Z"
    assert {each.until for each in found.values()} == {IN_FIVE_HOURS}
    assert (
        "breaker of agent solver: open until 2026-11-30T19:10:00Z at a usage limit: one: rate_limit"
        in world.command("status")
    )
    assert "set `state: closed` in queue/breakers/agents/solver.yaml" in world.command("doctor", status=1)
    # and when it is reset, one is tried, and then all
    world.now = IN_FIVE_HOURS
    world.tick(drain=True)
    assert (world.lane("one"), world.lane("two"), breaker(world).state) == ("done", "done", State.CLOSED)
    world.command("audit")


def test_a_person_may_close_it_sooner(world: World) -> None:
    solved(world)
    world.item("one", limited("2026-11-30T19:10:00Z"))
    world.tick()
    world.write(FILE, world.read(FILE).replace("state: open", "state: closed"))
    world.item("two")
    world.tick()
    assert world.lane("two") == "done"


@pytest.mark.parametrize(
    ("told", "until"),
    [("9999-01-01T00:00:00Z", NOW + timedelta(days=7)), ("1971-01-01T00:00:00Z", NOW + timedelta(minutes=1))],
)
def test_nobody_waits_for_ever_nor_asks_again_at_once_whatever_a_worker_says(
    world: World, told: str, until: datetime
) -> None:
    solved(world)
    world.item("one", limited(told))
    world.tick()
    assert (world.last("one").not_before, breaker(world).until) == (until, until)


def test_who_always_tells_of_a_limit_does_not_go_on_for_ever(world: World) -> None:
    solved(world, "retry: {initial_ms: 1000}")
    world.item("one", limited("2026-11-30T14:10:00Z"))
    for _ in range(30):
        world.tick()
        world.now = (world.last("one").not_before or NOW) + timedelta(minutes=1)
    assert world.lane("one") == "blocked"
    assert len([entry for entry in world.journal("one") if entry.event == "start"]) == 20 + 3
    world.command("audit")


def test_the_audit_finds_another_failure_that_cost_nothing(world: World) -> None:
    solved(world)
    world.item("one", [{"exit": 1}])
    world.tick()
    path = "artifacts/one/journal.jsonl"
    world.write(path, world.read(path).replace('"attempt":1,', ""))
    signed = ("-c", "user.name=factory", "-c", "user.email=factory@x")
    world.git(*signed, "commit", "-q", "-a", "--amend", "--no-edit", "--reset-author")
    assert "failed as crash, and cost nothing" in world.command("audit", status=1)


def test_failures_of_one_agent_are_no_matter_of_another_contract_or_agent(world: World) -> None:
    solved(world, "breaker: {failures: 2}\nretry: {initial_ms: 604800000}\nagent: {max_retry_backoff_ms: 604800000}")
    world.contract("other", worker={"agent": "solver"})
    world.contract("command")
    world.item("a", [{"exit": 1}])
    world.item("b", [{"exit": 1}], contract="other")
    world.tick()
    assert (breaker(world).state, breaker(world).failures) == (State.OPEN, 2)
    world.item("c")
    world.item("d", contract="command")
    world.tick()
    assert world.events("c") == [] and world.lane("d") == "done"


# Two accounts of one program, each with its own key. What each may use is said by a file of its name: a call beyond it
# is told of the limit, as Claude Code tells of it, and each call is noted with its time.
_ACCOUNT = """import json, os, sys, time
from pathlib import Path
here = Path(os.environ["ACCOUNTS"]); name = os.environ["ANTHROPIC_API_KEY"].split("-")[0]
sys.stdin.read()
now = float((here / "now").read_text())
until, calls = json.loads((here / f"{name}.limit").read_text()), here / f"{name}.calls"
made = calls.read_text().splitlines() if calls.exists() else []
refused = until["from_call"] <= len(made) and now < until["epoch"]
with calls.open("a") as file: file.write(f"{now} {'refused' if refused else 'done'}\\n")
if refused:
    info = {"status": "rejected", "resetsAt": until["epoch"], "rateLimitType": "five_hour"}
    print(json.dumps({"type": "rate_limit_event", "rate_limit_info": info}))
    print(json.dumps({"type": "result", "subtype": "success", "is_error": True, "api_error_status": 429,
                      "result": "You've hit your session limit"}))
    sys.exit(1)
title = json.loads(Path(os.environ["FACTORY_ITEM"]).read_text())["title"]
Path(f"{title.split()[1]}.txt").write_text(name)
print(json.dumps({"type": "result", "subtype": "success", "is_error": False, "result": "Done."}))
"""


class Virtual(System):
    """A clock that stands still while anything is at work, and else runs ahead; the accounts see it, too."""

    def __init__(self, shown: Path) -> None:
        self.ahead = timedelta()
        self.busy: Callable[[], bool] = lambda: True
        self._shown = shown
        self._show()

    def now(self) -> datetime:
        return NOW + self.ahead

    def wait(self, calls: "SimpleQueue[None]", seconds: float | None) -> bool:
        busy = self.busy()
        if super().wait(calls, 0.05 if busy else 0.0001):
            return True
        if not busy:
            self.ahead += timedelta(seconds=seconds or 0)
            self._show()
        return False

    def _show(self) -> None:
        self._shown.write_text(str(self.now().timestamp()))


def test_a_limit_of_five_hours_blocks_nobody_and_wastes_one_call_of_an_account(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given twenty items, and two accounts of which both are used up after some calls, for five hours and for six
    accounts = tmp_path / "accounts"
    accounts.mkdir()
    resets = {"a": NOW + timedelta(hours=5), "b": NOW + timedelta(hours=6)}
    for (name, reset), calls in zip(resets.items(), (4, 7), strict=True):
        limit: dict[str, object] = {"from_call": calls, "epoch": int(reset.timestamp())}
        (accounts / f"{name}.limit").write_text(json.dumps(limit))
        monkeypatch.setenv(f"KEY_{name.upper()}", f"{name}-0123456789abcdef")
    program = accounts / "claude"
    program.write_text(f"#!{sys.executable}\n{_ACCOUNT}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(accounts), prepend=":")
    monkeypatch.setenv("ACCOUNTS", str(accounts))
    agents: dict[str, object] = {
        name: {"kind": "claude", "env": ["ACCOUNTS"], "secrets": {"ANTHROPIC_API_KEY": f"KEY_{name.upper()}"}}
        for name in resets
    }
    world.policy(f"sandbox: 'off'\nagents: {json.dumps(agents)}\nagent: {{max_concurrent_agents: 1}}")
    world.contract("scripted", worker={"agent": ["a", "b"]})
    items = [f"item-{number}" for number in range(20)]
    for item_id in items:
        world.item(item_id)
    # when they are worked on with a clock of its own
    clock = Virtual(accounts / "now")
    with closing(Repository(world.root, clock)) as repository:
        orchestrator = Orchestrator(repository, say_nothing)
        clock.busy = lambda: orchestrator.context.runs.busy
        with orchestrator.holding():
            tick(orchestrator, drain=True, patience=7 * 3600)
    # then all are done, and nobody was blocked, nor has it cost an attempt
    assert {world.lane(item_id) for item_id in items} == {"done"}
    entries = [entry for item_id in items for entry in world.journal(item_id)]
    assert not [entry for entry in entries if entry.event == "block" or entry.attempt]
    # and one call of an account was wasted: nobody asked it again before its reset
    made_by = {
        name: [line.split() for line in (accounts / f"{name}.calls").read_text().splitlines()] for name in resets
    }
    assert [len([how for _, how in made if how == "refused"]) for made in made_by.values()] == [1, 1]
    # and the work went on elsewhere at once, and within a minute of its reset on the account that was limited
    met = {name: next(float(at) for at, how in made if how == "refused") for name, made in made_by.items()}
    assert made_by["b"][0][0] == str(met["a"])
    after = [float(at) for at, how in made_by["a"] if float(at) > met["a"]]
    assert 0 <= min(after) - resets["a"].timestamp() < 60
    assert [name for name, made in made_by.items() if len(made) > 12] == ["a"]
    world.command("audit")


@pytest.mark.parametrize("kind", ["auth", "billing", "config", "model_not_found"])
def test_an_item_that_one_agent_cannot_go_on_with_is_done_by_the_next(world: World, kind: str) -> None:
    agents = {name: {"kind": "command", "run": ["factory-scripted"]} for name in ("first", "second")}
    world.policy(f"agents: {json.dumps(agents)}")
    world.contract("scripted", worker={"agent": ["first", "second"]})
    world.item("one", [{"result": {"status": "failed", "failure": kind, "summary": "no"}}], WRITE)
    world.tick(drain=True)
    assert world.lane("one") == "done"
    assert [entry.worker for entry in world.journal("one") if entry.worker] == ["first", "second"]
    released = next(entry for entry in world.journal("one") if entry.event == "release")
    assert (released.failure, released.attempt, released.not_before) == (FailureClass(kind), None, None)
    world.command("audit")


def test_an_item_that_no_agent_can_go_on_with_is_blocked_and_begins_anew_with_the_first(world: World) -> None:
    agents = {name: {"kind": "command", "run": ["factory-scripted"]} for name in ("first", "second")}
    world.policy(f"agents: {json.dumps(agents)}")
    world.contract("scripted", worker={"agent": ["first", "second"]})
    no: list[dict[str, object]] = [{"result": {"status": "failed", "failure": "auth", "summary": "no"}}]
    world.item("one", no, no, WRITE)
    world.tick(drain=True)
    assert (world.lane("one"), world.last("one").failure) == ("blocked", FailureClass.AUTH)
    world.command("retry", "one")
    world.tick(drain=True)
    assert world.lane("one") == "done"
    assert [entry.worker for entry in world.journal("one") if entry.worker] == ["first", "second", "first"]
    world.command("audit")


def test_an_agent_whose_breaker_is_open_or_whose_key_is_not_there_is_passed_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    names = ("broken", "keyless", "good")
    agents: dict[str, dict[str, object]] = {n: {"kind": "command", "run": ["factory-scripted"]} for n in names}
    agents["keyless"]["secrets"] = ["NO_SUCH_KEY"]
    one_by_one = "breaker: {failures: 1}\nretry: {initial_ms: 1}\nagent: {max_concurrent_agents: 1}"
    world.policy(f"agents: {json.dumps(agents)}\n{one_by_one}")
    world.contract("scripted", worker={"agent": ["keyless", "broken", "good"]})
    world.item("one", [{"exit": 1}], WRITE)
    world.item("two")
    world.tick(drain=True)
    workers = {each: [entry.worker for entry in world.journal(each) if entry.worker] for each in ("one", "two")}
    assert workers["one"] == ["broken", "good"] and workers["two"][-1] == "good"
    assert {world.lane("one"), world.lane("two")} == {"done"}


def test_who_may_not_judge_its_own_work_is_passed_over_for_it(world: World) -> None:
    agents = {name: {"kind": "command", "run": ["factory-scripted"]} for name in ("first", "second")}
    world.policy(f"agents: {json.dumps(agents)}")
    seats = [{"name": "tests", "kind": "checks"}, {"name": "critic", "kind": "agent", "agent": "first"}]
    world.contract("scripted", worker={"agent": ["first", "second"]}, review={"seats": seats})
    world.item("one")
    world.tick()
    assert next(entry.worker for entry in world.journal("one") if entry.worker) == "second"


def test_check_names_each_agent_that_is_not_there(world: World) -> None:
    agents = {"first": {"kind": "command", "run": ["factory-scripted"]}}
    world.policy(f"agents: {json.dumps(agents)}")
    world.contract("scripted", worker={"agent": ["first", "secnod"]})
    assert "WORKFLOW.md names no agent 'secnod' under 'agents'" in world.command("check", status=1)
