"""Besides the journal: what a patch and verdicts say of an item, of the few items that have reason to be asked."""

from collections.abc import Iterator
from dataclasses import replace

from factory.model.errors import InvalidFile
from factory.model.globs import covers
from factory.model.product import made_by
from factory.model.run_layout import PATCH, kept_verdict, run_path
from factory.model.verdict import MachineVerdict
from factory.report.fold.facts import ItemFacts, LooseEnd
from factory.report.fold.story import MADE_ITEM
from factory.store import yaml

DISMISSED = "dismissed"
_MOST_STRAYED = 50  # paths of one item that are told


def asked_besides(item: ItemFacts) -> list[str]:
    """The files to look at, by their paths below the item's artifacts."""
    return [*_patches(item), *_verdicts(item)]


def with_besides(item: ItemFacts, contents: Iterator[bytes | None]) -> ItemFacts:
    """The item with what these files say, which come in the same order."""
    patches = [next(contents) for _ in _patches(item)]
    verdicts = {path: next(contents) for path in _verdicts(item)}
    if patches:
        paths = made_by(patches[0] or b"")
        strayed = sorted(path for path in paths if not covers(path, item.scope))
        item = replace(item, strayed=tuple(strayed[:_MOST_STRAYED]))
    dismissed = {key for path, data in verdicts.items() for key in _dismissed(path, data or b"")}
    if dismissed:
        return replace(item, loose_ends=tuple(_answered(each, dismissed) for each in item.loose_ends))
    return item


def _patches(item: ItemFacts) -> list[str]:
    """The last patch of an item that says what it is about."""
    proposed = [run.number for run in item.runs if run.proposed] if item.scope else []
    return [run_path(number, PATCH) for number in proposed[-1:]]


def _verdicts(item: ItemFacts) -> list[str]:
    """What people said of the run whose loose ends became items, or were dismissed."""
    runs = {each.run for each in item.loose_ends if each.answer == MADE_ITEM}
    return [run_path(each.run, kept_verdict(each.seat)) for each in item.seats if each.human and each.run in runs]


def _dismissed(path: str, data: bytes) -> set[str]:
    if b"handoff" not in data:
        return set()
    try:
        verdict = yaml.load(MachineVerdict, yaml.Source(path, data))
    except InvalidFile:
        return set()
    return {key for key in verdict.handoff if verdict.dismisses(key)}


def _answered(each: LooseEnd, dismissed: set[str]) -> LooseEnd:
    return replace(each, answer=DISMISSED) if each.answer == MADE_ITEM and each.key in dismissed else each
