"""Artifacts: written once, by the factory alone, and as their manifests say."""

import json
from collections.abc import Iterator
from itertools import count, islice

from factory.model.base import digest
from factory.model.layout import parse
from factory.model.places import Opened
from factory.model.run_layout import (
    JOURNAL,
    MANIFEST,
    is_answers,
    is_of_apply,
    is_of_recheck,
    kept_answers,
    parted,
    run_path,
)
from factory.report.audit.paths import asked_in, newest
from factory.report.audit.record import ItemRecord
from factory.report.audit.rules import Found, Rule, Violation
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Transition


class WrittenOnce:
    """Holds what a commit did to artifacts against what they were before it; it needs no memory of its own."""

    def __init__(self, state: AuditState) -> None:
        self._state = state
        self._reader = state.reader

    def check(self, transition: Transition) -> Iterator[Violation]:
        """Artifacts are only added, but for journals, which grow, and what is added is listed."""
        given = set(self._given(transition))
        yield from transition.violations(self._changed(transition, given))
        if transition.ours:
            yield from transition.violations(self._unlisted(transition, given))

    def _given(self, transition: Transition) -> Iterator[tuple[str, str, str]]:
        """(item, path below its folder, blob) of all that people answer in, taken from the lane to the item's run."""
        known = self._state.known(transition.before, transition.step.tree_before)
        for change in transition.step.changes:
            item_id = asked_in(change.path)
            opened = parse(change.path)
            if item_id and change.old and not change.new and isinstance(opened, Opened):
                yield item_id, _kept(known(item_id), opened.kept), change.old.oid

    def _changed(self, transition: Transition, given: set[tuple[str, str, str]]) -> Iterator[Found]:
        for (item_id, below), changes in transition.artifacts.items():
            record, path, new = transition.before[item_id], changes[-1].path, newest(changes)
            journal = below == JOURNAL
            rule = Rule.APPEND_ONLY if journal else Rule.ARTIFACTS
            known = record.journal if journal else record.run.get(below, "")
            if not transition.ours:
                yield rule, path, f"{transition.step.author} changed what only the factory writes"
            elif not new:
                yield rule, path, "was taken away"
            elif journal and known and new != known:
                if not _grown(self._reader.blob(known), self._reader.blob(new)):
                    yield rule, path, "was changed where it had been written already"
            elif known and new != known and not is_of_recheck(below) and (item_id, below, new) not in given:
                yield rule, path, "was changed after it had been written"

    def _unlisted(self, transition: Transition, given: set[tuple[str, str, str]]) -> Iterator[Found]:
        """What came to the runs' folders stands in a manifest that came with it, or is a verdict or of a recheck."""
        listed: dict[tuple[str, str], dict[str, tuple[str, int]]] = {}
        came: dict[tuple[str, str, str], tuple[str, str]] = {}  # (item, run, name): (path, blob)
        for (item_id, below), changes in transition.artifacts.items():
            path, oid = next(((change.path, change.new.oid) for change in changes if change.new), ("", ""))
            if below == JOURNAL or not oid or below in transition.before[item_id].run:
                continue
            run, name = parted(below)
            if name == MANIFEST:
                listed[item_id, run] = _listed(self._reader.blob(oid))
            else:
                came[item_id, run, name] = path, oid
        for (item_id, run), names in listed.items():
            for name in sorted(names.keys() - {each for item, of, each in came if (item, of) == (item_id, run)}):
                text = f"stands in the manifest of {item_id}'s {run}, and did not come with it"
                yield Rule.DIGESTS, f"{run}/{name}", text
        for (item_id, run, name), (path, oid) in came.items():
            told, below = listed.get((item_id, run), {}).get(name), f"{run}/{name}"
            if told is not None:
                data = self._reader.blob(oid)
                if told != (digest(data), len(data)):
                    yield Rule.DIGESTS, path, "is not what the manifest of its run says"
            elif (item_id, below, oid) not in given and not (is_of_recheck(below) or is_of_apply(below)):
                yield Rule.DIGESTS, path, "came without a manifest that lists it"


def _kept(record: ItemRecord, name: str) -> str:
    """The path at which it is kept what a person wrote. A mission may have asked before, in the same run."""
    names = map(kept_answers, count(1)) if is_answers(name) else (name,)
    paths = [run_path(record.history.run, each) for each in islice(names, len(record.run) + 1)]
    return next((each for each in paths if each not in record.run), paths[0])


def _grown(old: bytes, new: bytes) -> bool:
    return new.startswith(old) and (not old or old.endswith(b"\n")) and new.endswith(b"\n")


def _listed(manifest: bytes) -> dict[str, tuple[str, int]]:
    try:
        files = json.loads(manifest)["files"]
        return {name: (each["digest"], each["bytes"]) for name, each in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
