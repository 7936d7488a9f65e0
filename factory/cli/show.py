"""`factory show`: one item with all that is known of it."""

import shlex

import click

from factory.cli.ids import OPEN, item_argument
from factory.cli.session import json_option, reading
from factory.cli.text import echo_json, lane_word, one_line
from factory.line.person.editing import no_such_item
from factory.model.evidence import Evidence
from factory.model.lifecycle import Lane
from factory.model.text import printable
from factory.report.detail import Detail, detail


@click.command("show")
@item_argument(*OPEN, Lane.DONE)
@json_option
def show_command(item_id: str, as_json: bool) -> None:
    """Show one item with its run, evidence and findings."""
    with reading() as (reader, snapshot):
        found = detail(reader, snapshot, item_id)
        if found is None:
            raise no_such_item(reader, snapshot, item_id)
    if as_json:
        echo_json(found.as_json())
    else:
        _print(found)


def _print(found: Detail) -> None:
    lane = lane_word(found.lane, found.history.outcome or str(found.lane))
    click.echo(f"{click.style(found.id, bold=True)}  {lane}  {printable(found.title)}")
    where = f"git show {found.archived[:12]}:{found.path}" if found.archived else found.path
    click.echo(f"item       {where}")
    click.echo(f"contract   {found.contract or '-'}")
    history = found.history
    click.echo(f"run        {history.run or '-'}, round {history.round}")
    if found.note:
        why = f"  [{found.not_applied}]" if found.not_applied else ""
        click.echo(f"now        {one_line(found.note)}{why}")
    for mark in found.marks:
        click.echo(f"mark       {click.style(str(mark.kind), fg='yellow')}: {printable(mark.in_words())}")
    if history.mission.filed:
        click.echo(f"mission    factory mission show {found.id}")
    if found.report:
        click.echo(f"report     {found.report}")
    for hook in found.hooks:
        click.echo(f"hook       {hook.name} {hook.how}")
        for line in hook.quoted:
            click.echo(f"           | {line}")
    for line in found.plan:
        click.echo(f"plan       {printable(line)}")
    if history.run:
        click.echo(f"artifacts  {found.artifacts}")
        click.echo(f"cost       {history.seconds:.1f} s, {found.cost}")
    contained = next((entry.sandbox for entry in reversed(history.entries) if entry.sandbox), "")
    if contained:
        click.echo(f"sandbox    {printable(contained)}")
    if found.applied:
        click.echo(f"merged     {found.applied}")
    if found.lane is Lane.REVIEW:
        click.echo(f"look       git diff {found.base[:10]} {history.proposal[:10]}")
    if history.proposal:
        click.echo(f"look       factory diff {found.id}")
    for change in found.changes:
        path = f"{change.old_path} -> {change.path}" if change.old_path else change.path
        click.echo(f"file       {change.kind}  {printable(path)}  {change.lines}")
    _print_checks(found.evidence)
    for vote in history.entries[-1].verdicts if history.entries else ():
        lost = f": {vote.lost}" if vote.lost else ""
        click.echo(f"seat       {vote.decision}  {printable(vote.reviewer)} ({vote.seat}){printable(lost)}")
    for question in history.questions:
        click.echo(f"asks       {question.id}: {printable(' '.join(question.text.split()))}")
    for key, text in history.loose_ends.items():
        click.echo(f"left       {key}: {printable(text)}")
    for row in history.table.rows():
        how = f" ({row['how']})" if row["how"] else ""
        late = ", late" if row["late"] else ""
        click.echo(f"earlier    {row['key']} {row['state']}{how}{late}: {printable(str(row['text']))}")
    for finding in history.findings:
        place = f" {finding.path}" + (f":{finding.line}" if finding.line else "") if finding.path else ""
        click.echo(f"finding    {finding.id} {finding.severity}{printable(place)}: {printable(finding.text)}")


def _print_checks(evidence: Evidence | None) -> None:
    """What the factory ran, and what came of it."""
    for ran in evidence.ran if evidence else ():
        word = click.style("pass", fg="green") if ran.passed else click.style("fail", fg="red")
        said = f": {ran.last_line}" if ran.last_line else ""
        if ran.before_work and ran.passed and ran.exit_code:
            word = "open"  # the work that it waits for is only planned
        if ran.proves_nothing:
            word = click.style("refused", fg="red")
            said = "; it passes before any work, and so would prove nothing"
        click.echo(f"check      {word}  {ran.name}: {printable(shlex.join(ran.run))} ({ran.seconds:g} s){said}")
        if ran.reused_from or ran.on:
            click.echo(f"           {printable(ran.whose)}")
    for name in evidence.pending if evidence else ():
        click.echo(f"check      wait  {printable(name)}: it runs in the merge train")
