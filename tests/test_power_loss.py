"""The machine goes off: what a file system kept the name of and not the content is made whole by the next pass."""

import errno
import json
import os
import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from factory.model.errors import BusyError
from factory.store.repository.commits import Publisher
from factory.store.repository.index import Index
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import Repository
from factory.store.state import BOOT
from factory.store.system import System
from tests.world import World


def worked(world: World) -> None:
    world.item("one")
    world.item("two", contract="reviewed")
    world.commit("Two items")
    world.tick(drain=True)


@pytest.fixture
def done(tmp_path: Path) -> World:
    """One item is done, and another one waits for a person; then the machine goes off and on again."""
    world = World.after(worked, tmp_path / "repo")
    (world.root / ".git/factory" / BOOT).write_text("another start of the machine")
    return world


@pytest.mark.parametrize("left", [100, 0])
def test_an_index_that_was_torn_is_made_anew_from_what_is_checked_out(done: World, left: int) -> None:
    index = done.root / ".git/index"
    whole = index.read_bytes()
    index.write_bytes(whole[:left] or bytes(len(whole)))
    done.tick()
    assert done.status() == ""


def test_what_a_person_had_written_and_not_staged_stays_as_it_is_with_a_torn_index(done: World) -> None:
    done.write("program.py", "print('mine')\n")
    (done.root / ".git/index").write_bytes(b"DIRC")
    done.tick()
    assert (done.read("program.py"), done.status()) == ("print('mine')\n", " M program.py")


@pytest.mark.parametrize("path", ["queue/review/two.yaml", "queue/review/two.human.verdict.yaml"])
def test_a_file_of_the_factorys_that_came_out_empty_holds_again_what_the_branch_has(done: World, path: str) -> None:
    was = done.read(path)
    done.write(path, "")
    done.tick()
    assert (done.read(path), done.status()) == (was, "")


def test_an_item_that_a_person_had_moved_and_that_came_out_empty_is_moved_with_its_content(done: World) -> None:
    was = done.read("queue/review/two.yaml")
    done.move("two", "queue/blocked")
    done.write("queue/blocked/two.yaml", "")
    done.tick()
    assert (done.lane("two"), done.read("queue/blocked/two.yaml"), done.status()) == ("blocked", was, "")


@pytest.mark.parametrize("staged", ["", "{}\n"])
def test_an_empty_file_that_is_left_of_what_was_pulled_is_not_in_the_way_of_a_new_journal(
    done: World, staged: str
) -> None:
    done.item("three")
    if staged:  # the index has outlived the machine, and the branch's move has not
        done.write("artifacts/three/journal.jsonl", staged)
        done.git("add", "artifacts/three/journal.jsonl")
    done.write("artifacts/three/journal.jsonl", "")
    done.tick(drain=True)
    assert (done.lane("three"), done.status()) == ("done", "")


def test_an_empty_file_is_a_persons_as_long_as_the_machine_has_not_been_off(done: World) -> None:
    done.tick()
    done.write("queue/review/two.yaml", "")
    done.tick()
    assert done.read("queue/review/two.yaml") == ""


def test_a_code_file_that_is_empty_is_a_persons(done: World) -> None:
    done.write("program.py", "")
    done.tick()
    assert done.read("program.py") == ""


def test_where_the_system_does_not_say_when_it_was_started_each_start_looks(done: World) -> None:
    class Silent(System):
        def boot(self) -> str:
            return ""

    done.tick()
    (done.root / ".git/index").write_bytes(b"DIRC")
    with closing(Repository(done.root, Silent())) as repository:
        assert repository.recover()
    assert done.status() == ""


