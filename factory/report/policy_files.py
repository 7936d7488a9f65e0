"""Policy files: what is wrong with a contract or a prompt beside what it names."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from factory.execution.checks.reads import left_out
from factory.line.policy_problems import IN_A_PROMPT, Key, at, template, templates
from factory.model.contract import Contract
from factory.model.errors import InvalidFile, Problem
from factory.model.layout import WORKFLOW, contract_path, skill_path
from factory.model.mission.plan import SCRUTINY, TESTING
from factory.model.policy import Policy
from factory.model.reads import Reads
from factory.model.vacancies import vacancies
from factory.store import files, yaml
from factory.store.library import read_workflow
from factory.store.schema import schema_problem
from factory.store.skills import skill_head

_SHOWN = 5  # files that are named


def of_contract(root: Path, source: yaml.Source) -> Iterator[Problem]:
    """What is wrong with a contract. Raises InvalidFile when it cannot be read."""
    contract = yaml.load(Contract, source)
    schemas: list[tuple[Key, Mapping[str, JsonValue]]] = [
        (("receives",), contract.receives),
        (("produces", "data"), contract.produces.data or {}),
    ]
    for key, schema in schemas:
        problem = schema_problem(schema)
        if problem:
            yield at(source, key, problem)
    yield from templates(source, ("worker", "run"), contract.worker.run)
    yield from templates(source, ("apply", "run"), contract.apply.run)
    for number, check in enumerate(contract.checks):
        yield from templates(source, ("checks", number, "run"), check.run)
    prompts: list[tuple[str | None, Key]] = [(contract.worker.prompt, ("worker", "prompt"))]
    for number, seat in enumerate(contract.review.seats):
        yield from templates(source, ("review", "seats", number, "run"), seat.run)
        prompts.append((seat.prompt, ("review", "seats", number, "prompt")))
    for prompt, key in prompts:
        if prompt is not None:
            yield from _prompt(root, source, prompt, key)
    yield from _skills(root, source, contract)
    yield from _agents(root, source, contract)


def of_reads(root: Path, path: str, there: Sequence[str]) -> Iterator[Problem]:
    """What the `reads` of a contract's checks leave out of the files by which they are made."""
    data = files.read_regular(root / path)
    source = yaml.Source(path, data or b"")
    try:
        contract = yaml.load(Contract, source)
    except InvalidFile:
        return  # told of the file itself
    for number, check in enumerate(contract.checks):
        if check.reads is None:
            continue
        plain = tuple(
            word for word in check.run if "{" not in word
        )  # what an item fills in is looked at when it is run
        found = left_out(contract, plain or check.run, Reads.of(check.reads), there)
        if found:
            why = ", ".join(f"{each} ({word})" for each, word in sorted(found.items())[:_SHOWN])
            add = ", ".join(json.dumps(each) for each in sorted(found)[:_SHOWN])
            more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            message = f"leaves out what decides the check {check.name!r}: {why}{more}; add {add}"
            yield at(source, ("checks", number, "reads"), message)


def of_prompt(source: yaml.Source) -> Iterator[Problem]:
    """What is wrong with a prompt. Raises InvalidFile when it is no text."""
    yaml.text_of(source)
    yield from template(source, IN_A_PROMPT)


def _prompt(root: Path, source: yaml.Source, prompt: str, key: Key) -> Iterator[Problem]:
    data = files.read_regular(root / prompt)
    if data is None:
        yield at(source, key, f"{prompt} is not there, or is not a plain file")
        return
    try:
        yield from of_prompt(yaml.Source(prompt, data))
    except InvalidFile as error:
        yield from error.problems


def _skills(root: Path, source: yaml.Source, contract: Contract) -> Iterator[Problem]:
    """What is wrong with the skills that a contract names."""
    for number, name in enumerate(contract.worker.skills):
        path = skill_path(name)
        data = files.read_regular(root / path)
        if data is None:
            yield at(source, ("worker", "skills", number), f"there is no skill {name!r}: {path} is not there")
            continue
        try:
            skill_head(name, data)
        except InvalidFile as error:
            yield from error.problems


def unvalidated(root: Path, source: yaml.Source) -> Iterator[str]:
    """The contracts that are not there under which what a planning one plans is validated. Raises InvalidFile."""
    if not yaml.load(Contract, source).produces.plan:
        return
    for name in (SCRUTINY, TESTING):
        if not (root / contract_path(name)).is_file():
            what = f"{contract_path(name)} is not there, under which milestones are validated"
            yield str(at(source, ("produces", "plan"), f"{what}; factory init --missions lays it"))


def vacant(root: Path, source: yaml.Source) -> Iterator[str]:
    """The roles of a contract in which there is nobody. Raises InvalidFile."""
    contract, policy = yaml.load(Contract, source), policy_in(root)
    by_itself = source.path == contract_path(SCRUTINY)
    for key, text in vacancies(contract, policy, None, {}, by_itself=by_itself) if policy else ():
        yield str(at(source, key, text))


def policy_in(root: Path) -> Policy | None:
    """The policy in the working tree; None where WORKFLOW.md says of itself what is wrong with it."""
    workflow = files.read_regular(root / WORKFLOW)
    try:
        return read_workflow(workflow).policy if workflow else Policy()
    except InvalidFile:
        return None


def _agents(root: Path, source: yaml.Source, contract: Contract) -> Iterator[Problem]:
    """Whether WORKFLOW.md names the agents that a contract names."""
    policy = policy_in(root)
    if policy is None:
        return
    seats = enumerate(contract.review.seats)
    worker = contract.worker
    several = not isinstance(worker.agent, str)
    named: list[tuple[str | None, Key]] = [
        (name, ("worker", "agent", number) if several else ("worker", "agent"))
        for number, name in enumerate(worker.agents)
    ]
    named += [(seat.agent, ("review", "seats", number, "agent")) for number, seat in seats]
    for agent, key in named:
        if agent is not None and agent not in policy.agents:
            yield at(source, key, f"WORKFLOW.md names no agent {agent!r} under 'agents'")
