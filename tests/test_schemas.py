"""Schemas of contracts: what they are held against may be hostile, and nobody else waits for it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import JsonValue

from factory.model.failure import FailureClass
from factory.store.helper import Helper
from factory.store.schema import misfit, schema_problem
from tests.witness import Background, wait_for
from tests.world import World

pytestmark = pytest.mark.slow  # it starts processes

PATTERN = "^([a-zA-Z0-9]+[._-]?)+@example.org$"
MAIL: dict[str, JsonValue] = {"type": "object", "properties": {"mail": {"type": "string", "pattern": PATTERN}}}
LONG = "a" * 40 + "!"
TOO_LONG = "to match it takes more than 2 s; the contract's pattern takes too long on it"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever matches gets a quarter of the time that it has otherwise, since all of it would be used up."""
    helper = Helper("factory.store.schema", 0.5)
    monkeypatch.setattr("factory.store.schema._HELPER", helper)
    yield
    helper.close()


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({"mail": LONG}, MAIL),
        ({LONG: 1}, {"patternProperties": {PATTERN: True}}),
        ({LONG: 1}, {"propertyNames": {"pattern": PATTERN}}),
        (LONG, {"$ref": "#/own", "own": {"pattern": PATTERN}}),
        ([{"a": number} for number in range(3000)], {"uniqueItems": True}),
        ([*range(9000)], {"items": {"enum": [*range(-9000, 0)]}}),
        (1, {"$ref": "#/$defs/d40", "$defs": {"d0": True}}),
    ],
    ids=["pattern", "names by pattern", "names", "reference", "unique", "one of many", "references"],
)
def test_what_takes_for_ever_to_match_does_not_fit(
    impatient: None, value: JsonValue, schema: dict[str, JsonValue]
) -> None:
    if schema.get("$defs"):
        before: list[JsonValue] = [{"$ref": f"#/$defs/d{n}"} for n in range(40)]
        twice: dict[str, JsonValue] = {f"d{n}": {"allOf": [each, each]} for n, each in enumerate(before, 1)}
        schema = {**schema, "$defs": {"d0": True, **twice}}
    began = time.monotonic()
    assert misfit(value, schema) == TOO_LONG
    assert time.monotonic() - began < 20
    # and the next one is told as ever
    assert misfit({"mail": "ann@example.org"}, MAIL) == ""
    assert misfit({"mail": "ann"}, MAIL) == f"mail: 'ann' does not match {PATTERN!r}"


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"pattern": "a{99999999999999999999}"}, "is not a JSON Schema: the repetition number is too large"),
        ({"required": [{"a": number} for number in range(9000)]}, "is not a JSON Schema: required.0: "),
    ],
)
def test_a_schema_that_nothing_can_be_held_against_is_a_problem(schema: dict[str, JsonValue], said: str) -> None:
    assert schema_problem(schema).startswith(said)


@pytest.mark.parametrize(
    ("value", "schema"),
    [("a", {"$ref": "#/x", "x": {"pattern": "("}}), (2**62, {"multipleOf": 1e-320}), (1e308, {"multipleOf": 1e-308})],
)
def test_a_schema_that_fails_only_when_it_is_used_is_told_as_a_reason(
    value: JsonValue, schema: dict[str, JsonValue]
) -> None:
    assert misfit(value, schema)


def test_what_is_quickly_told_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Helper, "ask", None)
    schema: dict[str, JsonValue] = {
        "type": "object",
        "required": ["program"],
        "properties": {"program": {"type": "string"}, "kinds": {"type": "array", "items": {"enum": ["a", "b"]}}},
        "additionalProperties": False,
    }
    assert misfit({"program": "p", "kinds": ["a"]}, schema) == ""
    assert misfit({"program": 1}, schema) == "program: 1 is not of type 'string'"
    assert schema_problem(schema) == ""


def test_an_item_whose_inputs_take_for_ever_is_blocked_and_the_others_go_on(world: World) -> None:
    world.contract("mail", receives=MAIL)
    world.write("queue/inbox/bad.yaml", f'title: bad\ncontract: mail\ninputs: {{mail: "{LONG}"}}\n')
    world.item("good")
    assert f"queue/inbox/bad.yaml:3:1: inputs: {TOO_LONG}" in world.command("check", status=1)
    world.tick()
    assert world.lane("bad") == "blocked"
    assert world.last("bad").failure is FailureClass.INVALID_REQUEST
    assert TOO_LONG in (world.last("bad").reason or "")
    assert world.lane("good") == "done"


def test_a_result_that_takes_for_ever_breaks_the_contract_and_a_signal_still_ends_the_factory(world: World) -> None:
    # given workers whose results cannot be matched in time
    world.contract("mail", produces={"patch": {"required": True}, "data": MAIL}, rework={"max_rounds": 20})
    world.item("bad", [{"result": {"data": {"mail": LONG}}}, {"write": {"path": "b", "text": ""}}], contract="mail")
    world.item("good")
    # when the factory runs
    running = Background(world, "run")
    try:
        wait_for(lambda: "bad active -> rework" in world.git("log", "--format=%s") and world.lane("good") == "done", 60)
        # then it says so in a finding
        assert any(TOO_LONG in finding.text for entry in world.journal("bad") for finding in entry.findings)
    finally:
        # and it ends when it is asked to
        running.signal(signal.SIGTERM)
        status = running.end()[0]
    assert status == 0


def test_a_helper_in_the_middle_of_an_answer_ends_also_when_nobody_waits_for_it() -> None:
    # given a process that waits for an answer that does not come
    script = f"from factory.store.schema import misfit; misfit({LONG!r}, {{'pattern': {PATTERN!r}}})"
    asking = subprocess.Popen([sys.executable, "-c", script])
    children = Path(f"/proc/{asking.pid}/task/{asking.pid}/children")
    wait_for(lambda: children.read_text() != "")
    helper = int(children.read_text())
    # when it is killed
    asking.kill()
    asking.wait()
    # then the helper does not compute on
    wait_for(lambda: not _lives(helper), 30)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