def test_a_file_that_was_to_move_and_came_out_empty_has_its_content_where_it_comes_to(
    done: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a batch whose branch has moved, and whose files had not yet when the machine went off
    def refused(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    item, verdict = "queue/review/two.yaml", "queue/review/two.human.verdict.yaml"
    was = done.read(item)
    done.verdict("two", "reject")
    done.commit()
    with monkeypatch.context() as patched, pytest.raises(OSError):
        patched.setattr(Publisher, "_bring_up", refused)
        done.tick()
    assert done.lane("two") == "done"
    (done.root / ".git/factory" / BOOT).write_text("yet another start of the machine")
    for path in (item, verdict):
        assert done.read(path)
        done.write(path, "")
    # when it is finished
    done.tick()
    # then nothing is empty, and nothing lies where it lay
    assert (done.read(done.path("two")), done.status()) == (was, "")


def test_an_index_ahead_of_its_branch_is_put_back_also_where_the_machine_goes_off_again_while_that_is_done(
    done: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an index that says that an item has begun, and a branch that had not moved when the machine went off
    def refused(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    done.item("three")
    done.commit("Three")
    with monkeypatch.context() as patched, pytest.raises(OSError):
        patched.setattr(Publisher, "_move_refs", refused)
        patched.setattr(Publisher, "_take_back", lambda *_: None)
        done.tick()
    assert "AD artifacts/three/journal.jsonl" in done.status()
    # and a pass that locked it, and was not at its end when the machine went off again, which kept no lock
    with monkeypatch.context() as patched, pytest.raises(OSError):
        patched.setattr(Index, "prepare", refused)
        done.tick()
    (done.root / ".git/index.lock").unlink()
    # when the next pass comes by
    with closing(Repository(done.root)) as repository:
        repository.recover()
    # then a commit of the person's has nothing in it that did not happen
    assert done.status() == ""


@pytest.mark.parametrize("torn", [b"", b"x\x9c", zlib.compress(b"blob 3\0no")])
def test_an_object_that_was_torn_is_written_again_instead_of_being_taken_for_there(world: World, torn: bytes) -> None:
    with closing(Repository(world.root)) as repository:
        oid = repository.objects.add("blob", b"content\n")
        place = Path(repository.common_dir / "objects" / oid[:2] / oid[2:])
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(torn)
        repository.objects.flush()
    assert world.git("cat-file", "-p", oid) == "content"


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The inodes of what is made durable from here on."""
    found: list[int] = []
    real = os.fsync

    def noted(descriptor: int) -> None:
        found.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    return found


def test_no_object_has_its_name_before_its_content_is_on_the_disk(world: World, synced: list[int]) -> None:
    with closing(Repository(world.root)) as repository:
        oid = repository.objects.add("blob", b"content\n")
        repository.objects.flush()
        assert (repository.common_dir / "objects" / oid[:2] / oid[2:]).stat().st_ino in synced


def test_the_lock_of_an_index_says_whose_it_is_also_after_a_loss_of_power(
    world: World, synced: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a person who removes a lock that is empty, as git tells them to, and then commits
    index = world.root / ".git/index.lock"
    held: list[int] = []
    adopt = Index.adopt

    def adopted(self: Index) -> None:
        held.append(index.stat().st_ino)
        adopt(self)

    monkeypatch.setattr(Index, "adopt", adopted)
    # when moves are made
    world.item("one")
    world.item("two")
    world.tick(drain=True)
    # then the file that locks the index is one for all of them, and has been synced
    assert len(held) > 1 and len(set(held)) == 1
    assert held[0] in synced
    assert not index.exists()


def test_a_move_that_a_full_disk_broke_off_is_durable_before_anybody_builds_on_it(
    world: World, synced: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a batch whose branch has moved, and whose files could not be written
    def refused(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    world.item("one")
    before = world.git("rev-parse", "main")
    with monkeypatch.context() as patched, pytest.raises(OSError):
        patched.setattr(Publisher, "_bring_up", refused)
        world.tick()
    assert world.git("rev-parse", "main") != before
    heads = (world.root / ".git/refs/heads").stat().st_ino
    assert heads not in synced
    # when it is finished
    with closing(Repository(world.root)) as repository:
        assert repository.recover()
    # then that the branch has moved outlives the machine
    assert heads in synced


def test_branches_that_were_to_move_with_the_first_one_are_moved_where_the_machine_kept_only_that(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a batch that moves, makes and takes away branches, as a machine that went off has kept its first move alone
    def refused(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    old = world.git("rev-parse", "main")
    new = world.git("commit-tree", "-p", old, "-m", "factory: one inbox -> active (run 1)", f"{old}^{{tree}}")
    for branch in ("target", "factory/gone", "elsewhere"):
        world.git("branch", branch, old)
    moves = {"main": (old, new), "target": (old, new), "factory/gone": (old, NOTHING), "factory/made": (NOTHING, new)}
    updates = [RefUpdate(branch, *ends) for branch, ends in {**moves, "elsewhere": (old, new)}.items()]
    with closing(Repository(world.root)) as repository:
        with monkeypatch.context() as patched, pytest.raises(OSError):
            patched.setattr(Publisher, "_bring_up", refused)
            repository.publisher.publish(updates)
        for branch, at in {"target": old, "factory/gone": old, "factory/made": None}.items():
            world.git("update-ref", *(["-d"] if at is None else []), f"refs/heads/{branch}", *([at] if at else []))
            (world.root / f".git/logs/refs/heads/{branch}").unlink(missing_ok=True)
        later = world.git("commit-tree", "-p", new, "-m", "By hand", f"{new}^{{tree}}")
        world.git("update-ref", "refs/heads/elsewhere", later)  # which a person has gone on from
        # when it is finished
        assert repository.recover()
    # then all of it has happened
    heads = dict(
        line.split(" ") for line in world.git("for-each-ref", "--format=%(refname:short) %(objectname)").split("\n")
    )
    assert heads == {"main": new, "target": new, "factory/made": new, "elsewhere": later}


def test_where_a_git_died_with_the_machine_as_it_packed_references_branches_are_deleted_again(done: World) -> None:
    done.git("pack-refs", "--all")
    for name in ("packed-refs.lock", "packed-refs.new"):
        (done.root / ".git" / name).write_text("")
    done.command("cancel", "two")
    done.tick()
    assert done.lane("two") == "done"
    assert done.git("branch", "--list", "factory/*") == ""


class Broken(NamedTuple):
    """A batch of the queue's branch and a target of its own, of which a machine that went off has kept the first."""

    world: World
    old: str  # of the target, and of what is on the item's branch
    new: str  # of the target
    moves: Sequence[RefUpdate]

    def recover(self) -> None:
        with closing(Repository(self.world.root)) as repository:
            repository.recover()

    def head(self, branch: str) -> str:
        return self.world.git("rev-parse", "-q", "--verify", f"refs/heads/{branch}", check=False)


@pytest.fixture
def broken(world: World) -> Broken:
    old = world.git("rev-parse", "main")
    world.git("branch", "queue", old)
    queue = world.git("commit-tree", "-p", old, "-m", "factory: one review -> done (run 1)", f"{old}^{{tree}}")
    world.write("landed.txt", "landed\n")
    world.write("program.py", "print('landed')\n")
    new = world.commit("Merge one")
    world.git("branch", "factory/one", old)
    world.git("reset", "-q", "--hard", old)
    (world.root / ".git/logs/refs/heads/main").unlink()
    moves = [RefUpdate("queue", old, queue), RefUpdate("main", old, new), RefUpdate("factory/one", old, NOTHING)]
    world.git("update-ref", "refs/heads/queue", queue)
    world.write(".git/factory/pending", json.dumps(moves))
    return Broken(world, old, new, moves)


def test_a_landing_in_another_target_is_made_up_for(broken: Broken) -> None:
    broken.recover()
    assert (broken.head("main"), broken.head("factory/one"), broken.world.status()) == (broken.new, "", "")
    assert broken.world.read("landed.txt") == "landed\n"


def test_a_branch_that_a_person_has_moved_back_stays_there(broken: Broken) -> None:
    for at in (broken.new, broken.old):
        broken.world.git("update-ref", "-m", "by hand", "--create-reflog", "refs/heads/main", at)
    broken.recover()
    assert broken.head("main") == broken.old


def test_what_was_proposed_stays_where_a_person_has_gone_on_from_before_the_landing(broken: Broken) -> None:
    broken.world.write("mine.txt", "mine\n")
    mine = broken.world.commit("By hand")
    broken.recover()
    assert (broken.head("main"), broken.head("factory/one")) == (mine, broken.old)


def test_a_branch_does_not_move_under_a_merge_or_an_edit_of_what_has_landed(broken: Broken) -> None:
    merging = broken.world.write(".git/MERGE_HEAD", f"{broken.new}\n")
    with pytest.raises(BusyError, match="merge"):
        broken.recover()
    merging.unlink()
    broken.world.write("program.py", "print('mine')\n")
    with pytest.raises(BusyError, match=r"program\.py"):
        broken.recover()
    assert broken.head("main") == broken.old
    broken.world.git("checkout", "-q", "--", "program.py")
    broken.recover()
    assert (broken.head("main"), broken.world.status()) == (broken.new, "")
