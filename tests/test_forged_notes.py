"""The note of a batch: whoever wrote into it, nothing moves that was not to, and the next tick goes on."""

import json
from pathlib import Path

import pytest

from factory.store.repository.refs import NOTHING
from factory.store.state import PENDING, PUBLISHED
from tests.world import World

WHAT = {"<first>": "main~1", "<last>": "main", "<tree>": "main^{tree}", "<blob>": "main:program.py"}
HAPPENED = ["main", "<first>", "<last>"]  # so that all others are to move as well
LONG = "x" * 5000
FORGED = {
    "no names": [["main", "", ""]],
    "no branch": [["", NOTHING, NOTHING]],
    "a tree": [["main", "<tree>", "<last>"]],
    "a blob": [["main", "<last>", "<blob>"]],
    "words for commits": [["main", "HEAD", "main"]],
    "options": [["main", "--all", "--all"]],
    "an option for a branch": [["--all", "<first>", "<last>"]],
    "null bytes": [["main", "a\0b", "a\0b"]],
    "a way out": [["../../../x", NOTHING, "<last>"]],
    "two lines": [["main\nx", "<first>", "<last>"]],
    "a name without end": [[LONG, "<first>", "<last>"]],
    "what is no text": [["\ud800", "<first>", "<last>"]],
    "lost commits": [["main", "1" * 40, "2" * 40]],
    "a move back": [["main", "<last>", "<first>"]],
    "another, to a blob": [HAPPENED, ["x", NOTHING, "<blob>"]],
    "another, to a lost commit": [HAPPENED, ["x", NOTHING, "1" * 40]],
    "another, to a word": [HAPPENED, ["x", NOTHING, "HEAD"]],
    "another, a way out": [HAPPENED, ["../../x", NOTHING, "<first>"]],
    "another, with a null byte": [HAPPENED, ["x\0y", NOTHING, "<first>"]],
    "another, without end": [HAPPENED, [LONG, NOTHING, "<first>"]],
    "another, with a space": [HAPPENED, ["x y", NOTHING, "<first>"]],
}


def begun(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()


@pytest.mark.parametrize("name", [PENDING, PUBLISHED])
@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_note_that_the_factory_cannot_have_written_moves_nothing_and_stops_nothing(
    forged: list[list[str]], name: str, tmp_path: Path
) -> None:
    # given a note that somebody has written
    world = World.after(begun, tmp_path / "repo")
    before = world.git("for-each-ref"), world.status()
    note = [[world.git("rev-parse", WHAT[word]) if word in WHAT else word for word in update] for update in forged]
    (world.root / ".git/factory" / name).write_text(json.dumps(note))
    # when a tick comes by
    assert world.tick().problems == ()
    # then all is as it was, and work goes on
    assert (world.git("for-each-ref"), world.status()) == before
    world.item("two")
    world.tick(drain=True)
    assert (world.lane("two"), world.status()) == ("done", "")
