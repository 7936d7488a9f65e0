"""The simulated disk when a process is killed or the power goes: what survives, what may be lost, what may not."""

import errno
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from factory.store import files
from tests.simulation.disk.chains import chain
from tests.simulation.disk.conformance import Side
from tests.simulation.disk.disk import Disk
from tests.simulation.disk.inodes import FOLDER, Crash, Inode
from tests.simulation.disk.mounted import mounted

DRAWS = 200
TOP = Path("/simulated")
Names = dict[str, tuple[int, str]]  # by path: the inode's number, and where a link leads


def clock() -> float:
    return 1.7e9


def named(disk: Disk) -> dict[str, Inode]:
    """Everything that has a name, by path."""
    found: dict[str, Inode] = {}
    folders = [("", disk.root)]
    while folders:
        path, folder = folders.pop()
        for name, inode in folder.names.items():
            found[f"{path}/{name}"] = inode
            if inode.kind == FOLDER:
                folders.append((f"{path}/{name}", inode))
    return found


def names(disk: Disk) -> Names:
    return {path: (inode.number, inode.target) for path, inode in named(disk).items()}


def contents(disk: Disk) -> dict[str, bytes]:
    """What lies in each file, with folders and links beside."""
    found: dict[str, bytes] = {}
    with mounted(disk):
        for folder, folders, inside in os.walk(TOP):
            for name in [*folders, *inside]:
                path = Path(folder, name)
                found[str(path)] = path.read_bytes() if path.is_file() else b"no file"
    return found


def after_power_loss(disk: Disk, seed: int) -> dict[str, bytes]:
    other = disk.copy()
    other.crash(Random(seed))
    return contents(other)


def draws(disk: Disk) -> list[dict[str, bytes]]:
    return [after_power_loss(disk, seed) for seed in range(DRAWS)]


@pytest.mark.parametrize("ordered", [True, False])
def test_what_was_written_durably_survives_every_loss_of_power(ordered: bool) -> None:
    disk = Disk(clock, ordered=ordered)
    with mounted(disk):
        (TOP / "state").mkdir()
        files.sync_folder(TOP)
        files.write(TOP / "state" / "id", b"old", durable=True)
        files.write(TOP / "state" / "id", b"new", durable=True)
        files.write(TOP / "state" / "loose", b"loose")
    assert {each[str(TOP / "state" / "id")] for each in draws(disk)} == {b"new"}


WRITTEN = b"written" * 2000


def test_what_was_written_and_not_synced_is_lost_in_every_way_that_there_is() -> None:
    disk = Disk(clock)
    with mounted(disk):
        files.write(TOP / "file", b"durable", durable=True)
        (TOP / "file").write_bytes(WRITTEN)
    seen = {each[str(TOP / "file")] for each in draws(disk)}
    assert {b"durable", b"", WRITTEN} < seen
    assert all(each == b"durable" or WRITTEN.startswith(each) for each in seen)
    assert any(0 < len(each) < len(WRITTEN) and len(each) % 4096 == 0 for each in seen)  # whole pages


def test_a_durable_name_does_not_make_what_was_written_durable() -> None:
    disk = Disk(clock)
    with mounted(disk):
        files.write(TOP / "file", b"old", durable=True)
        files.write(TOP / "file", b"new content")
        files.sync_folder(TOP)
    assert {b"", b"new content"} == {each[str(TOP / "file")] for each in draws(disk)}


def test_names_survive_in_the_order_in_which_they_were_given() -> None:
    disk = Disk(clock)
    with mounted(disk):
        for number in range(6):
            (TOP / f"folder-{number % 2}").mkdir(exist_ok=True)
            (TOP / f"folder-{number % 2}" / str(number)).touch()
    lengths = set()
    for found in draws(disk):
        kept = [number for number in range(6) if str(TOP / f"folder-{number % 2}" / str(number)) in found]
        assert kept == list(range(len(kept)))
        lengths.add(len(kept))
    assert lengths == set(range(7))


def test_syncing_any_file_makes_all_earlier_names_durable() -> None:
    disk = Disk(clock)
    with mounted(disk):
        (TOP / "one").mkdir()
        (TOP / "one" / "early").touch()
        files.write(TOP / "two" / "synced", b"x", durable=True)
        (TOP / "one" / "late").touch()
    found = draws(disk)
    assert all(str(TOP / "one" / "early") in each for each in found)
    assert {str(TOP / "one" / "late") in each for each in found} == {True, False}


