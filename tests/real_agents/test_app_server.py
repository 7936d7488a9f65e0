"""The real app-server through the whole line: its turns, its thread in rework, its tool, its errors."""

import json
import signal
from collections.abc import Mapping

import pytest

from factory.model.failure import FailureClass
from tests.real_agents.factory_of import agent, factory_of
from tests.real_agents.model import Step, model
from tests.real_agents.programs import VERSIONS
from tests.world import World

pytestmark = pytest.mark.real_agents


def serving(address: str) -> dict[str, dict[str, object]]:
    return {"it": {**agent("codex", address), "kind": "codex-app-server"}}


def tells(**given: object) -> Step:
    return Step("I tell it.", tool="queue_item", given=given)


def test_it_is_sent_back_goes_on_in_its_thread_and_is_merged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Step("I write it.", run="echo wrong > a.txt"), tells(action="deliver", text="Written"), Step("Done.")
    right = (
        Step("I see.", run="echo right > a.txt"),
        tells(action="deliver", text="Now it is right"),
        Step("Done again."),
    )
    with model(*wrong, *right) as (address, script):
        factory_of(world, monkeypatch, serving(address), more="codex: {approval_policy: untrusted}")
        world.tick(drain=True)
    assert world.lane("one") == "done", world.last("one")
    assert world.git("show", "main:a.txt") == "right"
    assert json.loads(world.artifacts("one")["run-2/result.json"])["summary"] == "Now it is right"
    went_on = json.dumps(script.asked[3])
    assert "Written" in went_on and "check right" in went_on  # in the same thread, told what is wrong
    told = [entry.agent for entry in world.journal("one") if entry.agent]
    assert len({each.session for each in told}) == 1 and {each.version for each in told} == {VERSIONS["codex"]}
    assert [entry.usage.output_tokens for entry in world.journal("one") if entry.usage] == [30, 30]


def test_it_goes_on_until_it_has_delivered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    half = Step("I begin.", run="echo wrong > a.txt"), Step("That was the half of it.")
    rest = (
        Step("I go on.", run="echo right > a.txt"),
        tells(action="explode"),
        tells(action="deliver"),
        Step("All of it."),
    )
    with model(*half, *rest) as (address, script):
        factory_of(world, monkeypatch, serving(address))
        world.tick(drain=True)
    assert world.lane("one") == "done" and world.git("show", "main:a.txt") == "right"
    assert [str(entry.event) for entry in world.journal("one")].count("start") == 1
    assert "not delivered yet" in json.dumps(script.asked[2]) and "action: Input should be" in json.dumps(
        script.asked[4]
    )


def test_what_it_asks_is_put_to_a_person(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with model(tells(action="ask", text="Which of the two?"), Step("I have asked.")) as (address, _):
        factory_of(world, monkeypatch, serving(address))
        world.tick()
    assert (world.lane("one"), world.last("one").reason) == ("blocked", "Which of the two?")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"status": 401, "message": "Incorrect API key provided"}, FailureClass.AUTH),
        ({"status": 429, "code": "insufficient_quota", "message": "You exceeded your quota"}, FailureClass.BILLING),
        ({"status": 429, "code": "rate_limit_exceeded", "message": "Too quick"}, FailureClass.RATE_LIMIT),
        ({"status": 404, "code": "model_not_found", "message": "no such model"}, FailureClass.MODEL_NOT_FOUND),
        ({"refuse": True}, FailureClass.REFUSAL),
    ],
    ids=lambda each: str(each) if isinstance(each, FailureClass) else "",
)
def test_what_its_model_refuses_costs_what_its_class_costs(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Mapping[str, object], kind: FailureClass
) -> None:
    with model(Step(**error)) as (address, _):  # type: ignore[arg-type]
        factory_of(world, monkeypatch, serving(address))
        world.tick()
    assert world.last("one").failure is kind, world.last("one").reason


def test_one_that_is_stopped_in_a_turn_goes_on_in_its_thread(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = Step("I write it.", run="echo right > a.txt"), Step(hang=True)
    then = Step("Once more.", run="echo right > a.txt"), tells(action="deliver", text="Written"), Step("Done.")
    with model(*begun, *then) as (address, script):
        factory_of(world, monkeypatch, serving(address))
        process = world.start("run")
        world.until(lambda: len(script.asked) == 2, 60)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert world.events("one") == ["submit", "start", "release"]
        world.tick(drain=True)
    assert world.lane("one") == "done" and world.git("show", "main:a.txt") == "right"
    assert "I write it." in json.dumps(script.asked[2])
