"""`factory graph`: which items have to do with each other, and what holds up most work."""

import click

from factory.cli.session import json_option, reading
from factory.cli.text import echo_json, table
from factory.model.errors import UsageError
from factory.model.text import counted, one_line
from factory.report.graph.dot import dot
from factory.report.graph.graph import Graph, graph

_MOST_CHAINS, _MOST_CROWDED, _MOST_PATHS = 5, 10, 3


@click.command("graph")
@click.option("--dot", "as_dot", is_flag=True, help="For Graphviz: factory graph --dot | dot -Tsvg > graph.svg")
@click.option("-n", "last", type=click.IntRange(0, 10_000), default=200, show_default=True, help="Finished items.")
@json_option
def graph_command(as_dot: bool, last: int, as_json: bool) -> None:
    """Show which items depend on each other, as they say and as history shows, and what holds up most work."""
    if as_dot and as_json:
        raise UsageError("--dot excludes --json", "factory graph --help")
    with reading() as (reader, snapshot):
        found = graph(reader, snapshot, last)
    if as_json:
        echo_json(found.as_json())
    elif as_dot:
        click.echo("\n".join(dot(found)))
    else:
        _print(found)


def _print(found: Graph) -> None:
    _print_chains(found)
    if found.proposals:
        _heading("should wait for each other, before they collide")
        for proposal in found.proposals:
            click.echo(f"  {proposal.item} for {proposal.other}: {one_line(proposal.in_words())}; {proposal.do}")
    if found.links:
        _heading(f"have to do with each other (open items, and {counted(found.finished, 'finished one')})")
        rows = [(link.item, str(link.kind), link.other, _named(link.paths)) for link in found.links]
        table(rows, ("ITEM", "HOW", "OTHER", "WHERE"))
    if found.crowded:
        _heading("files that many items touched")
        for path, ids in list(found.crowded.items())[:_MOST_CROWDED]:
            click.echo(f"  {len(ids):>3}  {one_line(path)}")
    if not (found.links or found.proposals):
        click.echo("no two items have to do with each other, as far as they or their patches say")


def _print_chains(found: Graph) -> None:
    if found.chains:
        _heading("holds up most work")
    for chain in found.chains[:_MOST_CHAINS]:
        own, do = chain.hold_up, f"; {chain.do}" if chain.do else ""
        click.echo(f"  {own.id}: {counted(len(own.waiting), 'item')} behind it; {one_line(chain.moves)}{do}")
        click.echo(f"      {_way(own.chain)}")


def _way(chain: tuple[str, ...]) -> str:
    """The longest way, in the order in which its items can be done."""
    shown = chain if len(chain) <= 8 else (*chain[:6], "…", chain[-1])
    return " -> ".join(shown)


def _heading(text: str) -> None:
    click.echo(click.style(text, bold=True))


def _named(paths: tuple[str, ...]) -> str:
    more = f" and {len(paths) - _MOST_PATHS} more" if len(paths) > _MOST_PATHS else ""
    return one_line(", ".join(paths[:_MOST_PATHS]) + more)
