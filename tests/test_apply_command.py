"""Apply by command: a decision is carried out in another world, at most once for each subject, also across a crash."""

import json
import re
import signal
from pathlib import Path

import pytest

from factory.model.lifecycle import Outcome
from tests.witness import Background, commands_with
from tests.world import World


@pytest.fixture
def note(world: World, tmp_path: Path) -> Path:
    """What apply commands leave outside, where nothing contains them."""
    world.policy("sandbox: off")
    return tmp_path / "note"


def applied_by(world: World, script: str, **keys: object) -> None:
    world.contract("outside", apply={"mode": "command", "run": ["sh", "-c", script]}, **keys)
    world.item("one", contract="outside")


def test_the_decision_comes_on_standard_input_and_the_outcome_is_recorded(world: World, note: Path) -> None:
    applied_by(world, f"cat >> {note}; echo told")
    world.tick()
    assert (world.lane("one"), world.last("one").outcome) == ("done", Outcome.APPLIED)
    decision = json.loads(note.read_text())
    last = world.last("one")
    assert (decision["item"]["id"], decision["subject"], decision["proposal"]) == ("one", last.subject, last.proposal)
    assert decision["idempotency_key"] == last.subject
    kept = json.loads(world.artifacts("one")["run-1/apply.json"])
    assert (kept["exit_code"], kept["output"]) == (0, "told\n")
    # and this repository's own content is as it was
    assert not (world.root / "one.txt").exists()
    assert world.status() == ""


def test_a_command_that_fails_waits_for_a_person_and_is_not_run_again(world: World, note: Path) -> None:
    applied_by(world, f"echo run >> {note}; echo no such ticket; exit 3")
    world.tick()
    assert world.lane("one") == "blocked"
    assert "the apply command ended with exit status 3; it is not run again" in str(world.last("one").reason)
    assert "no such ticket" in json.loads(world.artifacts("one")["run-1/apply.json"])["output"]
    world.move("one", "queue/review")
    world.tick(drain=True)
    assert note.read_text() == "run\n"


def test_killed_between_the_command_and_its_commit_it_has_run_exactly_once(world: World, note: Path) -> None:
    # given an apply command, and a git command that keeps the factory from committing its outcome
    lock = world.root / ".git/index.lock"
    applied_by(world, f"echo run >> {note}; touch {lock}")
    living = Background(world, "tick")
    notes = world.root / ".git/factory/applies"
    world.until(lambda: any('"ended":true' in path.read_text() for path in notes.glob("*.json")), 30)
    # when it is killed
    living.signal(signal.SIGKILL)
    living.end()
    lock.unlink()
    assert world.lane("one") == "review"
    # then the next tick finishes the item without running the command again
    world.tick()
    assert (world.lane("one"), note.read_text()) == ("done", "run\n")


def test_killed_while_the_command_runs_nobody_knows_and_a_person_is_asked(world: World, note: Path) -> None:
    applied_by(world, f"echo run >> {note}; sleep 60.401")
    living = Background(world, "tick")
    world.until(lambda: bool(commands_with("60.401")), 30)
    living.signal(signal.SIGKILL)
    living.end()
    world.tick()
    assert (world.lane("one"), note.read_text()) == ("blocked", "run\n")
    assert "nobody knows how far it got" in str(world.last("one").reason)
    world.until(lambda: not commands_with("60.401"))


def test_a_held_or_refused_item_is_not_applied(world: World, note: Path) -> None:
    seats = [{"name": "human", "kind": "human"}]
    applied_by(world, f"echo run >> {note}", review={"seats": seats})
    world.tick()
    world.verdict("one", "reject")
    world.tick()
    assert world.last("one").outcome is Outcome.REJECTED
    assert not note.exists()


def test_a_tick_ends_when_a_person_took_the_item_back_while_its_command_ran(world: World, note: Path) -> None:
    applied_by(world, f"echo run >> {note}; sleep 1")
    living = Background(world, "tick", "--drain")
    world.until(note.exists, 30)
    world.move("one", "queue/blocked", commit=True)
    assert living.end(30)[0] == 0
    assert (world.lane("one"), world.events("one")[-1]) == ("blocked", "moved")


