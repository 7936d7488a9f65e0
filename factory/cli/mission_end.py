"""What the demo's mission has come to: the defect that was found, what was noticed later, and who judged what."""

from collections import Counter

import click

from factory.cli.mission_text import evidence_cell
from factory.cli.text import lines, table
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import MachineError
from factory.model.layout import run_file
from factory.model.mission.record import FiledAs
from factory.model.run_layout import REPORT
from factory.model.text import counted, printable
from factory.report.assertion_evidence import evidence_of
from factory.report.detail import detail
from factory.report.mission_views import assertion_rows, mission_of, purpose
from factory.store.mission_parts import Spent


class MissionEnd:
    """A mission as it is now. Raises MachineError where there is none."""

    def __init__(self, reader: SnapshotReader, snapshot: Snapshot, mission: str) -> None:
        self._reader, self._snapshot = reader, snapshot
        view = mission_of(reader, snapshot, mission)
        if view is None:
            raise MachineError(f"{mission} is no mission that is planned", "factory status")
        self._view = view

    def print_defect(self) -> None:
        """What user testing found that nobody else had: the assertion, the evidence, and what was done about it."""
        record = self._view.history.mission
        for issue_id, issue in record.issues.items():
            found_by = issue_id.partition("/")[0]
            if record.filed[found_by].kind is not FiledAs.TESTING or issue.assertion is None:
                continue
            part = self._view.parts[found_by]
            place = (part.id, part.history.run, part.day)
            path = next(evidence_of(self._reader, self._snapshot.tree, issue.assertion, *place), "-")
            click.echo(f"{printable(issue.text)}\n\nThe evidence is kept in {path}:\n")
            data = self._reader.archive.file(self._snapshot.tree, path) or b""
            lines(f"    {line}" for line in data.decode().rstrip().splitlines())
            put_right = ", ".join(key for key, filed in record.filed.items() if issue_id in filed.answers)
            again = ", ".join(key for key, filed in record.filed.items() if filed.assertions == (issue.assertion,))
            click.echo(f"\n{put_right} put it right; {again} tried {issue.assertion} again, alone.")
        report = run_file(self._view.id, self._view.history.run, REPORT, self._view.day)
        click.echo(f"In the end {self._view.note}: {report}")

    def print_guard(self) -> None:
        """What was noticed after the end, and the items that are to put it right."""
        guard = detail(self._reader, self._snapshot, f"{self._view.id}.guard")
        if guard is None:
            return
        click.echo(f"\n{guard.id} looked again at what is guarded; {guard.note}.")
        for state in self._snapshot.items.values():
            title = state.item.title if state.item else ""
            click.echo(f"{state.id} lies in {state.placed.path}: {printable(title)}")

    def print_assertions(self) -> None:
        """Each assertion: who judged it last, on what evidence."""
        rows = []
        for row in assertion_rows(self._reader, self._snapshot, self._view):
            if row.judgement is None:
                continue  # there is none such at its end
            key = row.assertion.id
            by = row.judgement.by if row.assertion.check else f"user testing ({row.judgement.by})"
            rows.append((key, str(row.state), printable(by), evidence_cell(row), row.assertion.text))
        table(rows, ("ASSERTION", "STATE", "BY", "EVIDENCE", "WHAT HOLDS"))

    def took(self) -> str:
        """What it took, in a line."""
        parts = self._view.parts.values()
        kinds = Counter(purpose(part.filed) for part in parts)
        made = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
        histories = [self._view.history, *(part.history for part in parts)]
        runs = sum(each.run for each in histories)
        return f"{counted(len(parts), 'item')} ({made}), {runs} runs, {Spent.of(histories).seconds:.0f} s of work"
