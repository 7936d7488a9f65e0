"""Missions that wait: those of whose items one can go on no more without a person. Pure."""

from collections.abc import Mapping

from factory.line.snapshot import ItemState
from factory.model.lifecycle import Lane
from factory.report.marks.mark import Mark, MarkKind
from factory.report.marks.obstacle import Obstacle


def mission_mark(state: ItemState, obstacles: Mapping[str, Obstacle]) -> Mark | None:
    """The mark of a mission under way whose first item that is not at its end has an obstacle; else None."""
    record = state.history.mission
    if state.lane is not Lane.ACTIVE or not record.under_way:
        return None
    stuck = next((key for key in record.filed if key not in record.ended and key in obstacles), None)
    if stuck is None:
        return None
    return Mark(MarkKind.MISSION, f"its item {stuck} {obstacles[stuck].said}", obstacles[stuck].do)
