"""A torn index: a program that crashed left git's index empty or cut off, and the machine was not off meanwhile."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.store.repository.index import is_torn
from tests.test_outlives import running
from tests.witness import wait_for
from tests.world import World

TORN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: whole[:0],
    "zeros": lambda whole: bytes(len(whole)),
    "cut in half": lambda whole: whole[: len(whole) // 2],
    "zeros from the middle on": lambda whole: whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2),
}


@pytest.fixture
def begun(world: World) -> World:
    """A person has an edit that they staged, one that they did not, and a new file; and an item waits for its turn."""
    world.write("beside.py", "beside = 1\n")
    for number in range(60):
        world.write(f"many/file{number}.txt", f"{number}\n")
    world.commit("More code")
    world.item("one")
    world.tick()
    world.item("two")
    world.write("program.py", "print('staged')\n")
    world.write("new.py", "new = 1\n")
    world.git("add", "program.py", "new.py")
    world.write("beside.py", "beside = 2\n")
    return world


@pytest.mark.parametrize("version", [2, 3, 4])
@pytest.mark.parametrize("digest", [True, False])
def test_an_index_is_told_from_one_cut_off_or_zeroed_at_any_byte(tmp_path: Path, version: int, digest: bool) -> None:
    # given an index as the factory makes one, with files that git has not looked at yet
    git = ["git", "-C", str(tmp_path), "-c", f"index.version={version}"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    lines = "".join(f"100644 {number:040x}\tartifacts/{'x' * number}.txt\n" for number in range(1, 10))
    subprocess.run([*git, "update-index", "--index-info"], input=lines.encode(), check=True)
    (tmp_path / "new.txt").write_text("")
    subprocess.run([*git, "add", *(["-N"] if version == 3 else []), "new.txt"], check=True)
    index = tmp_path / ".git/index"
    written = index.read_bytes()
    without = written[:-20] + bytes(20)  # as newer gits write it, if they are told so
    whole = written if digest else without
    index.write_bytes(whole)
    assert whole[7] == version
    assert not is_torn(index)
    # when it ends at any byte, or has zeros from there on; then it is told from one that is whole
    copy, size = tmp_path / "copy", len(whole)
    told = []
    for end in range(size):
        for torn in {whole[:end], whole[:end] + bytes(size - end)} - {whole, without}:
            copy.write_bytes(torn)
            told.append(is_torn(copy))
    assert all(told)


def tear(world: World, how: str, index: Path | None = None) -> None:
    index = index or world.root / ".git/index"
    index.write_bytes(TORN[how](index.read_bytes()))


def next_of(said: str) -> str:
    """The command that a message ends with."""
    return re.split(r"\n +next: ", said.rstrip("\n"))[-1]


def test_whoever_needs_the_index_names_it_with_what_it_is_and_the_command_that_makes_it_anew(begun: World) -> None:
    tear(begun, "empty")
    index = begun.root / ".git/index"
    for command in ("tick", "status"):
        said = begun.command(command, status=3)
        assert f"{index}, git's index of {begun.root}, was left empty or cut off and cannot be read" in said
        assert next_of(said) == f"rm {index} && git -C {begun.root} read-tree HEAD"


@pytest.mark.parametrize("how", TORN)
def test_that_command_keeps_all_that_a_person_has_written_and_forgets_what_was_staged(begun: World, how: str) -> None:
    tear(begun, how)
    subprocess.run(next_of(begun.command("tick", status=3)), shell=True, check=True)
    assert begun.status().split("\n") == [" M beside.py", " M program.py", "?? new.py", "?? queue/inbox/two.yaml"]
    assert [begun.read(path) for path in ("beside.py", "program.py", "new.py")] == [
        "beside = 2\n",
        "print('staged')\n",
        "new = 1\n",
    ]
    begun.tick(drain=True)
    assert begun.lane("two") == "done"


def test_a_merge_that_is_under_way_is_still_so_after_that_command(begun: World) -> None:
    begun.commit("Mine")
    begun.git("switch", "-q", "-c", "other", "HEAD~1")
    begun.write("beside.py", "beside = 3\n")
    begun.commit("Theirs")
    begun.git("switch", "-q", "main")
    begun.git("merge", "other", check=False)
    conflict = begun.read("beside.py")
    tear(begun, "empty")
    subprocess.run(next_of(begun.command("status", status=3)), shell=True, check=True)
    assert "a merge is in progress" in begun.command("tick", status=4)
    assert begun.read("beside.py") == conflict
    begun.commit("Both")
    assert len(begun.git("log", "-1", "--format=%p").split()) == 2


def test_of_several_working_trees_the_message_names_the_one_whose_index_it_is(begun: World, tmp_path: Path) -> None:
    linked = tmp_path / "it's linked"
    begun.git("worktree", "add", "-q", "-b", "aside", str(linked))
    begun.git("switch", "-q", "--detach")
    with_queue = World(linked)
    with_queue.git("switch", "-q", "main")
    (index,) = begun.root.glob(".git/worktrees/*/index")
    tear(begun, "zeros", index)
    said = with_queue.command("tick", status=3)
    assert f"git's index of {linked}" in said
    subprocess.run(next_of(said), shell=True, check=True)
    with_queue.command("tick")


def test_a_run_says_so_and_goes_on_by_itself_after_that_command(begun: World) -> None:
    with running(begun) as living:
        tear(begun, "empty")
        begun.item("three")
        assert living.process.stdout is not None
        said = next(line for line in living.process.stdout if "was left empty or cut off" in line)
        subprocess.run(said.rstrip("\n").split("; ")[-1], shell=True, check=True)
        wait_for(lambda: (begun.root / "three.txt").exists(), 30)


def test_what_git_refuses_for_another_reason_stays_in_its_words(begun: World) -> None:
    (begun.root / ".git/config").write_text("[core\n")
    assert "bad config" in begun.command("status", status=None)
