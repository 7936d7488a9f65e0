"""Owns the order in which a program's one-edit neighbours are tried, each once, the likeliest first."""

from collections.abc import Iterator
from dataclasses import dataclass

from factory.workers.repair import calls, conditions, names, operators, statements, values
from factory.workers.repair.localise import Suspicion
from factory.workers.repair.material import gather
from factory.workers.repair.sites import Context, sites
from factory.workers.repair.source import Edit, SourceText, meaning_of

KINDS = (operators, values, names, calls, conditions, statements)


@dataclass(frozen=True)
class Candidate:
    """A program that differs from the one under repair by one edit; `number` is its place in the order."""

    number: int
    edit: Edit
    text: str
    meaning: str


def ranked_edits(source: SourceText, suspicion: Suspicion) -> list[Edit]:
    """Every edit, the likeliest first; none where a failing test could not notice it."""
    context = Context(source, gather(source))
    found = [edit for site in sites(source) for kind in KINDS for edit in kind.edits(site, context)]
    scored = [(suspicion.of(edit.line) * edit.weight, edit) for edit in found]
    return [edit for score, edit in sorted(scored, key=lambda pair: -pair[0]) if score > 0]


def candidates(source: SourceText, suspicion: Suspicion) -> Iterator[Candidate]:
    """The programs one edit away, each meaning once, made only as they are asked for."""
    seen = {meaning_of(source.text)}
    number = 0
    for edit in ranked_edits(source, suspicion):
        made = source.realise(edit)
        if made is not None and made[1] not in seen:
            seen.add(made[1])
            number += 1
            yield Candidate(number, edit, *made)
