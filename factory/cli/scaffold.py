"""`factory init`: a factory laid into a git repository, nothing overwritten."""

import json
import os
import re
import shlex
from collections.abc import Sequence
from importlib.resources import files as package_files
from importlib.util import find_spec
from pathlib import Path

import click

from factory.cli.ci_files import ci_files, clock_files, guarding, still_to_do
from factory.cli.log_guard import Host
from factory.cli.session import repository
from factory.cli.starter import (
    AGENT_WORKS,
    Starter,
    agent_line,
    checked_by,
    tests_in,
    with_agent,
    with_cell,
    with_roles,
    worked_by_agent,
)
from factory.execution.agents.kinds import APP_SERVER, PROGRAMS
from factory.model.agent import WITH_ARGV
from factory.model.errors import InvalidPolicy, UnusableError, UsageError
from factory.model.formats import FORMATS, schema_of
from factory.model.layout import ARTIFACTS, GUIDE, KEEP, WORKFLOW, contract_path, lane_folder, prompt_path, schema_path
from factory.model.lifecycle import Lane
from factory.model.names import branch_problem
from factory.report.programs import place_of
from factory.store import files
from factory.store.library import branches_of
from factory.store.repository.missing import COMMIT_IT
from factory.store.repository.repository import Repository

_STARTERS = sorted((*PROGRAMS, APP_SERVER))
_OF_MISSIONS = ("mission", "feature", "scrutiny", "testing", "steer")  # contracts
_PROMPTS = ("plan.md", "feature.md", "scrutiny.md", "testing.md", "steer.md")
_SKILLS = (".agents/skills/factory/SKILL.md", ".claude/skills/factory/SKILL.md")
_FIRST_STEPS = (
    "  factory doctor --checks               # do the checks pass before anybody has changed anything?",
    "  factory add 'What is to be done' && factory tick",
)


def template(name: str) -> bytes:
    """A file that ships in the package."""
    return (package_files("factory.cli") / "templates" / name).read_bytes()


def scaffold(
    root: Path, branch: str, agent: Starter | None = None, *, missions: bool = False, ci: Host | None = None
) -> list[str]:
    """Lay every missing file of a factory below a root; the paths of those that were laid."""
    return _lay(root, with_ci(fitted(scaffolding(branch), root, agent, missions=missions), ci, branch))


def _lay(root: Path, laid: dict[str, bytes]) -> list[str]:
    return [path for path, data in laid.items() if files.write_new(root / path, data)]


def with_ci(laid: dict[str, bytes], ci: Host | None, branch: str) -> dict[str, bytes]:
    """The same files with those of a CI host."""
    return {**laid, WORKFLOW: guarding(ci, laid[WORKFLOW]), **ci_files(ci, branch)} if ci else laid


def fitted(laid: dict[str, bytes], root: Path, agent: Starter | None, *, missions: bool = False) -> dict[str, bytes]:
    """The same files with the tests that the project at a root has, and with an agent as the worker.

    With `missions` also what these need.
    """
    policy, contract, tests = laid[WORKFLOW], laid[contract_path("change")], tests_in(root)
    own = of_missions() if missions else {}
    if tests:
        policy, contract = with_cell(policy, tests), checked_by(contract, tests)
    if agent:
        policy, contract = with_agent(policy, agent), worked_by_agent(contract)
    if missions:
        policy = with_roles(policy, agent)
        feature = contract_path("feature")
        own[feature] = checked_by(own[feature], tests) if tests else own[feature]
    return {**laid, **own, WORKFLOW: policy, contract_path("change"): contract}


def of_missions() -> dict[str, bytes]:
    """The contracts and prompts by which missions are planned, carried out and validated."""
    contracts = {contract_path(name): template(f"missions/{name}.yaml") for name in _OF_MISSIONS}
    return contracts | {prompt_path(name): template(f"missions/prompts/{name}") for name in _PROMPTS}


