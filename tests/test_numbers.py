"""Numbers: each is bounded where it is read, whoever wrote it, so that none stops more than what it stands in."""

import json
from pathlib import Path

import pytest

from factory.model.failure import FailureClass
from factory.model.journal_lines import read
from factory.model.result import MOST_TOKENS, MOST_USD
from tests.test_seats import REVIEWER
from tests.world import REVIEWED, WORKFLOW, World

HEX = "0x" + "f" * 5000
LOOKS = [("status",), ("list",), ("check",), ("audit",), ("show", "good"), ("log", "good"), ("tick", "--drain")]


def nobody_is_stopped(world: World, *looks: tuple[str, ...]) -> str:
    """Every command does its work; what they said."""
    said = "".join(world.command(*look, status=None) for look in looks or LOOKS)
    assert "Traceback" not in said
    return said


FILES: list[tuple[str, str, str]] = [
    ("queue/inbox/bad.yaml", "title: t\npriority: NUMBER\n", "2:11"),
    ("queue/inbox/bad.yaml", "title: t\ninputs:\n  a: [NUMBER]\n", "3:7"),
    ("queue/inbox/bad.jsonl", '{"title": "t", "inputs": {"a": DECIMAL}}\n', "1:"),
    ("contracts/bad.yaml", REVIEWED + "limits: {minutes: NUMBER}\n", "5:19"),
    (
        "queue/breakers/scripted.yaml",
        "contract: scripted\nstate: open\nsince: 2026-11-21T10:00:00Z\nfailures: NUMBER\n",
        "4:",
    ),
]


@pytest.mark.parametrize("committed", [False, True], ids=["saved", "committed"])
@pytest.mark.parametrize(("path", "text", "where"), FILES, ids=[f"{path}{where}" for path, _, where in FILES])
@pytest.mark.parametrize("number", [HEX, str(2**63)], ids=["hex", "just too large"])
def test_a_number_that_nobody_can_use_costs_its_own_file_a_located_message(
    world: World, path: str, text: str, where: str, number: str, committed: bool
) -> None:
    world.item("good")
    world.write(path, text.replace("NUMBER", number).replace("DECIMAL", "-" * (number < "0") + "9" * 5000))
    if committed:
        world.commit()
    said = nobody_is_stopped(world, ("check",), ("status",), ("tick", "--drain"), ("audit",))
    assert f"{path}:{where}" in said
    assert world.lane("good") == "done"


def test_a_number_in_the_policy_that_nobody_can_use_is_named_with_its_place(world: World) -> None:
    world.write("WORKFLOW.md", WORKFLOW.replace("branch: main", f"branch: main\nlimits: {{inbox: {HEX}}}"))
    world.commit()
    assert "WORKFLOW.md:3:17" in world.command("status", status=3)


def test_a_number_in_a_persons_verdict_costs_that_verdict_a_located_message(world: World) -> None:
    world.item("one", contract="reviewed")
    world.item("good")
    world.tick()
    place = world.root / "queue/review/one.human.verdict.yaml"
    found = f"findings: [{{id: F1, text: x, line: {HEX}}}]"
    place.write_text(place.read_text().replace("decision: pending", "decision: rework").replace("findings: []", found))
    line = place.read_text()[: place.read_text().index(HEX)].count("\n") + 1
    assert f"one.human.verdict.yaml:{line}:" in nobody_is_stopped(world)
    assert world.lane("one") == "review"


CLAIMS: dict[str, str] = {
    "1e308": '{"status": "ok", "usage": {"usd": 1e308}}',
    "1e6": '{"status": "ok", "usage": {"usd": 1e6}}',
    "Infinity": '{"status": "ok", "usage": {"usd": Infinity}}',
    "NaN": '{"status": "ok", "confidence": NaN}',
    "many tokens": '{"status": "ok", "usage": {"input_tokens": 1' + "0" * 4000 + "}}",
    "an exit status": '{"status": "ok", "handoff": {"commands": [{"run": ["true"], "exit_code": 1' + "0" * 400 + "}]}}",
    "data": '{"status": "ok", "data": 1' + "0" * 400 + "}",
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=list(CLAIMS))
def test_a_result_with_a_number_that_cannot_be_is_a_breach_and_costs_nobody_else_a_day(
    world: World, claim: str
) -> None:
    world.policy("budget: {usd_per_day: 20}\n")
    world.item("bad", [{"write": {"path": "bad.txt", "text": "b\n"}, "out": {"path": "result.json", "text": claim}}])
    world.tick()
    assert world.journal("bad")[-1].failure is FailureClass.CONTRACT
    assert "result.json:1:" in str(world.journal("bad")[-1].reason)
    # and whatever comes after it that day still runs
    world.item("good")
    nobody_is_stopped(world)
    assert world.lane("good") == "done"


