"""The trace of an item: what was when, within what, from its journal alone; and what a worker is told of it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from factory.model.failure import FailureClass
from factory.model.journal import Entry, Phase
from factory.model.lifecycle import Event, Lane
from factory.model.moments import day_of, midnight
from factory.report.trace import Span, spans_of
from factory.store.system import MACHINE
from tests.test_seats import seat
from tests.world import World

_NOON = midnight(MACHINE.now()) - timedelta(hours=12)
_USAGE = {"input_tokens": 700, "output_tokens": 30, "usd": 0.25}
_WORK: list[dict[str, object]] = [{"write": {"path": "one.txt", "text": "1\n"}}, {"result": {"usage": _USAGE}}]


def went_all_the_way(world: World) -> None:
    """An item with a check, a machine seat and a person's approval, finished yesterday."""
    seats = [{"name": "tests", "kind": "checks"}, seat("critic"), {"name": "human", "kind": "human"}]
    world.contract("whole", checks=[{"name": "there", "run": ["test", "-f", "one.txt"]}], review={"seats": seats})
    world.item("one", _WORK, contract="whole")
    world.commit("What is to be done")
    world.now = _NOON
    world.tick()
    world.verdict("one", "approve")
    world.now = _NOON + timedelta(minutes=5)
    world.tick()
    world.now = None


@pytest.fixture
def finished(tmp_path: Path) -> World:
    return World.after(went_all_the_way, tmp_path / "repo")


def told(world: World, item_id: str = "one") -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(world.command("trace", item_id, "--json"))
    return found


def tree_of(spans: list[dict[str, object]]) -> list[tuple[str, str]]:
    """(name, the name of what it is a part of) of each, those of the check's canary left out."""
    names = {span["id"]: str(span["name"]) for span in spans} | {"": ""}
    named = [(str(span["name"]), names[span["parent"]]) for span in spans]
    return [pair for pair in named if not pair[0].startswith("canary")]


def test_each_part_of_an_items_way_is_a_span_within_the_one_that_it_is_a_part_of(finished: World) -> None:
    spans = told(finished)
    assert tree_of(spans) == [
        ("item", ""),
        ("waiting", "item"),
        ("run 1", "item"),
        ("worker", "run 1"),
        ("check there", "run 1"),
        ("seat critic", "run 1"),
        ("review", "item"),
        ("seat human", "review"),
        ("apply", "review"),
    ]
    assert len({span["id"] for span in spans}) == len(spans), "no two have the same id"
    assert {span["trace"] for span in spans} == {spans[0]["trace"]}
    within = {span["id"]: span for span in spans}
    for span in spans[1:]:
        parent = within[span["parent"]]
        assert str(parent["start"]) <= str(span["start"]) <= str(span["end"]) <= str(parent["end"]), span["name"]
    review = next(span for span in spans if span["name"] == "review")
    assert str(review["end"]) >= f"{day_of(_NOON)}T12:05:00"


def test_a_span_says_what_others_know_by_the_same_names(finished: World) -> None:
    said = {str(span["name"]): span["attributes"] for span in told(finished)}
    root, run = said["item"], said["run 1"]
    assert isinstance(root, dict) and isinstance(run, dict)
    assert root == {
        "factory.item.id": "one",
        "factory.contract": "whole",
        "factory.outcome": "applied",
        "factory.runs": 1,
        "factory.rounds": 1,
    }
    assert (run["gen_ai.operation.name"], run["gen_ai.agent.name"]) == ("invoke_agent", "factory-scripted")
    assert (run["gen_ai.usage.input_tokens"], run["gen_ai.usage.output_tokens"]) == (700, 30)
    assert run["factory.cost.usd"] == 0.25
    assert said["seat critic"] == {"factory.seat": "critic", "factory.decision": "approve"}
    assert said["seat human"] == {"factory.seat": "human", "factory.decision": "approve"}


def test_the_ids_follow_from_the_journal_in_every_clone(finished: World, tmp_path: Path) -> None:
    finished.git("clone", "-q", str(finished.root), str(tmp_path / "clone"))
    assert told(World(tmp_path / "clone")) == told(finished)


def test_an_item_that_is_archived_has_the_same_trace(finished: World) -> None:
    before = told(finished)
    finished.command("archive", "--before", day_of(MACHINE.now()))
    assert not list(finished.root.glob("artifacts/done/*/one")), "its files are in the tree no more"
    assert told(finished) == before


def test_on_a_terminal_it_is_a_waterfall(finished: World) -> None:
    lines = finished.command("trace", "one").splitlines()
    assert lines[0].startswith(f"one  {day_of(_NOON)}T12:00:00Z, trace ")
    rows = {line[:16].strip(): line for line in lines[1:] if not line.strip().startswith("canary")}
    assert "5m 0s" in rows["item"] and "applied" in rows["item"]
    assert "700 tokens in, 30 out, 0.25 USD" in rows["run 1"]
    assert rows["worker"].startswith("    worker "), "by its depth"
    assert rows["worker"].index("█" if "█" in rows["worker"] else "▏") < rows["apply"].index("█"), "by its time"


