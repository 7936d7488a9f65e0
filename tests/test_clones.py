"""A clone of the branch alone is complete: what one clone began, another one finishes."""

import json
import os
import shutil
import signal
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from factory.line.lock import holder, owner_of
from factory.line.review.proposals import Unreadable, base_of
from factory.model.lifecycle import Event
from factory.store.repository.repository import Repository
from tests.witness import Background, assert_history_agrees, cells_of, processes_in, wait_for
from tests.world import World

COMMANDS = (
    ("status",),
    ("status", "--json"),
    ("list",),
    ("list", "--json"),
    ("check",),
    ("review",),
    ("audit",),
    ("doctor",),
    ("tick", "--dry-run"),
)
LANES = {
    "waiting": "inbox",
    "working": "active",
    "judged": "review",
    "binary": "review",
    "again": "rework",
    "asking": "blocked",
    "ended": "done",
}


def cloned(world: World, name: str = "clone") -> World:
    """A second clone, with the branch and nothing else."""
    place = world.root.parent / name
    subprocess.run(["git", "clone", "-q", "--no-local", "--single-branch", world.root, place], check=True)
    return World(place)


@pytest.fixture
def everywhere(world: World) -> World:
    """A factory with an item in every lane; what was proposed lies only on branches that no clone gets."""
    world.write("program.py", "print('hello')\nprint('there')\n")
    (world.root / "picture.bin").write_bytes(bytes(range(256)) * 20)
    human = {"seats": [{"name": "human", "kind": "human"}]}
    world.contract("pictures", produces={"patch": {"required": True, "binary": True}}, review=human)
    world.commit("More")
    world.item("ended")
    world.item("asking", [{"result": {"status": "blocked", "question": "Which one?"}}])
    edits = [
        {"write": {"path": "program.py", "text": "print('hello')\r\nprint('you')"}},
        {"write": {"path": "naïve file.txt", "text": "new\n"}},
    ]
    world.item("judged", edits, contract="reviewed")
    world.item("binary", [{"write": {"path": "picture.bin", "text": "\0now text\n"}}], contract="pictures")
    second = [{"write": {"path": "again.txt", "text": "longer\n"}}]
    world.item("again", [{"write": {"path": "again.txt", "text": "a\n"}}], second, contract="reviewed")
    world.tick()
    world.command("review", "again", "--rework", "-m", "Make it longer.")
    world.policy("tracker: {required_labels: [go]}")
    world.tick()
    assert world.lane("again") == "rework"
    assert world.lane("binary") == "review"
    world.item("waiting")
    world.item("working")
    world.tick()
    lease(world, "working")
    return world


def test_a_proposal_was_made_on_its_parent_and_a_commit_without_one_is_no_proposal(world: World) -> None:
    first = world.git("rev-list", "--max-parents=0", "HEAD")
    second = world.commit(f"Bring {world.item('one')}")
    with closing(Repository(world.root)) as repository:
        assert base_of(repository, second) == world.git("rev-parse", f"{second}^")
        with pytest.raises(Unreadable, match=f"{first[:10]} is no proposal: it was made on no other commit"):
            base_of(repository, first)


