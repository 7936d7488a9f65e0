"""What a path of a commit is to the audit: an item's file, an open verdict, an artifact, a journal."""

from collections.abc import Iterable

from factory.model.lifecycle import Lane
from factory.store.artifacts import ARTIFACTS
from factory.store.queue import IGNORED, QUEUE, VERDICT
from factory.store.repository.trees import Change

JOURNAL = "journal.jsonl"
_LANES = {str(lane): lane for lane in Lane}


def lane_of(path: str) -> Lane | None:
    """The lane that a path lies in."""
    parts = path.split("/", 2)
    return _LANES.get(parts[1]) if len(parts) > 2 and parts[0] == QUEUE else None


def item_in(path: str) -> str:
    """The id of the item that a path is the file of; empty when it is none."""
    name = path.rpartition("/")[2]
    an_item = name.endswith(".yaml") and not name.endswith(VERDICT) and name not in IGNORED and lane_of(path)
    return name.removesuffix(".yaml").lower() if an_item else ""


def judged_in(path: str) -> str:
    """The id of the item that a path is an open verdict file of; empty when it is none."""
    verdict = path.startswith(f"{QUEUE}/{Lane.REVIEW}/") and path.endswith(VERDICT)
    return path.rpartition("/")[2].removesuffix(VERDICT).rpartition(".")[0] if verdict else ""


def artifact_of(path: str) -> tuple[str, str]:
    """(item, the path below its folder) of an artifact; empty strings when it is none."""
    if not path.startswith(f"{ARTIFACTS}/"):
        return "", ""
    parts = path.split("/")
    rest = parts[3:] if parts[1] == Lane.DONE else parts[1:]
    return (rest[0], "/".join(rest[1:])) if len(rest) > 1 else ("", "")


def by_item(changes: Iterable[Change]) -> dict[str, list[Change]]:
    """The changes of items' files, by id."""
    found: dict[str, list[Change]] = {}
    for change in changes:
        if item_id := item_in(change.path):
            found.setdefault(item_id, []).append(change)
    return found


def by_artifact(changes: Iterable[Change]) -> dict[tuple[str, str], list[Change]]:
    """The changes of artifacts, by item and path below its folder: one that moved with its item is one artifact."""
    found: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        item_id, below = artifact_of(change.path)
        if below:
            found.setdefault((item_id, below), []).append(change)
    return found


def newest(changes: Iterable[Change]) -> str:
    """The blob that one artifact became; empty when it was only taken away."""
    return next((change.new.oid for change in changes if change.new), "")
