"""A mounted disk: Python's own library, the product's files and its libraries work on it, and nothing goes past it."""

import fcntl
import functools
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from filelock import FileLock, Timeout

from factory.store import files
from tests.simulation.disk.disk import Disk
from tests.simulation.disk.inodes import Crash
from tests.simulation.disk.mounted import mounted

TOP = Path("/simulated")


def clock() -> float:
    return 1.7e9


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk(clock)
    with mounted(disk):
        yield disk


class _Watch:
    """What reaches the machine with a path of the disk in it; Python tells of nearly every call that does."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.on = False
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.on or event.startswith(("tempfile.", "shutil.", "pathlib.", "glob.", "os.walk", "os.fwalk")):
            return  # the last are Python's own
        if any(str(TOP) in str(each) for each in arguments):
            self.found.append(f"{event} {arguments}")


@functools.cache
def _the_watch() -> _Watch:
    """It is there from its first use on, since nothing takes it away, and every test after it is slower."""
    return _Watch()


@contextmanager
def nothing_goes_past() -> Iterator[None]:
    watch = _the_watch()
    watch.on = True
    try:
        yield
    finally:
        watch.on = False
        found, watch.found = watch.found, []
    assert not found


def test_the_files_of_the_product_are_on_the_disk_alone(disk: Disk) -> None:
    root = TOP / "repository"
    with nothing_goes_past():
        files.write(root / "a" / "file", b"one", durable=True)
        assert files.write_new(root / "a" / "new", b"two") and not files.write_new(root / "a" / "new", b"three")
        assert files.move_new(root / "a" / "new", root / "b" / "moved") and not (root / "a" / "new").exists()
        assert files.put_new(root / "b" / "moved", root / "c" / "moved")
        files.put(root / "c" / "moved", root / "c" / "put")
        assert files.read_regular(root / "c" / "put") == b"two"
        (root / "link").symlink_to("a")
        assert files.read_regular(root / "link") is None
        assert files.read_inside(root, "a/file", 10) == b"one" and files.read_inside(root, "link/file", 10) is None
        assert files.read_start(root / "link" / "file", 2) == b"on"
        assert files.make_folders(root, Path("x/y")) and not files.make_folders(root, Path("link/y"))
        assert files.real_folder(root, "x/y") == root / "x" / "y" and files.real_folder(root, "link") is None
        files.remove_empty_folders(root / "x" / "y", root)
        (root / "a" / ".factory-left").touch()
        files.remove_unfinished(root)
        assert sorted(each.name for each in root.rglob("*")) == ["a", "b", "c", "file", "link", "put"]
        files.remove_tree(root)
    assert not os.path.lexists(root)
    assert list(TOP.iterdir()) == []


def test_a_lock_is_held_once_and_is_gone_when_its_process_was_killed(disk: Disk) -> None:
    with nothing_goes_past():
        lock = FileLock(TOP / "lock")
        lock.acquire(timeout=0)
        with pytest.raises(Timeout):
            FileLock(TOP / "lock").acquire(timeout=0)
        disk.crash(Random(0), power=False)
        again = FileLock(TOP / "lock")
        again.acquire(timeout=0)
        del lock
        with pytest.raises(Timeout):
            FileLock(TOP / "lock").acquire(timeout=0)
        again.release()
        FileLock(TOP / "lock").acquire(timeout=0).lock.release()


def test_a_lock_that_dies_with_its_process_is_let_go_in_silence(disk: Disk) -> None:
    def at_work() -> None:
        lock = FileLock(TOP / "lock")
        lock.acquire(timeout=0)
        disk.die()

    with pytest.raises(Crash):
        at_work()
    disk.crash(Random(0), power=False)
    FileLock(TOP / "lock").acquire(timeout=0).lock.release()


def test_temporary_files_have_names_that_follow_from_the_disk_alone() -> None:
    def made() -> list[object]:
        found: list[object] = []
        with mounted(Disk(clock)):
            descriptor, name = tempfile.mkstemp(prefix="x", dir=TOP)
            os.close(descriptor)
            with (
                tempfile.TemporaryDirectory(dir=TOP) as folder,
                tempfile.NamedTemporaryFile(dir=TOP) as file,
                tempfile.TemporaryFile(dir=TOP) as nameless,
            ):
                nameless.write(b"abc")
                nameless.seek(0)
                found += [name, folder, file.name, nameless.read(), *TOP.iterdir()]
            assert list(TOP.iterdir()) == [Path(name)]
        return found

    with nothing_goes_past():
        assert made() == made()


def test_a_whole_folder_is_copied(disk: Disk) -> None:
    (TOP / "folder").mkdir()
    assert (TOP / "folder").is_dir()
    assert shutil.copytree(TOP / "folder", TOP / "copy") == TOP / "copy"


def test_streams_are_as_they_are_everywhere(disk: Disk) -> None:
    with nothing_goes_past():
        (TOP / "text").write_text("ä\r\nb\n", newline="")
        assert (TOP / "text").read_text() == "ä\nb\n"
        with (TOP / "text").open("r+b", buffering=0) as raw:
            assert isinstance(raw, io.RawIOBase) and raw.read(2) == "ä".encode()
            assert os.pread(raw.fileno(), 3, 2) == b"\r\nb"
        with os.fdopen(os.open(TOP / "text", os.O_RDONLY), encoding="utf-8") as stream:
            assert list(stream) == ["ä\n", "b\n"]
        with pytest.raises(IsADirectoryError):
            TOP.open()
        with pytest.raises(ValueError, match="invalid mode"):
            open(TOP / "text", "rw")  # noqa: PTH123, SIM115


def test_nothing_goes_from_one_disk_to_the_other_in_one_step(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"content")
    with pytest.raises(OSError, match="cross-device"):
        (tmp_path / "real").rename(TOP / "moved")
    assert files.put_new(tmp_path / "real", TOP / "copied")
    assert (TOP / "copied").read_bytes() == b"content"
    (TOP / "out").symlink_to(tmp_path)
    assert not (TOP / "out").exists() and (TOP / "out").is_symlink()


def test_the_machine_is_as_before_when_the_disk_is_gone() -> None:
    before = (os.stat, os.open, io.open, open, fcntl.flock, set(os.supports_dir_fd))
    with pytest.raises(KeyError), mounted(Disk(clock)):
        (TOP / "file").touch()
        assert os.stat is not before[0]
        raise KeyError
    assert (os.stat, os.open, io.open, open, fcntl.flock, set(os.supports_dir_fd)) == before
    assert not (TOP / "file").exists()
    assert next(tempfile._get_candidate_names()) != "00000001"  # type: ignore[attr-defined]


def test_the_rest_of_the_machine_is_there_as_ever(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "simulated").mkdir()
    (tmp_path / "simulated" / "file").write_text("real")
    shutil.copy2(tmp_path / "simulated" / "file", TOP / "file")
    assert (TOP / "file").read_text() == "real"
    assert TOP.stat().st_dev != tmp_path.stat().st_dev
    with os.scandir(tmp_path) as entries:
        assert [each.name for each in entries] == ["simulated"]


def test_one_disk_at_a_time_is_mounted(disk: Disk) -> None:
    with pytest.raises(RuntimeError), mounted(Disk(clock)):
        pass
