"""Agent settings: what the agents that WORKFLOW.md names are told and cannot work with, seen from the files alone."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from factory.execution.agents.kinds import AGENTS, PROGRAMS
from factory.line.policy_problems import at
from factory.model.agent import Agent
from factory.model.contract import Contract
from factory.model.errors import Problem
from factory.model.policy import Policy
from factory.report.agents import hosts_of
from factory.report.cross_checks import contracts_in
from factory.store import yaml
from factory.store.library import front_matter, read_workflow

_CLAUDE, _OPENCODE = "claude", "opencode"


def of_agents(root: Path, data: bytes) -> tuple[list[Problem], list[str]]:
    """(problems, warnings) of the agents of a WORKFLOW.md, beside the contracts at a root. Raises InvalidFile."""
    source, policy = front_matter(data)[0], read_workflow(data).policy
    if source is None or not policy.agents:
        return [], []
    contracts = [contract for _, contract in contracts_in(root)]
    return list(_unknown_kinds(source, policy)), [str(each) for each in _doubtful(source, policy, contracts)]


def _unknown_kinds(source: yaml.Source, policy: Policy) -> Iterator[Problem]:
    """The agents of a kind that there is not."""
    for name, agent in policy.agents.items():
        if agent.kind not in AGENTS:
            close = difflib.get_close_matches(agent.kind, AGENTS, 1)
            meant = f"did you mean {close[0]!r}?" if close else f"use {', '.join(sorted(AGENTS))}"
            yield at(source, ("agents", name, "kind"), f"there is no kind {agent.kind!r}; {meant}")


def _doubtful(source: yaml.Source, policy: Policy, contracts: Sequence[Contract]) -> Iterator[Problem]:
    """What most likely keeps an agent from its model, whatever contract lets it work."""
    for name, agent in policy.agents.items():
        if wrong := misplaced_url(agent):
            yield at(source, ("agents", name, "url"), wrong)
        if agent.kind == _OPENCODE and agent.url and not agent.model:
            yield at(source, ("agents", name), "names no model, and opencode would ask its url for none")
        for host in hosts_of(PROGRAMS.get(agent.kind), agent) if agent.url else ():
            if not _is_reached(host, name, agent, contracts):
                said = f"{host} is not in its network; add it there, or in the contract's worker.sandbox.network"
                yield at(source, ("agents", name, "url"), said)


def misplaced_url(agent: Agent) -> str:
    """What is wrong with the end of an agent's url; empty where nothing is."""
    if agent.kind == _CLAUDE and agent.url and agent.url.rstrip("/").endswith("/v1"):
        return f"claude adds /v1/messages itself: write {agent.url.rstrip('/').removesuffix('/v1')}"
    return ""


def _is_reached(host: str, name: str, agent: Agent, contracts: Sequence[Contract]) -> bool:
    """Whether an agent may reach a host, by itself or under a contract that names it."""
    workers = [contract.worker for contract in contracts]
    own = [worker.sandbox.network for worker in workers if name in worker.agents or worker.role]
    allowed = (agent.network, *own)
    return any(network if isinstance(network, bool) else host in network for network in allowed)
