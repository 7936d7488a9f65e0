"""One entry of git's that is no plain file costs what it stands for a reason, and no command anything."""

from pathlib import Path

import pytest

from tests.world import World

GITLINK = ("160000", "1234567890123456789012345678901234567890")
PLACES = {
    "folders": (
        "queue/inbox/folder",
        "queue/rework",
        "queue/done/2001-01-01",
        "queue/odd",
        "artifacts/odd",
        "contracts/a",
    ),
    "items": (
        "queue/inbox/odd.yaml",
        "queue/inbox/odd.jsonl",
        "queue/review/odd.human.verdict.yaml",
        "queue/done/2001-01-01/odd.yaml",
        "queue/breakers/odd.yaml",
        "contracts/odd.yaml",
        "contracts/prompts",
        "artifacts/odd/journal.jsonl",
        "artifacts/done/2001-01-01/odd/journal.jsonl",
    ),
    "the verdict": ("queue/review/good.human.verdict.yaml",),
    "the journal": ("artifacts/good/journal.jsonl",),
    "the evidence": ("artifacts/good/run-1/evidence.json", "artifacts/good/run-1/patch.diff"),
    "the run": ("artifacts/good/run-1",),
}
COMMANDS = (
    ("status",),
    ("list",),
    ("check",),
    ("show", "other"),
    ("log", "other"),
    ("show", "good"),
    ("review",),
    ("doctor",),
    ("audit",),
)


def delivered(world: World) -> None:
    world.item("good", contract="reviewed")
    world.tick()


@pytest.fixture
def judged(tmp_path: Path) -> World:
    """An item in review."""
    return World.after(delivered, tmp_path / "repo")


def put(world: World, paths: tuple[str, ...], mode: str, oid: str) -> None:
    """Commit entries that no working tree would hold like this."""
    for path in paths:
        world.git("rm", "-rq", "--cached", "--ignore-unmatch", "--", path)
        world.git("update-index", "--add", "--cacheinfo", f"{mode},{oid},{path}")
    world.git("commit", "-q", "-m", "Odd")


@pytest.mark.parametrize("places", PLACES)
def test_a_link_to_another_repository_stops_no_command(judged: World, places: str) -> None:
    put(judged, PLACES[places], *GITLINK)
    judged.git("reset", "-q", "--hard")
    for arguments in COMMANDS:
        said = judged.command(*arguments, status=None)
        assert "factory: the repository has no blob" not in said, (arguments, said)
    # and the other items go their way
    judged.item("other")
    judged.tick(drain=True)
    assert judged.lane("other") == "done"
    assert "good" in judged.command("status")


@pytest.mark.parametrize("path", ["queue/inbox/odd.yaml", "contracts/reviewed.yaml", "artifacts/good/journal.jsonl"])
def test_a_symbolic_link_is_not_read_as_what_it_names(judged: World, path: str) -> None:
    target = judged.git("rev-parse", "HEAD:program.py")
    put(judged, (path,), "120000", target)
    judged.git("reset", "-q", "--hard")
    said = judged.command("status", status=None)
    assert "is not a plain file" in said


def test_a_lost_blob_costs_its_item_alone(judged: World) -> None:
    judged.item("lost", text="hold: true\n")
    judged.tick()
    oid = judged.git("rev-parse", "HEAD:queue/inbox/lost.yaml")
    (judged.root / ".git/factory/parsed").unlink(missing_ok=True)
    (judged.root / ".git/objects" / oid[:2] / oid[2:]).unlink()
    judged.git("update-index", "--assume-unchanged", "queue/inbox/lost.yaml")
    assert "cannot be read" in judged.command("status")
    judged.item("other")
    judged.tick(drain=True)
    assert judged.lane("other") == "done"
