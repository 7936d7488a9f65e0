"""What a commit of the factory did besides what its trailers say."""

from collections.abc import Collection, Iterator

from factory.model.layout import in_breakers, in_leases, item_path, lane_of
from factory.model.lifecycle import Lane
from factory.model.run_layout import is_late
from factory.report.audit.paths import artifact_of, asked_in, item_in
from factory.report.audit.rules import Found, Rule, Violation
from factory.report.audit.transition import Transition
from factory.store.repository.trees import Change


def beside(transition: Transition) -> list[str]:
    """What a commit that moves one item changed besides that item."""
    filed = {item_path(Lane.INBOX, item_id) for line in transition.lines for item_id in line.entry.filed}
    changes = transition.step.changes
    return [each.path for each in changes if not (_belongs(each.path, transition.item_id) or _came(each, filed))]


def _came(change: Change, filed: Collection[str]) -> bool:
    """Whether a file is that of an item which a mission has filed; what it says, the mission's own rule looks at."""
    return change.new is not None and change.path in filed


def _belongs(path: str, item_id: str) -> bool:
    if in_breakers(path):
        return True
    return item_id in (item_in(path), artifact_of(path)[0], asked_in(path))


def unsaid(transition: Transition) -> Iterator[Violation]:
    """What is wrong with what the factory did without naming a move."""
    if transition.ours and not transition.moved and not transition.archiving.before:
        yield from transition.violations(_unsaid(transition))


def _unsaid(transition: Transition) -> Iterator[Found]:
    """It may open a verdict file again, bring back an item, make a new one, renew leases, and keep what came late."""
    known = {item_id for item_id, record in transition.before.items() if record.journal or record.places}
    for change in transition.step.changes:
        came = change.new and not change.old
        item_id = item_in(change.path)
        returned = came and item_id in known and lane_of(change.path) is Lane.BLOCKED
        made = came and item_id and item_id not in known and lane_of(change.path) is Lane.INBOX
        beside = in_leases(change.path) or (came and is_late(artifact_of(change.path)[1])) or not change.of_factory
        may = returned or made or (came and asked_in(change.path)) or beside
        if not may:
            yield Rule.TRAILERS, change.path, "was changed by the factory in a commit that does not say the move"
            return
