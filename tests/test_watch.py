"""`factory run`: it notices everything, and leaves nothing when it ends."""

import json
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.store.repository.git import Conversation, Git, GitError
from factory.store.system import MACHINE
from tests.program import Process
from tests.witness import commands_with
from tests.world import World


@pytest.fixture
def running(world: World) -> Iterator[Process]:
    """The orchestrator at work, with a timer so slow that only a file event can wake it."""
    world.policy("polling: {interval_ms: 600000}")
    process = world.start("run")
    world.until(lambda: "watching" in (process.stdout.readline() if process.stdout else ""))
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=20)
    finally:
        process.kill()  # does nothing to one that has ended
    assert process.returncode == 0, output
    assert "Traceback" not in output
    left_nothing(world)


def test_it_ends_when_its_repository_is_gone(world: World) -> None:
    world.policy("polling: {interval_ms: 100}")
    process = world.start("run")
    world.until(lambda: "watching" in (process.stdout.readline() if process.stdout else ""))
    shutil.rmtree(world.root)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 3 and "is gone" in output and "Traceback" not in output


def left_nothing(world: World) -> None:
    assert "orchestrator: none is running" in world.command("status")
    assert not list((world.root / ".git/factory/heartbeats").glob("*"))
    assert not list((world.root / ".git/factory/cells").glob("*"))
    assert world.git("worktree", "list").count("\n") == 0
    assert not (world.root / ".git/index.lock").exists()


def test_a_new_file_is_noticed(world: World, running: Process) -> None:
    world.item("one")
    world.until(lambda: (world.root / "one.txt").exists())
    world.until(lambda: world.lane("one") == "done")
    world.until(lambda: world.status() == "")


def test_a_file_that_is_renamed_into_place_is_noticed(world: World, running: Process) -> None:
    place = world.write("queue/inbox/.one.yaml.tmp", "title: t\nhold: true\n")
    place.rename(world.root / "queue/inbox/one.yaml")
    world.until(lambda: "queue/inbox/one.yaml" in world.git("ls-tree", "-r", "--name-only", "main"))


def test_a_batch_is_noticed(world: World, running: Process) -> None:
    lines = [json.dumps({"id": f"item-{number}", "title": "t", "hold": True}) for number in range(20)]
    world.write("queue/inbox/many.jsonl", "\n".join(lines) + "\n")
    world.until(lambda: len(list((world.root / "queue/inbox").glob("item-*.yaml"))) == 20)
    world.until(lambda: not (world.root / "queue/inbox/many.jsonl").exists())


def test_a_verdict_that_is_saved_is_noticed(world: World, running: Process) -> None:
    world.item("one", contract="reviewed")
    world.until((world.root / "queue/review/one.human.verdict.yaml").exists)
    world.verdict("one", "approve")
    world.until(lambda: "queue/done" in world.path("one"))
    world.until(lambda: (world.root / "one.txt").exists())


def test_a_file_that_is_moved_by_hand_is_noticed(world: World, running: Process) -> None:
    runs = [[{"result": {"status": "blocked", "question": "?"}}], [{"write": {"path": "one.txt", "text": "1\n"}}]]
    world.item("one", *runs)
    world.until((world.root / "queue/blocked/one.yaml").exists)
    (world.root / "queue/blocked/one.yaml").rename(world.root / "queue/inbox/one.yaml")
    world.until(lambda: (world.root / "one.txt").exists())


def test_a_commit_made_elsewhere_is_noticed(world: World, running: Process, tmp_path: Path) -> None:
    # given a commit that reaches the branch without any file of the working tree being touched
    tree = tmp_path / "other"
    world.git("worktree", "add", "-q", "--detach", str(tree), "main")
    other = World(tree)
    other.item("one", text="hold: true\n")
    other.git("add", "-A")
    other.git("commit", "-q", "-m", "Elsewhere")
    commit = other.git("rev-parse", "HEAD")
    world.git("worktree", "remove", "--force", str(tree))
    # when the branch is moved to it, as a push or a merge does
    world.git("merge", "-q", "--ff-only", commit)
    other_item = world.root / "queue/inbox/two.yaml"
    world.until(lambda: world.command("status").count("on hold") == 1)
    # then the orchestrator goes on from there
    other_item.write_text("title: t\nhold: true\n")
    world.until(
        lambda: {"one", "two"} <= {Path(path).stem for path in world.git("ls-files", "queue/inbox").split("\n")}
    )
    assert world.command("status").count("on hold") == 2


