"""The apply command: carries a decision out in another world than this repository, at most once for each subject."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue, ValidationError

from factory.execution.cell.command import command_in
from factory.execution.cell.hooks import prepared_cell
from factory.execution.cell.pool import Cells
from factory.execution.control import unfollowed
from factory.execution.processes import process
from factory.execution.prompts.prompt import render_argv
from factory.execution.redaction.mask import Mask
from factory.execution.request import RunRequest
from factory.model.base import ExitStatus, Format
from factory.store import files
from factory.store.state import APPLIES

_OUTPUT_KEPT = 20_000  # bytes, of its end


class ApplyNote(Format):
    """The local note of one apply: it is on disk before the command begins, and again when it has ended."""

    subject: str
    ended: bool = False  # False in a note that is found: a crash came between, and nobody knows how far it got
    exit_code: ExitStatus | None = None
    problem: str = ""
    output: str = ""


@dataclass(frozen=True)
class Notes:
    """The notes of applies, by subject."""

    state: Path

    def read(self, subject: str) -> ApplyNote | None:
        """What is known of a subject's apply; None when it was never begun."""
        data = files.read_regular(self._path(subject))
        try:
            return None if data is None else ApplyNote.model_validate_json(data)
        except ValidationError:
            return ApplyNote(subject=subject)  # torn: it was begun

    def write(self, note: ApplyNote) -> None:
        """Make a note durable."""
        files.write(self._path(note.subject), note.model_dump_json().encode(), durable=True)

    def _path(self, subject: str) -> Path:
        return self.state / APPLIES / f"{subject.removeprefix('sha256:')}.json"


def run_apply_command(
    request: RunRequest,
    subject: str,
    decision: dict[str, JsonValue],
    cells: Cells,
    notes: Notes,
    clean: Callable[[bytes], bytes],
) -> ApplyNote:
    """Run the contract's apply command with the decision on its standard input. Raises FactoryError before it began."""
    applies, limits = request.contract.apply, request.contract.limits
    argv = render_argv(applies.run or (), request.variables(), "apply.run")
    control = unfollowed(cells.repository.system)  # once begun it is not stopped half way
    with prepared_cell(cells, request, request.start, control) as cell:
        given = cell.give("decision.json", json.dumps({**decision, "idempotency_key": subject}).encode())
        env = cell.environment((*applies.env, *applies.secrets)) | {"FACTORY_IDEMPOTENCY_KEY": subject}
        command = replace(
            command_in(cell, request, argv, env, "apply.log"),
            network=True,  # it is there for other worlds than this one
            stdin=Path(given),
            once=True,
        )
        notes.write(ApplyNote(subject=subject))
        ended = process.run(command, control)
        output = Mask.of_environment(applies.secrets).hide_cut(command.log.read_bytes())
    output = clean(output)[-_OUTPUT_KEPT:]
    problem = ended.why_stopped(f"{limits.minutes:g} minutes")
    note = ApplyNote(
        subject=subject,
        ended=True,
        exit_code=ended.exit_code,
        problem=problem,
        output=output.decode(errors="replace"),
    )
    notes.write(note)
    return note
