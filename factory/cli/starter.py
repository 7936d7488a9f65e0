"""A starter: what `factory init` makes of what lies in a repository: its tests as checks, and an agent that works."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from factory.execution.agents.app_server.item_tool import NAME as ITEM_TOOL
from factory.execution.agents.kinds import APP_SERVER, PROGRAMS
from factory.execution.agents.programs.program import Program
from factory.model.hosts import host_of
from factory.model.roles import Role
from factory.store import files

AGENT = "solver"
AGENT_WORKS = f"worker: {{agent: {AGENT}}}"  # in a contract
_MOST_BYTES = 1_000_000
_NO_TEST = "no test specified"  # what npm puts into a package that has none
_ENDING = b"If you cannot go on without an answer"  # begins what the prompt says of how to end
_BY_TOOL = f"""If you cannot go on without an answer, guess nothing: call the tool {ITEM_TOOL} with action ask.
When all is done, call it with action deliver, and say in `text` what you did in a few sentences, in `left_undone` what
you left undone. What you came across besides, tell it before that, each with action follow_up.
"""
_TEST_TARGET = re.compile(rb"^test\s*:", re.MULTILINE)


class Tests(NamedTuple):
    """How a project's own tests are run, and which folders that git does not hold they need."""

    run: tuple[str, ...]
    shares: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()


def tests_in(root: Path) -> Tests | None:
    """The tests of the project that lies at a root, by its language's usual tool; None where none are seen."""
    return next(_tests_in(root), None)


def _tests_in(root: Path) -> Iterator[Tests]:
    if any((root / name).is_file() for name in ("pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", "tox.ini")):
        own = ".venv" if (root / ".venv/bin/python").exists() else ""
        python = f"{own}/bin/python" if own else "python"
        if any((root / name).is_dir() for name in ("tests", "test")) or any(root.glob("test_*.py")):
            yield Tests((python, "-m", "pytest", "-q"), (own,) if own else ())
    script = _script_of(root / "package.json")
    if script and _NO_TEST not in script:
        yield Tests(("npm", "test"), ("node_modules",) if (root / "node_modules").is_dir() else ())
    if (root / "go.mod").is_file():
        yield Tests(("go", "test", "./..."))
    if (root / "Cargo.toml").is_file():
        yield Tests(("cargo", "test", "--offline"), copies=("target",))
    if _TEST_TARGET.search(files.read_start(root / "Makefile", _MOST_BYTES)):
        yield Tests(("make", "test"))


def _script_of(package: Path) -> str:
    """The command that `npm test` runs; empty where there is none."""
    try:
        told = json.loads(files.read_start(package, _MOST_BYTES))
    except (ValueError, RecursionError):
        return ""
    scripts = told.get("scripts") if isinstance(told, dict) else None
    script = scripts.get("test") if isinstance(scripts, dict) else None
    return script if isinstance(script, str) else ""


class Starter(NamedTuple):
    """The agent that a new factory begins with; one of a kind that knows no program of its own has its argv."""

    kind: str
    run: tuple[str, ...] = ()

    @property
    def program(self) -> Program:
        """What is known of its program."""
        return PROGRAMS["codex" if self.kind == APP_SERVER else self.kind]

    @property
    def called(self) -> str:
        """What its program is called."""
        return self.run[0] if self.run else "codex" if self.kind == APP_SERVER else self.kind


def with_agent(policy: bytes, starter: Starter) -> bytes:
    """A policy that names such an agent; one with a tool for its item is told in the prompt to use it."""
    policy = policy.replace(b"\nreviewers:", f"\nagents:\n  {agent_line(starter)}\nreviewers:".encode(), 1)
    if starter.kind != APP_SERVER:
        return policy
    return policy.partition(_ENDING)[0] + _BY_TOOL.encode()


def agent_line(starter: Starter) -> str:
    """The entry of `agents` in WORKFLOW.md for such an agent."""
    program = starter.program
    reach = f"[{', '.join(host_of(host).name for host in program.hosts)}]" if program.hosts else "true"
    run = f", run: {json.dumps(starter.run)}" if starter.run else ""
    secrets = f", secrets: [{program.key}]" if program.key else ""
    return f"{AGENT}: {{kind: {starter.kind}{run}{secrets}, network: {reach}}}"


def with_roles(policy: bytes, agent: Starter | None) -> bytes:
    """A policy that says who does which part of a mission: the agent, or whom a person will name there."""
    roles = ", ".join(f"{role}: {AGENT}" for role in Role)
    line = f"roles: {{{roles}}}" if agent else f"# roles: {{{roles}}}    # names of agents; docs/agents.md"
    routed = policy.replace(
        b"routes: [{contract:", b"routes: [{when: {mission: true}, contract: feature}, {contract:", 1
    )
    return routed.replace(b"\nreviewers:", f"\n{line}\nreviewers:".encode(), 1)


def with_cell(policy: bytes, tests: Tests) -> bytes:
    """A policy whose cells hold what the tests need."""
    needed = {name: list(value) for name, value in (("shares", tests.shares), ("copies", tests.copies)) if value}
    if not needed:
        return policy
    told = ", ".join(f"{name}: [{', '.join(value)}]" for name, value in needed.items())
    return re.sub(rb"\n# cell: [^\n]*", f"\ncell: {{{told}}}".encode(), policy, count=1)


def worked_by_agent(contract: bytes) -> bytes:
    """A contract whose worker is that agent."""
    return re.sub(rb"\nworker:\n(?:  [^\n]*\n)+", f"\n{AGENT_WORKS}\n".encode(), contract, count=1)


def checked_by(contract: bytes, tests: Tests) -> bytes:
    """A contract with these tests for its check."""
    check = f"\nchecks:\n  - {{name: tests, run: {json.dumps(list(tests.run))}}}"
    return re.sub(rb"\nchecks: \[\][^\n]*", lambda _: check.encode(), contract, count=1)
