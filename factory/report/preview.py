"""The preview: what a merge would set off, told from the commits before and after it. Nothing of either is run."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from factory.line.dispatch.schedule import plan
from factory.line.intake.batch import new_items
from factory.line.review.assess import assess
from factory.line.review.votes import read_verdict
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.errors import InvalidFile, UnusableError
from factory.model.globs import matches
from factory.model.layout import WORKFLOW, in_library, parse
from factory.model.lifecycle import Lane
from factory.model.places import (
    AgentBreakerFile,
    Artifact,
    BreakerFile,
    ContractFile,
    ItemFile,
    LeaseFile,
    OpenAnswers,
    OpenVerdict,
)
from factory.model.text import counted
from factory.model.verdict import Decision
from factory.store import yaml
from factory.store.library import front_matter
from factory.store.queue import read_item
from factory.store.repository.objects import TreeEntry
from factory.store.repository.repository import Repository
from factory.store.repository.trees import Change, diff


class Kind(StrEnum):
    """What something that a merge sets off is about."""

    UNUSABLE = "unusable"
    START = "start"
    ITEM = "item"
    DECISION = "decision"
    SETTING = "setting"
    FILE = "file"


@dataclass(frozen=True)
class Effect:
    """One thing that a merge would set off. What it says may be anybody's words."""

    kind: Kind
    about: str  # an item, a file, or a file and a key in it
    text: str


def preview(repository: Repository, since: str, until: str) -> list[Effect]:
    """Everything that the factory would find changed in the second of two commits, and what it would then do."""
    reader = SnapshotReader(repository, until)
    trees = [repository.objects.commit(commit).tree for commit in (since, until)]
    if not any(repository.objects.find(tree, WORKFLOW) for tree in trees):
        return []  # the factory lives on another branch
    before, _ = _at(reader, since)
    after, unusable = _at(reader, until)
    changes = list(diff(repository.objects, *trees))
    effects = [Effect(Kind.UNUSABLE, WORKFLOW, unusable)] if unusable else []
    if after is not None:
        effects += _starts(reader, before, after)
        effects += _items(reader, before, after, changes)
        effects += _decisions(reader, after, changes)
    return [*effects, *_rules(reader, [each for each in (before, after) if each], changes)]


def _at(reader: SnapshotReader, commit: str) -> tuple[Snapshot | None, str]:
    """What a pass would know at a commit, or why none could be made there."""
    try:
        return reader.snapshot(reader.repository.system.now(), commit), ""
    except UnusableError as error:
        return None, error.message


def _starts(reader: SnapshotReader, before: Snapshot | None, after: Snapshot) -> Iterator[Effect]:
    started = set(_starting(reader, before)) if before else set()
    for item_id in _starting(reader, after):
        if item_id not in started:
            state = after.items[item_id]
            yield Effect(Kind.START, item_id, f"contract {state.contract_name}, by {_worker(state)}")


def _starting(reader: SnapshotReader, snapshot: Snapshot) -> list[str]:
    """Who starts with the next pass, whatever the machine can do on which this is asked."""
    entries = plan(snapshot, dict(reader.arrivals(snapshot)), lambda each: reader.outcome_of(snapshot.tree, each))
    return [entry.id for entry in entries if entry.start]


def _worker(state: ItemState) -> str:
    if state.contract is None or (state.item and state.item.by_itself):
        return "the factory itself"
    worker = state.contract.worker
    if worker.run is not None:
        return f"the command {shlex.join(worker.run)}"
    return f"the role {worker.role}" if worker.role else f"the agent {' or '.join(worker.agents)}"


def _items(
    reader: SnapshotReader, before: Snapshot | None, after: Snapshot, changes: Iterable[Change]
) -> Iterator[Effect]:
    """The items that came, went, were moved or say something else."""
    files = [(each, parse(each.path)) for each in changes]
    for item_id in dict.fromkeys(file.id for _, file in files if isinstance(file, ItemFile)):
        was = reader.whereabouts(before, item_id) if before else None
        now = reader.whereabouts(after, item_id)
        if now is None:
            yield Effect(Kind.ITEM, item_id, "its file is taken away" if was else "cannot be taken in; factory check")
        elif was is None:
            yield Effect(Kind.ITEM, item_id, f"new in {now.lane}: {_told(after, item_id)}")
        elif was.lane is not now.lane:
            yield Effect(Kind.ITEM, item_id, f"moved from {was.lane} to {now.lane}: {_told(after, item_id)}")
        elif was.blob != now.blob:
            yield Effect(Kind.ITEM, item_id, f"says something else in {now.lane}: {_told(after, item_id)}")
    changed = {each.path for each in changes}
    for batch in after.listing.batches:
        if batch.path in changed:
            data = reader.repository.objects.blob(batch.blob)
            for path, item in new_items(reader, after, batch.path, data)[0].items():
                yield Effect(Kind.ITEM, path, f"new, from {batch.path}: {read_item(path, item).title}")