def lease(world: World, item_id: str, until: str = "2000-01-01T00:00:00Z") -> None:
    """An item that another clone works on, as its journal tells it."""
    folder = world.root / "artifacts" / item_id
    folder.mkdir(parents=True)
    blob = world.git("rev-parse", f"HEAD:queue/inbox/{item_id}.yaml")
    held = {"owner": "elsewhere:1", "generation": 1, "expires_at": until}
    begun = {"base": world.git("rev-parse", "HEAD"), "item": blob}
    at, actor = "2000-01-01T00:00:00Z", "factory <factory@elsewhere>"
    lines = [
        {"seq": 1, "at": at, "event": "submit", "to": "inbox", "actor": actor},
        {"seq": 2, "at": at, "event": "start", "from": "inbox", "to": "active", "run": 1, "actor": actor},
    ]
    lines[1] |= {"worker": "factory-scripted", "lease": {**held, **begun}}
    (folder / "journal.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    world.git("mv", f"queue/inbox/{item_id}.yaml", f"queue/active/{item_id}.yaml")
    world.commit("Begun elsewhere")


def test_every_command_works_in_a_fresh_clone(everywhere: World) -> None:
    clone = cloned(everywhere)
    for item_id, lane in LANES.items():
        assert clone.lane(item_id) == lane
        for command in ("show", "log"):
            clone.command(command, item_id)
    for arguments in COMMANDS:
        said = clone.command(*arguments, status=None)
        assert "Traceback" not in said
        assert "has no commit" not in said
    # and what waits for a verdict is judged, not merely listed
    assert "waits for" in clone.command("status")
    clone.command("review", "judged", "--approve")


def test_a_second_clone_finishes_what_the_first_began(everywhere: World) -> None:
    items = ("judged", "binary")
    proposals = {item_id: everywhere.git("rev-parse", f"factory/{item_id}") for item_id in items}
    clone = cloned(everywhere)
    clone.policy()
    clone.tick(drain=True)
    # the same commits, made again from base and patch
    for item_id, proposal in proposals.items():
        assert clone.git("rev-parse", f"factory/{item_id}") == proposal
    for item_id in ("judged", "binary", "again"):
        clone.verdict(item_id, "approve")
    clone.tick(drain=True)
    for item_id in ("judged", "binary", "again", "waiting", "working", "ended"):
        assert clone.lane(item_id) == "done", clone.last(item_id)
    for item_id in ("judged", "binary", "again", "waiting", "ended"):
        assert_history_agrees(clone, item_id)
    assert clone.lane("asking") == "blocked"
    assert (clone.root / "picture.bin").read_bytes() == b"\0now text\n"
    assert (clone.root / "program.py").read_bytes() == b"print('hello')\r\nprint('you')"
    assert clone.read("again.txt") == "longer\n"
    assert "Merge judged" in clone.git("log", "--format=%s")


def test_a_proposal_that_cannot_be_made_again_costs_its_item_a_reason_and_nobody_else_anything(
    everywhere: World,
) -> None:
    path = "artifacts/judged/journal.jsonl"
    submit, start, *more = everywhere.read(path).splitlines()
    begun = json.loads(start)
    assert begun["event"] == "start"
    everywhere.write(path, "\n".join([submit, json.dumps({**begun, "at": "2001-01-01T00:00:00Z"}), *more, ""]))
    everywhere.commit("A journal that somebody edited")
    clone = cloned(everywhere)
    clone.policy()
    said = clone.command("status")
    assert "made again from what is recorded it is another one" in said
    clone.verdict("binary", "approve")
    clone.tick(drain=True)
    assert clone.lane("judged") == "review"
    assert clone.lane("binary") == "done"
    assert clone.lane("waiting") == "done"


def test_a_patch_that_does_not_fit_is_a_reason(everywhere: World) -> None:
    everywhere.write("artifacts/again/run-1/patch.diff", "not a patch\n")
    everywhere.commit("Nonsense")
    clone = cloned(everywhere)
    clone.policy()
    clone.tick(drain=True)
    assert clone.lane("again") == "review"  # made anew, from the base
    clone.verdict("again", "approve")
    clone.tick(drain=True)
    assert clone.read("again.txt") == "longer\n"


def test_a_clone_of_some_depth_says_what_it_lacks(everywhere: World) -> None:
    place = everywhere.root.parent / "shallow"
    url = f"file://{everywhere.root}"
    subprocess.run(["git", "clone", "-q", "--depth", "2", url, place], check=True)
    clone = World(place)
    assert "is not here either" in clone.command("status")
    clone.tick()
    assert clone.lane("judged") == "review"


def test_a_proposal_whose_base_held_what_looks_like_a_secret_is_made_again(world: World, tmp_path: Path) -> None:
    """What is masked in a patch's context could never be applied again."""
    key = "AKIA" + "IOSFODNN7" + "EXAMPLX"
    world.write("settings.py", f"key = '{key}'\nmode = 1\n")
    world.commit("Settings")
    steps = [{"write": {"path": "settings.py", "text": f"key = '{key}'\nmode = 2\n"}}]
    world.item("mode", steps, contract="reviewed")
    world.tick()
    assert world.lane("mode") == "review", world.last("mode")
    clone = cloned(world)
    clone.tick()
    clone.verdict("mode", "approve")
    clone.tick(drain=True)
    assert clone.lane("mode") == "done"
    shutil.rmtree(clone.root)


def owner(world: World) -> str:
    """Who takes leases there."""
    repository = Repository(world.root)
    try:
        return owner_of(repository)
    finally:
        repository.close()


def test_two_clones_are_never_the_same_whatever_they_are_called(world: World, tmp_path: Path) -> None:
    """As containers are, and machines of a CI service: equal host names, equal paths, and folders copied whole."""
    world.tick()
    first = owner(world)
    assert first and owner(world) == first
    world.tick()
    assert owner(world) == first, "a clone keeps its id"
    # a clone that was copied, with what is local to it, and takes the other one's place
    shutil.copytree(world.root, tmp_path / "copy", symlinks=True)
    world.root.rename(tmp_path / "moved")
    (tmp_path / "copy").rename(world.root)
    assert owner(world) != first
    assert owner(World(tmp_path / "moved")) == first, "a folder that is moved stays the clone it was"


def test_an_item_that_a_clone_of_the_same_name_works_on_is_left_to_it(world: World, tmp_path: Path) -> None:
    world.item("one", [{"sleep": 60}], [{"write": {"path": "one.txt", "text": "1\n"}}])
    living = Background(world, "tick")
    wait_for(lambda: world.lane("one") == "active" if "queue/active/one" in world.git("ls-files") else False)
    wait_for(lambda: bool(processes_in(cells_of(world))))
    shutil.copytree(world.root, tmp_path / "copy", symlinks=True)
    # the copy leaves it alone as long as the lease holds, and the other one's cell too
    copy = World(tmp_path / "copy")
    copy.tick()
    assert copy.lane("one") == "active"
    assert f"another clone ({owner(world)}) is at work" in copy.command("status")
    assert processes_in(cells_of(world))
    living.signal(signal.SIGKILL)
    living.end()
    # the clone itself knows that its orchestrator is gone
    world.tick(drain=True)
    assert world.lane("one") == "done"


def test_an_item_that_another_clone_works_on_comes_back_blocked_where_a_person_deletes_its_file(world: World) -> None:
    world.item("one")
    world.commit("An item")
    lease(world, "one", until="2999-01-01T00:00:00Z")
    world.tick()
    assert world.lane("one") == "active"
    world.git("rm", "-q", "queue/active/one.yaml")
    world.git("commit", "-qm", "Not that one")
    world.tick()
    assert world.lane("one") == "blocked"
    assert (world.journal("one")[-1].reason or "").startswith("its file was deleted by ")


def test_what_one_clone_finished_stays_so_where_another_had_moved_it_to_and_fro(world: World) -> None:
    # given an item that is finished in one clone, and in the other one lies where it lay, with moves that are recorded
    world.item("one")
    world.commit("An item")
    other = cloned(world)
    other.move("one", "queue/blocked", commit=True)
    other.tick()
    other.move("one", "queue/inbox", commit=True)
    world.tick(drain=True)
    finished = world.journal("one")
    # when git merges both without a conflict
    world.git("pull", "-q", "--no-rebase", "--no-edit", str(other.root), "main")
    assert world.git("ls-files", "artifacts/one") == "artifacts/one/journal.jsonl"
    # then the next tick says so, whatever else it does, and no other one
    world.item("two")
    said = "is done in one clone, and another had moved it: what artifacts/one/journal.jsonl tells counts for nothing"
    assert said in world.command("tick", "--drain")
    world.item("three")
    assert said not in world.command("tick", "--drain")
    # and what is told of its end is what was
    assert (world.lane("one"), world.journal("one")) == ("done", finished)
    assert finished[-1].event is Event.FINISH


def test_a_holder_whose_number_another_process_has_is_gone(world: World) -> None:
    note = {"pid": os.getpid(), "host": socket.gethostname(), "since": "2001-01-01T00:00:00Z", "began": "long ago"}
    place = world.root / ".git/factory/holder"
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(note))
    assert holder(place.parent) is None
    assert "none is running" in world.command("status")