def test_where_order_is_not_kept_syncing_a_folder_says_nothing_of_another() -> None:
    disk = Disk(clock, ordered=False)
    with mounted(disk):
        for name in ("one", "two"):
            (TOP / name).mkdir()
        files.sync_folder(TOP)
        for number in range(4):
            (TOP / "one" / str(number)).touch()
            (TOP / "two" / str(number)).touch()
        files.sync_folder(TOP / "two")
        (TOP / "two" / "late").touch()
    seen = set()
    for found in draws(disk):
        kept = [number for number in range(4) if str(TOP / "one" / str(number)) in found]
        assert kept == list(range(len(kept)))
        assert all(str(TOP / "two" / str(number)) in found for number in range(4))
        seen.add((len(kept), str(TOP / "two" / "late") in found))
    assert seen == {(kept, late) for kept in range(5) for late in (True, False)}


def test_where_order_is_not_kept_syncing_a_file_makes_its_newest_name_durable() -> None:
    disk = Disk(clock, ordered=False)
    with mounted(disk):
        for name in ("one", "two"):
            (TOP / name).mkdir()
        files.sync_folder(TOP)
        (TOP / "one" / "first").write_bytes(b"content")
        (TOP / "one" / "first").rename(TOP / "two" / "second")
        descriptor = os.open(TOP / "two" / "second", os.O_RDONLY)
        os.fsync(descriptor)
    for found in draws(disk):
        assert found[str(TOP / "two" / "second")] == b"content"
        assert str(TOP / "one" / "first") not in found


@pytest.mark.parametrize("ordered", [True, False])
def test_a_rename_happens_whole_or_not_at_all(ordered: bool) -> None:
    disk = Disk(clock, ordered=ordered)
    with mounted(disk):
        for name in ("one", "two", "three"):
            (TOP / name).mkdir()
        files.write(TOP / "one" / "file", b"content", durable=True)
        files.sync_folder(TOP)
        (TOP / "one" / "file").rename(TOP / "two" / "file")
        (TOP / "two" / "file").rename(TOP / "three" / "file")
    places = {str(TOP / name / "file") for name in ("one", "two", "three")}
    found = [places & set(each) for each in draws(disk)]
    assert all(len(each) == 1 for each in found)
    assert set.union(*found) == places


def test_a_killed_process_leaves_all_that_it_wrote_and_none_of_its_locks_and_descriptors() -> None:
    disk = Disk(clock)
    with mounted(disk):
        descriptor = os.open(TOP / "file", os.O_RDWR | os.O_CREAT)
        os.write(descriptor, b"written")
        disk.crash(Random(0), power=False)
        with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
            os.read(descriptor, 1)
        os.close(descriptor)
        assert (TOP / "file").read_bytes() == b"written"
    assert b"" in {each.get(str(TOP / "file")) for each in draws(disk)}, (
        "what was written is no more durable than before"
    )


def work() -> None:
    """What a factory does with its files, and a `finally` that would tidy up."""
    try:
        files.write(TOP / "a" / "durable", b"one", durable=True)
        files.write_new(TOP / "a" / "new", b"two")
        files.move_new(TOP / "a" / "new", TOP / "b" / "moved")
        (TOP / "link").symlink_to("b")
        files.write(TOP / "a" / "durable", b"three")
        with (TOP / "log").open("ab") as stream:
            stream.write(b"line\n")
        os.utime(TOP / "log", (1, 1))
        files.remove_empty_folders(TOP / "b", TOP)
    finally:
        (TOP / "a" / "durable").unlink()
        (TOP / "a").rmdir()


def stop_at(disk: Disk, step: int) -> Callable[[str, str], None]:
    def before(operation: str, path: str) -> None:
        if disk.steps == step:
            raise Crash

    return before


def test_a_crash_at_any_step_leaves_exactly_what_was_there_before_it() -> None:
    states: list[dict[str, bytes]] = []
    disk = Disk(clock)

    def before(operation: str, path: str) -> None:
        states.append(contents_inside(disk))

    disk.before = before
    with mounted(disk):
        work()
    assert disk.steps == len(states) > 20
    for step, state in enumerate(states, 1):
        broken = Disk(clock)
        broken.before = stop_at(broken, step)
        with mounted(broken):
            with pytest.raises(Crash):
                work()
            with pytest.raises(Crash):
                (TOP / "a").exists()
            with pytest.raises(Crash):
                (TOP / "a").mkdir()
        assert broken.steps == step
        broken.crash(Random(step), power=False)
        broken.before = None
        assert contents(broken) == state


def contents_inside(disk: Disk) -> dict[str, bytes]:
    copy = disk.copy()
    return {f"{path}": _content(copy, path) for path in names(copy) if path.startswith("/simulated/")}