def _told(snapshot: Snapshot, item_id: str) -> str:
    """What an item is, or why nothing can be done with it."""
    state = snapshot.items.get(item_id)
    if state is None:
        return "it is at its end"
    title = state.item.title if state.item else ""
    return state.problem or f"{title} (contract {state.contract_name})"


def _decisions(reader: SnapshotReader, after: Snapshot, changes: Iterable[Change]) -> Iterator[Effect]:
    """What people decide, answer, and let go on."""
    for each in changes:
        file = parse(each.path)
        if each.new is None:
            continue
        if isinstance(file, OpenVerdict):
            said = _verdict(reader, after, each.path, each.new, file)
            if said:
                yield Effect(Kind.DECISION, each.path, said)
        elif isinstance(file, OpenAnswers):
            yield Effect(Kind.DECISION, each.path, f"answers what {file.item_id} asks")
        elif isinstance(file, BreakerFile | AgentBreakerFile):
            yield Effect(Kind.DECISION, each.path, "lets items start, or keeps them from it")


def _verdict(reader: SnapshotReader, after: Snapshot, path: str, entry: TreeEntry, file: OpenVerdict) -> str:
    """What a verdict says and what follows; empty while it is pending."""
    state = after.items.get(file.item_id)
    try:
        verdict = read_verdict(path, reader.repository.objects.regular(path, entry, yaml.MAX_BYTES))
    except InvalidFile as error:
        return f"cannot be read: {error.problems[0]}"
    if verdict.decision is Decision.PENDING:
        return ""
    if state is None or state.lane is not Lane.REVIEW:
        return f"{verdict.decision}, of nothing that is in review"
    found = assess(reader, after, state)
    if isinstance(found, str):
        return f"{verdict.decision}; {found}"
    refused = next((str(each) for each in found.problems if each.path == path), "")
    follows = found.decision.event or "nothing yet"
    return f"{verdict.decision}, refused: {refused}" if refused else f"{verdict.decision}; {follows} follows"


def _rules(reader: SnapshotReader, snapshots: Iterable[Snapshot], changes: Iterable[Change]) -> Iterator[Effect]:
    """What changes of the policy, key by key, and which other files that only a person may let through."""
    guarded = {pattern for each in snapshots for pattern in each.policy.guarded}
    records = 0
    for each in changes:
        records += isinstance(parse(each.path), Artifact | LeaseFile)
        if each.path == WORKFLOW or isinstance(parse(each.path), ContractFile):
            yield from _settings(reader, each)
        elif in_library(each.path) or matches(each.path, guarded):
            yield Effect(
                Kind.FILE, each.path, "new" if each.old is None else "taken away" if each.new is None else "changed"
            )
    if records:
        text = f"{counted(records, 'file')} changed, where only the factory writes; factory audit says whether it did"
        yield Effect(Kind.FILE, "records", text)


def _settings(reader: SnapshotReader, change: Change) -> Iterator[Effect]:
    try:
        was, now = (_keys(reader, change.path, entry) if entry else {} for entry in (change.old, change.new))
    except InvalidFile as error:
        yield Effect(Kind.FILE, change.path, f"changed, and cannot be read: {error.problems[0].message}")
        return
    if change.new is None:
        yield Effect(Kind.FILE, change.path, "taken away")
    for key in [*now, *(each for each in was if each not in now)]:
        if was.get(key) != now.get(key):
            text = f"{was.get(key, 'nothing')} -> {now.get(key, 'nothing')}"
            yield Effect(Kind.SETTING, f"{change.path} {key}", text)


def _keys(reader: SnapshotReader, path: str, entry: TreeEntry) -> dict[str, str]:
    """Each key of a policy or a contract, with dots between those within one another, and its value as JSON."""
    data = reader.repository.objects.regular(path, entry, yaml.MAX_BYTES)
    if path != WORKFLOW:
        return dict(_flat(yaml.parse(yaml.Source(path, data))))
    source, body = front_matter(data)
    prompt = {"(prompt)": json.dumps(body.data.decode(errors="replace"), ensure_ascii=False)}
    return {**dict(_flat(yaml.parse(source) if source else {})), **prompt}


def _flat(value: JsonValue, *above: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, *above, str(key))
    else:
        yield ".".join(above), json.dumps(value, ensure_ascii=False)
