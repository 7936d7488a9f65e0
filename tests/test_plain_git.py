"""What a person does to the queue with plain git: what has one meaning goes on, what has two is named."""

from pathlib import Path

import pytest

from tests.test_sync import clone, remote
from tests.world import World

__all__ = ["remote"]  # a fixture


@pytest.fixture
def reviewed(world: World) -> World:
    """Two items that wait for a verdict."""
    for item_id in ("one", "two"):
        world.item(item_id, contract="reviewed")
    world.command("tick", "--drain")
    return world


def test_a_move_that_is_reverted_is_made_again_if_it_still_follows(world: World) -> None:
    world.item("one")
    world.command("tick", "--drain")
    world.git("revert", "--no-edit", "HEAD")
    assert world.lane("one") == "review"
    world.command("tick", "--drain")
    # then it is done once more: what it brought is there already, so nothing of it changes
    assert world.lane("one") == "done"
    assert not world.git("diff", "--stat", "HEAD~3", "HEAD", "--", ":!queue", ":!artifacts")
    assert world.events("one")[-1] == "finish"


def test_a_delivery_that_is_reverted_is_as_if_it_had_never_come(reviewed: World) -> None:
    delivered = reviewed.git("log", "--format=%H", "--grep=two active -> review", "-1")
    reviewed.git("revert", "--no-edit", delivered)
    assert reviewed.lane("two") == "active"
    said = reviewed.command("tick", "--drain")
    assert "two: active -> inbox (run 1): nobody works on it" in said
    assert (reviewed.lane("two"), reviewed.last("two").run) == ("review", 2)
    assert reviewed.lane("one") == "review"
    # and the audit names whose hand it was
    assert "changed what only the factory writes" in reviewed.command("audit", status=1)


def test_a_verdict_on_a_branch_counts_once_it_is_merged(reviewed: World) -> None:
    reviewed.git("switch", "-q", "-c", "side")
    reviewed.verdict("one", "approve")
    reviewed.commit("Approve one")
    reviewed.git("switch", "-q", "main")
    reviewed.command("review", "two", "--approve")
    reviewed.command("tick", "--drain")
    reviewed.git("merge", "-q", "--no-edit", "side")
    reviewed.command("tick", "--drain")
    assert (reviewed.lane("one"), reviewed.lane("two")) == ("done", "done")
    assert "every commit keeps the rules" in reviewed.command("audit")


def test_an_item_that_was_picked_onto_a_branch_and_comes_back_is_named_and_not_done_twice(world: World) -> None:
    world.git("branch", "side")
    world.item("one")
    added = world.commit("An item")
    world.command("tick", "--drain")
    world.git("switch", "-q", "side")
    world.write("side.txt", "side\n")
    world.commit("So that it is another commit there")
    world.git("cherry-pick", added)
    world.git("switch", "-q", "main")
    world.git("merge", "-q", "--no-edit", "side")
    said = world.command("tick", "--drain")
    assert "queue/inbox/one.yaml:1:1: the id 'one' is taken by queue/done/" in said
    assert world.git("log", "--merges", "--format=%s", "--grep=^Merge one").count("Merge one") == 1


def test_a_rebase_of_a_persons_commits_onto_the_factorys_changes_nothing(
    reviewed: World, remote: Path, tmp_path: Path
) -> None:
    other = clone(remote, tmp_path / "other")
    other.write("mine.txt", "mine\n")
    other.verdict("one", "approve")
    other.commit("Mine, and a verdict")
    reviewed.git("push", "-q", "origin", "main")
    reviewed.command("review", "two", "--approve")
    reviewed.command("tick", "--push", "--drain")
    other.git("pull", "-q", "--rebase", "origin", "main")
    other.command("tick", "--push", "--drain")
    assert (other.lane("one"), other.lane("two")) == ("done", "done")
    assert "every commit keeps the rules" in other.command("audit")


def test_two_histories_of_an_item_are_never_made_one(reviewed: World, remote: Path, tmp_path: Path) -> None:
    """Whoever puts both journals together by hand is told by name, and the item stays where it is."""
    reviewed.git("push", "-q", "origin", "main")
    other = clone(remote, tmp_path / "other")
    other.command("review", "one", "--rework", "-m", "Make it longer.")
    other.command("tick")
    other.git("push", "-q", "origin", "main")
    reviewed.command("review", "one", "--approve")
    reviewed.command("tick")
    reviewed.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main", check=False)
    for path in reviewed.git("diff", "--name-only", "--diff-filter=U").split():
        place = reviewed.root / path
        if place.exists():
            kept = (line for line in place.read_text().splitlines() if not line.startswith(("<<<", "===", ">>>")))
            place.write_text("\n".join(kept) + "\n")
    reviewed.git("add", "-A")
    reviewed.git("commit", "-q", "-m", "Both")
    said = reviewed.command("tick", "--drain")
    assert "queue/rework/one.yaml:1:1: one lies here, and finished at queue/done/" in said
    assert "rework -> active" not in said
    assert reviewed.lane("two") == "review"
    found = reviewed.command("audit", status=1)
    assert "one lies at" in found
    assert "\nmain: " in found
