"""The queue on a branch of its own: the code's branch holds the code, and what came in, and nothing else."""

import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from factory.line.apply import landing
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
    assert said.index("$EDITOR") < said.index("factory doctor --checks") < said.index("factory add")
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


def test_a_commit_on_the_target_between_what_is_proven_and_what_is_landed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a person who commits to the code's branch just as the merge train is about to land on it
    project, queue = _with_queue(tmp_path / "app")
    queue.item("one", contract="change")
    landed = landing.land
    committed: list[str] = []

    def land(*given: Any) -> Any:
        if not committed:
            project.write("work.txt", "a week\n")
            committed.append(project.commit("A week of work"))
        return landed(*given)

    monkeypatch.setattr("factory.line.apply.train.land", land)
    queue.tick(drain=True)
    # then it is there, below the merge, which has been proven on it
    assert project.git("log", "--first-parent", "--format=%s", "trunk").split("\n") == [
        "Merge one: do one",
        "A week of work",
        "The program",
    ]
    assert project.git("ls-files").split("\n") == ["one.txt", "program.py", "work.txt"]
    assert (project.status(), queue.status()) == ("", "")
    queue.command("audit", status=0)


def test_what_is_dropped_in_the_codes_working_tree_is_taken_in(tmp_path: Path) -> None:
    project, queue = _with_queue(tmp_path / "app")
    project.git("worktree", "remove", "--force", str(queue.root))
    project.item("one", contract="change")
    project.command("tick", "--drain")
    assert project.lane("one", "queue") == "done"
    assert (project.root / "one.txt").exists()


def test_it_is_taken_in_also_while_the_queue_has_a_working_tree(tmp_path: Path) -> None:
    project, queue = _with_queue(tmp_path / "app")
    project.item("one", contract="change")
    project.write("queue/inbox/b.jsonl", '{"id": "two", "title": "do two", "contract": "change", "hold": true}\n')
    assert re.search(r"^one +inbox +new", project.command("status"), re.M)
    project.command("tick", "--drain")
    assert (project.lane("one", "queue"), project.lane("two", "queue")) == ("done", "inbox")
    # then it is gone from where it lay, and nothing comes of it again
    assert (project.status(), queue.status()) == ("", "")
    head = project.git("rev-parse", "queue")
    for _ in range(2):
        project.command("tick", "--drain")
    assert project.git("rev-parse", "queue") == head
    project.command("audit", status=0)


def test_all_else_in_the_codes_working_tree_is_the_codes(tmp_path: Path) -> None:
    project, _ = _with_queue(tmp_path / "app")
    for path in ("contracts/token.yaml", "contracts/Token.sol", "queue/worker.py", "queue/review/a.yaml"):
        project.write(path, "title: mine\n")
    before = project.status()
    said = project.command("tick", "--strict")
    assert "queue/worker.py" not in said
    assert project.status() == before
    assert project.git("ls-tree", "-r", "--name-only", "queue", "contracts/token.yaml", "contracts/Token.sol") == ""
    # and on another branch than the target the inbox is, too
    project.git("switch", "-q", "-c", "feature")
    project.item("one", contract="change")
    project.command("tick")
    assert (project.root / "queue/inbox/one.yaml").exists()


@pytest.mark.parametrize("same", [True, False])
def test_what_two_working_trees_bring_at_once_is_taken_once(tmp_path: Path, same: bool) -> None:
    project, queue = _with_queue(tmp_path / "app")
    project.item("one", text="hold: true\n", contract="change")
    queue.item("one", text="hold: true\n" if same else "hold: true\nlabels: [mine]\n", contract="change")
    said = project.command("tick")
    # then the queue's own counts, and no file of another content is lost
    assert ("labels: [mine]" in project.git("show", "queue:queue/inbox/one.yaml")) is not same
    assert ("each have one; give one another name" in said) is not same
    head = project.git("rev-parse", "queue")
    project.command("tick", "--drain")
    assert project.git("rev-parse", "queue") == head
    assert project.git("log", "--format=%s", "queue", "--", "queue/inbox/one.yaml").count("\n") == 0
    assert project.status() == ("" if same else "?? queue/inbox/one.yaml")


def test_a_busy_orchestrator_finds_what_is_dropped_in_the_codes_working_tree(tmp_path: Path) -> None:
    project, queue = _with_queue(tmp_path / "app")
    queue.write("WORKFLOW.md", queue.read("WORKFLOW.md").replace("---\n", "---\npolling: {interval_ms: 600000}\n", 1))
    queue.commit("Look seldom")
    (project.root / "queue/inbox").mkdir(parents=True)
    running = project.start("run")
    try:
        assert running.stdout is not None and "watching" in running.stdout.readline()
        time.sleep(1)
        project.item("one", contract="change")
        project.until(lambda: "one.txt" in project.git("ls-tree", "--name-only", "trunk"), 60)
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate()


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