def test_what_goes_on_has_no_end_and_what_failed_says_why(world: World) -> None:
    world.item("one", [{"exit": 3}], text="hold: false\n")
    world.tick()
    spans = {str(span["name"]): span for span in told(world)}
    assert spans["item"]["end"] is None and spans["item"]["seq"] == 0
    run, said = spans["run 1"], spans["run 1"]["attributes"]
    assert isinstance(said, dict) and said["error.type"] == "crash" and run["error"]
    line = next(line for line in world.command("trace", "one").splitlines() if "run 1" in line)
    assert f"crash: {str(run['error'])[:20]}" in line


def test_an_item_that_nobody_has_touched_has_no_trace_yet(world: World) -> None:
    world.item("one", text="hold: true\n")
    world.commit()
    assert told(world) == []
    assert "has not touched it yet" in world.command("trace", "one")
    assert "there is no item 'none'" in world.command("trace", "none", status=2)


def test_a_worker_and_a_reviewer_are_told_of_the_span_that_they_work_under(world: World) -> None:
    critic = seat("critic")
    critic["run"] = ["python3", "-c", _NOTED]
    world.contract(
        "told",
        worker={"run": ["python3", "-c", "import os; open('one.txt', 'w').write(os.environ['TRACEPARENT'])"]},
        review={"seats": [{"name": "tests", "kind": "checks"}, critic]},
    )
    world.write("queue/inbox/one.yaml", "title: one\ncontract: told\n")
    world.tick()
    spans = {span["name"]: span for span in told(world)}
    worker, judge = spans["worker"], spans["seat critic"]
    assert world.git("show", "main:one.txt") == f"00-{worker['trace']}-{worker['id']}-01"
    verdict = json.loads(world.artifacts("one")["run-1/verdict.critic.yaml"])
    assert verdict["notes"] == f"00-{judge['trace']}-{judge['id']}-01"


# A reviewer that notes what it was told.
_NOTED = """
import hashlib, json, os
from pathlib import Path
patch = Path(os.environ["FACTORY_PATCH"]).read_bytes()
verdict = {"subject": os.environ["FACTORY_SUBJECT"], "patch": "sha256:" + hashlib.sha256(patch).hexdigest()}
verdict |= {"decision": "approve", "notes": os.environ["TRACEPARENT"]}
Path(os.environ["FACTORY_OUT"], "verdict.yaml").write_text(json.dumps(verdict))
"""


def entry(seq: int, event: Event, to: Lane, after_s: int, **more: object) -> Entry:
    at = _NOON + timedelta(seconds=after_s)
    return Entry.model_validate({"seq": seq, "at": at, "event": event, "to": to, "actor": "factory", **more})


def named(spans: list[Span]) -> list[tuple[str, float | None]]:
    return [(span.name, (span.end - span.start).total_seconds() if span.end else None) for span in spans]


def test_a_mission_is_under_way_as_long_as_its_steps_do_not_end_that() -> None:
    entries = [
        entry(1, Event.SUBMIT, Lane.INBOX, 0),
        entry(2, Event.START, Lane.ACTIVE, 10, run=1),
        entry(3, Event.DELIVER, Lane.REVIEW, 20, run=1),
        entry(4, Event.OPEN, Lane.ACTIVE, 30, run=1),
        entry(5, Event.ADVANCE, Lane.ACTIVE, 40, run=1),
        entry(6, Event.PAUSE, Lane.BLOCKED, 50, run=1),
        entry(7, Event.RESUME, Lane.ACTIVE, 60, run=1),
        entry(8, Event.CLOSE, Lane.DONE, 100, run=1),
    ]
    assert named([*spans_of("shop", entries, None)]) == [
        ("item", 100.0),
        ("waiting", 10.0),
        ("run 1", 10.0),
        ("review", 10.0),
        ("under way", 20.0),
        ("blocked", 10.0),
        ("under way", 40.0),
    ]


def test_what_a_person_takes_out_of_done_goes_on_and_done_itself_is_no_part_of_it() -> None:
    entries = [
        entry(1, Event.SUBMIT, Lane.INBOX, 0),
        entry(2, Event.CANCEL, Lane.DONE, 10),
        entry(3, Event.MOVED, Lane.INBOX, 500),
    ]
    spans = [*spans_of("one", entries, None)]
    assert named(spans) == [("item", None), ("waiting", 10.0), ("waiting", None)]
    again = [*spans_of("one", [*entries, entry(4, Event.CANCEL, Lane.DONE, 600)], None)]
    assert [span.id for span in again] == [span.id for span in spans], "what was told before is told by the same ids"
    assert named(again)[0] == ("item", 600.0)


def test_a_phase_that_is_longer_than_the_journals_seconds_say_makes_its_run_longer() -> None:
    phases = tuple(Phase(name="check x", at=_NOON + timedelta(seconds=2), seconds=1.5) for _ in range(2))
    failed = {"run": 1, "phases": phases, "failure": FailureClass.NETWORK, "reason": "cut off"}
    entries = [
        entry(1, Event.SUBMIT, Lane.INBOX, 0),
        entry(2, Event.START, Lane.ACTIVE, 2, run=1),
        entry(3, Event.RELEASE, Lane.INBOX, 3, **failed),
    ]
    spans = [*spans_of("one", entries, None)]
    assert named(spans)[2:5] == [("run 1", 1.5), ("check x", 1.5), ("check x", 1.5)]
    assert spans[3].id != spans[4].id, "a check that ran twice is two spans"
    assert spans[2].error == "cut off" and spans[2].attributes["error.type"] == "network"
