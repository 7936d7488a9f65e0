"""`factory preview`: what a merge would set off, in Markdown for the page of a pull request's job."""

import click

from factory.cli.markdown import code
from factory.cli.session import json_option, repository
from factory.cli.text import echo_json
from factory.report.preview import Effect, Kind, preview
from factory.store.repository.revisions import resolve

_HEADS = {
    Kind.UNUSABLE: "The factory would stand still",
    Kind.START: "Would start with the next pass",
    Kind.ITEM: "Items",
    Kind.DECISION: "Decisions",
    Kind.SETTING: "Policy and contracts",
    Kind.FILE: "Other files that matter",
}
_MOST = 100  # of one kind are shown


@click.command("preview")
@click.option("--since", metavar="REV", required=True, help="What is there before the merge.")
@click.option("--until", metavar="REV", default="HEAD", show_default=True, help="What there would be after it.")
@json_option
def preview_command(since: str, until: str, as_json: bool) -> None:
    """Say what a merge would set off: what starts, which items and decisions come, which rules change. Runs nothing."""
    with repository() as opened:
        effects = preview(opened, resolve(opened, since), resolve(opened, until))
    if as_json:
        echo_json([effect.__dict__ for effect in effects])
        return
    click.echo("## What a merge would set off\n")
    if not effects:
        click.echo("Nothing: no item, no decision and no rule of the factory changes.")
    for kind, head in _HEADS.items():
        found = [effect for effect in effects if effect.kind is kind]
        if found:
            click.echo(f"### {head}\n" + "".join(f"\n- {_line(effect)}" for effect in found[:_MOST]))
            click.echo(f"\nAnd {len(found) - _MOST} more.\n" if len(found) > _MOST else "")


def _line(effect: Effect) -> str:
    return f"{code(effect.about)}: {code(effect.text)}"
