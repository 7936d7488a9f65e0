"""A person works on another branch and drops work for the factory there: it is taken once, and never again."""

from collections.abc import Callable, Sequence

import pytest

from factory.model.errors import NothingButCommits
from factory.store.repository.commits import Publisher
from factory.store.repository.objects import Objects
from factory.store.repository.trees import Change
from factory.store.repository.view import View
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
    # given a fault that takes a file in and away again in each pass, and leaves it where it lies
    _on_a_branch(world)
    world.write("queue/inbox/b.jsonl", _BATCH)
    world.tick(drain=True)
    world.write("queue/inbox/b.jsonl", _BATCH)
    monkeypatch.setattr("factory.line.intake.edits._Validation._brings_items", lambda *_: True)
    monkeypatch.setattr(View, "clear", lambda *_: None)
    # then it does not go on for ever
    before = _commits(world)
    with pytest.raises(NothingButCommits, match="two passes in a row made commits that changed nothing on main"):
        world.tick(drain=True)
    assert _commits(world) - before <= 4


def _clean_and_back(world: World) -> None:
    """Nothing of what was taken in is left on the other branch, and the way back is open."""
    assert world.status() == ""
    world.git("switch", "-q", "main")
    assert world.status() == ""


@pytest.mark.parametrize("held", ["hold: true\n", ""])
def test_what_was_taken_in_leaves_the_other_branchs_tree(world: World, held: str) -> None:
    # given items that stay in the inbox, or are done with by the time the person goes back
    _on_a_branch(world)
    world.item("a", text=held)
    world.write("queue/inbox/b.jsonl", _BATCH)
    world.write("contracts/new.yaml", world.read("contracts/scripted.yaml"))
    world.tick(drain=True)
    assert world.lane("a") == ("inbox" if held else "done")
    _clean_and_back(world)
    assert world.lane("one")
    assert world.lane("two")


def test_an_edit_taken_in_goes_back_to_what_the_other_branch_has(world: World) -> None:
    place = world.item("a", text="hold: true\n")
    world.commit("An item")
    _on_a_branch(world)
    before = place.read_text()
    place.write_text(before + "labels: [soon]\n")
    world.tick()
    assert "labels: [soon]" in world.git("show", "main:queue/inbox/a.yaml")
    assert place.read_text() == before
    _clean_and_back(world)
    assert "labels: [soon]" in place.read_text()


def test_a_move_taken_in_is_undone_on_the_other_branch(world: World) -> None:
    world.item("a", text="hold: true\n")
    world.commit("An item")
    _on_a_branch(world)
    world.move("a", "queue/blocked")
    world.tick()
    assert world.lane("a") == "blocked"
    _clean_and_back(world)


def test_what_changed_since_it_was_taken_in_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a person who writes on in the file at the moment in which it is taken in
    _on_a_branch(world)
    place = world.item("a", text="hold: true\n")
    clear = View.clear

    def write_on(self: View, objects: Objects, head: str, changes: Sequence[Change]) -> None:
        place.write_text(place.read_text() + "labels: [soon]\n")
        clear(self, objects, head, changes)

    monkeypatch.setattr(View, "clear", write_on)
    world.tick()
    assert "labels: [soon]" in place.read_text()


def test_what_is_staged_or_committed_on_the_other_branch_stays_there(world: World) -> None:
    _on_a_branch(world)
    world.item("a", text="hold: true\n")
    world.git("add", "-A")
    world.tick()
    assert world.status() == "A  queue/inbox/a.yaml"
    world.git("commit", "-q", "-m", "Mine")
    world.tick()
    assert world.status() == ""
    assert world.git("ls-tree", "--name-only", "feature", "queue/inbox/a.yaml")


def hold(world: World) -> None:
    world.write("queue/review/one.yaml", world.read("queue/review/one.yaml") + "hold: true\n")


def reject(world: World) -> None:
    path = "queue/review/one.human.verdict.yaml"
    world.write(path, world.read(path).replace("decision: approve", "decision: reject"))


@pytest.mark.parametrize(
    ("no", "lane"),
    [
        (hold, "review"),
        (reject, "done"),
        (lambda world: world.move("one", "queue/blocked"), "blocked"),
    ],
    ids=["a hold", "a rejection", "a move"],
)
def test_a_no_that_is_saved_there_in_the_last_moment_keeps_an_item_from_landing(
    world: World, monkeypatch: pytest.MonkeyPatch, no: Callable[[World], None], lane: str
) -> None:
    # given what is approved, and no working tree that shows the factory's branch
    world.item("one", contract="reviewed")
    world.item("two")
    world.tick(drain=True)
    world.verdict("one", "approve")
    world.commit("Approved")
    _on_a_branch(world)
    # when a person says no after the last look at what they have saved, as all is to land
    lock, said = Publisher._lock, list[int]()

    def locked(self: Publisher, *arguments: object) -> None:
        if self._landing and not said:
            said.append(1)
            no(world)
        lock(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Publisher, "_lock", locked)
    world.tick(drain=True)
    # then it does not, and that counts with the next pass
    assert said and not world.git("ls-tree", "main", "one.txt")
    world.tick(drain=True)
    assert (world.lane("one"), world.git("ls-tree", "main", "one.txt")) == (lane, "")
    world.git("switch", "-q", "-f", "main")
    world.command("audit")


def test_what_another_branch_has_of_an_item_in_its_own_way_keeps_nothing_from_landing(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    world.verdict("one", "approve")
    world.commit("Approved")
    _on_a_branch(world)
    hold(world)
    world.commit("Of this branch")
    world.write("queue/review/one.yaml", "title: mine\n")
    world.tick(drain=True)
    assert world.git("ls-tree", "main", "one.txt")


@pytest.mark.parametrize("held", ["hold: true\n", ""])
def test_a_crash_before_it_left_is_healed_by_the_next_pass(
    world: World, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    world.item("known", text="hold: true\n")
    world.commit("An item")
    _on_a_branch(world)
    world.item("a", text=held)
    world.write("queue/inbox/b.jsonl", _BATCH)
    world.write("queue/inbox/known.yaml", world.read("queue/inbox/known.yaml") + "labels: [soon]\n")
    with monkeypatch.context() as crash:
        crash.setattr(View, "clear", lambda *_: None)
        world.tick(drain=True)
    assert world.status() != ""
    head = world.git("rev-parse", "main")
    world.tick(drain=True)
    assert world.git("rev-parse", "main") == head
    _clean_and_back(world)


def test_a_file_of_another_content_under_a_known_id_stays(world: World) -> None:
    _on_a_branch(world)
    world.item("a")
    world.tick(drain=True)
    world.write("queue/inbox/a.yaml", "title: another\ncontract: scripted\n")
    world.tick(drain=True)
    assert world.status() == "?? queue/inbox/a.yaml"
