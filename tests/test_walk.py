"""The walk through what waits for a verdict, as a person at a terminal takes it."""

import io
import json

import pytest

from tests.terminal import Terminal
from tests.world import World

LEFT: list[dict[str, object]] = [
    {"write": {"path": "one.txt", "text": "better\n"}},
    {"result": {"handoff": {"left_undone": ["the docs"]}}},
]


class Typed(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


def walk(world: World, monkeypatch: pytest.MonkeyPatch, *typed: str, item: str = "", status: int = 0) -> str:
    monkeypatch.setattr("sys.stdin", Typed("".join(f"{line}\n" for line in typed)))
    return world.command("review", *([item] if item else []), status=status)


def test_it_shows_what_is_needed_to_decide_and_takes_the_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    criterion = "description: Make it better.\nacceptance: [{id: A1, text: it reads well}]\n"
    world.item("one", LEFT, contract="reviewed", text=criterion)
    world.tick()
    said = walk(world, monkeypatch, "a", "y", "item", "fine")
    assert "1 of 1" in said
    assert "Make it better." in said
    assert "+better" in said
    assert "A1: it reads well - does it pass?" in said
    assert "U1: the docs" in said
    assert "queue/review/one.human.verdict.yaml: approve; the next tick takes it in" in said
    world.tick()
    assert world.lane("one") == "done"


def test_what_is_skipped_stays_and_a_refusal_does_not_end_the_walk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for item_id in ("a", "b", "c"):
        world.item(item_id, contract="reviewed", text="acceptance: [{id: A1, text: good}]\n" if item_id == "b" else "")
    world.tick()
    said = walk(world, monkeypatch, "s", "a", "n", "", "j", "y", "not wanted")
    assert "b is left as it was: approved, but A1 is 'unread'" in said
    world.tick()
    assert (world.lane("a"), world.lane("b"), world.lane("c")) == ("review", "review", "done")
    assert world.last("c").outcome == "rejected"


def test_quitting_is_clean(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    assert "1 of 1" in walk(world, monkeypatch, "q")
    assert world.status() == ""


def waiting(world: World, *ids: str) -> None:
    for item_id in ids:
        world.item(item_id, contract="reviewed")
    world.tick()


def test_what_is_on_hold_comes_last_and_is_said_to_be(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(world, "a", "b")
    path = world.root / "queue/review/a.yaml"
    path.write_text(f"{path.read_text()}hold: true\n")
    world.commit()
    said = walk(world, monkeypatch, "s", "s")
    first, second = (
        said.index("1 of 2"),
        said.index("2 of 2, on hold: an approval waits until it is released"),
    )
    assert first < said.index("do b") < second < said.index("do a")


def test_it_shows_what_the_verdict_file_says(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.item("one", [*LEFT[:1], {"result": {"summary": "Made it."}}], contract="reviewed")
    world.tick()
    said = walk(world, monkeypatch, "q")
    assert "May judge as human: anybody but the worker" in said
    assert "Worker factory-scripted, confidence unknown:\n  Made it." in said
    assert "Seats:\n  tests (checks): passed" in said


def test_of_one_item_it_asks_of_that_one_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(world, "a", "b")
    said = walk(world, monkeypatch, "a", "fine", item="b")
    assert "1 of 1" in said
    world.tick()
    assert (world.lane("a"), world.lane("b")) == ("review", "done")
    assert "b does not wait for a verdict" in walk(world, monkeypatch, item="b", status=2)


def test_a_rejection_is_asked_for_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(world, "a")
    said = walk(world, monkeypatch, "j", "n", "s")
    assert "a ends as rejected, and nothing of it is applied - reject it?" in said
    assert world.status() == ""


def test_it_goes_back_and_helps_and_shows_the_patch_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(world, "a", "b")
    said = walk(world, monkeypatch, "s", "b", "?", "d", "B", "q")
    assert [line for line in said.split("\n") if " of 2" in line] == ["1 of 2", "2 of 2", "1 of 2", "1 of 2"]
    assert "rework: it is done again, with your findings and notes" in said
    assert said.count("+a") > 3


def test_findings_are_asked_for_with_a_rework(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(world, "a")
    walk(world, monkeypatch, "r", "a.txt:1: says too little", "and the tests: none", "", "")
    world.tick()
    back = next(entry for entry in world.journal("a") if entry.event == "rework")
    assert [(each.id, each.path, each.line, each.text) for each in back.findings] == [
        ("F1", "a.txt", 1, "says too little"),
        ("F2", "", None, "and the tests: none"),
    ]


def test_the_verdict_file_can_be_opened_in_an_editor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(world, "a", "b")
    place = world.root.parent / "editor"
    place.write_text("#!/bin/sh\nsed -i 's/decision: pending/decision: approve/' \"$1\"\n")
    place.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(place))
    said = walk(world, monkeypatch, "o", "q")
    assert "queue/review/a.human.verdict.yaml: noted; the next tick takes it in" in said
    # and one that leaves a file that nobody can read is told so, and is asked again
    place.write_text("#!/bin/sh\necho 'decision: perhaps' > \"$1\"\n")
    said = walk(world, monkeypatch, "s", "o", "q")
    assert "b is left as it was" in said
    place.write_text("#!/bin/sh\nexit 3\n")
    assert "Traceback" not in walk(world, monkeypatch, "s", "o", "q")


def test_at_a_terminal_it_is_in_colour_and_in_pages(world: World) -> None:
    waiting(world, "a")
    terminal = Terminal(world, "review", "a", PAGER="sed s/^/paged:/")
    terminal.until("[q]uit")
    terminal.type("a")
    terminal.until("notes")
    terminal.type("")
    shown = terminal.end()
    assert "\x1b[32m+a" in terminal.raw, shown
    assert "paged:May judge as human" in shown
    assert "queue/review/a.human.verdict.yaml: approve; the next tick takes it in" in shown


def test_nothing_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert walk(world, monkeypatch) == "nothing waits for a verdict\n"


def test_in_a_pipe_it_lists(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    assert "waits for the verdict of human" in world.command("review")
    assert [row["id"] for row in json.loads(world.command("review", "--json"))] == ["one"]


def test_loose_ends_are_answered_by_flags_too(world: World) -> None:
    world.item("one", LEFT, contract="reviewed")
    world.tick()
    said = world.command("review", "one", "--approve", status=2)
    assert "next: factory review one --approve --handoff U1=item" in said
    world.command("review", "one", "--approve", "--handoff", "U1=the docs say so already, see README")
    world.tick()
    assert world.lane("one") == "done"
    assert "one-u1" not in world.git("ls-tree", "-r", "--name-only", "main", "queue")


def test_a_word_is_as_good_as_its_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for item_id in ("a", "b", "c"):
        world.item(item_id, contract="reviewed")
    world.tick()
    walk(world, monkeypatch, "approve", "", "Skip", "ESCALATE", "look here")
    world.tick(drain=True)
    assert (world.lane("a"), world.lane("b"), world.lane("c")) == ("done", "review", "blocked")
