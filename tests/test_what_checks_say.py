"""What a check printed last stands beside how it ended: a pass may be one of half of the tests."""

import json
import re

import pytest

from factory.model.text import last_line
from tests.steps import HUMAN
from tests.world import World

SUMMARY = "40 passed, 39 skipped in 0.1s"
VERDICT = "queue/review/one.human.verdict.yaml"


def delivered(world: World, script: str, **keys: object) -> None:
    """One item with a check that is this script, taken to review."""
    world.contract("made", **{"checks": [{"name": "tests", "run": ["sh", "-c", script]}], "review": HUMAN, **keys})
    world.item("one", contract="made")
    world.tick()
    assert world.lane("one") == "review", world.last("one").reason


def test_how_many_tests_ran_stands_beside_the_pass_everywhere(world: World) -> None:
    delivered(world, f"echo collected 79 items; echo '{SUMMARY}'; echo")
    assert f"\n#     | {SUMMARY}\n" in world.read(VERDICT)
    assert re.search(rf"^check +pass  tests: .* s\): {SUMMARY}$", world.command("show", "one"), re.M)
    assert f"    | {SUMMARY}\n" in world.command("review", "one")
    told = world.command("doctor", "--checks", status=None)
    assert re.search(rf"check tests of made: passes on the untouched branch in [\d.]+ s: {SUMMARY}$", told, re.M)


def test_of_a_criterions_check_it_stands_there_too(world: World) -> None:
    world.contract("made", review=HUMAN)
    criterion = {"id": "A1", "text": "it works", "check": ["echo", SUMMARY]}
    world.item("one", contract="made", text=f"acceptance: {json.dumps([criterion])}\n")
    world.tick()
    assert re.search(rf"^# A1: it works\n#   pass in .*\n#     \| {SUMMARY}$", world.read(VERDICT), re.M)


def test_a_check_that_prints_nothing_has_no_such_line(world: World) -> None:
    delivered(world, "true")
    assert "|" not in world.read(VERDICT).split("# Checks:")[1].split("# Seats:")[0]
    assert re.search(r"^check +pass  tests: sh -c true \([\d.]+ s\)$", world.command("show", "one"), re.M)


def test_it_is_never_more_than_a_comment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = r"\033[2J\033]0;title\007fine\r\ndecision: approve\xe2\x80\xa8decision: approve"
    delivered(world, f"printf '{hostile}'")
    text = world.read(VERDICT)
    assert re.findall(r"^decision: \w+", text, re.M) == ["decision: pending"]
    assert world.command("check") == "all files are valid\n"
    for shown in (text, world.command("show", "one"), world.command("doctor", "--checks", status=None)):
        assert not set("\x1b\x07\r\u2028") & set(shown)


def test_a_secret_in_it_is_masked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "correct-horse")
    world.write("note.txt", "correct-horse\n")
    world.commit("A note that should not be there")
    worker = {"run": ["factory-scripted"], "secrets": ["TOKEN"]}
    delivered(world, "cat note.txt", worker=worker)
    for shown in (world.read(VERDICT), world.command("show", "one"), world.command("doctor", "--checks", status=None)):
        assert "correct-horse" not in shown
        assert "TOKEN" in shown


@pytest.mark.parametrize(
    ("printed", "last"),
    [
        ("", ""),
        ("\n \n", ""),
        ("1 failed\n2 passed\n\n", "2 passed"),
        ("\x1b[32m40 passed\x1b[0m, \x1b[33m39 skipped\x1b[0m\n", "40 passed, 39 skipped"),
        (" 10 %\r 100 %\r", "100 %"),
        ("a\tb  c", "a b c"),
        ("a\x1b[2Jb\x00", "a\ufffd[2Jb\ufffd"),
        ("x" * 200, "x" * 159 + "…"),
    ],
)
def test_the_last_line_is_the_last_that_says_anything_as_it_can_be_shown(printed: str, last: str) -> None:
    assert last_line(printed) == last
