"""What must be so whatever has happened: the audit is asked, and what no audit can know is looked at here."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from factory.model.layout import WORKFLOW, journal_path, parse
from factory.model.lifecycle import Lane
from factory.model.places import ItemFile, OpenVerdict
from factory.report.audit.rules import Rule
from factory.store.repository.objects import EMPTY_TREE
from factory.store.repository.repository import Repository
from factory.store.repository.trees import diff
from tests.simulation import oracle
from tests.simulation.person import WHO
from tests.simulation.workers import Tally, is_green

_NO = re.compile(rb"^decision: (?:reject|rework)\b", re.MULTILINE)


def of_history(repository: Repository, tally: Tally) -> Iterator[str]:
    """What is wrong with the branch: rules of the audit that are broken, and what is there twice or not at all."""
    head = repository.head("main")
    if head is None:
        yield "the branch is gone"
        return
    told = oracle.found(repository.root, repository.system, head)
    yield from (f"audit: {rule} {text}" for rule, text in told if not _is_persons(rule, text))
    yield from _of_landings(repository, head)
    yield from (f"run {run} happened {times} times" for run, times in tally.runs.items() if times > 1)


def _is_persons(rule: str, text: str) -> bool:
    """Whether the audit tells of what this person did, and rightly: nobody can keep them from it.

    They edited an item in the moment in which it was finished; or they moved one, and no pass has come by yet.
    """
    edited = rule == Rule.PURE_RENAME and f" {WHO} " in text
    return edited or (rule == Rule.JOURNAL and text.endswith("no pass has recorded why"))


def places(repository: Repository) -> Counter[str]:
    """In how many lanes of the branch each item lies."""
    found: Counter[str] = Counter()
    tree = repository.objects.commit(repository.head("main") or "").tree
    for change in diff(repository.objects, EMPTY_TREE, tree):
        place = parse(change.path)
        if isinstance(place, ItemFile):
            found[place.id] += 1
    return found


def of_places(repository: Repository, known: set[str]) -> Iterator[str]:
    """Items that are lost, or lie in two lanes, or are at work when nothing moves any more."""
    found = places(repository)
    at_work = repository.objects.folder(repository.objects.commit(repository.head("main") or "").tree, "queue/active")
    yield from (f"{name} is at work for ever" for name in sorted(at_work) if name.endswith(".yaml"))
    for each in sorted(known | found.keys()):
        if found[each] > 1 or (not found[each] and not any(repository.root.glob(f"queue/**/{each}.yaml"))):
            yield f"{each} lies in {found[each]} lanes"


def of_verdicts(repository: Repository) -> Iterator[str]:
    """Verdicts that say no to what lies in review, and of which nothing follows when nothing moves any more."""
    objects = repository.objects
    tree = objects.commit(repository.head("main") or "").tree
    if not objects.file(tree, WORKFLOW):
        return  # a person has committed what a loss of power had emptied, and no route takes anything
    for name, entry in objects.folder(tree, f"queue/{Lane.REVIEW}").items():
        place = parse(f"queue/{Lane.REVIEW}/{name}")
        if not isinstance(place, OpenVerdict):
            continue
        data = objects.blob(entry.oid)
        journal = objects.file(tree, journal_path(place.item_id)) or b""
        subjects = [json.loads(line).get("subject") for line in journal.splitlines()]
        judged = next((each for each in reversed(subjects) if each), "")
        if judged and judged.encode() in data and _NO.search(data):
            yield f"{name} says no, and nothing follows"


def of_heads(repository: Repository, heads: list[str]) -> Iterator[str]:
    """What the branch held at the end of a pass, and was not proven."""
    for head in dict.fromkeys(heads):
        if head and not is_green(repository.objects, repository.content_at(head)):
            yield f"{head[:10]} was on the branch, and the check fails there"
        if head and not repository.is_ancestor(head, repository.head("main") or ""):
            yield f"{head[:10]} was on the branch, and is no longer"


def _of_landings(repository: Repository, head: str) -> Iterator[str]:
    """Proposals that came into the branch twice, or against a hold or a verdict that was committed before."""
    objects = repository.objects
    merged: Counter[str] = Counter()
    while (commit := objects.commit(head)).parents:
        first, *others = commit.parents
        merged.update(others)
        if others:
            yield from _against_a_person(repository, first, commit.tree)
        head = first
    yield from (f"{each[:10]} was merged {times} times" for each, times in merged.items() if times > 1)


def _against_a_person(repository: Repository, before: str, after: str) -> Iterator[str]:
    """What a merge finished although a person had said no by then."""
    objects = repository.objects
    tree = objects.commit(before).tree
    in_review = objects.folder(tree, f"queue/{Lane.REVIEW}")
    still = objects.folder(after, f"queue/{Lane.REVIEW}")
    for name in in_review.keys() - still.keys():
        data = objects.blob(in_review[name].oid)
        place = parse(f"queue/{Lane.REVIEW}/{name}")
        if isinstance(place, ItemFile) and b"hold: true" in data:
            yield f"{name} was finished in {before[:10]}, and it was held"
        if isinstance(place, OpenVerdict) and _NO.search(data):
            yield f"{name} says no, and was finished in {before[:10]}"


def of_person(repository: Repository, mine: Mapping[str, bytes], commits: list[str]) -> Iterator[str]:
    """What a person wrote or committed that is not there any more."""
    head = repository.head("main") or ""
    gone = (each for each in commits if not repository.is_ancestor(each, head))
    yield from (f"the person's commit {each[:10]} is gone" for each in gone)
    for path, data in mine.items():
        place = repository.root / path
        if not place.is_file() or place.read_bytes() != data:
            yield f"the person's {path} is not what they wrote"
