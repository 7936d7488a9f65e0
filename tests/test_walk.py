"""The walk through what waits for a verdict, as a person at a terminal takes it."""

import io
import json

import pytest

from tests.world import World

LEFT: list[dict[str, object]] = [
    {"write": {"path": "one.txt", "text": "better\n"}},
    {"result": {"handoff": {"left_undone": ["the docs"]}}},
]


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


def walk(world: World, monkeypatch: pytest.MonkeyPatch, *typed: str, status: int = 0) -> str:
    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{line}\n" for line in typed)))
    return world.command("review", status=status)


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
    said = walk(world, monkeypatch, "s", "a", "n", "", "j", "not wanted")
    assert "b is left as it was: approved, but A1 is 'unread'" in said
    world.tick()
    assert (world.lane("a"), world.lane("b"), world.lane("c")) == ("review", "review", "done")
    assert world.last("c").outcome == "rejected"


def test_quitting_is_clean(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    assert "1 of 1" in walk(world, monkeypatch, "q")
    assert world.status() == ""


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
