"""A person's git at work in the very moment in which the factory moves something: each instant on its own."""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.model.errors import BusyError
from factory.store.repository.commits import Publisher
from factory.store.repository.git import Git
from factory.store.repository.index import Index
from tests.witness import assert_history_agrees, assert_sound
from tests.world import World

STRACE = shutil.which("strace")
needs_strace = pytest.mark.skipif(STRACE is None, reason="strace is not installed")
SECONDS = 1.2


def mine(world: World, text: str = "mine\n") -> None:
    world.write("mine.txt", text)
    world.git("add", "mine.txt")


def slowly(world: World, call: str, path: str, *arguments: str) -> "subprocess.Popen[str]":
    """A person's git that is held up for a while before its first call of a kind on a path, and has got that far."""
    places = [word for place in (path, world.root / path) for word in ("-P", str(place))]
    inject = f"inject={call}:delay_enter={int(SECONDS * 1e6)}:when=1"
    command = [str(STRACE), "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", *places, "-e", inject, "git"]
    started = subprocess.Popen(
        [*command, *arguments], cwd=world.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    time.sleep(SECONDS / 3)
    return started


@needs_strace
def test_a_commit_that_began_before_a_move_and_ends_after_it_undoes_nothing(world: World) -> None:
    # given a person's commit that has read head and index, and has not yet locked the index
    world.item("one")
    mine(world)
    committing = slowly(world, "openat", ".git/index.lock", "commit", "-q", "-m", "Mine")
    # when the factory moves an item all the way, and then the commit goes on
    world.tick()
    said, _ = committing.communicate(timeout=20)
    # then it was refused
    assert committing.returncode, said
    assert world.lane("one") == "done"
    # and the index that it wrote back is not the next commit's: what is staged is theirs and nothing else
    world.tick()
    assert world.status() == "A  mine.txt"
    world.git("commit", "-q", "-m", "Mine again")
    assert world.git("show", "--name-only", "--format=", "HEAD") == "mine.txt"
    assert world.read("one.txt") == "one\n"
    assert_history_agrees(world, "one")


@needs_strace
def test_a_branch_begun_before_a_move_and_switched_to_after_it_holds_nothing_of_the_move(world: World) -> None:
    # given a `git switch -c`, which locks no index, that has read the head and not yet written it
    world.item("one")
    world.item("two", contract="reviewed")
    world.tick()
    mine(world)
    world.verdict("two", "approve")
    base = world.git("rev-parse", "main")
    switching = slowly(world, "openat", ".git/HEAD.lock", "switch", "-q", "-c", "side")
    # when the factory moves something on the branch that still is checked out
    world.tick()
    switching.communicate(timeout=20)
    assert world.git("symbolic-ref", "HEAD") == "refs/heads/side"
    # then the next pass takes back what was made for the other branch, and leaves what is theirs
    world.tick()
    assert world.git("rev-parse", "side") == base
    assert world.status() == "A  mine.txt"
    assert not (world.root / "two.txt").exists()
    # and the way back is open
    world.git("switch", "-q", "main")
    assert world.read("two.txt") == "two\n"
    assert world.status() == "A  mine.txt"
    assert_history_agrees(world, "one", "two")


def in_the_moment(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], *, after: bool = False) -> list[int]:
    """Let somebody act, once, just before the branches move or just after."""
    done: list[int] = []
    move = Publisher._move_refs

    def moved(self: Publisher) -> None:
        if not after and not done:
            done.append(1)
            act()
        move(self)
        if after and not done:
            done.append(1)
            act()

    monkeypatch.setattr(Publisher, "_move_refs", moved)
    return done