def scaffolding(branch: str, target: str = "") -> dict[str, bytes]:
    """Every file of a new factory, by path; with a target it lives on a branch of its own."""
    own = f"branch: {_scalar(branch)}    # the branch the factory lives on"
    merges = f"\ntarget: {_scalar(target)}    # the branch it merges into" if target else ", and merges into"
    policy = template(WORKFLOW).replace(b"branch: BRANCH", f"{own}{merges}".encode())
    return {
        WORKFLOW: policy,
        contract_path("change"): template("change.yaml"),
        f"{lane_folder(Lane.INBOX)}/{GUIDE}": template("inbox.md"),
        **{f"{folder}/{KEEP}": b"" for folder in (ARTIFACTS, *map(lane_folder, Lane))},
        **{schema_path(name): files.as_json(schema_of(name)) for name in FORMATS},
    }


def _scalar(name: str) -> str:
    """A name as YAML reads it back."""
    plain = re.fullmatch(r"[a-z]+[a-z/_-]*", name) and name not in ("true", "false", "null")
    return name if plain else json.dumps(name)


@click.command("init")
@click.option("--branch", help="Keep the queue on a new branch of its own, which merges into the one checked out here.")
@click.option("--agent", type=click.Choice(_STARTERS), help="Let this coding agent work, with a key of yours.")
@click.option("--agent-command", metavar="LINE", help="What starts it, of an agent of the kind acp.")
@click.option("--missions", is_flag=True, help="Also lay the contracts, prompts and roles by which missions go.")
@click.option(
    "--ci", type=click.Choice([str(each) for each in Host]), help="Also lay the jobs by which this host makes passes."
)
@click.option("--skill", is_flag=True, help="Only teach coding agents that help you how to use this factory.")
def init_command(
    branch: str | None, agent: str | None, agent_command: str | None, missions: bool, ci: str | None, skill: bool
) -> None:
    """Lay queue/, artifacts/, contracts/ and WORKFLOW.md into this git repository."""
    if skill and (branch or agent or missions or ci):
        raise UsageError("--skill goes alone", "factory init --skill")
    starter, host = _starter(agent, agent_command), Host(ci) if ci else None
    with repository() as opened:
        if opened.root == opened.common_dir:
            raise UnusableError("a bare repository has no working tree", "git clone it, and init the clone")
        if skill:
            _teach(opened.root)
            return
        if branch is not None:
            _begin(opened, branch, starter, host, missions=missions)
            return
        if host and not (agent or missions) and (home := _home(opened)):
            _add_jobs(opened, home, host)
            return
        laid = scaffold(opened.root, opened.checked_out() or "main", starter, missions=missions, ci=host)
    for path in laid:
        click.echo(path)
    if not laid:
        click.echo("everything is there already")
        _tell_what_to_write(starter, laid)
        return
    click.echo("\nNext:" if agent else "\nNext: put your worker into contracts/change.yaml, then")
    click.echo(f"  {COMMIT_IT}")
    _tell_of_agent(starter, laid)
    _tell_of_roles(starter, laid, missions=missions)
    _tell_of_jobs(host, laid)
    click.echo("\n".join(_FIRST_STEPS))


def _home(opened: Repository) -> str:
    """The branch on which a factory lives already; empty where none does. Raises InvalidPolicy."""
    try:
        return branches_of(opened)[0]
    except InvalidPolicy:
        raise
    except UnusableError:
        return ""


def _add_jobs(opened: Repository, branch: str, host: Host) -> None:
    """Lay a host's files beside a factory that is there: all on its own branch, elsewhere what the clock starts."""
    wanted = ci_files(host, branch) if opened.checked_out() == branch else clock_files(host, branch)
    if not wanted:
        raise UsageError(f"the jobs of {host} lie on the branch {branch}", f"git switch {shlex.quote(branch)}")
    laid = _lay(opened.root, wanted)
    click.echo("\n".join(laid) or "everything is there already")
    _tell_of_jobs(host, laid)


def _tell_of_jobs(host: Host | None, laid: Sequence[str]) -> None:
    """Say what has still to be done for the jobs of a host, where they were asked for."""
    if host:
        click.echo("".join(f"{line}\n" for line in still_to_do(host, laid)), nl=False)


