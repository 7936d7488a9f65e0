"""Whether the agents that WORKFLOW.md names are there: their programs, versions and keys."""

import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from factory.execution.agents.kinds import AGENTS, APP_SERVER, PROGRAMS
from factory.execution.agents.programs.program import Program
from factory.model.agent import Agent
from factory.model.hosts import host_of
from factory.model.policy import Policy
from factory.report.diagnosis import Diagnosis, Health
from factory.report.programs import lacking, place_of
from factory.store.system import MACHINE

_PATIENCE_S = 10
UNHELD = "the whole network is open to it: only bubblewrap can hold its list of hosts"
HOLD_IT = "install bubblewrap, and leave `sandbox` in WORKFLOW.md at auto or required"


def agents_of(policy: Policy, checkouts: Sequence[Path], *, contained: bool) -> Iterator[Diagnosis]:
    """One diagnosis for each agent; the first thing that it lacks, if it lacks anything."""
    for name, agent in sorted(policy.agents.items()):
        yield _agent(f"agent {name}", agent, _program(agent, policy), checkouts, contained=contained)


def _program(agent: Agent, policy: Policy) -> str:
    """The program that is started; of a shell line the first word that is no assignment."""
    if agent.kind != APP_SERVER:
        return agent.run[0] if agent.run else agent.kind
    try:
        words = shlex.split(policy.codex.command)
    except ValueError:
        words = []
    return next((word for word in words if "=" not in word), "bash")


def _agent(title: str, agent: Agent, program: str, checkouts: Sequence[Path], *, contained: bool) -> Diagnosis:
    known = PROGRAMS.get(program if agent.kind == APP_SERVER else agent.kind)
    if agent.kind not in AGENTS:
        return Diagnosis(title, Health.BAD, f"there is no kind {agent.kind!r}", f"use {', '.join(sorted(AGENTS))}")
    if known and known.library and find_spec(known.library) is None:
        return Diagnosis(title, Health.BAD, "the library that drives it is not installed", known.install)
    bad = lacking(program, checkouts, contained=contained)
    if bad:
        return Diagnosis(title, Health.BAD, bad[0], known.install if known and not agent.run else bad[1])
    place = place_of(program)
    if place is None:
        return Diagnosis(title, Health.GOOD, f"{program}, which lies in a cell or is named by an item")
    found = _version_of(place)
    missing = next((name for name in agent.keys.values() if not os.environ.get(name)), "")
    if missing:
        return Diagnosis(title, Health.BAD, f"{found}; its key {missing} is not set", f"export {missing}=…")
    if known and not agent.secrets:
        advice = f"name the variable that holds it: secrets: [{known.key or 'NAME'}]"
        return Diagnosis(
            title, Health.NOTE, f"{found}; it gets no key, and a home in which it is not logged in", advice
        )
    problem = _out_of_reach(known, agent, contained=contained)
    if problem:
        return Diagnosis(title, Health.NOTE, f"{found}; {problem[0]}", problem[1])
    if known and known.tried not in found:
        return Diagnosis(title, Health.NOTE, f"{found}; it was tried with {known.tried}", "")
    return Diagnosis(title, Health.GOOD, found)


def _out_of_reach(known: Program | None, agent: Agent, *, contained: bool) -> tuple[str, str] | None:
    """(what of the network an agent needs and may not use, or may and was not to; what to do about it)."""
    wanted = hosts_of(known, agent)
    said = f"[{', '.join(wanted)}]" if wanted else "true"
    if isinstance(agent.network, bool):
        return ("it cannot reach its model", f"give it network: {said}") if known and not agent.network else None
    if not contained:
        return UNHELD, HOLD_IT
    missing = next((host for host in wanted if host not in agent.network), "")
    if missing:
        return f"its model is at {missing}, which is not in its list of hosts", f"add {missing} to its network"
    if agent.url and agent.url.startswith("http:") and not any(host_of(host).is_loopback for host in wanted):
        return "its url is plain http, which a list of hosts does not let through", "use https, or network: true"
    proxied = known is not None and known.proxied
    return None if proxied else ("it reaches its hosts only if it goes there by HTTPS_PROXY", "see that it does")


def hosts_of(known: Program | None, agent: Agent) -> tuple[str, ...]:
    """Where an agent's model is, as far as anything says so."""
    if agent.url is None:
        return known.hosts if known else ()
    place = urlsplit(agent.url)
    try:
        port = place.port or (80 if place.scheme == "http" else 443)
        name = place.hostname or ""
        return (str(host_of(f"[{name}]:{port}" if ":" in name else f"{name}:{port}")),)
    except ValueError:
        return ()


def _version_of(program: str) -> str:
    try:
        done = MACHINE.run((program, "--version"), _PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return f"{program}, which does not tell its version"
    said = (done.stdout or done.stderr).decode(errors="replace").strip().splitlines()
    return said[0][:100] if said else program
