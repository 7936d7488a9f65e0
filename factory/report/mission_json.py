"""Missions and their assertions for programs."""

from collections.abc import Iterable

from factory.line.snapshot import Snapshot
from factory.model.moments import rfc3339
from factory.report.mission_views import AssertionRow, MissionView, open_issues, purpose, word_of
from factory.store.mission_parts import Part


def mission_json(snapshot: Snapshot, view: MissionView) -> dict[str, object]:
    """Everything about one mission."""
    record, standing = view.history.mission, view.standing
    return {
        **view.as_json(),
        "constraints": [*standing.plan.constraints] if standing else [],
        "milestones": [
            {"id": each.id, "title": each.title, "max_rounds": each.max_rounds, "is_current": each == view.milestone}
            for each in (standing.plan.milestones if standing else ())
        ],
        "items": [_item(snapshot, part) for part in view.parts.values()],
        "guards": [_item(snapshot, part) for part in view.guards.values()],
        "open_issues": open_issues(view),
        "dismissed": dict(record.dismissed),
        "questions": [each.model_dump(mode="json") for each in view.history.questions],
    }


def _item(snapshot: Snapshot, part: Part) -> dict[str, object]:
    """An item that was made for a mission."""
    return {
        "id": part.id,
        "within": part.within or None,
        "milestone": part.filed.milestone,
        "purpose": purpose(part.filed),
        "state": word_of(snapshot, part),
        "answers": [*part.filed.answers],
        "run": part.history.run,
        "usage": part.history.usage.model_dump(mode="json"),
    }


def assertions_json(rows: Iterable[AssertionRow]) -> list[dict[str, object]]:
    """Every assertion with its state, and what that rests on."""
    return [assertion_json(row) for row in rows]


def assertion_json(row: AssertionRow) -> dict[str, object]:
    """One assertion with its state, and what that rests on."""
    found = row.judgement
    judged: dict[str, object] = {}
    if found is not None:
        judged = {
            "by": found.by,
            "at": rfc3339(found.at),
            "item": found.item,
            "run": found.run,
            "commit": found.commit,
            "evidence": [*row.evidence],
            "evidence_digest": found.evidence,
            "said": found.said,
        }
    told = row.assertion.model_dump(mode="json", exclude={"check", "reads", "paths", "holds_already", "by"})
    return {**told, "state": str(row.state), "judged": judged or None}
