"""The report of any mission: the one that came with its end, or one of what was done so far."""

from factory.line.mission.report import report_of
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import UsageError
from factory.model.layout import plan_path, run_file
from factory.model.run_layout import REPORT
from factory.report.mission_views import MissionView
from factory.store.mission_parts import account_of


def report_text(reader: SnapshotReader, snapshot: Snapshot, view: MissionView) -> str:
    """The report in Markdown. Raises UsageError for a mission that has no plan which can be read."""
    kept = report_path(reader, snapshot, view)
    data = reader.archive.file(snapshot.tree, kept) if kept else None
    if data is None and view.standing is None:
        raise UsageError(f"{view.id} has no plan that can be read: {plan_path(view.id)}", f"factory show {view.id}")
    if data is None and view.standing is not None:
        data = report_of(view.standing, account_of(reader.artifacts, snapshot.tree, view.title, view.history))
    return (data or b"").decode(errors="replace")


def report_path(reader: SnapshotReader, snapshot: Snapshot, view: MissionView) -> str:
    """Where the report lies that came with a mission's end; empty where none has come."""
    path = run_file(view.id, view.history.run, REPORT, view.day)
    return path if view.day and reader.archive.find(snapshot.tree, path) is not None else ""
