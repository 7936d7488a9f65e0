"""Typical: what items of each contract have cost and how long they took, as this repository's history has it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from statistics import median

from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.journal import History
from factory.model.layout import lane_folder, stem
from factory.model.lifecycle import Lane, Outcome

_MOST = 300  # of the newest: more would hardly change a median, and each has to be read


@dataclass(frozen=True)
class Typical:
    """The medians over finished items of one contract."""

    count: int  # finished items
    seconds: float  # of all runs of an item together
    usd: float | None  # of those of which it is known; None where of none
    priced: int  # items of which it is known


def typical_by_contract(reader: SnapshotReader, snapshot: Snapshot) -> Mapping[str, Typical]:
    """The medians for each contract, over the newest of the items that have ended well."""
    found: dict[str, list[History]] = defaultdict(list)
    for contract, history in islice(_ended_well(reader, snapshot), _MOST):
        found[contract].append(history)
    return {contract: _typical(histories) for contract, histories in found.items()}


def _typical(histories: list[History]) -> Typical:
    costs = [history.usage.usd for history in histories if history.usage.usd is not None]
    seconds = median(history.seconds for history in histories)
    return Typical(len(histories), seconds, median(costs) if costs else None, len(costs))


def _ended_well(reader: SnapshotReader, snapshot: Snapshot) -> Iterator[tuple[str, History]]:
    """(contract, history) of the items that were applied or accepted, the newest days first."""
    objects, tree = reader.repository.objects, snapshot.tree
    days = objects.folder(tree, lane_folder(Lane.DONE))
    for day in sorted((name for name, entry in days.items() if entry.is_folder), reverse=True):
        for name, entry in sorted(objects.folder(tree, lane_folder(Lane.DONE, day)).items()):
            if not stem(name) or not entry.is_file:
                continue
            try:
                item = reader.queue.item(f"{lane_folder(Lane.DONE, day)}/{name}", entry.oid)
                history = reader.artifacts.history(tree, stem(name), day)
            except InvalidFile:
                continue  # the snapshot names it among its problems
            contract = snapshot.policy.contract_of(item)
            if contract is not None and history.outcome in (Outcome.APPLIED, Outcome.ACCEPTED):
                yield contract, history