def test_a_hold_that_is_lifted_by_a_commit_lets_the_item_go(world: World, running: Process) -> None:
    place = world.item("one", text="hold: true\n")
    world.until(lambda: "queue/inbox/one.yaml" in world.git("ls-tree", "-r", "--name-only", "main"))
    place.write_text(place.read_text().replace("hold: true\n", ""))
    world.git("commit", "-q", "-m", "Go", "--only", "queue/inbox/one.yaml", check=False)
    world.until(lambda: (world.root / "one.txt").exists())


def test_a_broken_policy_keeps_the_last_good_one_and_says_so(world: World, running: Process) -> None:
    good = world.read("WORKFLOW.md")
    world.write("WORKFLOW.md", "---\nbranch: main\npolling: {interval_ms: soon}\n---\n")
    world.git("commit", "-q", "-m", "Break it", "--only", "WORKFLOW.md")
    world.item("one")
    world.until(lambda: (world.root / "one.txt").exists())
    # and a good one counts again
    world.until(lambda: world.lane("one") == "done" and world.status() == "")
    world.write("WORKFLOW.md", good.replace("[{contract: scripted}]", "[{contract: reviewed}]"))
    world.git("commit", "-q", "-m", "Mend it", "--only", "WORKFLOW.md")
    place = world.item("two")
    place.write_text(place.read_text().replace("contract: scripted\n", ""))
    world.until((world.root / "queue/review/two.yaml").exists)


def test_an_item_waits_out_its_retry_without_any_event(world: World) -> None:
    world.policy("polling: {interval_ms: 600000}\nretry: {initial_ms: 300}")
    process = world.start("run")
    try:
        world.item("one", [{"exit": 1}], [{"write": {"path": "one.txt", "text": "1\n"}}])
        world.until(lambda: (world.root / "one.txt").exists())
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def test_an_interrupt_stops_the_worker_gives_the_item_back_and_ends_with_0(world: World) -> None:
    world.contract("slow", worker={"run": ["sh", "-c", "trap '' TERM; sleep 60.104"]})
    world.item("one", contract="slow")
    process = world.start("run")
    world.until(lambda: bool(commands_with("60.104")))
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert commands_with("60.104") == []
    assert world.lane("one") == "inbox"
    assert world.status() == ""
    left_nothing(world)


def test_nothing_is_committed_while_nothing_happens(world: World) -> None:
    world.policy("polling: {interval_ms: 50}")
    world.item("one", contract="reviewed")
    process = world.start("run")
    world.until((world.root / "queue/review/one.human.verdict.yaml").exists)
    head = world.git("rev-parse", "main")
    time.sleep(1)  # some twenty passes
    assert world.git("rev-parse", "main") == head
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_git_process_that_has_died_is_an_error_and_not_a_wait(world: World) -> None:
    # given a lasting git process that ends because of what it was asked, before its answer is read
    conversation = Conversation(Git(world.root, MACHINE), "update-ref", "-z", "--stdin")
    raised: list[GitError] = []

    def ask() -> None:
        conversation.send(b"nonsense\0")
        time.sleep(0.3)
        try:
            conversation.read_line()
        except GitError as error:
            raised.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(5)
    waits = asking.is_alive()
    conversation.close()
    # then the reader learns of it, with what git said
    assert not waits
    assert "nonsense" in raised[0].message


def test_it_goes_on_when_nobody_reads_what_it_prints_any_more(world: World) -> None:
    process = world.start("run")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    for item_id in ("one", "two"):
        world.item(item_id)
        world.until(lambda item_id=item_id: (world.root / f"{item_id}.txt").exists())  # type: ignore[misc]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    assert world.lane("two") == "done"
