"""Conflicts: whether what a delivery was said to conflict with was delivered, and does by git."""

from collections.abc import Iterator

from factory.line.review.conflicts import conflicting_paths
from factory.model.errors import MachineError
from factory.model.lifecycle import Event
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Line


def without_conflict(state: AuditState, line: Line) -> Iterator[str]:
    """What is wrong with the conflicts that a journal's line tells of. Proposals that are not here prove nothing."""
    record, entry = line
    for item_id, paths in entry.conflicts_with.items():
        said = f"says that it conflicts with {item_id}"
        history = state.record(item_id).history
        others = [each.proposal for each in history.entries if each.event is Event.DELIVER and each.proposal]
        if entry.event is not Event.DELIVER:
            yield f"{said}, and that is only told of a delivery"
        elif not others or item_id == record.id:
            yield f"{said}, which has not been delivered"
        elif not any(_may_conflict(state, other, entry.proposal or "", paths) for other in others):
            yield f"{said} in {', '.join(paths) or 'nothing'}, and by git they do not"


def _may_conflict(state: AuditState, other: str, proposal: str, paths: tuple[str, ...]) -> bool:
    """Whether two proposals conflict in these paths, as far as they can be read here."""
    objects = state.objects
    found = [objects.read(each) for each in (other, proposal)]
    if not all(each and each[1] == "commit" for each in found):
        return True
    try:
        return bool(paths) and set(paths) <= set(conflicting_paths(state.repository, other, proposal))
    except MachineError:
        return True  # of which not all is here