def test_the_branch_mode_leaves_a_branch_and_the_text_of_its_pull_request(world: World) -> None:
    world.contract("branch", apply={"mode": "branch"}, checks=[{"name": "there", "run": ["test", "-e", "one.txt"]}])
    world.item("one", contract="branch")
    world.tick()
    text = world.artifacts("one")["run-1/pull-request.md"]
    assert text.startswith("# do one\n")
    assert "Branch `factory/one`" in text
    assert "- there: `test -e one.txt` passed" in text
    assert world.git("rev-parse", "factory/one") == world.last("one").proposal


def test_the_branch_mode_offers_a_proposal_of_another_clone_on_the_remote(world: World, tmp_path: Path) -> None:
    seats = [{"name": "human", "kind": "human"}]
    world.contract("offered", apply={"mode": "branch"}, review={"seats": seats})
    world.item("one", contract="offered")
    world.item("two", contract="offered")
    world.commit()
    remote = World(tmp_path / "remote.git")
    world.git("clone", "-q", "--bare", str(world.root), str(remote.root))
    world.git("remote", "add", "origin", str(remote.root))
    world.command("tick", "--push")
    assert not remote.git("branch", "--list", "factory/*")  # nobody has judged them
    # when they are approved in a clone that has the queue alone
    world.git("clone", "-q", str(remote.root), str(tmp_path / "clone"))
    clone = World(tmp_path / "clone")
    for name in ("one", "two"):
        clone.verdict(name, "approve")
    remote.git("branch", "factory/two", "main")
    said = clone.command("tick", "--push")
    # then their branches are here and there, but for the one that somebody else has made
    for where in (clone, remote):
        assert where.git("rev-parse", "factory/one") == clone.last("one").proposal
    assert "origin has another factory/two, which stays as it is" in said
    assert remote.git("rev-parse", "factory/two") != clone.last("two").proposal
    assert (clone.lane("two", "origin/main"), clone.git("rev-parse", "HEAD")) == (
        "done",
        remote.git("rev-parse", "main"),
    )


def test_a_branch_that_the_remote_has_refused_is_pushed_again_until_it_has_it(world: World, tmp_path: Path) -> None:
    world.contract("offered", apply={"mode": "branch"})
    world.item("one", contract="offered")
    world.commit()
    remote = World(tmp_path / "remote.git")
    world.git("clone", "-q", "--bare", str(world.root), str(remote.root))
    world.git("remote", "add", "origin", str(remote.root))
    refusing = remote.root / "hooks" / "update"
    refusing.write_text("#!/bin/sh\ncase $1 in refs/heads/factory/*) echo not here >&2; exit 1;; esac\n")
    refusing.chmod(0o755)
    assert "factory/one is not on origin yet: " in world.command("tick", "--push")
    assert world.lane("one") == "done"
    refusing.unlink()
    # the item is finished, and yet the next pass brings it there, and the one after that has nothing to do
    world.command("tick", "--push")
    assert remote.git("rev-parse", "factory/one") == world.last("one").proposal
    remote.git("branch", "-D", "factory/one")  # once it is merged
    world.command("tick", "--push")
    assert not remote.git("branch", "--list", "factory/*")


def test_a_branch_is_not_on_the_remote_before_its_item_is_finished_there(world: World, tmp_path: Path) -> None:
    world.contract("offered", apply={"mode": "branch"})
    world.item("one", contract="offered")
    world.commit()
    remote = World(tmp_path / "remote.git")
    world.git("clone", "-q", "--bare", str(world.root), str(remote.root))
    world.git("remote", "add", "origin", str(remote.root))
    seen = tmp_path / "seen"
    told = remote.root / "hooks" / "update"
    told.write_text(
        f"#!/bin/sh\ncase $1 in refs/heads/factory/*) git ls-tree -r --name-only main queue >> {seen};; esac\n"
    )
    told.chmod(0o755)
    world.command("tick", "--push", "--drain")
    assert re.search(r"queue/done/[^/]+/one\.yaml", seen.read_text())
