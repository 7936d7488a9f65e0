"""Endings: whether each move out of review rests on what is kept with it, looked for commit by commit."""

import json
from collections.abc import Iterator, Sequence

from factory.model.journal import Entry
from factory.model.layout import parse
from factory.model.lifecycle import Lane
from factory.model.places import JournalFile
from factory.store.repository.objects import Objects
from factory.store.repository.repository import Repository
from factory.store.repository.trees import diff
from tests.simulation.invariants import commits_of, journals


def of_endings(repository: Repository, *, alone: bool) -> Iterator[str]:
    """Verdicts that counted and are not kept, merges that leave out their proposal, checks on what was never there.

    Of a clone that is not `alone`, what people merge has ended on other lines, and is looked at where it did.
    """
    objects = repository.objects
    for head in commits_of(repository, repository.head("main") or "", alone=alone):
        before = objects.commit(head).parents[0]
        changes = list(diff(objects, objects.commit(before).tree, objects.commit(head).tree))
        there = {change.old.oid for change in changes if change.old}  # what moves is nothing new
        for change in changes:
            place = parse(change.path)
            if change.new is None or not isinstance(place, JournalFile):
                continue
            entry = Entry.model_validate_json(objects.blob(change.new.oid).splitlines()[-1])
            if entry.source is Lane.REVIEW:
                run = f"{change.path.rpartition('/')[0]}/run-{entry.run}"
                recheck = objects.find(objects.commit(head).tree, f"{run}/recheck.json")
                came = recheck.oid if recheck and recheck.oid not in there else ""
                found = (*_of_files(objects, head, run, entry), *_of_checks(repository, before, came, entry))
                yield from (f"{place.item_id} went to {entry.to} in {head[:10]}, and {each}" for each in found)


def _of_files(objects: Objects, head: str, run: str, entry: Entry) -> Iterator[str]:
    """What is missing of an ending."""
    tree = objects.commit(head).tree
    for each in entry.verdicts:
        if objects.file(tree, f"{run}/verdict.{each.seat}.yaml") is None:
            yield f"the verdict of {each.seat} is not kept"
    squashes = b"mode: squash" in (objects.file(tree, "contracts/work.yaml") or b"")
    if entry.applied and not squashes and objects.commit(entry.applied).parents[1:] != (entry.proposal,):
        yield "its merge leaves its proposal out of the history"


def of_batches(repository: Repository, heads: Sequence[str]) -> Iterator[str]:
    """Heads at the end of a pass that hold but a part of what was checked as a whole."""
    told = [Entry.model_validate_json(line) for _, lines in journals(repository) for line in lines]
    checked = {entry.applied: entry.merged.tree for entry in told if entry.applied and entry.merged}
    for head in dict.fromkeys(heads):
        content, commit = repository.content_at(head), head
        while commit not in checked and (parents := repository.objects.commit(commit).parents):
            commit = parents[0]
            if repository.content_at(commit) != content:
                break  # somebody else has changed it
        if checked.get(commit, content) != content:
            yield f"{head[:10]} was on the branch, and is not what was checked as a whole"


def _of_checks(repository: Repository, before: str, recheck: str, entry: Entry) -> Iterator[str]:
    """Whether what was checked anew, by the blob of what that came to, was checked on what the branch held."""
    objects = repository.objects
    target = json.loads(objects.blob(recheck))["target"] if recheck else ""
    if not recheck or not objects.has(target):
        return  # nothing was, or git has thrown it away
    if entry.applied:
        if target != objects.commit(entry.applied).parents[0]:
            yield f"its checks tell of {target[:10]}, which it was not merged with"
    elif repository.content_at(target) != repository.content_at(before):
        yield f"its checks were made on {target[:10]}, which is not what the branch held"
