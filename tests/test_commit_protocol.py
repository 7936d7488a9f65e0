"""The commit protocol: every move is one pure rename, chained, told alike by folder, journal and commit."""

import errno
import json
import os
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.model.errors import FactoryError
from factory.store.repository import index
from factory.store.repository.batch import Batch, Signature
from factory.store.repository.disk import PACK_ABOVE
from factory.store.repository.objects import FILE, FOLDER, Objects, Person, TreeEntry
from factory.store.repository.refs import RefUpdate
from factory.store.repository.repository import Repository
from factory.store.repository.trees import TreeEditor, diff
from tests.witness import assert_history_agrees, assert_nothing_left, assert_sound, moves, raw_git
from tests.world import World, say_nothing


def repr_of(text: str) -> str:
    return ascii(text)[1:20]


def test_the_history_of_a_done_item_is_pure_renames(world: World) -> None:
    # given an item that was worked on, reviewed, sent back once and approved
    first, second = ([{"write": {"path": "a.txt", "text": text}}] for text in ("1\n", "2\n"))
    world.item("one", first, second, contract="reviewed")
    world.tick()
    path = world.verdict("one", "rework")
    path.write_text(path.read_text().replace("notes: |", "notes: say 2"))
    world.tick(drain=True)
    world.verdict("one", "approve")
    world.tick()
    assert world.lane("one") == "done"
    # when its file is followed through history
    day = world.git("ls-tree", "-r", "--name-only", "main", "queue/done").split("\n")[-1]
    lines = world.git("log", "--follow", "--first-parent", "--name-status", "--format=", "main", "--", day).split("\n")
    kinds = [line.split("\t")[0] for line in lines if line]
    # then all that ever happened to it is that it came, and that it moved
    assert kinds == ["R100"] * (len(kinds) - 1) + ["A"]
    assert len(kinds) == len(world.journal("one"))  # the submission is the journal's own first line


def test_each_commit_moves_one_item_and_says_which_in_its_trailers(world: World) -> None:
    # given three items that pass through the line in the same batches
    ids = ["one", "two", "three"]
    for item_id in ids:
        world.item(item_id)
    world.tick()
    told = moves(world)
    # then every commit with a move touches the queue file of that one item and no other
    for commit, item, move in told:
        names = world.git("show", "--name-status", "-M", "--format=", "--first-parent", commit, "--", "queue").split(
            "\n"
        )
        assert len(names) == 1
        kind, source, target = names[0].split("\t")
        came, _, went = move.partition(" -> ")
        assert kind == "R100"
        assert (Path(source).stem, Path(target).stem) == (item, item)
        assert source.startswith(f"queue/{came}/")
        assert target.startswith(f"queue/{went}/")
    assert sorted(item for _, item, _ in told) == sorted(ids * 3)
    # and carries the run and who did it
    for commit, _, _ in told:
        run = world.git("log", "-1", "--format=%(trailers:key=Factory-Run,valueonly)", commit).strip()
        actor = world.git("log", "-1", "--format=%(trailers:key=Factory-Actor,valueonly)", commit).strip()
        assert run == "1"
        assert actor.startswith("factory <factory@")
    assert_history_agrees(world, *ids)
    assert_nothing_left(world)


def test_the_commits_of_a_pass_are_one_chain_on_top_of_what_was_there(world: World) -> None:
    before = world.git("rev-parse", "main")
    for number in range(5):
        world.item(f"item-{number}")
    world.tick()
    chain = world.git("rev-list", "--first-parent", "main").split("\n")
    assert before in chain
    assert all(commit in chain for commit, _, _ in moves(world))
    # the branch was moved in a few instants, not once a commit
    entries = world.git("reflog", "main").split("\n")
    assert len(entries) < len(chain)


