"""Findings: what items of a mission that are at their end have come to, as its journal is told of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from factory.line.mission.standing import rests_on
from factory.line.snapshot import SnapshotReader
from factory.model.base import digest
from factory.model.errors import InvalidFile
from factory.model.evidence import Evidence
from factory.model.layout import item_path, run_file
from factory.model.lifecycle import Lane, Outcome
from factory.model.mission.assertions import CHECK, AssertionState, Judgement
from factory.model.mission.record import Filed, FiledAs, Issue, MissionRecord
from factory.model.mission.report import Tried, TriedState, UserReport, report_in, shortcomings
from factory.model.run_layout import MANIFEST, worker_file
from factory.model.verdict import Decision
from factory.store.missions import MissionFiles

_BLOCKING = frozenset({"blocker", "major"})
_DONE = frozenset({Outcome.APPLIED, Outcome.ACCEPTED})
_MOST_AT_ONCE = 10  # items, in one line of a journal
_MOST_ISSUES = 100  # of one item
_NOTHING = UserReport(assertions={})
_UNREAD = Tried(state=TriedState.UNREAD)
_STATES = {
    TriedState.PASS: AssertionState.PASSED,
    TriedState.FAIL: AssertionState.FAILED,
    TriedState.BLOCKED: AssertionState.BLOCKED,
    TriedState.UNREAD: AssertionState.UNREAD,
}


@dataclass
class Findings:
    """What the journal of a mission does not say yet."""

    ended: dict[str, Outcome] = field(default_factory=dict)
    reviewed: list[str] = field(default_factory=list)
    judged: dict[str, Judgement] = field(default_factory=dict)
    issues: dict[str, Issue] = field(default_factory=dict)


def findings_of(
    reader: SnapshotReader, tree: str, now: datetime, files: MissionFiles, record: MissionRecord
) -> Findings:
    """What those of a mission's items say, in a tree of the branch, that ended since its journal was told last."""
    found = Findings()
    for item_id, filed in record.filed.items():
        outcome = None if item_id in record.ended else reader.outcome_of(tree, item_id)
        if outcome is None:
            continue
        if len(found.ended) >= _MOST_AT_ONCE:
            break  # the next step reads the rest
        found.ended[item_id] = outcome
        if outcome not in _DONE:
            continue
        item = EndedItem(reader, tree, now, item_id, filed, files)
        match filed.kind:
            case FiledAs.FEATURE | FiledAs.FOLLOW_UP:
                found.issues |= dict(islice(item.left(), _MOST_ISSUES))
            case FiledAs.STEER:
                pass  # the plan says what it decided
            case _ if not item.as_filed:
                pass  # somebody changed what it was to look at
            case FiledAs.SCRUTINY:
                item.scrutinise(found)
            case FiledAs.TESTING:
                item.tested(found)
                found.issues |= dict(item.left("handoff."))  # no assertion has a dot in its id
    return found