def _content(disk: Disk, path: str) -> bytes:
    try:
        inode = disk.inode_at(path, disk.root, follow=True)
    except OSError:
        return b"no file"
    return inode.data if inode.kind != FOLDER else b"no file"


@pytest.mark.parametrize("seed", range(30))
def test_after_a_loss_of_power_the_names_are_those_of_one_moment_since_the_last_sync(seed: int) -> None:
    disk = Disk(clock)
    moments: list[Names] = []

    def before(operation: str, path: str) -> None:
        if operation == "fsync":
            moments.clear()
        moments.append(names(disk))

    disk.before = before
    with mounted(disk):
        side = Side(TOP / "outer", deep=1)
        for step in chain(Random(seed), 80):
            side.do(step)
        disk.before = None
        moments.append(names(disk))
    for draw in range(20):
        other = disk.copy()
        known = {inode.number: (inode.data, inode.unsynced) for inode in named(other).values()}
        other.crash(Random(draw))
        assert names(other) in moments
        counted = Counter(number for number, _ in names(other).values())
        for inode in named(other).values():
            data, durable = known.get(inode.number, (inode.data, None))
            assert inode.kind == FOLDER or inode.stat().st_nlink == counted[inode.number]
            assert inode.data == data if durable is None else inode.data == durable or data.startswith(inode.data)


@pytest.mark.parametrize("seed", range(30))
def test_where_order_is_not_kept_each_folder_is_as_it_was_at_one_moment(seed: int) -> None:
    disk = Disk(clock, ordered=False)
    moments: dict[int, list[dict[str, int]]] = {}

    def remember(operation: str = "", path: str = "") -> None:
        for inode in [disk.root, *named(disk).values()]:
            if inode.kind == FOLDER:
                moments.setdefault(inode.number, []).append({name: each.number for name, each in inode.names.items()})

    with mounted(disk):
        side = Side(TOP / "outer", deep=1)
        disk.before = remember
        for step in chain(Random(seed), 40):
            side.do(step)
        disk.before = None
    remember()
    for draw in range(20):
        other = disk.copy()
        other.crash(Random(draw))
        for inode in named(other).values():
            if inode.kind == FOLDER:
                assert {name: each.number for name, each in inode.names.items()} in [{}, *moments[inode.number]]


def test_an_operation_that_is_refused_has_not_happened() -> None:
    def full(operation: str, path: str) -> None:
        if operation == "rename":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    disk = Disk(clock)
    with mounted(disk):
        files.write(TOP / "file", b"old")
        disk.before = full
        with pytest.raises(OSError, match="No space left"):
            files.write(TOP / "file", b"new")
        assert (TOP / "file").read_bytes() == b"old"


def test_what_a_person_does_in_between_is_seen_by_the_operation_and_not_asked_about() -> None:
    disk = Disk(clock)
    asked: list[str] = []

    def person(operation: str, path: str) -> None:
        asked.append(operation)
        if operation == "link":
            (TOP / "target").write_bytes(b"a person's")

    with mounted(disk):
        (TOP / "source").touch()
        disk.before = person
        assert not files.move_new(TOP / "source", TOP / "target")
        assert (TOP / "target").read_bytes() == b"a person's"
        with disk.quietly():
            (TOP / "more").touch()
    assert asked == ["link"]
    assert disk.steps == 2, "the source was made while nobody was asked"


def test_the_same_seed_gives_the_same_log_and_the_same_disk() -> None:
    def life() -> tuple[object, Names]:
        disk = Disk(clock, logged=True)
        with mounted(disk):
            side = Side(TOP / "outer", deep=1)
            for step in chain(Random(7), 100):
                side.do(step)
        disk.crash(Random(7))
        return disk.log, names(disk)

    assert life() == life()


def test_no_two_states_of_a_file_have_the_same_time_though_the_clock_stands_still() -> None:
    disk = Disk(clock)
    with mounted(disk):
        seen = []
        for number in range(10):
            (TOP / "file").write_bytes(str(number).encode())
            seen.append(((TOP / "file").stat().st_mtime_ns, (TOP / "file").stat().st_ctime_ns))
    assert seen == sorted(set(seen))


def test_a_copy_lives_by_itself() -> None:
    disk = Disk(clock)
    with mounted(disk):
        (TOP / "file").write_bytes(b"one")
        os.link(TOP / "file", TOP / "other")
    copy = disk.copy()
    with mounted(copy):
        (TOP / "file").write_bytes(b"two")
        assert (TOP / "other").read_bytes() == b"two"
        (TOP / "new").mkdir()
    assert contents(disk) == {str(TOP / "file"): b"one", str(TOP / "other"): b"one"}
