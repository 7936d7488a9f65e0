"""What must be so when nothing moves any more: where items lie, for whom they wait, and what is told of them."""

import json
import re
from collections.abc import Collection, Iterator

from factory.model.layout import WORKFLOW, journal_path, parse
from factory.model.lifecycle import Lane
from factory.model.places import ItemFile, OpenVerdict
from factory.store.repository.objects import EMPTY_TREE
from factory.store.repository.repository import Repository
from factory.store.repository.trees import diff
from tests.simulation.invariants import NO, SEATS, happened, places
from tests.simulation.person import WHO
from tests.simulation.workers import SHARED, WORK

# A decision; and what to do, where work is sent back.
_SAID = re.compile(rb"^decision: (?:approve|reject|escalate|rework\b[^\x00]*^notes: (?!\|$)\S)", re.MULTILINE)
_TITLE = re.compile(rb"^title: ", re.MULTILINE)
_EVIDENCE = re.compile(r"/run-\d+/evidence\.json$")


def of_places(repository: Repository, known: set[str]) -> Iterator[str]:
    """Items that are lost, or lie in two lanes, or are at work when nothing moves any more."""
    found = places(repository)
    at_work = repository.objects.folder(repository.objects.commit(repository.head("main") or "").tree, "queue/active")
    yield from (f"{name} is at work for ever" for name in sorted(at_work) if name.endswith(".yaml"))
    for each in sorted(known | found.keys()):
        if found[each] > 1 or (not found[each] and not any(repository.root.glob(f"queue/**/{each}.yaml"))):
            yield f"{each} lies in {found[each]} lanes"


def of_waiting(repository: Repository) -> Iterator[str]:
    """Items that wait when nothing moves any more, and for nobody: no verdict is open, and nobody holds them."""
    objects = repository.objects
    tree = objects.commit(repository.head("main") or "").tree
    if not objects.file(tree, WORKFLOW) or not objects.file(tree, "contracts/work.yaml"):
        return  # a person has committed what a loss of power had emptied, and no route takes anything
    for lane in (Lane.INBOX, Lane.REWORK, Lane.REVIEW):
        folder = objects.folder(tree, f"queue/{lane}")
        for name, entry in folder.items():
            place, data = parse(f"queue/{lane}/{name}"), objects.blob(entry.oid)
            if not isinstance(place, ItemFile) or b"hold: true" in data:
                continue
            if not (repository.root / f"queue/{lane}/{name}").is_file():
                continue  # a person has deleted it, and could not commit that
            if _is_emptied(repository, lane, name, data):
                continue
            verdicts = [objects.blob(each.oid) for other, each in folder.items() if other.startswith(f"{place.id}.")]
            journal = objects.file(tree, journal_path(place.id)) or b""
            if lane is Lane.REVIEW and not _is_delivered(journal):
                continue  # a person has put it there, where nothing may be to be judged
            subject = _judged(journal)
            asked = lane is Lane.REVIEW and any(not _counts(each, subject) for each in verdicts if each != data)
            if not asked and not _is_in_the_way(repository, tree, place.id):
                yield f"{place.id} lies in {lane}, and nobody is waited for"


def _is_emptied(repository: Repository, lane: Lane, name: str, data: bytes) -> bool:
    """Whether a loss of power has emptied an item as it is committed, or as a person has saved it.

    What they write into it afterwards makes no item of it: they are told that it lacks a title.
    """
    saved = repository.root / f"queue/{lane}/{name}"
    texts = (data, saved.read_bytes()) if saved.is_file() else (data,)
    return not all(_TITLE.search(each) for each in texts)


def of_moves(repository: Repository, moved: Collection[str]) -> Iterator[str]:
    """Moves that are told to be a person's, of items that they have never moved."""
    for name, entries in happened(repository):
        if name not in moved and any(each["actor"] == WHO and each.get("from") for each in entries):
            yield f"{name} is said to have been moved by {WHO}, who did not"


def of_move(repository: Repository, item_id: str, lane: str) -> Iterator[str]:
    """Whether what a person moved has come to where they moved it, and that is told, after the pass that saw it."""
    entries = next((entries for name, entries in happened(repository) if name == item_id), [])
    if not entries and not places(repository)[item_id]:
        return  # the branch has never held it: it is new, and they are told where new items begin
    if not any(each["actor"] == WHO and each["to"] == lane for each in entries):
        yield f"{item_id} was moved to {lane}, and nobody has seen it"


