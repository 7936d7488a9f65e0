"""Conflicts: what does not merge is told of when it comes into review, and nobody spends time on what cannot land."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from factory.line.review.conflicts import Conflicts
from factory.line.snapshot import ItemState, SnapshotReader
from factory.model.lifecycle import NotApplied
from factory.store.repository.batch import Signature, add_commit
from factory.store.repository.merging import Merging
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository
from factory.store.repository.trees import TreeEditor
from tests.forger import Forger
from tests.histories import bare
from tests.noted import note, runs
from tests.test_audit_new_ways import assert_quiet
from tests.test_seats import seat
from tests.test_train import gated
from tests.world import World

__all__ = ["note"]


def writes(text: str, path: str = "same.txt") -> list[dict[str, object]]:
    return [{"write": {"path": path, "text": text}}]


def both_in_review(world: World, contract: str = "reviewed") -> None:
    """Two items that write the same file, the first of them delivered before the second."""
    world.item("first", writes("1\n"), contract=contract)
    world.tick()
    world.item("second", writes("2\n"), writes("1\n2\n"), contract=contract)
    world.tick()
    assert (world.lane("first"), world.lane("second")) == ("review", "review")


def note_of(world: World, item_id: str) -> str:
    return next(line for line in world.command("status").splitlines() if line.startswith(f"{item_id} "))


def test_a_delivery_that_conflicts_with_an_earlier_one_says_so_in_journal_verdict_file_and_status(world: World) -> None:
    both_in_review(world)
    assert world.last("second").conflicts_with == {"first": ("same.txt",)}
    assert world.last("first").conflicts_with == {}
    said = "Conflicts with first, which came first, in same.txt: once that is merged, this is sent back unread"
    assert f"# {said}\n" in world.read("queue/review/second.human.verdict.yaml")
    assert "conflicts with first, which came first, in same.txt" in note_of(world, "second")
    assert "conflicts" not in note_of(world, "first")
    assert "Conflicts with" not in world.read("queue/review/first.human.verdict.yaml")
    assert_quiet(world)


def test_once_the_earlier_one_is_merged_the_later_one_is_sent_back_unread_and_starts_again_at_once(
    world: World,
) -> None:
    both_in_review(world)
    world.verdict("first", "approve")
    world.tick(drain=True)
    # then nobody had to judge the second one, and its next round is made on what the first one brought
    assert world.lane("first") == "done"
    assert world.events("second") == ["submit", "start", "deliver", "rework", "start", "deliver"]
    back = world.journal("second")[3]
    assert (back.reason, back.failure, back.not_applied) == ("conflicts in same.txt", "conflict", None)
    assert [(each.path, each.text) for each in back.findings] == [
        ("same.txt", "conflicts with what the target branch holds now, since first is merged")
    ]
    assert world.last("second").conflicts_with == {}
    assert "conflicts" not in note_of(world, "second")
    world.verdict("second", "approve")
    world.tick()
    assert world.git("show", "main:same.txt") == "1\n2"
    assert_quiet(world)


def test_it_lands_when_the_earlier_one_is_rejected(world: World) -> None:
    both_in_review(world)
    world.command("review", "first", "--reject", "-m", "not like this")
    world.verdict("second", "approve")
    world.tick(drain=True)
    assert (world.lane("first"), world.lane("second")) == ("done", "done")
    assert world.git("show", "main:same.txt") == "2"
    assert_quiet(world)


def test_whoever_is_approved_first_lands_first(world: World) -> None:
    both_in_review(world)
    world.verdict("second", "approve")
    world.tick()
    assert world.lane("second") == "done"
    assert world.events("first") == ["submit", "start", "deliver", "rework", "start", "deliver"]
    assert world.journal("first")[3].failure == "conflict"
    assert_quiet(world)


def test_what_cannot_land_behind_an_approved_one_is_not_checked_meanwhile(world: World, note: Path) -> None:
    # given two that only checks judge, the first of them under check
    release = note.parent / "release"
    gated(world, note, "every", script=f"while ! test -e {release}; do sleep 0.02; done")
    world.item("first", writes("1\n"), contract="gated", text="priority: 1\n")
    world.item("second", [{"sleep": 1}, *writes("2\n")], writes("1\n2\n"), contract="gated")
    world.commit("Two")
    living = world.start("tick", "--drain")
    world.until(lambda: world.events("second")[-1:] == ["deliver"], 60)
    world.until(lambda: len(runs(note)) == 1, 60)
    time.sleep(0.5)
    # then no check of the second one begins until it has been made anew
    assert world.lane("second") == "review"
    assert len(runs(note)) == 1
    release.touch()
    living.communicate()
    assert (world.lane("first"), world.lane("second")) == ("done", "done")
    assert world.journal("second")[3].not_applied is NotApplied.CONFLICT
    assert [seen for seen in runs(note) if "same.txt" in seen] == runs(note)
    assert len(runs(note)) == 2
    assert_quiet(world)


def test_what_does_not_merge_with_a_persons_commit_is_sent_back_before_it_is_judged(world: World) -> None:
    world.item("one", writes("1\n"), contract="reviewed")
    world.tick()
    world.write("same.txt", "mine\n")
    world.commit("Mine")
    assert "rework with the next tick: conflicts in same.txt" in note_of(world, "one")
    world.tick()
    assert world.events("one")[:4] == ["submit", "start", "deliver", "rework"]
    assert_quiet(world)


def test_on_hold_it_stays_where_it_is(world: World) -> None:
    world.item("one", writes("1\n"), contract="reviewed")
    world.tick()
    world.command("hold", "one")
    world.write("same.txt", "mine\n")
    world.commit("Mine")
    world.tick()
    assert world.lane("one") == "review"


def test_what_the_target_overtakes_before_it_is_collected_is_put_before_nobody(world: World) -> None:
    # given a target that moves when the checks have passed and a machine judges
    world.policy("sandbox: off")
    commit = world.root.parent / "commit.sh"
    signed = "-c user.name=Ann -c user.email=ann@example.org"
    commit.write_text(
        f"cd {world.root}; echo mine > same.txt; git add same.txt; git {signed} commit -qm Mine same.txt\n"
    )
    at_work = f"import subprocess; subprocess.run(['sh', '{commit}'], check=True)"
    seats = [{"name": "tests", "kind": "checks"}, seat("critic", before=at_work), {"name": "human", "kind": "human"}]
    world.contract("judged", review={"seats": seats})
    world.item("one", writes("1\n"), contract="judged")
    world.tick()
    assert world.events("one") == ["submit", "start", "deliver", "rework"], world.last("one").reason
    log = world.git("log", "--all", "--format=%s", "--", "queue/review/one.human.verdict.yaml")
    assert log == ""
    assert world.last("one").failure == "conflict"
    assert_quiet(world)


@pytest.mark.parametrize(
    "told",
    [
        {"nobody": ["same.txt"]},
        {"first": ["other.txt"]},
        {"first": []},
        {"second": ["same.txt"]},
        {"third": ["same.txt"]},
    ],
    ids=["unknown", "another path", "no path", "itself", "does not conflict"],
)
def test_a_conflict_that_is_none_is_found_out(world: World, tmp_path: Path, told: dict[str, list[str]]) -> None:
    world.item("third", contract="reviewed")
    both_in_review(world)
    forger = Forger(bare(world.root, tmp_path / "forged.git"))
    assert forger.audit() == []
    commit = forger.commit_of("second", "active -> review")

    def lie(entries: list[dict[str, object]]) -> None:
        entries[-1]["conflicts_with"] = told

    forged = forger.again(commit, forger.with_journal("second", commit, lie))
    assert forger.audit() == [("journal", forged)]


def test_only_a_delivery_tells_of_a_conflict(world: World, tmp_path: Path) -> None:
    both_in_review(world)
    world.command("review", "second", "--rework", "-m", "again")
    world.tick()
    forger = Forger(bare(world.root, tmp_path / "forged.git"))
    commit = forger.commit_of("second", "review -> rework")

    def lie(entries: list[dict[str, object]]) -> None:
        entries[-1]["conflicts_with"] = {"first": ["same.txt"]}

    forged = forger.again(commit, forger.with_journal("second", commit, lie))
    assert ("journal", forged) in forger.audit()


def proposed(repository: Repository, base: str, path: str, text: str) -> str:
    """A proposal that writes a file."""
    editor = TreeEditor(repository.objects, repository.objects.commit(base).tree)
    editor.put_file(path, text.encode())
    ann = Person("Ann", "ann@example.org")
    return add_commit(
        repository.objects, editor.write(), (base,), "One.\n", Signature(ann, ann, repository.system.now())
    )


def in_review(like: ItemState, item_id: str, proposal: str) -> ItemState:
    placed = replace(like.placed, id=item_id)
    return replace(like, placed=placed, history=replace(like.history, proposal=proposal))


def test_only_those_that_change_the_same_path_are_merged_with_each_other_and_each_pair_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.item("like", writes("1\n", "elsewhere.txt"), contract="reviewed")
    world.tick()
    merges: list[tuple[str, str]] = []
    merged = Merging._merged

    def counted(merging: Merging, ours: str, theirs: str) -> object:
        merges.append((ours, theirs))
        return merged(merging, ours, theirs)

    monkeypatch.setattr(Merging, "_merged", counted)
    repository = Repository(world.root)
    reader = SnapshotReader(repository, "main")
    snapshot = reader.snapshot(datetime.now(UTC), world.git("rev-parse", "main"))
    like, base = snapshot.items["like"], snapshot.head
    conflicts = Conflicts()
    # given forty that wait, of which four pairs write the same file
    for number in range(40):
        path = f"src/pair{number // 2}.txt" if number < 8 else f"src/own{number}.txt"
        proposal = proposed(repository, base, path, f"{number}\n")
        found = conflicts.with_earlier(reader, snapshot, f"i{number}", proposal)
        assert found == ({f"i{number - 1}": (path,)} if number < 8 and number % 2 else {})
        again = conflicts.with_earlier(reader, snapshot, f"i{number}", proposal)
        assert again == found
        snapshot = snapshot.after(in_review(like, f"i{number}", proposal))
    repository.close()
    assert len(merges) == 4


def test_what_shares_no_history_is_merged_by_what_it_was_made_on(world: World) -> None:
    # given a target that was made anew while somebody worked on the earlier one
    world.item("like", writes("1\n", "elsewhere.txt"), contract="reviewed")
    world.tick()
    repository = Repository(world.root)
    reader = SnapshotReader(repository, "main")
    snapshot = reader.snapshot(datetime.now(UTC), world.git("rev-parse", "main"))
    content = repository.objects.commit(snapshot.head).tree
    ann = Person("Ann", "ann@example.org")
    signed = Signature(ann, ann, repository.system.now())
    anew = add_commit(repository.objects, content, (), "Made anew.\n", signed)
    earlier, later = (proposed(repository, base, "same.txt", base) for base in (snapshot.head, anew))
    snapshot = snapshot.after(in_review(snapshot.items["like"], "earlier", earlier))
    conflicts = Conflicts()
    assert conflicts.with_earlier(reader, snapshot, "later", later) == {"earlier": ("same.txt",)}
    moved = proposed(repository, snapshot.head, "same.txt", "3\n")
    assert conflicts.paths_in_target(repository, later, moved) == ("same.txt",)
    assert conflicts.paths_in_target(repository, earlier, moved) == ("same.txt",)
    repository.close()
