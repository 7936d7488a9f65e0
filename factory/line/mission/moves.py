"""The moves of a mission: what its journal is told, and the items that come with it. They follow from values alone."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from pydantic import JsonValue

from factory.line.intake.answers_file import answers_file
from factory.line.mission.filing import Filing
from factory.line.mission.findings import Findings
from factory.line.mission.report import report_of
from factory.line.writer import Move
from factory.model.item import Item
from factory.model.layout import answers_path, item_path
from factory.model.lifecycle import Lane
from factory.model.mission.events import Advanced, Closed, Paused
from factory.model.mission.plan import Milestone
from factory.model.mission.record import Filed
from factory.model.mission.standing import Standing
from factory.model.mission.steps import AnswerIssues, Ask, Close, FileFeatures, FileValidators, Steer, Wait
from factory.model.run_layout import REPORT
from factory.model.text import counted
from factory.store.mission_parts import Account
from factory.store.missions import MissionFiles


class Carried(NamedTuple):
    """A mission that is carried out: its id, what its file says, the run that made its plan, what was done for it."""

    id: str
    item: Item | None
    run: int
    account: Callable[[], Account]  # which nobody asks for before the end
    target: str | None  # the commit of the target that is looked at, where that is another branch


def told(found: Findings, target: str | None) -> Advanced:
    """What became of items that are at their end."""
    names = ", ".join(sorted(found.ended))
    return Advanced(
        reason=f"ended: {names}" + (f"; {counted(len(found.issues), 'issue')}" if found.issues else ""),
        ended=found.ended,
        reviewed=tuple(found.reviewed),
        judged=found.judged,
        issues=found.issues,
        target=target,
    )


def following(mission: Carried, files: MissionFiles, standing: Standing, not_begun: Collection[str]) -> Move | None:
    """The step that follows; None when others are at work. Items that are not begun are the plan's to change."""
    at = mission.target
    filing = Filing(mission.id, files, _shared(mission.item))
    amended = _amended(filing, files, standing, not_begun, at)
    if amended is not None:
        return amended
    match standing.step():
        case Wait():
            return None
        case Close():
            closed = Closed(reason=f"all {counted(len(files.assertions), 'assertion')} passed", target=at)
            return Move(closed, files={REPORT: report_of(standing, mission.account())})
        case Ask(reason, questions):
            title = mission.item.title if mission.item else ""
            opened = answers_file(mission.id, title, mission.run, questions)
            paused = Paused(reason=reason, questions=questions, target=at)
            return Move(paused, queue_files={answers_path(mission.id): opened})
        case FileFeatures(milestone, features):
            made = {filing.item_of(each): filing.feature(milestone, each) for each in features}
            return _filed(milestone, made, {}, at)
        case FileValidators(milestone, validations):
            made = {each.item_id: filing.validator(milestone, each) for each in validations}
            return _filed(milestone, made, {}, at)
        case Steer(milestone, item_id, issues):
            return _filed(milestone, {item_id: filing.steer(milestone, issues)}, {}, at)
        case AnswerIssues(milestone, dismissed, follow_ups):
            made = {each.item_id: filing.follow_up(milestone, each) for each in follow_ups}
            return _filed(milestone, made, dismissed, at)


def _amended(
    filing: Filing, files: MissionFiles, standing: Standing, not_begun: Collection[str], target: str | None
) -> Move | None:
    """The move by which features that nobody has begun say what the plan has come to say of them; None when they do."""
    planned = ((filing.item_of(feature), milestone, feature) for milestone, feature in files.plan.features())
    made = {each: filing.feature(milestone, feature) for each, milestone, feature in planned if each in not_begun}
    known = standing.record.filed
    changed = {item_id: (data, filed) for item_id, (data, filed) in made.items() if filed != known[item_id]}
    if not changed:
        return None
    advanced = Advanced(
        reason=f"as the plan says now: {', '.join(changed)}",
        filed={key: filed for key, (_, filed) in changed.items()},
        target=target,
    )
    return Move(advanced, queue_files={item_path(Lane.INBOX, key): data for key, (data, _) in changed.items()})


def _filed(
    milestone: Milestone, made: Mapping[str, tuple[bytes, Filed]], dismissed: Mapping[str, str], target: str | None
) -> Move:
    """The move with which items come into the inbox, and the mission's journal knows them."""
    said = f"filed {', '.join(made)}" if made else f"{counted(len(dismissed), 'issue')} dismissed"
    advanced = Advanced(
        reason=f"{milestone.id}: {said}",
        filed={item_id: filed for item_id, (_, filed) in made.items()},
        dismissed=dismissed,
        target=target,
    )
    return Move(advanced, queue_files={item_path(Lane.INBOX, item_id): data for item_id, (data, _) in made.items()})


def _shared(item: Item | None) -> dict[str, JsonValue]:
    """What a mission's items take over from its own."""
    return {"priority": item.priority, "labels": list(item.labels)} if item else {}
