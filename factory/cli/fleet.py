"""`factory fleet`: many repositories at work at once."""

from dataclasses import asdict
from pathlib import Path

import click

from factory.cli.interrupts import asking
from factory.cli.say import say
from factory.cli.text import echo_json, table
from factory.execution.cell.sandbox import sandbox
from factory.line.fleet.supervisor import Supervisor
from factory.model.errors import InvalidFile, UnusableError
from factory.model.lifecycle import Lane
from factory.model.text import one_line, printable
from factory.report.fleet import Row, rows_of
from factory.store.fleet_file import read_fleet

_HELP = "correct it; factory schema fleet says what it may hold"


@click.command("fleet")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--status", is_flag=True, help="Say how each repository is, and end.")
@click.option("--json", "as_json", is_flag=True, help="For programs; with --status.")
def fleet_command(file: Path, status: bool, as_json: bool) -> None:
    """Run the repositories that FILE names, which share its workers by weight; until interrupted.

    Each works as under `factory run`, in a process of its own, and sees nothing of the others. FILE is read again when
    it changes. ^C and SIGTERM end it with 0.
    """
    if as_json and not status:
        raise click.UsageError("--json goes with --status")
    try:
        if status:
            _show(file.absolute(), as_json)
        else:
            _run(file.absolute())
    except InvalidFile as error:
        raise UnusableError(error.message, _HELP) from None


def _run(file: Path) -> None:
    """Raises UnusableError where nothing could ever start."""
    try:
        sandbox(read_fleet(file).fleet.sandbox)
    except UnusableError as error:
        other = f"say sandbox: auto in {file} if its repositories may see each other's files"
        raise UnusableError(error.message, f"{error.hint}; or {other}") from None
    supervisor = Supervisor(file, _tell)
    say(f"running the repositories of {file}; ^C ends them")
    with asking(supervisor.stop, supervisor.kill):
        supervisor.run()
    say("ended")


def _tell(name: str, text: str) -> None:
    said = printable(text)
    say(f"{name}: {said}" if name else said)


def _show(file: Path, as_json: bool) -> None:
    rows = list(rows_of(read_fleet(file)))
    if as_json:
        echo_json([asdict(row) for row in rows])
    else:
        table([_cells(row) for row in rows], ("NAME", "AT WORK", "OPEN", "DONE TODAY", "USD TODAY", "ORCHESTRATOR"))


def _cells(row: Row) -> tuple[str, ...]:
    if row.problem:
        return row.name, "", "", "", "", one_line(row.problem)
    lanes = ", ".join(f"{many} {lane}" for lane, many in row.counts.items() if many and lane != Lane.ACTIVE)
    spent = "" if row.usd_per_day is None else f"{row.spent_today:.2f} of {row.usd_per_day:.2f}"
    return (
        row.name,
        f"{row.at_work} of {row.most}",
        lanes or "-",
        str(row.done_today),
        spent,
        row.orchestrator or "none",
    )
