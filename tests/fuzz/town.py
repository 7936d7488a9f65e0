"""Whole commands over a repository into which a person has committed spoiled files."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.fuzz.inputs import Input
from tests.world import World

_LOOKS = (
    ("check",),
    ("status",),
    ("list",),
    ("show", "waits"),
    ("log", "waits"),
    ("show", "item-fuzzed"),
    ("review", "waits", "--json"),
    ("audit",),
    ("tick", "--drain"),
    ("status", "--json"),
    ("audit", "--json"),
)
_USUAL, _UNUSABLE = (0, 1, 2), (0, 1, 2, 3)


def build(place: Path) -> World:
    """A factory with something in each lane."""
    world = World.create(place)
    world.item("waits", contract="reviewed")
    world.item("stuck", [{"result": {"status": "blocked", "question": "what?"}}])
    world.item("done")
    world.tick(drain=True)
    world.commit("What the person has")
    return world


def _place(given: Input) -> str:
    return {
        "item": "queue/inbox/item-fuzzed.yaml",
        "batch": "queue/inbox/batch-fuzzed.jsonl",
        "contract": "contracts/fuzzed.yaml",
        "workflow": "WORKFLOW.md",
        "verdict": "queue/review/waits.human.verdict.yaml",
        "journal": "artifacts/stuck/journal.jsonl",
        "evidence": "artifacts/waits/run-1/evidence.json",
        "breaker": "queue/breakers/other.yaml",
        "leases": "queue/leases/0123456789abcdef.yaml",
        "result": "artifacts/waits/run-1/result.json",
        "answer": "artifacts/waits/run-1/verdict.critic.yaml",
    }.get(given.kind, "artifacts/waits/run-1/usage.json")


def rounds(inputs: Sequence[Input]) -> Iterator[list[Input]]:
    """The inputs in groups of different kinds; the policy alone, since without it nothing else is looked at."""
    left = list(inputs)
    while left:
        kinds: dict[str, Input] = {}
        for each in left:
            if each.kind == "workflow" and not kinds:
                kinds[each.kind] = each
                break
            if each.kind != "workflow":
                kinds.setdefault(each.kind, each)
        left = [each for each in left if each not in kinds.values()]
        yield list(kinds.values())


def visit(template: Path, place: Path, group: Sequence[Input]) -> None:
    """Commit a group of inputs as a person, and let everybody look. Raises AssertionError when anything is stopped."""
    shutil.copytree(template, place, symlinks=True)
    world = World(place)
    for given in group:
        path = place / _place(given)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(given.data)
    policy = any(given.kind == "workflow" for given in group)
    world.item("good")
    world.commit("What a person wrote")
    before = {path: world.git("rev-parse", f"HEAD:{path}") for path in map(_place, group)}
    for look in _LOOKS:
        code, said = world.ended(*look)
        assert "Traceback" not in said
        assert code in (_UNUSABLE if policy else _USUAL), f"{look} ended with {code}: {said[-300:]}"
    if not policy:
        assert world.lane("good") == "done", world.command("status", status=None)
    _nothing_lost(world, before)
    shutil.rmtree(place)


def _nothing_lost(world: World, before: dict[str, str]) -> None:
    """What a person wrote lies somewhere as it was; a batch was made into items, and a journal has grown."""
    blobs = {entry.split()[2] for entry in world.git("ls-tree", "-r", "-z", "HEAD").split("\0") if entry}
    for path, blob in before.items():
        if path.endswith(".jsonl") and blob not in blobs:
            came = world.git("log", "-1", "--format=%s", "--", path)
            assert came.startswith("factory: "), f"{path}: {came}"
        else:
            assert blob in blobs, f"{path} is gone"
