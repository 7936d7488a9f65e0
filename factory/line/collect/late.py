"""Late: what a run came to that another clone had taken over by then. It moves nothing, and is kept beside."""

from collections.abc import Mapping
from contextlib import suppress

from factory.execution.outcome import RunOutcome
from factory.execution.request import RunRequest
from factory.execution.run_files import run_files
from factory.line.context import Context
from factory.line.snapshot import Snapshot
from factory.model.errors import InvalidFile
from factory.model.journal import History
from factory.model.layout import run_file
from factory.model.lifecycle import Event
from factory.model.run_layout import late_file
from factory.store.artifacts import with_manifest

_MOST_BYTES = 2_000_000  # of all that is kept of one run


def keep_late(context: Context, snapshot: Snapshot, request: RunRequest, outcome: RunOutcome) -> None:
    """Keep what a run left that is another clone's by now, in a folder of this clone's own in the run's.

    Nothing is kept of a run whose claim is not there any more, or that a person took away: they know what they did;
    nor of an item that is archived: its artifacts are in the tree no more.
    """
    item_id = request.item_id
    if context.reader.queue.archived(snapshot.tree, item_id) is not None:
        return
    day = "" if item_id in snapshot.items else context.reader.artifacts.done_day(snapshot.tree, item_id) or ""
    history = History()
    with suppress(InvalidFile):  # what nobody can read says of nobody that they have taken it over
        history = context.reader.artifacts.history(snapshot.tree, item_id, day)
    if not _taken_over(history, request, context.owner):
        return
    left = with_manifest(_some(run_files(outcome)))
    kept = {run_file(item_id, request.run, late_file(context.owner, name), day): data for name, data in left.items()}
    said = f"factory: keep what run {request.run} of {item_id} came to after another clone had taken it over"
    context.writer.take_in(context.me, kept, said)


def _taken_over(history: History, request: RunRequest, owner: str) -> bool:
    """Whether the claim of a run stands in a journal, and what ended it is another clone's doing."""
    claims = (number for number, entry in enumerate(history.entries) if entry.event is Event.START)
    for number in claims:
        claim, after = history.entries[number], history.entries[number + 1 : number + 2]
        if claim.lease and (claim.lease.owner, claim.run, claim.at) == (owner, request.run, request.claimed_at):
            return any(entry.event is Event.RELEASE and entry.owner not in (None, owner) for entry in after)
    return False


def _some(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """As many of a run's files as there is room for, the small ones first."""
    kept: dict[str, bytes] = {}
    room = _MOST_BYTES
    for name, data in sorted(files.items(), key=lambda file: (len(file[1]), file[0])):
        room -= len(data)
        if room >= 0:
            kept[name] = data
    return kept
