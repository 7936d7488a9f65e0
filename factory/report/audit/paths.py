"""What a path of a commit is to the audit: an item's file, an open verdict, an artifact."""

from collections.abc import Iterable

from factory.model.layout import parse
from factory.model.places import Artifact, ItemFile, Opened
from factory.store.repository.trees import Change


def item_in(path: str) -> str:
    """The id of the item that a path is the file of; empty when it is none."""
    found = parse(path)
    return found.id if isinstance(found, ItemFile) and found.lane else ""


def asked_in(path: str) -> str:
    """The id of the item of which a path puts something before people: a verdict, or answers; empty when it is none."""
    found = parse(path)
    return found.item_id if isinstance(found, Opened) and found.is_at_home else ""


def artifact_of(path: str) -> tuple[str, str]:
    """(item, the path below its folder) of an artifact; empty strings when it is none."""
    found = parse(path)
    return (found.item_id, found.below) if isinstance(found, Artifact) else ("", "")


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
