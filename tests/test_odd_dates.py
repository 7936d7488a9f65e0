"""A commit says of its time what anybody wrote into it; no command stumbles over it."""

import subprocess

import pytest

from factory.model.moments import LATEST, moment_of, seconds_of
from tests.world import World

ABSURD = ["99999999999999999999", "9" * 4400, "253402300800", "-99999999999", "", "0", "soon"]


def commit_dated(world: World, told: str) -> None:
    """A person's commit of what is staged, whose author and committer give this time."""
    tree, head = world.git("write-tree"), world.git("rev-parse", "HEAD")
    by = f"Old One <old@example.org> {told} +0000"
    text = f"tree {tree}\nparent {head}\nauthor {by}\ncommitter {by}\n\nFrom another age\n"
    commit = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
        cwd=world.root,
        input=text.encode(),
        capture_output=True,
        check=True,
    ).stdout.decode()
    world.git("update-ref", "refs/heads/main", commit.strip())


@pytest.mark.parametrize("told", ABSURD, ids=lambda told: told[:12] or "none")
def test_a_commit_from_no_possible_time_ends_no_command(world: World, told: str) -> None:
    world.item("one")
    world.write("program.py", "print('older')\n")
    world.git("add", "-A")
    commit_dated(world, told)
    for command in ("status", "list", "check"):
        assert "Traceback" not in world.command(command)
    world.tick(drain=True)
    assert world.lane("one") == "done"
    for arguments in (("show", "one"), ("log", "one"), ("audit",), ("doctor",)):
        assert "Traceback" not in world.command(*arguments, status=None)


def test_every_time_told_becomes_one_that_can_be_reckoned_with() -> None:
    assert [seconds_of(told) for told in ABSURD] == [LATEST, LATEST, LATEST, 0, 0, 0, 0]
    assert seconds_of(" 1700000000 ") == 1_700_000_000
    assert moment_of(10**30).year == 9998
    assert moment_of(-5).year == 1970
