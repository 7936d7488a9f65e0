"""The queue on a branch of its own: the code's branch holds the code, and what came in, and nothing else."""

import subprocess
from pathlib import Path

import pytest

from tests.world import SCRIPTED, World


def _project(root: Path) -> World:
    root.mkdir()
    world = World(root)
    world.git("init", "-q", "-b", "trunk")
    world.write("program.py", "print('hello')\n")
    world.commit("The program")
    return world


def _with_queue(root: Path) -> tuple[World, World]:
    """The project, and the working tree that shows its queue, laid down as init says."""
    project = _project(root)
    said = project.command("init", "--branch", "queue")
    assert f"git worktree add ../{root.name}-queue queue && cd ../{root.name}-queue" in said
    project.git("worktree", "add", "-q", f"../{root.name}-queue", "queue")
    queue = World(root.parent / f"{root.name}-queue")
    queue.write("contracts/change.yaml", SCRIPTED)
    queue.commit("Put the worker in")
    return project, queue


def test_a_change_comes_into_a_quiet_target(tmp_path: Path) -> None:
    project, queue = _with_queue(tmp_path / "app")
    queue.item("one", contract="change")
    queue.command("tick", "--drain")
    # then the code's branch has the merge and its proposal, and no file of the factory
    assert project.git("log", "--first-parent", "--format=%s", "trunk").split("\n") == [
        "Merge one: do one",
        "The program",
    ]
    assert project.git("ls-files").split("\n") == ["one.txt", "program.py"]
    assert (project.status(), queue.status()) == ("", "")
    assert queue.lane("one", "queue") == "done"
    # and every command works in the code's working tree as well
    assert "1 done today" in project.command("status")
    project.command("audit", status=0)


def test_what_is_dropped_in_the_codes_working_tree_is_taken_in(tmp_path: Path) -> None:
    project, queue = _with_queue(tmp_path / "app")
    project.git("worktree", "remove", "--force", str(queue.root))
    project.item("one", contract="change")
    project.command("tick", "--drain")
    assert project.lane("one", "queue") == "done"
    assert (project.root / "one.txt").exists()


@pytest.mark.parametrize("name", ["1.0", "true", "a#b", "ünï"])
def test_a_branch_may_have_any_name_that_git_allows(tmp_path: Path, name: str) -> None:
    project = _project(tmp_path / "app")
    project.command("init", "--branch", name)
    assert "0 inbox" in project.command("status")


def test_a_branch_that_is_there_or_cannot_be_is_refused_with_the_next_command(tmp_path: Path) -> None:
    project = _project(tmp_path / "app")
    project.git("branch", "taken")
    assert "the branch taken is there already" in project.command("init", "--branch", "taken", status=2)
    # git keeps branches as files, so that one named like the folder of the proposals cannot be
    said = project.command("init", "--branch", "factory", status=2)
    assert "factory init --branch queue" in said
    assert project.git("branch", "--list", "factory") == ""


def test_a_fresh_clone_is_told_how_to_get_the_queue_and_then_works(tmp_path: Path) -> None:
    project, queue = _with_queue(tmp_path / "app")
    queue.item("one", contract="change")
    queue.commit("Ask for one")
    subprocess.run(["git", "clone", "-q", str(project.root), str(tmp_path / "clone")], check=True)
    clone = World(tmp_path / "clone")
    assert "git branch --track queue origin/queue" in clone.command("status", status=3)
    clone.git("branch", "--track", "queue", "origin/queue")
    assert "1 inbox" in clone.command("status")
    clone.command("tick", "--drain")
    assert clone.lane("one", "queue") == "done"


def test_a_fresh_clone_of_the_queue_is_told_how_to_get_the_target_and_nothing_moves_before(tmp_path: Path) -> None:
    project, queue = _with_queue(tmp_path / "app")
    queue.item("one", contract="change")
    queue.commit("Ask for one")
    subprocess.run(["git", "clone", "-q", "-b", "queue", str(project.root), str(tmp_path / "clone")], check=True)
    clone = World(tmp_path / "clone")
    for arguments in (("tick", "--drain"), ("tick", "--dry-run"), ("run",)):
        said = clone.command(*arguments, status=3)
        assert "the target branch trunk is on the remote origin and not in this clone" in said
        assert "next: git branch --track trunk origin/trunk" in said
    assert clone.git("rev-parse", "queue") == clone.git("rev-parse", "origin/queue")
    assert "git branch --track trunk origin/trunk" in clone.command("doctor", status=None)
    clone.git("branch", "--track", "trunk", "origin/trunk")
    clone.command("tick", "--drain")
    assert clone.lane("one", "queue") == "done"
    assert clone.git("show", "trunk:one.txt") == "one"
    clone.command("audit", status=0)


def test_a_queue_that_was_renamed_is_found_from_the_code(tmp_path: Path) -> None:
    project, _ = _with_queue(tmp_path / "app")
    project.git("branch", "-m", "queue", "tasks")
    said = project.command("status", status=3)
    assert "the branch queue, which WORKFLOW.md names, does not exist" in said
    assert "git branch -m tasks queue" in said
