"""Honest histories, for the audit to say nothing of, and for the forger to falsify."""

import subprocess
from pathlib import Path

from tests.world import World

FINE = {"name": "fine", "run": ["true"]}
CHECKED = {
    "checks": [FINE, {"name": "there", "run": ["test", "-e", "checked.txt"]}],
    "retry": {"max_attempts": 2},
    "rework": {"max_rounds": 2},
}
SQUASHED = {"apply": {"mode": "squash"}, "checks": [FINE]}
HUMAN = {
    "seats": [{"name": "tests", "kind": "checks"}, {"name": "human", "kind": "human", "reviewers": ["Ann", "Eve"]}]
}


def small(root: Path) -> World:
    """One of each: applied by checks, by a person, after a rework; rejected, blocked, cancelled, on hold, in review."""
    world = World.create(root)
    world.contract("checked", **CHECKED)
    world.contract("judged", review=HUMAN, checks=[FINE], rework={"max_rounds": 2})
    world.policy("retry: {initial_ms: 1}\n")
    world.item("plain")
    world.item("checked", contract="checked")
    world.item("stuck", [{"result": {"status": "blocked", "question": "Which one?"}}])
    rounds = [[{"write": {"path": "again.txt", "text": f"round {number}\n"}}] for number in (1, 2)]
    world.item("again", *rounds, contract="judged", text="priority: 2\n")
    world.contract("never", checks=[{"name": "never", "run": ["false"], "when": "both"}], rework={"max_rounds": 1})
    world.item("failing", contract="never")
    for name in ("approved", "rejected"):
        world.item(name, contract="judged", text="priority: 2\n")
    world.item("waiting", text="hold: true\n")
    world.item("gone", text="hold: true\n")
    world.commit("What is to be done")
    world.tick(drain=True)
    world.verdict("approved", "approve")
    world.commit("It is good")
    _say(world, "again", "rework", "once more")
    world.verdict("rejected", "reject")
    world.command("cancel", "gone")
    world.tick(drain=True)
    world.verdict("again", "approve")
    world.commit("Now it is good")
    world.item("flaky", [{"exit": 3}], [{"write": {"path": "flaky.txt", "text": "flaky\n"}}], contract="judged")
    world.item("open", contract="judged")
    world.item("free", contract="reviewed")
    world.commit("Three more")
    world.tick(drain=True)
    world.tick(drain=True)
    assert world.lane("again") == world.lane("approved") == world.lane("plain") == world.lane("checked") == "done"
    assert world.lane("flaky") == world.lane("open") == world.lane("free") == "review"
    ends = ("failing", "stuck", "waiting", "gone")
    assert [world.lane(item_id) for item_id in ends] == ["blocked", "blocked", "inbox", "done"]
    return world


def _say(world: World, item_id: str, decision: str, notes: str) -> None:
    path = world.verdict(item_id, decision)
    path.write_text(path.read_text().replace("notes: |", f"notes: {notes}"))


def bare(source: Path, target: Path) -> Path:
    """A bare clone that shares nothing with what it was made from."""
    subprocess.run(["git", "clone", "-q", "--bare", "--no-local", str(source), str(target)], check=True)
    return target