def before_the_locks(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> list[int]:
    """Let somebody act, once, when all is ready; a moment later branches and indexes are locked, and git waits."""
    done: list[int] = []
    lock = Publisher._lock

    def locked(self: Publisher, *arguments: object) -> None:
        if not done:
            done.append(1)
            act()
        lock(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Publisher, "_lock", locked)
    return done


@pytest.mark.parametrize("after", [False, True], ids=["before the branch moves", "after it"])
def test_a_branch_begun_in_the_middle_of_a_move_is_left_as_it_was_begun(
    world: World, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    world.item("one")
    world.commit("Please")
    mine(world)

    def begin() -> None:
        world.git("switch", "-q", "-c", "side")

    done = in_the_moment(monkeypatch, begin, after=True) if after else before_the_locks(monkeypatch, begin)
    world.tick()
    assert done
    assert world.lane("one") == "done"
    assert world.status() == "A  mine.txt"
    assert not (world.root / "one.txt").exists()
    assert (world.root / "queue/inbox/one.yaml").exists() != after
    world.git("switch", "-q", "main")
    assert world.read("one.txt") == "one\n"
    assert world.status() == "A  mine.txt"


def there_before(world: World) -> None:
    world.write("one.txt", "before\n")
    world.git("add", "one.txt")
    world.git("commit", "-q", "-m", "There before")


@pytest.mark.parametrize("new", [True, False], ids=["a new file", "a file that was there"])
def test_what_a_person_saves_as_the_branch_moves_is_not_written_over(
    world: World, monkeypatch: pytest.MonkeyPatch, new: bool
) -> None:
    # given a branch that is about to move
    if not new:
        there_before(world)
    world.item("one")
    # when a person saves a file in the last moment, where one of a worker's is to be
    landing: list[Path] = []
    move = Publisher._move_refs

    def moved(self: Publisher) -> None:
        if self._landing:
            landing.append(world.write("one.txt", "mine\n"))
        move(self)

    monkeypatch.setattr(Publisher, "_move_refs", moved)
    world.tick()
    # then it is theirs, and git shows it as a change of what has come
    assert landing
    assert world.lane("one") == "done"
    assert world.read("one.txt") == "mine\n"
    assert world.git("show", "main:one.txt") == "one"
    assert world.status() == " M one.txt"


def test_what_a_person_stages_while_an_index_is_made_stays_staged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time that the factory has made an index, the person's has changed: they get their way, and it its turn."""
    prepare, count = Index.prepare, [0]

    def prepared(self: Index, changes: object) -> object:
        made_from = prepare(self, changes)  # type: ignore[arg-type]
        if not self.lock.path.exists():
            count[0] += 1
            world.write(f"mine/{count[0]}.txt", "mine\n")
            world.git("add", f"mine/{count[0]}.txt")
        return made_from

    monkeypatch.setattr(Index, "prepare", prepared)
    world.item("one", text="hold: true\n")
    world.commit("Please")
    world.git("mv", "queue/inbox/one.yaml", "queue/blocked/one.yaml")
    world.git("commit", "-q", "-m", "Moved")
    world.tick()
    assert count[0] > 3
    assert world.events("one")[-1] == "moved"
    assert sorted(world.status().split("\n")) == sorted(f"A  mine/{number}.txt" for number in range(1, count[0] + 1))


def test_while_the_index_is_locked_no_git_works_but_the_one_that_moves_the_branch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, call, held, locked = world.root / ".git/index.lock", Git.call, list[str](), list[bool]()
    move = Publisher._move_refs

    def moved(self: Publisher) -> None:
        locked.append(lock.exists())
        move(self)

    def watched(self: Git, *arguments: str, **more: object) -> object:
        # What a run's own thread asks meanwhile, the person's git need not wait for.
        if lock.exists() and threading.current_thread() is threading.main_thread():
            held.append(" ".join(arguments))
        return call(self, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Git, "call", watched)
    monkeypatch.setattr(Publisher, "_move_refs", moved)
    world.item("one")
    world.item("two", contract="reviewed")
    world.tick()
    world.verdict("two", "approve")
    world.tick()
    assert world.lane("two") == "done"
    assert locked and all(locked)
    assert held == []


def test_a_lock_that_a_person_removes_costs_neither_side_anything(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As git advises whoever meets one: remove the lock, and go on."""

    def impatient() -> None:
        (world.root / ".git/index.lock").unlink()
        mine(world)

    done = in_the_moment(monkeypatch, impatient)
    world.item("one")
    world.commit("Please")
    world.tick()
    world.tick()
    assert done
    assert world.lane("one") == "done"
    assert world.status() == "A  mine.txt"
    world.git("commit", "-q", "-m", "Mine")
    assert_history_agrees(world, "one")
    assert_sound(world)


def begun(world: World, verb: str) -> None:
    """Something that takes the head off the branch, and stops there."""
    if verb == "rebase":
        world.git("rebase", "-q", "--exec", "false", "HEAD~1", check=False)
    elif verb == "am":
        patch = world.git("format-patch", "-1", "--stdout", "HEAD")
        (world.root.parent / "mine.patch").write_text(patch + "\n")
        world.git("am", "-q", str(world.root.parent / "mine.patch"), check=False)
    elif verb == "rebase --apply":
        world.git("switch", "-q", "-c", "other", "HEAD~2")
        world.write("mine.txt", "theirs\n")
        world.commit("Theirs")
        world.git("switch", "-q", "main")
        world.git("rebase", "-q", "--apply", "other", check=False)
    else:
        world.git("bisect", "start", "HEAD", "HEAD~2")


@pytest.mark.parametrize("verb", ["rebase", "rebase --apply", "bisect", "am"])
def test_what_a_person_begins_while_a_pass_is_under_way_keeps_the_branch_where_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    # given a person who begins something after the pass has looked, and before it publishes
    for text in ("1\n", "2\n", "3\n"):
        mine(world, text)
        world.git("commit", "-q", "-m", f"Mine {text}")
    world.item("one")
    world.commit("Please")
    publish, done, head = Publisher.publish, [0], world.git("rev-parse", "main")

    def published(self: Publisher, *arguments: object) -> None:
        if not done[0]:
            done[0] = 1
            begun(world, verb)
        publish(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Publisher, "publish", published)
    # then the pass does nothing and says why
    with pytest.raises(BusyError, match="in progress"):
        world.tick()
    assert done[0]
    assert world.git("rev-parse", "main") == head
    # and when it is aborted, nothing is lost and the factory goes on
    world.git(*("bisect reset" if verb == "bisect" else f"{verb.split()[0]} --abort").split())
    assert world.git("rev-parse", "main") == head
    world.tick()
    assert world.lane("one") == "done"
    assert world.status() == ""


def test_a_rebase_of_another_branch_keeps_nobody_waiting(world: World) -> None:
    world.git("switch", "-q", "-c", "side")
    mine(world)
    world.git("commit", "-q", "-m", "Mine")
    world.git("rebase", "-q", "--exec", "false", "HEAD~1", check=False)
    before = world.status()
    head = world.git("rev-parse", "HEAD")
    other = Path(world.root.parent / "main")
    world.git("worktree", "add", "-q", str(other), "main")
    World(other).item("one")
    world.tick()
    assert world.lane("one") == "done"
    assert (world.status(), world.git("rev-parse", "HEAD")) == (before, head)


@pytest.mark.parametrize("upkeep", ["gc -q --prune=now", "repack -a -d -q", "prune --expire=now", "gc -q"])
@pytest.mark.parametrize("many", [1, 80], ids=["a few objects", "a pack"])
def test_what_is_written_and_not_yet_seen_is_safe_from_a_clean_up(
    world: World, monkeypatch: pytest.MonkeyPatch, upkeep: str, many: int
) -> None:
    """All of git's clean-ups in the very moment before the branch moves: what they do not know, they delete."""
    for number in range(many):
        world.item(f"item-{number:02}", text="hold: true\n")
    world.commit("Please")
    for number in range(many):
        world.git("mv", f"queue/inbox/item-{number:02}.yaml", f"queue/blocked/item-{number:02}.yaml")
    world.git("commit", "-q", "-m", "By hand")

    def clean() -> None:
        world.git(*upkeep.split())

    # A gc wants the locks of the branches; what only deletes does not care.
    done = before_the_locks(monkeypatch, clean) if upkeep.startswith("gc") else in_the_moment(monkeypatch, clean)
    world.tick()
    assert done
    assert {world.events(f"item-{number:02}")[-1] for number in range(many)} == {"moved"}
    assert_sound(world)
    assert list((world.root / ".git/objects/pack").glob("*.keep")) == []


def test_a_clean_up_that_began_before_a_move_and_deletes_after_it_takes_nothing_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has looked at what the branches hold; the files of a move it deletes a moment after the branch has moved."""
    world.item("one", text="hold: true\n")
    before = {path for path in (world.root / ".git/objects").rglob("*") if path.is_file()}

    def swept() -> None:
        for path in {path for path in (world.root / ".git/objects").rglob("*") if path.is_file()} - before:
            if path.parent.name != "pack":
                path.unlink()

    done = in_the_moment(monkeypatch, swept, after=True)
    world.tick()
    assert done
    assert_sound(world)
    # and one that says that it is at work finds no loose file to take
    (world.root / ".git/gc.pid").write_text("1 here\n")
    done.clear()
    world.git("mv", "queue/inbox/one.yaml", "queue/blocked/one.yaml")
    world.git("commit", "-q", "-m", "By hand")
    before = {path for path in (world.root / ".git/objects").rglob("*") if path.is_file()}
    world.tick()
    assert done
    assert world.events("one")[-1] == "moved"
    assert_sound(world)


def test_a_proposal_is_safe_from_a_clean_up_while_it_is_checked(world: World) -> None:
    clean = ["sh", "-c", "git gc -q --prune=now"]  # in a cell, whose git is the person's too
    world.policy("sandbox: off")
    world.contract("checked", checks=[{"name": "clean", "run": clean}, {"name": "again", "run": clean}])
    world.item("one", contract="checked")
    world.tick(drain=True)
    assert world.lane("one") == "done", world.last("one").reason
    assert world.read("one.txt") == "one\n"
    assert world.git("for-each-ref", "refs/factory") == ""
    assert_sound(world)


@pytest.mark.parametrize("damage", ["missing", "empty"])
def test_a_tip_that_cannot_be_read_is_not_taken_for_a_branch_without_commits(world: World, damage: str) -> None:
    world.item("one")
    world.commit("Please")
    tip = world.git("rev-parse", "main")
    if damage == "missing":
        (world.root / ".git/objects" / tip[:2] / tip[2:]).unlink()
    else:
        (world.root / ".git/refs/heads/main").write_text("")
    for command in (("tick",), ("status",), ("audit",)):
        said = world.command(*command, status=3)
        assert "cannot be read" in said
        assert "logs/refs/heads/main" in said
        assert "--allow-empty" not in said


def test_a_person_who_commits_in_every_moment_is_held_up_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each move is made on a branch that has gone on by the time it is to happen."""
    lock, committed = Publisher._lock, list[bool]()

    def locked(self: Publisher, *arguments: object) -> None:
        before = world.git("rev-parse", "HEAD")
        world.git("commit", "-q", "--allow-empty", "-m", f"mine {len(committed)}", check=False)
        committed.append(world.git("rev-parse", "HEAD") != before)
        lock(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Publisher, "_lock", locked)
    world.item("one")
    world.tick()
    assert world.lane("one") == "done"
    assert world.git("log", "--format=%s", "--grep=^mine").count("mine") == committed.count(True) > 5
    assert False in committed
    assert_history_agrees(world, "one")


@pytest.mark.parametrize("place", ["artifacts/two", "artifacts", "queue/active"])
@pytest.mark.parametrize("link", [False, True], ids=["file", "link"])
def test_what_lies_where_the_factory_needs_a_folder_is_named_and_nothing_is_half_done(
    world: World, place: str, link: bool
) -> None:
    world.item("two")
    world.commit("An item")
    head, there = world.git("rev-parse", "main"), world.root / place
    shutil.rmtree(there, ignore_errors=True)
    there.parent.mkdir(exist_ok=True)
    if link:
        there.symlink_to("nowhere")
    else:
        there.write_text("mine\n")
    _, said = world.ended("tick")
    assert f"{place} lies where the factory keeps its own files" in said
    assert world.git("rev-parse", "main") == head
    assert not (world.root / ".git/index.lock").exists()
    there.unlink()
    world.git("checkout", "-q", "--", "queue")
    world.command("tick")
    assert (world.lane("two"), world.status()) == ("done", "")
