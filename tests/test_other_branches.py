"""A person works on another branch and drops work for the factory there: it is taken once, and never again."""

import pytest

from factory.model.errors import NothingButCommits
from tests.world import World

_BATCH = '{"id": "one", "title": "do one", "contract": "reviewed"}\n{"id": "two", "title": "do two"}\n'


def _on_a_branch(world: World) -> None:
    world.git("switch", "-q", "-c", "feature")


def _commits(world: World) -> int:
    return int(world.git("rev-list", "--count", "main"))


def test_an_uncommitted_batch_is_taken_once(world: World) -> None:
    # given a batch that a person drops while another branch is checked out
    _on_a_branch(world)
    world.write("queue/inbox/b.jsonl", _BATCH)
    world.tick(drain=True)
    head = world.git("rev-parse", "main")
    assert world.git("ls-tree", "--name-only", "main", "queue/inbox/b.jsonl") == ""
    # then no later pass makes anything of it
    world.write("queue/inbox/b.jsonl", _BATCH)
    for _ in range(3):
        world.tick(drain=True)
    assert world.git("rev-parse", "main") == head


def test_a_batch_whose_items_were_edited_since_is_not_taken_again(world: World) -> None:
    _on_a_branch(world)
    world.write("queue/inbox/b.jsonl", _BATCH)
    world.tick(drain=True)
    world.git("stash", "-u", "-q", check=False)
    world.git("switch", "-q", "main")
    path = next(path for path in world.git("ls-files", "queue").split("\n") if path.endswith("/two.yaml"))
    world.write(path, "title: do two in another way\nhold: true\n")
    head = world.commit("Edit an item")
    world.git("switch", "-q", "feature")
    world.write("queue/inbox/b.jsonl", _BATCH)
    before = _commits(world)
    world.tick(drain=True)
    after = _commits(world)
    world.tick(drain=True)
    assert _commits(world) == after
    assert world.git("log", "--format=%s", f"{head}..main", "--", "queue/inbox/b.jsonl") == "", before


def test_a_new_line_in_a_batch_that_was_taken_is_one_new_item(world: World) -> None:
    _on_a_branch(world)
    world.write("queue/inbox/b.jsonl", _BATCH)
    world.tick(drain=True)
    world.write("queue/inbox/b.jsonl", _BATCH + '{"id": "three", "title": "do three"}\n')
    world.tick(drain=True)
    assert world.lane("three")
    head = world.git("rev-parse", "main")
    world.tick(drain=True)
    assert world.git("rev-parse", "main") == head


def test_passes_that_only_make_commits_stop_and_say_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a fault that takes a file in and away again in each pass
    _on_a_branch(world)
    world.write("queue/inbox/b.jsonl", _BATCH)
    world.tick(drain=True)
    world.write("queue/inbox/b.jsonl", _BATCH)
    monkeypatch.setattr("factory.line.desk._Judge._brings_items", lambda *_: True)
    # then it does not go on for ever
    before = _commits(world)
    with pytest.raises(NothingButCommits, match="two passes in a row made commits that changed nothing on main"):
        world.tick(drain=True)
    assert _commits(world) - before <= 4
