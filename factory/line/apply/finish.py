"""Finish: an approved item is done, with what was judged and by whom, and with items of what its worker left."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from factory.line.apply.loose_ends import file_loose_ends
from factory.line.context import Context
from factory.line.review.assess import Assessment
from factory.line.snapshot import ItemState, Snapshot
from factory.line.writer import Move
from factory.model.contract import ApplyMode
from factory.model.events import Finished
from factory.model.journal import Phase
from factory.model.mission.events import Opened

NO_FILES: Mapping[str, bytes] = MappingProxyType({})


def applying(context: Context, began: datetime | None) -> tuple[Phase, ...]:
    """The apply as a phase that ends now; none when nobody here knows when it began."""
    return (Phase.between("apply", began, context.system.now()),) if began else ()


def finish(
    context: Context,
    snapshot: Snapshot,
    assessment: Assessment,
    finished: Finished | Opened,
    files: Mapping[str, bytes] = NO_FILES,
) -> ItemState:
    """Finish an item, with what was judged and by whom, and make items of what its worker left."""
    state, decision = assessment.state, assessment.decision
    assert state.contract is not None
    judged = replace(
        finished,
        reason=decision.reason,
        verdicts=decision.verdicts,
        subject=assessment.subject,
        proposal=assessment.evidence.proposal,
    )
    moved = context.writer.move(
        state,
        Move(judged, files, keeps_branch=state.contract.apply.mode is ApplyMode.BRANCH),
        snapshot.listing.verdicts,
    )
    if not (state.item and state.item.mission):  # there they are issues of the mission
        file_loose_ends(context, snapshot, assessment)
    return moved
