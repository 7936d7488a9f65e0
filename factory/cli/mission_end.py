"""What the demo's mission has come to: the defect that was found, what was noticed later, and who judged what."""

from collections import Counter

import click

from factory.cli.text import lines, table
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.journal import History
from factory.model.layout import run_file
from factory.model.mission.record import FiledAs
from factory.model.mission.report import report_in
from factory.model.run_layout import FILES, check_log
from factory.model.text import counted, printable
from factory.report.detail import Detail, detail
from factory.store.missions import read_mission


class MissionEnd:
    """A mission as it is now."""

    def __init__(self, reader: SnapshotReader, snapshot: Snapshot, mission: str) -> None:
        self._reader, self._snapshot, self._mission = reader, snapshot, mission
        self._history = self._history_of(mission)

    def print_defect(self) -> None:
        """What user testing found that nobody else had: the assertion, the evidence, and what was done about it."""
        record = self._history.mission
        for issue_id, issue in record.issues.items():
            found_by = issue_id.partition("/")[0]
            if record.filed[found_by].kind is not FiledAs.TESTING or issue.assertion is None:
                continue
            path = self._evidence(found_by, issue.assertion)
            click.echo(f"{printable(issue.text)}\n\nThe evidence is kept in {path}:\n")
            data = self._reader.repository.objects.file(self._snapshot.tree, path) or b""
            lines(f"    {line}" for line in data.decode().rstrip().splitlines())
            put_right = [key for key, filed in record.filed.items() if issue_id in filed.answers]
            again = [key for key, filed in record.filed.items() if filed.assertions == (issue.assertion,)]
            click.echo(
                f"\n{', '.join(put_right)} put it right; {', '.join(again)} tried {issue.assertion} again, alone."
            )

    def print_guard(self) -> None:
        """What was noticed after the end, and the items that are to put it right."""
        guard = self._guard()
        if guard is None:
            return
        click.echo(f"\n{guard.id} looked again at what is guarded; {guard.note}.")
        for state in self._snapshot.items.values():
            title = state.item.title if state.item else ""
            click.echo(f"{state.id} lies in {state.placed.path}: {printable(title)}")

    def print_assertions(self) -> None:
        """Each assertion: who judged it last, on what evidence."""
        guard = self._guard()
        ran = guard.evidence.ran if guard and guard.evidence else ()
        broken = {each.criterion for each in ran if not each.passed}
        rows = []
        for assertion in read_mission(self._reader.repository.objects, self._snapshot.tree, self._mission).assertions:
            judgement = self._history.mission.judged[assertion.id]
            state, item_id = str(judgement.state), judgement.item
            if guard and assertion.id in broken:
                state, item_id = "broken since", guard.id
            by = judgement.by if assertion.check else f"user testing ({judgement.by})"
            rows.append((assertion.id, state, printable(by), self._evidence(item_id, assertion.id), assertion.text))
        table(rows, ("ASSERTION", "STATE", "BY", "EVIDENCE", "WHAT HOLDS"))

    def took(self) -> str:
        """What it took, in a line."""
        record = self._history.mission
        kinds = Counter("follow-up" if each.answers else str(each.kind) for each in record.filed.values())
        parts = [self._history, *map(self._history_of, record.filed)]
        made = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        runs, seconds = sum(each.run for each in parts), sum(each.seconds for each in parts)
        return f"{counted(len(record.filed), 'item')} ({made}), {counted(runs, 'run')}, {seconds:.0f} s of work"

    def _guard(self) -> Detail | None:
        return detail(self._reader, self._snapshot, f"{self._mission}.guard")

    def _day_of(self, item_id: str) -> str:
        return self._reader.artifacts.done_day(self._snapshot.tree, item_id) or ""

    def _history_of(self, item_id: str) -> History:
        return self._reader.artifacts.history(self._snapshot.tree, item_id, self._day_of(item_id))

    def _evidence(self, item_id: str, assertion: str) -> str:
        """The file that shows what an item found of an assertion: what its tester left, or what its check printed."""
        day, run = self._day_of(item_id), self._history_of(item_id).run
        folder = (self._snapshot.tree, item_id, run, day)
        result = self._reader.artifacts.result(*folder)
        if result is not None and result.data is not None:
            return run_file(item_id, run, f"{FILES}/{report_in(result.data).assertions[assertion].evidence[0]}", day)
        evidence = self._reader.artifacts.evidence(*folder)
        names = [ran.name for ran in evidence.ran if ran.criterion == assertion] if evidence else []
        return run_file(item_id, run, check_log(names[0]), day) if names else "-"
