"""`factory audit`: proves a history from its commits alone."""

import click

from factory.cli.job_log import for_hosts, job_log
from factory.cli.markdown import code
from factory.cli.session import json_option, repository
from factory.cli.text import echo_json
from factory.model.errors import Problem
from factory.model.text import counted, printable
from factory.report.audit.audit import Audit, audit
from factory.report.audit.rules import EXPLAINED, Rule
from factory.store.library import locate_branch
from factory.store.repository.revisions import resolve


@click.command("audit")
@click.option("--since", metavar="REV", help="Only the commits after this one.")
@click.option("--until", metavar="REV", help="The commits up to this one, in place of the branch's newest: say HEAD.")
@click.option("--explain", type=click.Choice([str(rule) for rule in Rule]), help="Say what a rule demands.")
@json_option
@for_hosts
def audit_command(since: str | None, until: str | None, explain: str | None, as_json: bool) -> int:
    """Prove from the commits alone that nothing was lost, moved or accepted against the rules. Exit 1 when not."""
    if explain is not None:
        click.echo(EXPLAINED[Rule(explain)])
        return 0
    with repository() as opened:
        line = until or locate_branch(opened)
        head = resolve(opened, until) if until else opened.tip(line)
        found = audit(opened, head, resolve(opened, since) if since else None)
    if as_json:
        listed = [violation._asdict() for violation in found.violations]
        rests = [rest._asdict() for rest in found.rests]
        about = {"branch": None if until else line, "head": head}
        echo_json({**found.__dict__, **about, "violations": listed, "rests": rests})
    else:
        _print(found, line)
    return int(bool(found.violations))


def _print(found: Audit, line: str) -> None:
    for violation in found.violations:
        where = f" {violation.path}" if violation.path else ""
        rule = click.style(f"{violation.rule}", fg="red")
        told = f"{violation.commit[:10]} {rule}{printable(where)}: {printable(violation.text)}"
        job_log().problem(Problem(violation.path, 1, 1, f"{violation.rule}: {violation.text}"), told)
    looked_at = (
        f"{printable(line)}: {counted(found.commits, 'commit')}, {found.by_people} of them by people; "
        f"{counted(found.moves, 'move')} of {counted(found.items, 'item')}, {found.finished} of them finished"
    )
    click.echo(looked_at)
    job_log().note("What was looked at", code(looked_at))
    if found.violations:
        rules = sorted({violation.rule for violation in found.violations})
        found_so_many = counted(len(found.violations), "finding")
        click.echo(f"{found_so_many}; factory audit --explain {rules[0]} says what is demanded")
    else:
        click.echo("every commit keeps the rules")
        job_log().note("What was looked at", "every commit keeps the rules")