def _starter(kind: str | None, line: str | None) -> Starter | None:
    """The agent that is to work, as it was asked for on the command line."""
    if (kind in WITH_ARGV) != (line is not None):
        said = "--agent-command goes with --agent acp, whose program nobody else knows, and with no other"
        raise UsageError(said, "factory init --agent acp --agent-command 'gemini --experimental-acp'")
    try:
        run = tuple(shlex.split(line or ""))
    except ValueError as error:
        raise UsageError(f"--agent-command: {error}", "close its quotes") from None
    if line is not None and not run:
        raise UsageError("--agent-command names no program", "factory init --help")
    return Starter(kind, run) if kind else None


def _teach(root: Path) -> None:
    """Lay the skill where coding agents look for one."""
    laid = [path for path in _SKILLS if files.write_new(root / path, template("skill.md"))]
    click.echo("\n".join(laid) or "everything is there already")


def _tell_of_agent(agent: Starter | None, laid: Sequence[str]) -> None:
    """Say what an agent needs besides the files: its program, and its key."""
    if not agent:
        return
    program = agent.program
    _tell_what_to_write(agent, laid)
    if find_spec(program.library) is None if program.library else place_of(agent.called) is None:
        click.echo(f"  {program.install}")
    if not program.key:
        click.echo("  # say in WORKFLOW.md which variable has its key: secrets: [NAME]")
    elif not os.environ.get(program.key):
        click.echo(f"  export {program.key}=…")


def _tell_what_to_write(agent: Starter | None, laid: Sequence[str]) -> None:
    """Say which lines name an agent in the files that are there already: those may be a person's."""
    lines = {WORKFLOW: f"agents: {{{agent_line(agent)}}}", contract_path("change"): AGENT_WORKS} if agent else {}
    for path, line in lines.items():
        if path not in laid:
            key = line.partition(":")[0]
            click.echo(f"  # in {path}, in place of what it says under `{key}`, if anything:\n  {line}")


def _tell_of_roles(agent: Starter | None, laid: Sequence[str], *, missions: bool) -> None:
    """Say who has still to be named, where missions were asked for."""
    if missions and not (agent and WORKFLOW in laid):
        click.echo(
            "  $EDITOR WORKFLOW.md                   # roles: who plans, works, reviews, tests and steers missions"
        )


def _begin(opened: Repository, branch: str, agent: Starter | None, ci: Host | None, *, missions: bool) -> None:
    """Lay the factory on a branch that shares no history with the code, so that the code's branch stays quiet."""
    target = opened.checked_out()
    if not target or opened.head(target) is None:
        raise UsageError("there is no branch with a commit checked out to merge into", "git switch main")
    if problem := branch_problem(branch):
        raise UsageError(problem, "factory init --branch queue")
    if opened.head(branch) is not None:
        raise UsageError(f"the branch {branch} is there already", f"git switch {shlex.quote(branch)}")
    laid = with_ci(fitted(scaffolding(branch, target), opened.root, agent, missions=missions), ci, branch)
    opened.begin_branch(branch, laid, "Lay down the factory\n")
    place = shlex.quote(f"../{opened.root.name}-{branch.replace('/', '-')}")
    click.echo(f"The factory lies on the new branch {branch}, and merges into {target}. Next:")
    for path in _lay(opened.root, clock_files(ci, branch)) if ci else []:
        click.echo(f"  git add {path} && git commit -m 'Start passes by the clock'    # hosts look for it on {target}")
    click.echo(f"  git worktree add {place} {shlex.quote(branch)} && cd {place}")
    if agent:
        _tell_of_agent(agent, list(laid))
    else:
        click.echo("  $EDITOR contracts/change.yaml         # put your worker in, and commit it")
    _tell_of_roles(agent, list(laid), missions=missions)
    _tell_of_jobs(ci, list(laid))
    click.echo("\n".join(_FIRST_STEPS))
