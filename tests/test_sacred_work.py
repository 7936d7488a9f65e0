"""A person's own work is sacred: byte for byte the same after every pass, whatever state it was in."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.model.events import Happening, Recorded, Tell, TookIn
from factory.model.lifecycle import Event
from factory.store.repository.repository import Repository
from tests.witness import (
    Background,
    assert_history_agrees,
    assert_nothing_left,
    assert_sound,
    picture,
    raw_git,
    wait_for,
)
from tests.world import World

SLEEPY = [{"sleep": 30}]


def work_in_progress(world: World) -> None:
    """Every state that git knows for a file, all at once."""
    for name in ("staged", "unstaged", "partly", "both", "deleted", "removed", "mode", "stashed", "hidden", "skipped"):
        world.write(f"src/{name}.txt", f"{name}\n")
    world.write(".gitignore", "*.log\n")
    (world.root / "link").symlink_to("src/staged.txt")
    world.commit("Files")
    world.write("src/stashed.txt", "put away\n")
    world.git("stash", "-q")
    world.write("src/staged.txt", "staged\nmore\n")
    world.git("add", "src/staged.txt")
    world.write("src/unstaged.txt", "unstaged\nmore\n")
    world.write("src/partly.txt", "first half\n")
    world.git("add", "src/partly.txt")
    world.write("src/partly.txt", "first half\nsecond half\n")
    world.write("src/new.txt", "new\n")
    world.git("add", "src/new.txt")
    world.write("src/both.txt", "back and forth\n")
    world.git("add", "src/both.txt")
    world.write("src/both.txt", "both\n")
    world.git("rm", "-q", "--cached", "src/removed.txt")
    (world.root / "src/deleted.txt").unlink()
    (world.root / "src/mode.txt").chmod(0o755)
    world.write("src/meant.txt", "not yet\n")
    world.git("add", "--intent-to-add", "src/meant.txt")
    world.git("update-index", "--assume-unchanged", "src/hidden.txt")
    world.write("src/hidden.txt", "my own settings\n")
    world.git("update-index", "--skip-worktree", "src/skipped.txt")
    world.write("src/skipped.txt", "mine as well\n")
    (world.root / "link").unlink()
    (world.root / "link").symlink_to("elsewhere")
    world.write("build.log", "ignored\n")
    world.write("untracked.txt", "untracked\n")
    world.write("-dash", "dash\n")
    world.write("new\nline", "newline\n")
    world.write(":(glob)*", "magic\n")
    Path(os.fsdecode(os.fsencode(world.root) + b"/not-\xff-utf8")).write_bytes(b"bytes\n")
    world.git("add", "--", "-dash", ":(literal):(glob)*")
    subprocess.run(["git", "add", b"not-\xff-utf8"], cwd=world.root, check=True)


def test_work_in_every_state_survives_passes_and_merges(world: World) -> None:
    # given a working tree in which everything is half done
    work_in_progress(world)
    before = picture(world.root)
    assert len(before.status) >= 15
    # when items come, are worked on, and are merged into the very branch that is checked out
    for item_id in ("one", "two"):
        world.item(item_id)
    world.item("three", contract="reviewed")
    world.tick(drain=True)
    world.verdict("three", "approve")
    world.tick(drain=True)
    # then the changes are merged and all the rest is untouched, down to the times of the files
    assert [world.lane(item_id) for item_id in ("one", "two", "three")] == ["done"] * 3
    assert world.read("three.txt") == "three\n"
    assert picture(world.root).without("one.txt", "two.txt", "three.txt") == before
    assert_sound(world)


@pytest.mark.parametrize("setting", ["split", "version-4", "untracked-cache", "sparse", "fsmonitor", "autocrlf"])
def test_a_repository_set_up_in_a_special_way_stays_so(world: World, setting: str) -> None:
    for number in range(5):
        world.write(f"big/{number}.txt", "x\n")
    world.write("crlf.txt", "a\r\nb\r\n")
    world.commit("Files")
    setup: dict[str, list[tuple[str, ...]]] = {
        "split": [("update-index", "--split-index")],
        "version-4": [("update-index", "--index-version", "4")],
        "untracked-cache": [("update-index", "--force-untracked-cache"), ("status",)],
        "sparse": [("sparse-checkout", "set", "queue", "artifacts", "contracts")],
        "fsmonitor": [("config", "core.fsmonitor", "touch planted; false")],
        "autocrlf": [("config", "core.autocrlf", "true")],
    }
    for arguments in setup[setting]:
        world.git(*arguments)
    before = picture(world.root)
    (world.root / "planted").unlink(missing_ok=True)
    world.item("one")
    world.tick()
    assert world.lane("one") == "done"
    assert not (world.root / "planted").exists()  # no program that the repository names was run
    assert picture(world.root).without("one.txt", "planted") == before.without("planted")
    assert setting == "fsmonitor" or world.status() == ""


def merging(world: World, path: str, text: str = "the worker's\n") -> None:
    """An item whose change to `path` waits for a verdict."""
    world.item("one", [{"write": {"path": path, "text": text}}], contract="reviewed")
    world.tick()
    world.verdict("one", "approve")


def unstaged(world: World) -> None:
    world.write("program.py", "print('mine')\n")


def staged(world: World) -> None:
    unstaged(world)
    world.git("add", "program.py")


def staged_and_undone(world: World) -> None:
    staged(world)
    world.write("program.py", "print('hello')\n")


def deleted(world: World) -> None:
    (world.root / "program.py").unlink()


def executable(world: World) -> None:
    (world.root / "program.py").chmod(0o755)


def assumed_unchanged(world: World) -> None:
    world.git("update-index", "--assume-unchanged", "program.py")
    unstaged(world)


def skipped(world: World) -> None:
    world.git("update-index", "--skip-worktree", "program.py")
    unstaged(world)


def replaced_by_a_link(world: World) -> None:
    (world.root / "program.py").unlink()
    (world.root / "program.py").symlink_to("WORKFLOW.md")


@pytest.mark.parametrize(
    "change",
    [unstaged, staged, staged_and_undone, deleted, executable, assumed_unchanged, skipped, replaced_by_a_link],
    ids=lambda change: change.__name__,
)
def test_a_merge_waits_for_uncommitted_changes_of_the_same_file(world: World, change: Callable[[World], None]) -> None:
    # given an approved change of a file that a person is changing too
    merging(world, "program.py")
    change(world)
    before = picture(world.root)
    # when the factory makes passes
    world.tick()
    world.tick()
    # then nothing was merged, nothing was lost
    assert world.lane("one") == "review"
    assert picture(world.root) == before
    # and it says which path it waits for
    assert "program.py" in world.factory("status")
    # and when the person has put it away, the change is merged
    if change in (assumed_unchanged, skipped):
        world.git("update-index", "--no-assume-unchanged", "program.py")
        world.git("update-index", "--no-skip-worktree", "program.py")
    world.git("stash", "-q")
    world.tick()
    assert world.lane("one") == "done"
    assert world.read("program.py") == "the worker's\n"
    assert world.git("stash", "list") != ""


def test_a_merge_waits_for_the_commit_of_the_same_file_and_then_conflicts_openly(world: World) -> None:
    merging(world, "program.py")
    unstaged(world)
    world.tick()
    assert world.lane("one") == "review"
    world.commit("Mine")
    world.tick()
    assert world.lane("one") != "done"
    assert world.read("program.py") == "print('mine')\n"
    assert world.status() == ""


@pytest.mark.parametrize("kind", ["file", "ignored", "folder", "link", "above", "link-above", "repository"])
def test_a_merge_waits_for_what_is_in_the_way(world: World, kind: str) -> None:
    # given an approved change that makes a file where a person has something that git does not track
    path = "new/deep.tmp" if kind == "ignored" else "new/deep.txt"
    merging(world, path)
    if kind == "ignored":
        world.write(".gitignore", "*.tmp\n")
        world.commit("Ignore, and approve")
    place = world.root / path
    match kind:
        case "file" | "ignored":
            world.write(path, "mine\n")
        case "folder":
            world.write(f"{path}/mine.txt", "mine\n")
        case "link":
            place.parent.mkdir()
            place.symlink_to("nowhere")
        case "above":
            world.write("new", "mine\n")
        case "link-above":
            (world.root.parent / "outside").mkdir()
            (world.root / "new").symlink_to(world.root.parent / "outside")
        case "repository":
            subprocess.run(["git", "init", "-q", str(place.parent)], check=True)
            world.write(path, "mine\n")
    before = picture(world.root)
    world.tick()
    assert world.lane("one") == "review"
    assert picture(world.root) == before
    assert not list(world.root.parent.glob("outside/*"))
    assert "new" in world.factory("status")
    # when it is out of the way
    (world.root / "new").rename(world.root.parent / "kept")
    world.tick()
    assert world.lane("one") == "done"
    assert world.read(path) == "the worker's\n"


def test_an_edit_that_comes_between_the_look_and_the_merge_is_not_written_over(world: World) -> None:
    # given two approved changes, applied one after the other in one pass
    merging(world, "program.py")

    def tell(happening: Happening) -> None:
        if isinstance(happening, TookIn):  # the pass has begun, the merge has not
            unstaged(world)

    running(world, tell)
    assert world.read("program.py") == "print('mine')\n"
    assert world.lane("one") == "review"


SHELL = {"run": ["sh", "-c", "{{ inputs.script }}"]}
SEATS = {"seats": [{"name": "human", "kind": "human"}]}


def reshaping(world: World, script: str) -> None:
    """An item whose worker has run a shell script; its change waits for nothing but the next tick."""
    world.contract("shell", worker=SHELL, review=SEATS)
    world.write("queue/inbox/one.yaml", f"title: one\ncontract: shell\ninputs: {{script: {json.dumps(script)}}}\n")
    world.tick()
    assert world.lane("one") == "review", world.last("one").reason
    world.verdict("one", "approve")


def test_a_file_may_become_a_folder(world: World) -> None:
    reshaping(
        world, "rm program.py; mkdir -p program.py/deep; echo 1 > program.py/deep/main; echo 2 > program.py/other"
    )
    world.tick()
    assert world.lane("one") == "done"
    assert world.git("ls-tree", "-r", "--name-only", "main", "program.py") == "program.py/deep/main\nprogram.py/other"
    assert (world.read("program.py/deep/main"), world.read("program.py/other")) == ("1\n", "2\n")
    assert world.status() == ""


def test_a_link_may_become_a_folder_and_what_it_pointed_to_stays(world: World) -> None:
    world.write("src/program.txt", "mine\n")
    (world.root / "link").symlink_to("src")
    world.commit("Link")
    reshaping(world, "rm link; mkdir link; echo new > link/program.txt")
    world.tick()
    assert world.lane("one") == "done"
    assert (world.read("link/program.txt"), world.read("src/program.txt")) == ("new\n", "mine\n")
    assert world.status() == ""


def folder_to_file(world: World) -> None:
    world.write("lib/a.txt", "a\n")
    world.write("lib/deep/b.txt", "b\n")
    world.write(".gitignore", "*.tmp\n")
    world.commit("Files")
    reshaping(world, "rm -r lib; echo file > lib")


@pytest.mark.parametrize("empty", [False, True], ids=["", "with an empty folder in it"])
def test_a_folder_may_become_a_file(world: World, empty: bool) -> None:
    folder_to_file(world)
    if empty:
        (world.root / "lib/nothing/at/all").mkdir(parents=True)
    world.tick()
    assert world.lane("one") == "done"
    assert world.read("lib") == "file\n"
    assert world.status() == ""


@pytest.mark.parametrize("kind", ["untracked", "ignored", "staged", "changed", "link", "repository"])
def test_a_folder_in_which_a_person_has_something_does_not_become_a_file(world: World, kind: str) -> None:
    # given an approved change that makes a file of a folder, in which there is more than git knows
    folder_to_file(world)
    mine = "lib/deep/mine.tmp" if kind == "ignored" else "lib/deep/mine.txt"
    match kind:
        case "link":
            (world.root / mine).symlink_to("nowhere")
        case "repository":
            subprocess.run(["git", "init", "-q", str(world.root / "lib/mine")], check=True)
        case "changed":
            world.write("lib/deep/b.txt", "mine\n")
        case _:
            world.write(mine, "mine\n")
    if kind == "staged":
        world.git("add", mine)
    before = picture(world.root)
    # when the factory makes a pass, then it waits, says for what, and nothing is lost
    world.tick()
    assert world.lane("one") == "review"
    assert picture(world.root) == before
    assert "lib/" in world.command("status")
    # and when it is out of the way
    world.git("rm", "-q", "--cached", mine, check=False)
    (world.root / "lib").rename(world.root.parent / "kept")
    world.git("checkout", "-q", "--", "lib")
    world.tick()
    assert world.lane("one") == "done"
    assert world.read("lib") == "file\n"


@pytest.mark.parametrize("kind", ["populated", "empty", "dirty"])
def test_a_submodule_may_be_taken_away_and_its_files_stay(world: World, tmp_path: Path, kind: str) -> None:
    # given a submodule that an approved change takes away
    other = World.create(tmp_path / "other")
    world.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.root), "sub")
    world.commit("A submodule")
    reshaping(world, "rm -rf sub .gitmodules")
    if kind == "empty":
        world.git("submodule", "--quiet", "deinit", "sub")
    if kind == "dirty":
        world.write("sub/program.py", "mine\n")
        before = picture(world.root)
        world.tick()
        assert world.lane("one") == "review"
        assert picture(world.root) == before
        return
    # when it is merged
    world.tick()
    # then the branch has it no more, and of its files none is lost
    assert world.lane("one") == "done"
    assert world.git("ls-tree", "main", "sub", ".gitmodules") == ""
    assert (world.root / "sub/program.py").exists() == (kind == "populated")
    assert (world.root / "sub").exists() == (kind == "populated")
    world.item("two")
    world.tick()
    assert world.lane("two") == "done"


# --- another branch, no branch ---


def test_another_branch_that_is_checked_out_is_left_exactly_as_it_is(world: World) -> None:
    # given work in progress on another branch, and items that came by commits only
    world.item("one")
    world.item("two", contract="reviewed")
    world.commit("Please")
    world.git("switch", "-q", "-c", "side")
    work_in_progress(world)
    before = picture(world.root, whole=True)
    # when the factory works
    world.tick()
    # then all that happens happens on its own branch
    assert (world.lane("one"), world.lane("two")) == ("done", "review")
    assert world.git("show", "main:one.txt") == "one"
    assert picture(world.root, whole=True) == before
    assert_history_agrees(world, "one", "two")


def test_a_verdict_given_on_another_branch_is_taken_in_where_it_rests_on_the_same_content(world: World) -> None:
    # given an item in review, and a branch that was made from there
    world.item("one", contract="reviewed")
    world.tick()
    world.git("switch", "-q", "-c", "side")
    world.verdict("one", "approve")
    before = picture(world.root, whole=True)
    # when the factory makes a pass
    world.tick()
    # then the verdict counts, its file is as the branch has it, and everything else stays as it is
    assert world.lane("one") == "done"
    after, verdict = picture(world.root, whole=True), b"queue/review/one.human.verdict.yaml"
    assert world.status() == ""
    assert after.files.keys() == before.files.keys()
    assert {path for path in after.files if after.files[path] != before.files[path]} == {verdict}
    assert replace(after, files=before.files, status=before.status) == before


def test_a_verdict_on_another_branch_that_rests_on_older_content_is_not_taken_in(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    world.git("switch", "-q", "-c", "side")
    world.git("switch", "-q", "main")
    path = world.verdict("one", "rework")
    path.write_text(path.read_text().replace("notes: |", "notes: again"))
    world.tick(drain=True)
    world.git("switch", "-q", "side")
    world.verdict("one", "approve")
    world.tick()
    assert world.lane("one") != "done"


def test_a_detached_head_is_left_exactly_as_it_is(world: World) -> None:
    world.item("one")
    world.commit("Please")
    world.git("switch", "-q", "--detach")
    work_in_progress(world)
    before = picture(world.root, whole=True)
    world.tick()
    assert world.lane("one") == "done"
    assert picture(world.root, whole=True) == before


def test_an_edit_in_an_old_detached_checkout_is_judged_by_what_that_checkout_holds(world: World) -> None:
    # given a head detached at a commit in which the item still was in the inbox
    world.item("one", contract="reviewed")
    old = world.commit("Please")
    world.tick()
    world.git("switch", "-q", "--detach", old)
    world.write("queue/inbox/one.yaml", "title: another\n")
    before = picture(world.root, whole=True)
    world.tick()
    assert world.lane("one") == "review"
    assert "another" not in world.git("show", "main:queue/review/one.yaml")
    assert picture(world.root, whole=True) == before


def test_a_proposal_that_a_reviewer_has_checked_out_is_not_taken_from_under_their_feet(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    world.verdict("one", "approve")
    world.commit("Approved")
    world.git("switch", "-q", "factory/one")
    before = picture(world.root, whole=True)
    world.tick()
    assert world.lane("one") == "done"
    assert picture(world.root, whole=True) == before
    assert world.status() == ""


# --- unfinished business ---


def conflict(world: World, verb: str) -> None:
    """Begin something that stops half way."""
    world.write("program.py", "print('left')\n")
    world.commit("Left")
    world.git("switch", "-q", "-c", "right", "HEAD^")
    world.write("program.py", "print('right')\n")
    world.commit("Right")
    world.git("switch", "-q", "main")
    world.git(*verb.split(), "right", check=False)


@pytest.mark.parametrize("verb", ["merge", "rebase", "cherry-pick", "bisect", "revert", "am"])
def test_the_factory_waits_while_a_person_is_in_the_middle_of_something(world: World, verb: str) -> None:
    # given something begun and not ended in the checkout, and an item
    if verb == "bisect":
        for number in range(5):
            world.write("program.py", f"{number}\n")
            world.commit(f"Step {number}")
        world.git("bisect", "start", "HEAD", "HEAD~4")
    elif verb == "revert":
        world.write("program.py", "1\n")
        world.commit("One")
        world.write("program.py", "2\n")
        world.commit("Two")
        world.git("revert", "--no-edit", "HEAD^", check=False)
    elif verb == "am":
        conflict(world, "rev-parse")
        patch = world.git("format-patch", "-1", "--stdout", "right")
        (world.root.parent / "right.patch").write_text(patch + "\n")
        world.git("am", "-q", str(world.root.parent / "right.patch"), check=False)
    else:
        conflict(world, verb)
    world.item("one")
    head, before = world.git("rev-parse", "main"), picture(world.root, whole=True)
    # when it is asked for a pass
    said = world.factory("tick", status=4)
    # then it does nothing at all and says why
    assert "in progress" in said
    assert verb in said or verb == "am"
    assert world.git("rev-parse", "main") == head
    assert picture(world.root, whole=True) == before
    # and goes on afterwards
    world.git(*("bisect reset" if verb == "bisect" else f"{verb} --abort").split())
    world.factory("tick")
    assert world.lane("one") == "done"


def test_a_pass_that_finds_a_merge_begun_while_its_worker_ran_ends_when_the_merge_does(world: World) -> None:
    world.item("one", [{"sleep": 1}, {"write": {"path": "one.txt", "text": "one\n"}}])
    conflict(world, "rev-parse")
    ticking = Background(world, "tick")
    try:
        wait_for(lambda: "queue/active/one.yaml" in world.git("ls-tree", "-r", "--name-only", "main"))
        world.git("merge", "right", check=False)
        wait_for(lambda: not list((world.root / ".git/factory/heartbeats").glob("*")))
        time.sleep(1.5)
        assert ticking.process.poll() is None
        world.git("merge", "--abort")
        assert ticking.end(20)[0] == 0
    finally:
        ticking.process.kill()
        ticking.process.communicate()
    assert world.lane("one") == "done"


def test_another_git_that_holds_the_index_makes_the_factory_wait(world: World) -> None:
    world.item("one")
    lock = world.root / ".git/index.lock"
    lock.write_bytes(b"")
    ticking = Background(world, "tick")
    time.sleep(1)
    head = world.git("rev-parse", "main")
    lock.unlink()
    assert ticking.end()[0] == 0
    assert world.git("rev-parse", "main") != head
    assert world.lane("one") == "done"
    assert world.status() == ""


def test_an_index_that_stays_locked_is_left_alone_and_named(world: World) -> None:
    world.item("one")
    lock = world.root / ".git/index.lock"
    lock.write_bytes(b"somebody's")
    head = world.git("rev-parse", "main")
    said = world.factory("tick", status=4)
    assert str(lock) in said
    assert "Traceback" not in said
    assert lock.read_bytes() == b"somebody's"
    assert world.git("rev-parse", "main") == head
    assert "one" in world.read("queue/inbox/one.yaml")
    lock.unlink()
    world.factory("tick")
    assert world.lane("one") == "done"
    assert_nothing_left(world)


# --- edits under its feet ---


def running(world: World, tell: Tell) -> None:
    """One tick in this process, that tells its news to a person who acts on it."""
    repository = Repository(world.root)
    try:
        orchestrator = Orchestrator(repository, tell)
        with orchestrator.holding():
            tick(orchestrator)
    finally:
        repository.close()


def test_an_item_edited_while_its_worker_runs_goes_back_at_no_cost(world: World) -> None:
    world.item("one", [{"sleep": 0.5}, {"write": {"path": "one.txt", "text": "old\n"}}])
    edited = world.read("queue/inbox/one.yaml").replace("old", "new").replace('{"sleep": 0.5}, ', "")

    def tell(happening: Happening) -> None:
        if isinstance(happening, Recorded) and happening.entry.event is Event.START:
            world.write("queue/active/one.yaml", edited)

    running(world, tell)
    assert world.lane("one") == "inbox"
    last = world.journal("one")[-1]
    assert (str(last.event), last.failure, last.attempt) == ("release", None, None)
    assert world.git("show", "main:queue/inbox/one.yaml") == edited.rstrip("\n")
    world.tick()
    assert world.read("one.txt") == "new\n"
    assert world.status() == ""


@pytest.mark.parametrize("lane", ["blocked", "inbox", "rework"])
@pytest.mark.parametrize("committed", [True, False], ids=["committed", "uncommitted"])
def test_an_item_moved_out_of_active_by_hand_stays_there_when_the_tick_is_stopped(
    world: World, lane: str, committed: bool
) -> None:
    # given a worker at work, and a person who moves its item's file
    world.item("one", SLEEPY)
    ticking = Background(world, "tick", "--drain")
    try:
        wait_for(lambda: (world.root / "queue/active/one.yaml").exists() and world.status() == "")
        (world.root / "queue/active/one.yaml").rename(world.root / f"queue/{lane}/one.yaml")
        if committed:
            world.commit("Stop")
        ticking.signal(2)
        status, _, err = ticking.end(20)
    finally:
        ticking.process.kill()
        ticking.process.communicate()
    # then the file is where they put it, once, the worker is gone, and the next pass knows
    assert status == 130, err
    assert [path.parent.name for path in (world.root / "queue").rglob("one.yaml")] == [lane]
    world.write(f"queue/{lane}/one.yaml", world.read(f"queue/{lane}/one.yaml") + "hold: true\n")
    world.factory("tick")
    assert world.lane("one") == lane
    assert all(entry.failure is None for entry in world.journal("one"))
    assert_history_agrees(world, "one")
    assert_nothing_left(world)


def test_a_living_factory_stops_the_worker_of_an_item_that_was_moved_away(world: World) -> None:
    world.item("one", SLEEPY)
    living = Background(world, "run")
    try:
        wait_for(lambda: (world.root / "queue/active/one.yaml").exists() and world.status() == "")
        (world.root / "queue/active/one.yaml").rename(world.root / "queue/blocked/one.yaml")
        wait_for(lambda: world.lane("one") == "blocked" and world.events("one")[-1] == "moved")
        wait_for(lambda: not list((world.root / ".git/factory/heartbeats").glob("*")))
    finally:
        living.signal(2)
        assert living.end()[0] == 0
    assert world.lane("one") == "blocked"
    assert world.events("one")[-1] == "moved"
    assert "Ann" in world.journal("one")[-1].actor
    assert_nothing_left(world)


def test_an_edit_of_the_last_moment_goes_with_the_file(world: World) -> None:
    # given an item whose file is edited after the pass has read the folder
    world.item("one", contract="reviewed")
    edited = world.read("queue/inbox/one.yaml") + "priority: 1\n"

    def tell(happening: Happening) -> None:
        if isinstance(happening, TookIn):
            world.write("queue/inbox/one.yaml", edited)

    running(world, tell)
    # then the edit lies in the lane to which the item was moved, and none of it is lost
    left = list((world.root / "queue").rglob("one.yaml"))
    assert len(left) == 1
    assert left[0].read_text() == edited
    world.tick()
    assert "priority: 1" in world.git("show", f"main:queue/{world.lane('one')}/one.yaml")


def test_an_id_in_two_lanes_is_reported_and_neither_file_is_touched(world: World) -> None:
    world.item("one", text="hold: true\n")
    world.tick()
    text = world.read("queue/inbox/one.yaml")
    world.write("queue/blocked/one.yaml", text)
    world.commit("Twice")
    said = world.factory("tick")
    assert "queue/blocked/one.yaml" in said
    assert "queue/inbox/one.yaml" in said
    for lane in ("inbox", "blocked"):
        assert world.read(f"queue/{lane}/one.yaml") == text
    assert world.status() == ""
    world.git("rm", "-q", "queue/blocked/one.yaml")
    world.commit("Once")
    world.tick()
    assert world.lane("one") == "inbox"


def test_a_file_with_an_impossible_name_is_reported_and_left(world: World) -> None:
    world.item("one")
    odd = [b"\xff.yaml", b"new\nline.yaml", b"-rf.yaml", b"UPPER CASE.yaml"]
    for name in odd:
        Path(os.fsdecode(os.fsencode(world.root) + b"/queue/inbox/" + name)).write_bytes(b"title: odd\n")
    said = world.factory("tick")
    assert world.lane("one") == "done"
    assert "Traceback" not in said
    assert "-rf.yaml" in said
    left = raw_git(world.root, "status", "--porcelain", "-z", "--untracked-files=all")
    assert sorted(left.split(b"\0")[:-1]) == sorted(b"?? queue/inbox/" + name for name in odd)


def test_a_worker_cannot_speak_for_a_person_from_its_cell(world: World, tmp_path: Path) -> None:
    """A cell is no working tree of a person's, not even when a worker detaches its head or checks the branch out."""
    # given a bare repository, where edits are looked for in whatever working trees there are
    world.write(
        "contracts/sly.yaml",
        """purpose: Try to approve one's own work.
worker:
  run: [sh, -c, "git checkout -q --ignore-other-worktrees main 2>/dev/null || git checkout -q --detach main; mkdir -p
    queue/inbox contracts; printf 'title: planted\\n' > queue/inbox/planted.yaml; sleep 1.5"]
""",
    )
    world.item("one", contract="sly")
    world.item("two")
    world.commit("Please")
    subprocess.run(["git", "clone", "-q", "--bare", str(world.root), str(tmp_path / "bare.git")], check=True)
    bare = World(tmp_path / "bare.git")
    bare.tick(drain=True)
    assert bare.lane("two") == "done"
    assert "planted" not in bare.git("log", "--name-only", "--format=%s", "main")
