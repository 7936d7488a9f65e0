"""Missions: whether each step of one follows from its plan, its journal and what its items have left."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import partial

from factory.line.mission.findings import findings_of
from factory.line.mission.moves import Carried, following, told
from factory.line.mission.standing import not_begun, standing_of
from factory.line.snapshot import SnapshotReader
from factory.line.writer import Move
from factory.model.errors import InvalidFile
from factory.model.journal import Entry
from factory.model.layout import run_file
from factory.model.lifecycle import Event, Lane
from factory.model.mission.assertions import Judgement
from factory.model.mission.events import Advanced
from factory.model.moments import day_of
from factory.report.audit.rules import Found, Rule, Violation
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Line, Transition
from factory.store.mission_parts import account_of
from factory.store.missions import read_mission

_STEPS = frozenset({Event.ADVANCE, Event.CLOSE})


class Missions:
    """Takes every step of a mission again, from what lay there before it."""

    def __init__(self, state: AuditState) -> None:
        self._state = state
        self._reader = SnapshotReader(state.repository, "")

    def check(self, transition: Transition) -> Iterator[Violation]:
        """What is wrong with the steps of missions that a commit took."""
        if not transition.moved or transition.carried:  # what a rebase brought follows from what was before it there
            return
        policy = self._state.policy(transition.step.tree_before)
        if policy.target_branch != policy.branch:
            return  # what the target held at that time is written down nowhere
        for line in transition.lines:
            asks = line.entry.event is Event.PAUSE and line.entry.questions
            if line.record.history.mission.under_way and (line.entry.event in _STEPS or asks):
                yield from transition.violations(self._step(transition, line))

    def _step(self, transition: Transition, line: Line) -> Iterator[Found]:
        record, entry = line
        mission, tree, history = record.id, transition.step.tree_before, record.history
        policy, item = self._state.policy(tree), self._state.reader.item(record)
        flaws = self._reader.missions.problems(tree, mission, policy, item)
        if flaws:
            yield Rule.MISSION, record.path, f"{mission} went on with a plan that is refused: {flaws[0]}"
            return
        try:
            files = read_mission(self._state.objects, tree, mission)
            found = findings_of(self._reader, tree, entry.at, files, history.mission)
        except InvalidFile as error:
            yield Rule.MISSION, record.path, f"{mission} went on, and cannot be read: {error.problems[0]}"
            return
        expected: Move | None
        if found.ended:
            expected = Move(told(found))
        else:
            target = transition.step.parents[0]
            standing = standing_of(self._reader, tree, mission, files, history, target)
            waiting = frozenset(not_begun(self._reader, tree, history.mission))
            title = item.title if item else ""
            account = partial(account_of, self._reader.artifacts, tree, title, history)
            expected = following(Carried(mission, item, history.run, account), files, standing, waiting)
        wrong = "it had to wait" if expected is None else next(_differences(expected, entry), "")
        if wrong:
            yield Rule.MISSION, record.path, f"{mission}: {entry.event} does not follow: {wrong}"
        elif expected is not None:
            day = day_of(entry.at) if entry.to is Lane.DONE else ""
            kept = {run_file(mission, history.run, name, day): data for name, data in expected.files.items()}
            yield from self._files(transition, {**expected.queue_files, **kept})

    def _files(self, transition: Transition, expected: Mapping[str, bytes]) -> Iterator[Found]:
        """Whether the files that came with a step say what follows from the plan."""
        came = {change.path: change.new.oid for change in transition.step.changes if change.new}
        for path, data in expected.items():
            if path not in came or self._state.reader.blob(came[path]) != data:
                yield Rule.MISSION, path, "is not what follows from the plan of its mission"


def _differences(expected: Move, entry: Entry) -> Iterator[str]:
    """In what a journal's line differs from what follows."""
    payload = expected.payload
    if payload.event is not entry.event:
        yield f"what follows is {payload.event}"
        return
    for each in fields(payload):
        own, said = getattr(payload, each.name), getattr(entry, each.name)
        if isinstance(payload, Advanced) and each.name == "judged":
            own, said = _timeless(own), _timeless(said)
        if (dict(own) if isinstance(own, Mapping) else own) != said:
            yield f"its {each.name} would be other ones"


def _timeless(judged: Mapping[str, Judgement]) -> dict[str, object]:
    """Judgements without the time, which the clock of a pass said."""
    return {key: each.model_dump(exclude={"at"}) for key, each in judged.items()}