def _is_delivered(journal: bytes) -> bool:
    """Whether the last thing that happened to an item is that its worker delivered."""
    last: dict[str, object] = json.loads((journal.splitlines() or [b"{}"])[-1])
    return last.get("event") == "deliver"


def _judged(journal: bytes) -> str:
    """The subject that a journal tells of last."""
    return _last(journal, "subject")


def _last(journal: bytes, key: str) -> str:
    """What a journal says last under a key; empty when it never does."""
    said = [json.loads(line).get(key) for line in journal.splitlines()]
    return next((each for each in reversed(said) if each), "")


def _counts(verdict: bytes, subject: str) -> bool:
    """Whether a person has judged a subject, in a way from which something follows."""
    return bool(subject and subject.encode() in verdict and _SAID.search(verdict))


def _is_in_the_way(repository: Repository, tree: str, item_id: str) -> bool:
    """Whether a person has something of their own where an item's worker writes."""
    paths = (f"{WORK}/{item_id}.txt", SHARED)
    places = [(repository.root / path, repository.objects.file(tree, path)) for path in paths]
    return any(place.is_file() and place.read_bytes() != data for place, data in places)


def of_verdicts(repository: Repository) -> Iterator[str]:
    """Verdicts that say no to what lies in review, and of which nothing follows when nothing moves any more."""
    objects = repository.objects
    tree = objects.commit(repository.head("main") or "").tree
    if not objects.file(tree, WORKFLOW):
        return  # a person has committed what a loss of power had emptied, and no route takes anything
    for name, entry in objects.folder(tree, f"queue/{Lane.REVIEW}").items():
        place = parse(f"queue/{Lane.REVIEW}/{name}")
        if not isinstance(place, OpenVerdict) or place.seat not in SEATS:
            continue
        data = objects.blob(entry.oid)
        subject = _judged(objects.file(tree, journal_path(place.item_id)) or b"")
        item = f"{place.item_id}.yaml"
        text = objects.file(tree, f"queue/{Lane.REVIEW}/{item}")
        if text is not None and _is_emptied(repository, Lane.REVIEW, item, text):
            continue  # nothing follows of what is said of it before it is an item again
        if NO.search(data) and _counts(data, subject):
            yield f"{name} says no, and nothing follows"


def of_branches(repository: Repository) -> Iterator[str]:
    """Branches that do not show what is proposed when nothing moves any more."""
    prefix = "refs/heads/factory/"
    shown = {name.removeprefix(prefix) for name in repository.references(prefix)}
    tree = repository.objects.commit(repository.head("main") or "").tree
    for change in diff(repository.objects, EMPTY_TREE, tree):
        place = parse(change.path)
        if isinstance(place, ItemFile) and change.path.startswith("queue/done/") and place.id in shown:
            yield f"{place.id} is done, and its branch is left"
        if isinstance(place, ItemFile) and change.path.startswith("queue/review/"):
            journal = repository.objects.file(tree, journal_path(place.id)) or b""
            judged = _last(journal, "proposal") if _is_delivered(journal) else ""
            if judged and repository.head(f"factory/{place.id}") != judged:
                yield f"{place.id} is in review, and its branch does not show what is proposed"


def of_evidence(repository: Repository) -> Iterator[str]:
    """Evidence that is about something else than what was proposed, merged with what it says."""
    objects = repository.objects
    tree = objects.commit(repository.head("main") or "").tree
    for change in diff(objects, EMPTY_TREE, tree):
        if change.new is None or not _EVIDENCE.search(change.path):
            continue
        said = json.loads(objects.blob(change.new.oid))
        if said.get("conflicts") or not all(objects.has(said[name]) for name in ("proposal", "target")):
            continue  # nothing was checked, or git has thrown it away
        base = (*objects.commit(said["proposal"]).parents, "")[0]
        if said["proposal"] != said["base"] != base:
            yield f"{change.path} is about the base {said['base'][:10]}, and it was {base[:10]}"
        elif repository.merged_content(base, said["proposal"], said["target"]).tree != said["tree"]:
            yield f"{change.path} is about other files than its proposal makes of its target"
