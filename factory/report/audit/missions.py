"""Missions: whether each step of one follows from its plan, its journal and what its items have left."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from functools import partial

from factory.line.mission.findings import findings_of
from factory.line.mission.moves import Carried, following, told
from factory.line.mission.standing import not_begun, standing_of
from factory.line.snapshot import SnapshotReader
from factory.line.writer import Move
from factory.model.errors import InvalidFile
from factory.model.journal import Entry, History
from factory.model.layout import run_file
from factory.model.lifecycle import Event, Lane
from factory.model.mission.assertions import Judgement
from factory.model.mission.events import Advanced
from factory.model.moments import day_of
from factory.model.policy import Policy
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
        for line in transition.lines:
            asks = line.entry.event is Event.PAUSE and line.entry.questions
            if line.record.history.mission.under_way and (line.entry.event in _STEPS or asks):
                yield from transition.violations(self._step(transition, line))

    def _step(self, transition: Transition, line: Line) -> Iterator[Found]:
        record, entry = line
        mission, tree, history = record.id, transition.step.tree_before, record.history
        policy, item = self._state.policy(tree), self._state.reader.item(record)
        target, elsewhere = transition.step.parents[0], None
        if policy.target_branch != policy.branch:
            target = elsewhere = entry.target or ""
            wrong = self._looked_at(policy, line, tree)
            if wrong:
                yield Rule.MISSION, record.path, f"{mission}: {entry.event} {wrong}"
                return
        planned = self._state.objects.commit(target).tree
        flaws = self._reader.missions.problems(planned, mission, policy, item)
        if flaws:
            yield Rule.MISSION, record.path, f"{mission} went on with a plan that is refused: {flaws[0]}"
            return
        try:
            files = read_mission(self._state.objects, planned, mission)
            found = findings_of(self._reader, tree, entry.at, files, history.mission)
        except InvalidFile as error:
            yield Rule.MISSION, record.path, f"{mission} went on, and cannot be read: {error.problems[0]}"
            return
        expected: Move | None
        if found.ended:
            expected = Move(told(found, elsewhere))
        else:
            standing = standing_of(self._reader, tree, mission, files, history, target)
            waiting = frozenset(not_begun(self._reader, tree, history.mission))
            title = item.title if item else ""
            account = partial(account_of, self._reader.artifacts, tree, title, history)
            carried = Carried(mission, item, history.run, account, elsewhere)
            expected = following(carried, files, standing, waiting)
        wrong = "it had to wait" if expected is None else next(_differences(expected, entry), "")
        if wrong:
            yield Rule.MISSION, record.path, f"{mission}: {entry.event} does not follow: {wrong}"
        elif expected is not None:
            day = day_of(entry.at) if entry.to is Lane.DONE else ""
            kept = {run_file(mission, history.run, name, day): data for name, data in expected.files.items()}
            yield from self._files(transition, {**expected.queue_files, **kept})

    def _looked_at(self, policy: Policy, line: Line, tree: str) -> str:
        """What is wrong with the commit of another branch on which a step was taken; empty for one that can be right.

        It lies there, and no step looks at something older than what came before it: what the step before it has looked
        at, and what the items have brought in whose end it tells.
        """
        repository, target = self._state.repository, line.entry.target
        published = repository.published(policy.target_branch, policy.sync.remote)
        if not target:
            return f"does not say on which commit of {policy.target_branch} it was taken"
        if published is None or not repository.is_ancestor(target, published):
            return f"was taken on {target[:10]}, which is not on {policy.target_branch}"
        seen = [at for entry in line.record.history.entries if (at := entry.target or entry.applied)]
        brought = filter(None, (self._brought_in(tree, item_id) for item_id in line.entry.ended))
        late = next((each for each in (*seen[-1:], *brought) if not repository.is_ancestor(each, target)), "")
        return f"was taken on {target[:10]}, which does not have {late[:10]} that came before it" if late else ""

    def _brought_in(self, tree: str, item_id: str) -> str:
        """The commit that an item at its end has brought into the target; empty for none, or where nobody can tell."""
        day = self._reader.artifacts.done_day(tree, item_id)
        with suppress(InvalidFile):
            history = self._reader.artifacts.history(tree, item_id, day) if day else History()
            return next((entry.applied for entry in reversed(history.entries) if entry.applied), "")
        return ""

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
