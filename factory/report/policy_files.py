"""Policy files: what is wrong with WORKFLOW.md, a contract or a prompt beside what it names."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import JsonValue

from factory.execution.agents.prompt import flaw
from factory.model.base import Argv
from factory.model.contract import Contract
from factory.model.errors import InvalidFile, Problem
from factory.model.layout import WORKFLOW, contract_path
from factory.store import files, yaml
from factory.store.library import front_matter, read_workflow
from factory.store.schema import schema_problem

Key = tuple[str | int, ...]
_NO_FRONT_MATTER = (
    "has no front matter, so that every key has its default, and anybody may review; "
    "begin it with a line '---', the keys, and another line '---' (there may be none between them)"
)
_NO_TEMPLATE = "is not a template that can be used"


def of_workflow(root: Path, data: bytes) -> Iterator[Problem]:
    """What is wrong with WORKFLOW.md. Raises InvalidFile when it cannot be read."""
    policy = read_workflow(data).policy
    source, body = front_matter(data)
    yield from _template(body)
    if source is None:
        yield Problem(WORKFLOW, 1, 1, _NO_FRONT_MATTER)
        return
    for name, agent in policy.agents.items():
        yield from _templates(source, ("agents", name, "run"), agent.run)
    for number, route in enumerate(policy.routes):
        if not (root / contract_path(route.contract)).is_file():
            yield _at(source, ("routes", number, "contract"), no_contract(route.contract))


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
            yield _at(source, key, problem)
    yield from _templates(source, ("worker", "run"), contract.worker.run)
    yield from _templates(source, ("apply", "run"), contract.apply.run)
    for number, check in enumerate(contract.checks):
        yield from _templates(source, ("checks", number, "run"), check.run)
    prompts: list[tuple[str | None, Key]] = [(contract.worker.prompt, ("worker", "prompt"))]
    for number, seat in enumerate(contract.review.seats):
        yield from _templates(source, ("review", "seats", number, "run"), seat.run)
        prompts.append((seat.prompt, ("review", "seats", number, "prompt")))
    for prompt, key in prompts:
        if prompt is not None:
            yield from _prompt(root, source, prompt, key)
    yield from _agents(root, source, contract)


def of_prompt(source: yaml.Source) -> Iterator[Problem]:
    """What is wrong with a prompt. Raises InvalidFile when it is no text."""
    yaml.text_of(source)
    yield from _template(source)


def no_contract(name: str) -> str:
    """What is wrong with whatever names a contract that is not there."""
    return f"there is no contract {name!r} ({contract_path(name)})"


def _at(source: yaml.Source, key: Key, message: str) -> Problem:
    return Problem(source.path, *yaml.place(source, key), f"{'.'.join(map(str, key))}: {message}")


def _template(source: yaml.Source) -> Iterator[Problem]:
    found = flaw(source.data.decode(errors="replace"))
    if found:
        yield source.problem(found[0] - 1, 0, f"{_NO_TEMPLATE}: {found[1]}")


def _templates(source: yaml.Source, key: Key, argv: Argv | None) -> Iterator[Problem]:
    for number, argument in enumerate(argv or ()):
        found = flaw(argument)
        if found:
            yield _at(source, (*key, number), f"{_NO_TEMPLATE}: {found[1]}")


def _prompt(root: Path, source: yaml.Source, prompt: str, key: Key) -> Iterator[Problem]:
    data = files.read_regular(root / prompt)
    if data is None:
        yield _at(source, key, f"{prompt} is not there, or is not a plain file")
        return
    try:
        yield from of_prompt(yaml.Source(prompt, data))
    except InvalidFile as error:
        yield from error.problems


def _agents(root: Path, source: yaml.Source, contract: Contract) -> Iterator[Problem]:
    """Whether WORKFLOW.md names the agents that a contract names."""
    workflow = files.read_regular(root / WORKFLOW)
    try:
        agents: Iterable[str] = read_workflow(workflow).policy.agents if workflow else {}
    except InvalidFile:
        return  # told of WORKFLOW.md itself
    seats = enumerate(contract.review.seats)
    named: list[tuple[str | None, Key]] = [(contract.worker.agent, ("worker", "agent"))]
    named += [(seat.agent, ("review", "seats", number, "agent")) for number, seat in seats]
    for agent, key in named:
        if agent is not None and agent not in agents:
            yield _at(source, key, f"WORKFLOW.md names no agent {agent!r} under 'agents'")