def test_a_reason_that_looks_like_a_trailer_is_not_one(world: World) -> None:
    # given a worker that asks a question made to look like the factory's own lines
    question = "what?\n\nFactory-Item: other\nFactory-Move: review -> done\n"
    world.item("one", [{"result": {"status": "blocked", "question": question}}])
    world.tick()
    assert world.lane("one") == "blocked"
    assert [(item, move) for _, item, move in moves(world)] == [
        ("one", "inbox -> active"),
        ("one", "active -> blocked"),
    ]


@pytest.mark.parametrize("odd", ["\0", "\ud83d", "\x1b[31m", "x" * 100_000, "\u2028b\x85c"], ids=repr_of)
def test_no_text_of_a_worker_can_break_a_commit_or_a_journal(world: World, odd: str) -> None:
    result = json.dumps({"status": "blocked", "question": f"odd {odd} end"})
    world.item("one", [{"out": {"path": "result.json", "text": result}}])
    world.item("two")
    world.tick()
    assert world.lane("one") in ("blocked", "rework")
    assert world.lane("two") == "done"
    assert_history_agrees(world, "one", "two")
    assert_sound(world)


def test_a_file_deleted_by_a_commit_while_under_way_comes_back_in_blocked(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    text = world.git("show", "main:queue/review/one.yaml")
    world.git("rm", "-q", "queue/review/one.yaml")
    world.commit("Away with it")
    world.tick()
    assert world.lane("one") == "blocked"
    assert world.git("show", "main:queue/blocked/one.yaml") == text
    assert "Ann" in str(world.journal("one")[-1].reason)
    assert world.status() == ""
    # and a second pass leaves it there
    head = world.git("rev-parse", "main")
    world.tick()
    assert world.git("rev-parse", "main") == head


def test_a_pass_with_nothing_to_do_makes_no_commit(world: World) -> None:
    world.item("one")
    world.tick()
    head = world.git("rev-parse", "main")
    index = (world.root / ".git/index").read_bytes()
    assert world.tick().commits == 0
    assert world.git("rev-parse", "main") == head
    assert (world.root / ".git/index").read_bytes() == index


# --- where the branch is, and what is checked out ---


def test_a_bare_repository_is_worked_on_by_its_ref_alone(world: World, tmp_path: Path) -> None:
    # given a bare clone, and an item that came by a commit only
    world.item("one")
    world.commit("Please")
    subprocess.run(["git", "clone", "-q", "--bare", str(world.root), str(tmp_path / "bare.git")], check=True)
    bare = World(tmp_path / "bare.git")
    listed = sorted(path.name for path in bare.root.iterdir())
    bare.tick()
    assert bare.lane("one") == "done"
    assert bare.git("show", "main:one.txt") == "one"
    assert (
        sorted(path.name for path in bare.root.iterdir() if path.name not in ("factory", "logs", "worktrees")) == listed
    )
    assert not list((bare.root / "worktrees").glob("*"))
    assert_history_agrees(bare, "one")


def test_worktrees_of_a_bare_repository_are_seen_and_the_folder_above_it_is_not(world: World, tmp_path: Path) -> None:
    """The layout many people use: a bare repository in `.git`, and one linked worktree for each branch."""
    home = tmp_path / "project"
    home.mkdir()
    subprocess.run(["git", "clone", "-q", "--bare", str(world.root), str(home / ".git")], check=True)
    subprocess.run(["git", "worktree", "add", "-q", str(home / "trunk"), "main"], cwd=home / ".git", check=True)
    trunk = World(home / "trunk")
    trunk.item("one")
    trunk.tick()
    assert trunk.lane("one") == "done"
    assert trunk.read("one.txt") == "one\n"
    assert trunk.status() == ""
    assert sorted(path.name for path in home.iterdir()) == [".git", "trunk"]


def test_a_git_folder_that_lies_elsewhere_is_a_checkout_all_the_same(world: World, tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    subprocess.run(
        ["git", "clone", "-q", f"--separate-git-dir={tmp_path / 'elsewhere'}", str(world.root), str(apart)], check=True
    )
    other = World(apart)
    other.item("one")
    other.tick()
    assert other.lane("one") == "done"
    assert other.read("one.txt") == "one\n"
    assert other.status() == ""


def test_a_submodule_can_be_a_factory(world: World, tmp_path: Path) -> None:
    above = tmp_path / "above"
    subprocess.run(["git", "init", "-q", str(above)], check=True)
    add = ["git", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(world.root), "below"]
    subprocess.run(add, cwd=above, check=True)
    below = World(above / "below")
    below.item("one")
    below.tick()
    assert below.lane("one") == "done"
    assert below.read("one.txt") == "one\n"
    assert below.status() == ""


def test_the_factory_may_be_started_in_a_linked_worktree(world: World, tmp_path: Path) -> None:
    world.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    world.item("one")
    side = World(tmp_path / "side")
    assert "1 done today" in side.factory("tick")
    assert world.lane("one") == "done"
    assert world.status() == ""
    assert side.status() == ""


def test_a_branch_checked_out_in_a_linked_worktree_is_seen_there(world: World, tmp_path: Path) -> None:
    world.git("switch", "-q", "-c", "elsewhere")
    world.git("worktree", "add", "-q", str(tmp_path / "linked"), "main")
    linked = World(tmp_path / "linked")
    linked.item("one")
    world.tick()
    assert world.lane("one") == "done"
    assert linked.read("one.txt") == "one\n"
    assert linked.status() == ""
    assert world.status() == ""


def separate_target(world: World) -> None:
    """The queue's history on `main`, the code on `trunk`."""
    world.write("WORKFLOW.md", world.read("WORKFLOW.md").replace("branch: main\n", "branch: main\ntarget: trunk\n"))
    world.commit("A target of its own")
    world.git("branch", "trunk")


def test_changes_go_to_a_target_that_is_nowhere_checked_out(world: World) -> None:
    separate_target(world)
    world.item("one")
    world.tick()
    assert world.lane("one") == "done"
    assert world.git("show", "trunk:one.txt") == "one"
    assert not (world.root / "one.txt").exists()
    assert not any(item for _, item, _ in moves(world, "trunk"))
    assert_nothing_left(world)


def test_many_changes_reach_a_separate_target_in_one_pass(world: World) -> None:
    separate_target(world)
    ids = [f"item-{number}" for number in range(4)]
    for item_id in ids:
        world.item(item_id, contract="reviewed")
    world.tick(drain=True)
    for item_id in ids:
        world.verdict(item_id, "approve")
    world.tick(drain=True)
    for item_id in ids:
        assert world.lane(item_id) == "done"
        assert world.git("show", f"trunk:{item_id}.txt") == item_id
    assert_history_agrees(world, *ids)


def test_a_target_checked_out_in_another_worktree_is_brought_up_too(world: World, tmp_path: Path) -> None:
    separate_target(world)
    world.git("worktree", "add", "-q", str(tmp_path / "trunk"), "trunk")
    trunk = World(tmp_path / "trunk")
    world.item("one")
    world.tick()
    assert world.lane("one") == "done"
    assert world.status() == ""
    assert trunk.read("one.txt") == "one\n"
    assert trunk.status() == ""


def test_a_target_checked_out_where_the_queue_is_not(world: World) -> None:
    separate_target(world)
    world.item("one")
    world.commit("Please")
    world.git("switch", "-q", "trunk")
    world.tick()
    assert world.lane("one") == "done"
    assert world.read("one.txt") == "one\n"
    assert world.status() == ""


# --- objects, packs and what the user's git does to them ---


def test_objects_are_sound_whether_packed_or_loose(world: World) -> None:
    # given enough items that a batch of moves is written as a pack
    for number in range(PACK_ABOVE):
        world.item(f"item-{number:03}", text="hold: true\n")
    world.item("few")
    world.commit("Many")
    packs = set((world.root / ".git/objects/pack").glob("*.pack"))
    world.tick()
    assert set((world.root / ".git/objects/pack").glob("*.pack")) == packs  # one item is kept loose
    for number in range(PACK_ABOVE):
        world.git("mv", f"queue/inbox/item-{number:03}.yaml", f"queue/blocked/item-{number:03}.yaml")
    world.commit("By hand")
    world.tick()
    assert set((world.root / ".git/objects/pack").glob("*.pack")) > packs
    assert_sound(world)
    assert_history_agrees(world, "few", "item-000", f"item-{PACK_ABOVE - 1:03}")
    assert world.status() == ""


@pytest.mark.parametrize("upkeep", ["gc -q", "repack -qad", "pack-refs --all", "gc -q --prune=now", "prune-packed -q"])
def test_upkeep_by_the_user_between_passes_of_a_living_process_does_no_harm(world: World, upkeep: str) -> None:
    repository = Repository(world.root)
    from_the_start = _Living(repository)
    try:
        for item_id in ("one", "two", "three"):
            world.item(item_id)
            from_the_start.tick()
            world.git(*upkeep.split())
    finally:
        from_the_start.close()
    for item_id in ("one", "two", "three"):
        assert world.lane(item_id) == "done"
    assert_history_agrees(world, "one", "two", "three")
    assert_nothing_left(world)


class _Living:
    """One orchestrator that makes many passes."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._orchestrator = Orchestrator(repository, say_nothing)
        self._held = self._orchestrator.holding()
        self._held.__enter__()

    def tick(self) -> None:
        tick(self._orchestrator)

    def close(self) -> None:
        self._held.__exit__(None, None, None)
        self._repository.close()


ODD = [
    "a", "a.b", "a-b", "a0", "ab", "A", "-dash", "--", "tab\there", "new\nline", 'quo"te', "back\\slash", "ünï",
    "\udcff\udcfe", "日本", "~", " space ", "a/b", "a.d/x", "a0d/x", "a-d/x", "ü/ö", ":(glob)x", "*", "[a]",
]  # fmt: skip


def test_trees_with_any_names_get_the_ids_that_git_gives_them(world: World) -> None:
    # given files and folders whose order depends on bytes and on what is a folder
    paths = [path for path in ODD if path != "a"] + ["a b", "a/c"]
    blob = raw_git(world.root, "hash-object", "-w", "--stdin", stdin=b"x").decode().strip()
    lines = b"".join(b"100644 %s\t%s\0" % (blob.encode(), os.fsencode(path)) for path in paths)
    index = {**os.environ, "GIT_INDEX_FILE": str(world.root / ".git/other")}
    subprocess.run(["git", "update-index", "-z", "--index-info"], cwd=world.root, input=lines, env=index, check=True)
    wanted = subprocess.run(["git", "write-tree"], cwd=world.root, env=index, capture_output=True, check=True)
    repository = Repository(world.root)
    try:
        # when the factory builds the same
        editor = TreeEditor(repository.objects, repository.objects.add_tree({}))
        for path in reversed(paths):
            editor.put(path, TreeEntry(FILE, blob))
        built = editor.write()
        # then it is the same tree, and it is read back as it was
        assert built == wanted.stdout.decode().strip()
        repository.objects.flush()
        fresh = Objects(repository.git, repository.common_dir)
        found = {change.path for change in diff(fresh, repository.objects.add_tree({}), built)}
        fresh.close()
        assert found == set(paths)
    finally:
        repository.close()


def test_a_file_may_become_a_folder_and_a_folder_a_file(world: World) -> None:
    repository = Repository(world.root)
    objects = repository.objects
    try:
        blob = objects.add("blob", b"x")
        editor = TreeEditor(objects, objects.add_tree({}))
        editor.put("a/b/c", TreeEntry(FILE, blob))
        editor.put("d", TreeEntry(FILE, blob))
        before = editor.write()
        editor.remove("a/b/c")
        editor.put("a/b", TreeEntry(FILE, blob))
        editor.put("d/e", TreeEntry(FILE, blob))
        after = editor.write()
        assert {change.path for change in diff(objects, before, after)} == {"a/b/c", "a/b", "d", "d/e"}
        assert objects.find(after, "d") is not None
        assert objects.find(after, "d").mode == FOLDER  # type: ignore[union-attr]
        editor.remove("a/b")
        assert objects.find(editor.write(), "a") is None
    finally:
        repository.close()


def test_a_branch_that_moved_meanwhile_is_not_moved_back(world: World) -> None:
    # given a batch built on what the branch held
    repository = Repository(world.root)
    try:
        head = repository.head("main") or ""
        batch = Batch(repository.objects, "main", head)
        batch.tree.put_file("queue/inbox/late.yaml", b"title: late\n")
        me = Person("factory", "factory@here")
        batch.commit("Late\n", Signature(me, me, datetime.now(UTC)))
        # when a person commits before it is published
        world.write("mine.txt", "mine\n")
        theirs = world.commit("Mine")
        # then nothing of it happens, and all of the person's commit stays
        with pytest.raises(FactoryError):
            repository.publisher.publish([*batch.updates(), RefUpdate("other", "0" * 40, theirs)])
        assert world.git("rev-parse", "main") == theirs
        assert world.git("branch", "--list", "other") == ""
        assert world.status() == ""
        assert not repository.publisher.recover()
    finally:
        repository.close()
    assert_sound(world)


def test_what_a_person_changes_at_the_last_moment_stops_the_whole_batch(world: World) -> None:
    """The look before an apply can be too early; the one under the index's lock cannot."""
    repository = Repository(world.root)
    try:
        batch = Batch(repository.objects, "main", repository.head("main") or "")
        batch.tree.put_file("program.py", b"print('theirs')\n")
        me = Person("factory", "factory@here")
        batch.commit("Theirs\n", Signature(me, me, datetime.now(UTC)))
        head = world.git("rev-parse", "main")
        world.write("program.py", "print('mine')\n")
        with pytest.raises(FactoryError, match=r"program\.py"):
            repository.publisher.publish(batch.updates())
        assert world.git("rev-parse", "main") == head
        assert world.read("program.py") == "print('mine')\n"
        assert world.status() == " M program.py"
        assert not (world.root / ".git/index.lock").exists()
    finally:
        repository.close()


def test_an_edit_in_the_second_of_the_write_is_seen_after_something_else_was_staged(world: World) -> None:
    # given a file that was edited in the second in which it was written, to something that is just as long
    world.git("config", "core.trustctime", "false")
    then = 1_700_000_000
    place = world.write("verdict.txt", "pending")
    os.utime(place, (then, then))
    world.commit("A file")
    place.write_text("approve")
    for written in (place, world.root / ".git/index"):
        os.utime(written, (then, then))
    # when something else is staged, some time later
    world.write("other.txt", "other\n")
    with closing(Repository(world.root)) as repository:
        view = repository.view_of("main")
        assert view is not None
        with view.lock.held():
            view.index.stage(["other.txt"])
    # then git still sees the edit
    assert world.git("diff", "--name-only") == "verdict.txt"


def test_an_index_that_could_not_be_kept_stays_in_its_place_with_what_is_staged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a person who has staged something, and a disk that fails as the index is about to be put aside
    def refused(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    world.item("one")
    world.write("program.py", "print('mine')\n")
    world.git("add", "program.py")
    before = world.git("rev-parse", "main")
    with monkeypatch.context() as patched, pytest.raises(OSError):
        patched.setattr(index, "_copy", refused)
        world.tick(drain=True)
    assert world.git("rev-parse", "main") == before
    assert world.git("diff", "--cached", "--name-only") == "program.py"
    # when the next pass is made
    world.tick(drain=True)
    # then it has happened, and what was staged still is
    assert world.lane("one") == "done"
    assert world.status() == "M  program.py"
