"""What one commit did to files: items pure and in one place, artifacts written once, nothing touched in passing."""

import json
import re
from collections.abc import Collection, Iterable, Iterator

from factory.model.base import digest
from factory.model.lifecycle import Lane
from factory.report.audit.rules import Found, Rule
from factory.report.audit.state import AuditState, ItemRecord, artifact_of, item_in, judged_in, lane_of
from factory.store.queue import BREAKERS
from factory.store.repository.chronicle import Step
from factory.store.repository.trees import Change

JOURNAL = "journal.jsonl"
AGAIN = re.compile(r"run-\d+/(recheck\.json|recheck/.*)")  # what a later recheck writes over
_AT_THE_END = re.compile(r"run-\d+/(apply\.json|pull-request\.md)")  # what the apply adds to a run


def by_item(changes: Iterable[Change]) -> dict[str, list[Change]]:
    """The changes of items' files, by id."""
    found: dict[str, list[Change]] = {}
    for change in changes:
        if item_id := item_in(change.path):
            found.setdefault(item_id, []).append(change)
    return found


def is_journal(change: Change) -> bool:
    """Whether it is a journal that changed."""
    return artifact_of(change.path)[1] == JOURNAL


def places(state: AuditState, step: Step, factory: bool) -> Iterator[Found]:
    """Where the items' files lie after a commit."""
    for item_id, changes in by_item(step.changes).items():
        record = state.record(item_id)
        before = set(record.places.values())
        for change in changes:
            record.places.pop(change.path, None)
        for change in changes:
            if change.new:
                record.places[change.path] = change.new
        path = changes[-1].path
        if factory and len(record.places) > 1:  # a person's second file is refused until one of them goes
            yield Rule.ONE_LANE, path, record.whereabouts
        if factory and before and set(record.places.values()) - before:
            yield Rule.PURE_RENAME, path, "the factory changed what an item says"
        if factory and before and not record.places:
            yield Rule.LOST, path, f"the factory took {item_id} away"
        if factory and not before and record.journal and record.places:
            last = record.last or state.deleted(item_id)
            if last is not None and last not in record.places.values():
                yield Rule.PURE_RENAME, path, f"the factory brought {item_id} back with another text"
        if before and not record.places:
            record.last = next(iter(before))


def edited_after(step: Step, record: ItemRecord, moved: bool) -> Iterator[Found]:
    """What a commit did to the file of a finished item, which only its reopening may still change."""
    if record.lane is not Lane.DONE or (not moved and record.history.lane is not Lane.DONE):
        return
    place = record.path, record.places[record.path]
    if moved:
        record.ended = place
    elif record.ended is not None and record.ended != place:
        yield Rule.PURE_RENAME, record.path, f"{step.author} changed {record.id} after it had been finished"


def artifacts(state: AuditState, step: Step, factory: bool) -> Iterator[Found]:
    """Artifacts are only added, but for journals, which grow."""
    changed: dict[tuple[str, str], list[Change]] = {}
    for change in step.changes:
        item_id, below = artifact_of(change.path)
        if below:
            changed.setdefault((item_id, below), []).append(change)
    given = set(_given(state, step))
    for (item_id, below), changes in changed.items():
        record, path = state.record(item_id), changes[-1].path
        journal = below == JOURNAL
        rule = Rule.APPEND_ONLY if journal else Rule.ARTIFACTS
        known = record.journal if journal else record.run.get(below, "")
        new = next((change.new.oid for change in changes if change.new), "")
        if not factory:
            yield rule, path, f"{step.author} changed what only the factory writes"
        elif not new:
            yield rule, path, "was taken away"
        elif journal and known and new != known:
            if not _grown(state.blob(known), state.blob(new)):
                yield rule, path, "was changed where it had been written already"
        elif known and new != known and not AGAIN.fullmatch(below) and (item_id, below, new) not in given:
            yield rule, path, "was changed after it had been written"
    if factory:
        added = {key: changes for key, changes in changed.items() if key[1] != JOURNAL}
        yield from _manifests(state, added, given)
    for (item_id, below), changes in changed.items():
        new = next((change.new.oid for change in changes if change.new), "")
        if new and below != JOURNAL:
            state.write(item_id, below, new)


def _grown(old: bytes, new: bytes) -> bool:
    return new.startswith(old) and (not old or old.endswith(b"\n")) and new.endswith(b"\n")


def _given(state: AuditState, step: Step) -> Iterator[tuple[str, str, str]]:
    """(item, path below its folder, blob) of every verdict that a commit took from the lane to the item's run."""
    for change in step.changes:
        item_id = judged_in(change.path)
        if item_id and change.old and not change.new:
            run = state.record(item_id).history.run
            yield item_id, f"run-{run}/verdict.{change.path.split('.')[-3]}.yaml", change.old.oid


def _manifests(
    state: AuditState, changed: dict[tuple[str, str], list[Change]], given: Collection[tuple[str, str, str]]
) -> Iterator[Found]:
    """What came to the runs' folders stands in a manifest that came with it, or is a verdict or of a recheck."""
    listed: dict[tuple[str, str], dict[str, tuple[str, int]]] = {}
    came: dict[tuple[str, str, str], tuple[str, str]] = {}  # (item, run, name): (path, blob)
    for (item_id, below), changes in changed.items():
        record, (run, _, name) = state.record(item_id), below.partition("/")
        path, oid = next(((change.path, change.new.oid) for change in changes if change.new), ("", ""))
        if not oid or below in record.run:
            continue
        if name == "manifest.json":
            listed[item_id, run] = _listed(state.blob(oid))
        else:
            came[item_id, run, name] = path, oid
    for (item_id, run), names in listed.items():
        for name in sorted(names.keys() - {each for item, of, each in came if (item, of) == (item_id, run)}):
            yield (
                Rule.DIGESTS,
                f"{run}/{name}",
                f"stands in the manifest of {item_id}'s {run}, and did not come with it",
            )
    for (item_id, run, name), (path, oid) in came.items():
        told = listed.get((item_id, run), {}).get(name)
        if told is None:
            below = f"{run}/{name}"
            if (item_id, below, oid) not in given and not (AGAIN.fullmatch(below) or _AT_THE_END.fullmatch(below)):
                yield Rule.DIGESTS, path, "came without a manifest that lists it"
        else:
            data = state.blob(oid)
            if told != (digest(data), len(data)):
                yield Rule.DIGESTS, path, "is not what the manifest of its run says"


def _listed(manifest: bytes) -> dict[str, tuple[str, int]]:
    try:
        files = json.loads(manifest)["files"]
        return {name: (each["digest"], each["bytes"]) for name, each in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def beside(step: Step, item_id: str) -> list[str]:
    """What a commit that moves one item changed besides that item."""
    return [change.path for change in step.changes if not _belongs(change.path, item_id)]


def _belongs(path: str, item_id: str) -> bool:
    if path.startswith(f"{BREAKERS}/"):
        return True
    return item_id in (item_in(path), artifact_of(path)[0], judged_in(path))


def unsaid(step: Step, known: Collection[str]) -> Iterator[Found]:
    """What the factory may do without naming a move: open a verdict file again, bring back an item, make a new one."""
    for change in step.changes:
        came = change.new and not change.old
        item_id = item_in(change.path)
        returned = came and item_id in known and lane_of(change.path) is Lane.BLOCKED
        made = came and item_id and item_id not in known and lane_of(change.path) is Lane.INBOX
        may = returned or made or (came and judged_in(change.path)) or not change.of_factory
        if not may:
            yield Rule.TRAILERS, change.path, "was changed by the factory in a commit that does not say the move"
            return
