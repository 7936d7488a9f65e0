"""`factory blame`: who made an assertion of a mission pass."""

import click

from factory.cli.session import json_option, reading
from factory.cli.text import echo_json
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import UsageError
from factory.model.moments import rfc3339
from factory.model.text import printable
from factory.report.blame import Blame, RunAccount, blame, missions_with
from factory.report.mission_json import assertion_json
from factory.report.mission_views import MissionView, mission_of


@click.command("blame")
@click.argument("assertion", metavar="ASSERTION")
@click.option("--mission", "mission", metavar="ID", help="The mission that it is of, where several have one.")
@json_option
def blame_command(assertion: str, mission: str | None, as_json: bool) -> None:
    """Say who made an assertion pass: when, with which agent, prompt, evidence and verdicts."""
    with reading() as (reader, snapshot):
        view = _mission(reader, snapshot, assertion, mission)
        found = blame(reader, snapshot, view, assertion)
    if found is None:
        raise UsageError(f"{view.id} has no assertion {assertion!r}", f"factory mission assertions {view.id}")
    if as_json:
        echo_json(_as_json(found))
    else:
        _print(found)


def _mission(reader: SnapshotReader, snapshot: Snapshot, assertion: str, mission: str | None) -> MissionView:
    """The mission that is meant. Raises UsageError when none is, or several may be."""
    if mission is not None:
        view = mission_of(reader, snapshot, mission)
        if view is None:
            raise UsageError(f"there is no mission {mission!r}", "factory mission list --all")
        return view
    found = missions_with(reader, snapshot, assertion)
    if not found:
        raise UsageError(f"no mission has an assertion {assertion!r}", "factory mission list --all")
    if len(found) > 1:
        names = ", ".join(each.id for each in found)
        raise UsageError(f"{names} have an assertion {assertion}", f"factory blame {assertion} --mission {found[0].id}")
    return found[0]


def _as_json(found: Blame) -> dict[str, object]:
    return {
        "mission": found.mission,
        "assertion": assertion_json(found.row),
        "evidence": [*found.row.evidence],
        "judged_in": found.judged_in.as_json() if found.judged_in else None,
        "made_by": [run.as_json() for run in found.made_by],
        "touched_by": [run.as_json() for run in found.touched_by],
    }


def _print(found: Blame) -> None:
    row, judgement = found.row, found.row.judgement
    text = printable(" ".join(row.assertion.text.split()))
    click.echo(f"{click.style(row.assertion.id, bold=True)}  {row.state}  {text}  (mission {found.mission})")
    if judgement is None:
        click.echo("judged     by nobody yet")
    else:
        click.echo(f"judged     {judgement.state} by {printable(judgement.by)} at {rfc3339(judgement.at)}")
        click.echo(f"on         {judgement.commit}")
        click.echo(f"digest     {judgement.evidence}  of its manifest")
    if judgement is not None and judgement.said:
        click.echo(f"said       {printable(' '.join(judgement.said.split()))}")
    for path in found.row.evidence:
        click.echo(f"evidence   {printable(path)}")
    if found.judged_in is not None:
        _run("judged in", found.judged_in)
    for run in found.made_by:
        _run("made by", run)
    for run in found.touched_by:
        _run("touched by", run)


def _run(what: str, run: RunAccount) -> None:
    told = run.agent.model_dump(mode="json", exclude_none=True) if run.agent else {}
    known = "".join(f", {key} {value}" for key, value in told.items())
    when = f" at {rfc3339(run.ended)}" if run.ended else ""
    click.echo(f"{what:10} {click.style(run.item, bold=True)}  {run.purpose}, run {run.run}, {run.outcome or 'open'}")
    click.echo(f"           {printable((run.worker or 'the factory') + known)}{when}")
    for path in run.files:
        click.echo(f"           {path}")
    if run.applied:
        click.echo(f"           merged as {run.applied}")
    for vote in run.verdicts:
        path = f"  {printable(vote.path)}" if vote.path else ""
        click.echo(f"           {vote.decision} by {printable(vote.reviewer)} ({printable(vote.seat)}){path}")