def test_what_was_checked_merged_with_a_moved_target_is_found_again(world: World) -> None:
    """The merge that the checks ran on lies in no commit, so a clone does not get it."""
    slow: list[dict[str, object]] = [{"sleep": 2.5}, {"write": {"path": "slow.txt", "text": "slow\n"}}]
    world.item("slow", slow, contract="reviewed")
    world.item("quick")
    world.tick(drain=True)
    assert (world.lane("slow"), world.lane("quick")) == ("review", "done")
    clone = cloned(world)
    clone.tick()
    clone.verdict("slow", "approve")
    clone.commit("Approved")
    assert "approved by" in clone.command("status")
    clone.tick(drain=True)
    assert clone.lane("slow") == "done"


def test_into_a_target_whose_history_was_made_anew_is_merged_as_it_is_now(world: World) -> None:
    # given a target with a commit of its own, on which an item was checked
    own = world.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "Of the product alone")
    world.git("branch", "product", own)
    world.policy("target: product")
    world.item("one", contract="reviewed")
    world.tick()
    evidence = json.loads(world.artifacts("one")["run-1/evidence.json"])
    assert evidence["target"] == own
    # when the target is rewritten, and a clone that never saw the old one goes on
    tree = world.git("rev-parse", "product^{tree}")
    world.git("branch", "-f", "product", world.git("commit-tree", tree, "-m", "Anew"))
    world.verdict("one", "approve")
    world.commit("Approved")
    place = world.root.parent / "clone"
    subprocess.run(["git", "clone", "-q", "--no-local", world.root, place], check=True)
    clone = World(place)
    clone.git("branch", "product", "origin/product")
    clone.git("branch", "-D", "-r", "origin/factory/one")
    assert "one" in clone.command("status")
    clone.tick(drain=True)
    # then it holds what the checks ran on, so what is merged is proven
    assert clone.lane("one") == "done"
    assert clone.git("rev-parse", "product^1") == clone.git("rev-parse", "origin/product")
    assert clone.git("show", "product:one.txt") == "one"
    assert own not in clone.git("rev-list", "--first-parent", "product")
