"""A hook that fails is told with what it printed last, wherever a person looks for the reason."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from factory.report.failed_hooks import failed_hooks
from tests.world import World

START = datetime(2026, 11, 20, 10, tzinfo=UTC)
SCRIPT = "for n in $(seq 40); do echo line $n; done; echo no such mirror; exit 4"
TOLD = "the hook after_create ended with exit status 4: no such mirror"


def failing(world: World, script: str = SCRIPT, more: str = "") -> None:
    world.policy(f"hooks: {{after_create: {json.dumps(script)}{more}}}")


def test_status_and_show_say_why_an_item_waits_to_be_tried_again(world: World) -> None:
    failing(world, more=", before_remove: echo the end")
    world.item("one")
    world.tick()
    assert f"for attempt 2; {TOLD}\n" in world.command("status")
    assert f"for attempt 2; {TOLD}\n" in world.command("tick", "--dry-run")
    shown = world.command("show", "one")
    assert "\nhook       after_create ended with exit status 4\n           | line 27\n" in shown
    assert "           | no such mirror\nartifacts" in shown
    (hook,) = json.loads(world.command("show", "one", "--json"))["failed_hooks"]
    assert (hook["name"], hook["how"], hook["log"].split("\n")[0]) == (
        "after_create",
        "ended with exit status 4",
        "line 1",
    )


def test_they_say_it_of_an_item_that_is_blocked_by_it(world: World) -> None:
    failing(world)
    world.contract("made", retry={"max_attempts": 1})
    world.item("one", contract="made")
    world.tick()
    assert world.last("one").reason == "1 attempt used up; the last: the hook after_create ended with exit status 4"
    assert f"1 attempt used up; the last: {TOLD}\n" in world.command("status")
    assert "           | no such mirror\n" in world.command("show", "one")
    world.command("cancel", "one")
    world.tick()
    assert "           | no such mirror\n" in world.command("show", "one")


def test_nothing_is_said_of_it_once_a_later_run_went_well(world: World) -> None:
    failing(world)
    world.item("one", contract="reviewed")
    world.now = START
    world.tick()
    failing(world, "echo all is well")
    world.now += timedelta(minutes=1)
    world.tick()
    for shown in (world.command("status"), world.command("show", "one")):
        assert "hook" not in shown


def test_show_also_quotes_a_hook_whose_failure_is_ignored(world: World) -> None:
    world.policy('hooks: {after_run: "echo no broom; exit 5"}')
    world.item("one")
    world.tick()
    assert world.lane("one") == "done"
    assert "\nhook       after_run ended with exit status 5\n           | no broom\n" in world.command("show", "one")


def test_the_doctor_quotes_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "correct-horse")
    failing(world, more=", before_remove: echo the end")
    worker = {"run": ["factory-scripted"], "secrets": ["TOKEN"]}
    world.contract("made", checks=[{"name": "tests", "run": ["true"]}], worker=worker)
    told = world.command("doctor", "--checks", status=1)
    assert f"bad   checks of made: {TOLD}\n      correct it in WORKFLOW.md or the contract" in told
    assert "      | line 27\n" in told
    assert told.endswith("      | no such mirror\n")
    failing(world, "echo correct-horse; exit 4")
    told = world.command("doctor", "--checks", status=1)
    assert "checks of made: the hook after_create ended with exit status 4: [masked TOKEN]\n" in told
    assert "correct-horse" not in told


def test_the_doctor_quotes_a_setup_too(world: World) -> None:
    world.write("lock", "1\n")
    world.commit("A lock file")
    setup = {"run": ["sh", "-c", "echo one; echo no such package; exit 1"], "locks": ["lock"]}
    world.policy(f"cell: {json.dumps({'shares': ['deps'], 'setup': setup})}")
    world.contract("made", checks=[{"name": "tests", "run": ["true"]}])
    told = world.command("doctor", "--checks", status=1)
    assert "checks of made: the setup ended with exit status 1: no such package\n" in told
    assert "      | one\n      | no such package\n" in told


def test_nothing_in_it_is_obeyed_by_a_terminal(world: World) -> None:
    failing(world, r"printf 'a\033[2J\033]0;t\007b\rc\342\200\250d'; exit 4")
    world.item("one")
    world.tick()
    world.contract("made", checks=[{"name": "tests", "run": ["true"]}])
    for arguments in (("status",), ("show", "one"), ("doctor", "--checks")):
        shown = world.command(*arguments, status=None)
        assert "exit status 4" in shown
        assert not set("\x1b\x07\r\u2028") & set(shown)
    assert re.search(r"; the hook after_create ended with exit status 4: d$", world.command("status"), re.M)


def test_each_part_of_a_log_belongs_to_one_hook() -> None:
    log = b"[after_create: ended well]\nok[before_run: was stopped after 3 s]\nbegun[1]\n[before_remove: ended well]\n"
    (hook,) = failed_hooks(log)
    assert (hook.ending, hook.told) == (
        "the hook before_run was stopped after 3 s",
        "the hook before_run was stopped after 3 s: begun[1]",
    )
    assert failed_hooks(b"") == ()