@pytest.mark.parametrize("usage", ['{"usd": Infinity}', '{"usd": NaN}', '{"usd": 1e308}', '{"output_tokens": 1e30}'])
def test_a_usage_file_with_a_number_that_cannot_be_says_nothing(world: World, usage: str) -> None:
    world.policy("budget: {usd_per_day: 20}\n")
    steps = [{"out": {"path": "usage.json", "text": usage}}, {"write": {"path": "a.txt", "text": "a\n"}}]
    world.item("one", steps, contract="reviewed")
    world.tick()
    assert world.lane("one") == "review"
    world.item("good")
    nobody_is_stopped(world)
    assert (world.lane("good"), world.journal("one")[-1].usage) == ("done", None)


def test_a_machine_seats_number_that_cannot_be_loses_its_verdict(world: World) -> None:
    answer = REVIEWER.replace("json.loads(sys.argv[1])", "{}")
    answer = answer.replace("json.dumps(verdict)", f"'findings: [{{id: F1, text: x, line: {HEX}}}]'")
    seat = {"name": "critic", "kind": "command", "run": ["python3", "-c", answer]}
    world.contract("judged", review={"seats": [{"name": "tests", "kind": "checks"}, seat]})
    world.item("one", contract="judged")
    world.item("good")
    nobody_is_stopped(world)
    assert (world.lane("one"), world.lane("good")) == ("blocked", "done")
    assert "verdict.yaml:1:" in str(world.last("one").reason)


OLD: dict[str, tuple[str, str]] = {
    "infinite cost": ('"usd":0.5', '"usd":null'),
    "as python writes it": ('"usd":0.5', '"usd":Infinity'),
    "enormous cost": ('"usd":0.5', '"usd":1e308'),
    "a day's budget": ('"usd":0.5', '"usd":1000000.0'),
    "no number": ('"usd":0.5', '"usd":NaN'),
    "tokens": ('"usd":0.5', '"input_tokens":1' + "0" * 300),
}


@pytest.mark.parametrize(("was", "now"), OLD.values(), ids=list(OLD))
def test_a_journal_that_an_earlier_version_wrote_with_such_a_number_still_reads(
    world: World, was: str, now: str
) -> None:
    world.policy("budget: {usd_per_day: 2000}\n")
    world.item(
        "one", [{"write": {"path": "a.txt", "text": "a\n"}}, {"result": {"usage": {"usd": 0.5}}}], contract="reviewed"
    )
    world.tick()
    path = "artifacts/one/journal.jsonl"
    text = world.read(path)
    assert was in text
    world.write(path, text.replace(was, now))
    world.commit("As it was written once")
    world.item("good")
    nobody_is_stopped(world)
    assert world.lane("good") == "done"
    usage = world.journal("one")[-1].usage
    assert usage is not None and 0 <= usage.spent <= MOST_USD and usage.tokens <= MOST_TOKENS
    world.command("cancel", "one")
    world.tick()
    assert world.lane("one") == "done"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("run", "1" + "0" * 400),
        ("seconds", "Infinity"),
        ("seconds", "1e308"),
        ("at", '"0001-01-01T00:00:00+14:00"'),
        ("at", '"9999-12-31T23:59:59-14:00"'),
        ("at", '"2026-11-21T10:00:00"'),
        ("at", "1e308"),
        ("not_before", '"2026-11-21T10:00:00"'),
    ],
)
def test_a_journal_with_a_number_that_nobody_wrote_costs_its_own_item_a_reason(
    world: World, key: str, value: str
) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    path = "artifacts/one/journal.jsonl"
    *before, last = world.read(path).splitlines()
    fields = json.dumps({name: each for name, each in json.loads(last).items() if name != key})
    world.write(path, "".join(f"{line}\n" for line in before) + f'{fields[:-1]}, "{key}": {value}}}\n')
    world.commit("Oh")
    world.item("good")
    said = nobody_is_stopped(world, *LOOKS, ("show", "one"), ("log", "one"))
    assert world.lane("good") == "done"
    assert f"{path}:3:1: not a journal line" in said


def test_evidence_with_a_number_that_nobody_wrote_costs_its_own_item_a_reason(world: World) -> None:
    world.contract(
        "reviewed", checks=[{"name": "ok", "run": ["true"]}], review={"seats": [{"name": "human", "kind": "human"}]}
    )
    world.item("one", contract="reviewed")
    world.tick()
    path = "artifacts/one/run-1/evidence.json"
    world.write(path, world.read(path).replace('"seconds": ', '"seconds": 1e400, "was": '))
    world.commit("Oh")
    world.item("good")
    assert path in nobody_is_stopped(world, *LOOKS, ("show", "one"))
    assert world.lane("good") == "done"


def test_the_time_of_a_breaker_says_its_zone(world: World) -> None:
    path = "queue/breakers/scripted.yaml"
    world.write(path, "contract: scripted\nstate: open\nsince: 2026-11-21T10:00:00\n")
    assert f"{path}:3:1: since: should have timezone info" in nobody_is_stopped(world, ("check",), ("status",))


def test_times_are_written_as_ever(tmp_path: Path) -> None:
    line = b'{"seq":1,"at":"2026-11-21T10:00:00Z","event":"submit","to":"inbox","actor":"Ann"}\n'
    assert read(line, "j").entries[0].line() == line