class EndedItem:
    """An item of a mission that is at its end, and what lies in its artifacts."""

    def __init__(
        self,
        reader: SnapshotReader,
        tree: str,
        now: datetime,
        item_id: str,
        filed: Filed,
        files: MissionFiles,
    ) -> None:
        self._reader, self._tree, self._now, self._id, self._filed = reader, tree, now, item_id, filed
        self._assertions = {assertion.id: assertion for assertion in files.assertions}
        self._homes = {key: milestone.id for milestone, each in files.plan.features() for key in each.fulfills}
        self._day = reader.artifacts.done_day(tree, item_id) or ""
        self._history = reader.artifacts.history(tree, item_id, self._day)
        self._folder = (tree, item_id, self._history.run, self._day)

    @property
    def as_filed(self) -> bool:
        """Whether its file says what it was made with."""
        entry = self._reader.archive.find(self._tree, item_path(Lane.DONE, self._id, self._day))
        return entry is not None and entry.oid == self._filed.blob

    def left(self, begins: str = "") -> Iterator[tuple[str, Issue]]:
        """What its worker left undone or came across, and no reviewer dismissed; each is called by what it begins with
        and its key."""
        verdicts = self._reader.artifacts.verdicts(*self._folder).values()
        for key, text in self._history.loose_ends.items():
            if not any(verdict.decision is Decision.APPROVE and verdict.dismisses(key) for verdict in verdicts):
                yield f"{self._id}/{begins}{key}", self._issue(text).model_copy(update={"loose": True})

    def scrutinise(self, found: Findings) -> None:
        """What its checks say of assertions and its reviewers of features."""
        evidence = self._evidence()
        if evidence is None:
            return
        content = self._reader.repository.content_at(evidence.target)
        if content != evidence.tree:
            return  # it ran on something else than the target holds, and says nothing of it
        for ran in evidence.ran:
            key = ran.criterion or ""
            said = ran.problem or ran.last_line
            if key.startswith(CHECK) and not ran.passed:
                text = f"`{' '.join(ran.run)}` fails on the target: {said}"
                found.issues[f"{self._id}/{key.removeprefix(CHECK)}"] = self._issue(text)
            elif key in self._assertions and ran.run == self._assertions[key].check:
                state = AssertionState.PASSED if ran.passed else AssertionState.FAILED
                self._judge(found, key, state, "check", said, content, evidence.target)
        if not evidence.passed:
            return  # then nobody was asked
        verdicts = self._reader.artifacts.verdicts(*self._folder)
        seats = {item_id.rpartition(".")[2]: item_id for item_id in self._filed.reviews}
        found.reviewed += [item_id for seat, item_id in seats.items() if seat in verdicts or not verdicts]
        for seat, verdict in verdicts.items():
            blocking = [finding for finding in verdict.findings if finding.severity in _BLOCKING]
            for finding in blocking[: _MOST_ISSUES // max(1, len(verdicts))]:
                place = f"{finding.path}:{finding.line or 1}: " if finding.path else ""
                found.issues[f"{self._id}/{seat}.{finding.id}"] = self._issue(f"{place}{finding.text}")
            if not blocking and verdict.decision is not Decision.APPROVE:
                notes = (verdict.notes or "").strip()
                found.issues[f"{self._id}/{seat}"] = self._issue(notes or f"{seat} says {verdict.decision}")

    def tested(self, found: Findings) -> None:
        """What a user of the running program says of assertions, with the files that show it."""
        evidence, report = self._evidence(), self._report()
        if evidence is None:
            return
        content = self._reader.repository.content_at(evidence.base)
        asked = self._filed.assertions
        shown = {name: self._file(worker_file(name)) for each in report.assertions.values() for name in each.evidence}
        unproven = dict(shortcomings(asked, report, shown))  # of a run whose files were changed since
        for key in asked:
            if key in self._assertions:
                each = report.assertions.get(key, _UNREAD)
                if key in unproven:
                    each = _UNREAD.model_copy(update={"said": unproven[key]})
                by = self._history.worker or "user-testing"
                self._judge(found, key, _STATES[each.state], by, each.said, content, evidence.base)

    def _judge(
        self, found: Findings, key: str, state: AssertionState, by: str, said: str, content: str, commit: str
    ) -> None:
        assertion = self._assertions[key]
        found.judged[key] = Judgement(
            state=state,
            by=by,
            at=self._now,
            item=self._id,
            run=self._history.run,
            commit=commit,
            evidence=self._digest(),
            rests_on=rests_on(self._reader, assertion, content),
            said=said,
        )
        if state is AssertionState.FAILED:  # what nobody could try is tried again
            what = f"{key} ({assertion.text}) {state}: {said}"
            home = self._homes.get(key, self._filed.milestone)
            found.issues[f"{self._id}/{key}"] = Issue(milestone=home, text=what, assertion=key)

    def _issue(self, text: str) -> Issue:
        return Issue(milestone=self._filed.milestone, text=text.strip() or "it is not said what")

    def _evidence(self) -> Evidence | None:
        try:
            return self._reader.artifacts.evidence(*self._folder)
        except InvalidFile:
            return None  # the audit tells of it; what it judged stays unread

    def _report(self) -> UserReport:
        result = self._reader.artifacts.result(*self._folder)
        try:
            return report_in(result.data) if result else _NOTHING
        except ValueError:
            return _NOTHING  # of a run whose files were changed since, which the audit tells

    def _digest(self) -> str:
        """Of the manifest, which has the digest of every file of evidence."""
        return digest(self._file(MANIFEST))

    def _file(self, name: str) -> bytes:
        """A file of its last run; empty where there is none."""
        path = run_file(self._id, self._history.run, name, self._day)
        return self._reader.archive.file(self._tree, path) or b""
