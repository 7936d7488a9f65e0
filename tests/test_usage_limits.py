"""Usage limits: an account that is used up is left alone until it is reset, and nobody pays for it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factory.execution.agents.programs.claude import claude
from factory.execution.agents.programs.codex import codex
from factory.execution.agents.programs.heard import Parser
from factory.execution.agents.programs.limits import reset_told, with_reset
from factory.execution.agents.programs.opencode import opencode
from factory.execution.agents.programs.stream import Stream
from factory.model.breaker import BreakerState, State
from factory.model.failure import Failure, FailureClass
from factory.store import yaml
from tests.world import World

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
