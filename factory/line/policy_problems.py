"""Policy problems: what is wrong with WORKFLOW.md and the contracts, for `check` and for every pass alike."""

from collections.abc import Callable, Iterator, Mapping

from factory.execution.prompts.prompt import flaw
from factory.execution.request import VARIABLES
from factory.model.base import Argv
from factory.model.errors import InvalidFile, Problem
from factory.model.layout import CONTRACTS, WORKFLOW, contract_path
from factory.model.roles import members
from factory.store import yaml
from factory.store.library import Library, front_matter, ignored_keys, read_workflow
from factory.store.repository.objects import Objects

Key = tuple[str | int, ...]
Known = Mapping[str, frozenset[str]]
# A seat's prompt may use two more than a worker's, and nobody knows for which of them a prompt's file is.
IN_A_PROMPT: Known = {**VARIABLES, "subject": frozenset(), "seat": frozenset()}
_IN_AN_ARGV: Known = {**IN_A_PROMPT, "prompt": frozenset()}
_NO_FRONT_MATTER = (
    "has no front matter, so that every key has its default, and anybody may review; "
    "begin it with a line '---', the keys, and another line '---' (there may be none between them)"
)
BY_A_ROUTE = "a route in WORKFLOW.md names it (factory check says which)"
_NO_TEMPLATE = "is not a template that can be used"


def of_workflow(data: bytes, is_contract: Callable[[str], bool]) -> Iterator[Problem]:
    """What is wrong with WORKFLOW.md, beside the contracts there are. Raises InvalidFile when it cannot be read."""
    policy = read_workflow(data).policy
    source, body = front_matter(data)
    yield from _body(body, liquid=policy.template == "liquid")
    if source is None:
        yield Problem(WORKFLOW, 1, 1, _NO_FRONT_MATTER)
        return
    for name, agent in policy.agents.items():
        yield from templates(source, ("agents", name, "run"), agent.run)
    for role, cast in policy.roles.items():
        for each in members(cast):
            if each.agent not in policy.agents:
                yield at(source, ("roles", role.value), f"names the agent {each.agent!r}, which is not under 'agents'")
    for number, route in enumerate(policy.routes):
        if not is_contract(route.contract):
            yield at(source, ("routes", number, "contract"), no_contract(route.contract))


class PolicyProblems:
    """What is wrong with the WORKFLOW.md and the contracts of a tree; the same content is looked at once."""

    def __init__(self, objects: Objects, library: Library) -> None:
        self._objects = objects
        self._library = library
        self._known: tuple[tuple[str, str], tuple[Problem, ...]] = ("", ""), ()

    def of(self, tree: str) -> tuple[Problem, ...]:
        """Its problems, and the keys that mean nothing; none of one that cannot be read, which is told elsewhere."""
        workflow, contracts = self._objects.find(tree, WORKFLOW), self._objects.find(tree, CONTRACTS)
        key = workflow.oid if workflow else "", contracts.oid if contracts else ""
        if key != self._known[0]:
            self._known = key, (*self._look(tree), *self._library.broken_contracts(tree))
        return self._known[1]

    def _look(self, tree: str) -> tuple[Problem, ...]:
        data = self._objects.file(tree, WORKFLOW)
        if data is None:
            return ()
        try:
            found = of_workflow(data, lambda name: self._objects.find(tree, contract_path(name)) is not None)
            return (*found, *ignored_keys(data))
        except InvalidFile:
            return ()


def no_contract(name: str) -> str:
    """What is wrong with whatever names a contract that is not there."""
    return f"there is no contract {name!r} ({contract_path(name)})"


def at(source: yaml.Source, key: Key, message: str) -> Problem:
    """A problem at a key of a file that has been read before."""
    return Problem(source.path, *yaml.place(source, key), f"{'.'.join(map(str, key))}: {message}")


def template(source: yaml.Source, known: Known) -> Iterator[Problem]:
    """What keeps a text from being a template over these variables."""
    found = flaw(source.data.decode(errors="replace"), known)
    if found:
        yield source.problem(found[0] - 1, 0, f"{_NO_TEMPLATE}: {found[1]}")


def _body(body: yaml.Source, *, liquid: bool) -> Iterator[Problem]:
    text = body.data.decode(errors="replace")
    found = flaw(text, VARIABLES, liquid=liquid)
    if found:
        hint = "" if liquid or flaw(text, VARIABLES, liquid=True) else "; it is one in Liquid: say template: liquid"
        yield body.problem(found[0] - 1, 0, f"{_NO_TEMPLATE}: {found[1]}{hint}")


def templates(source: yaml.Source, key: Key, argv: Argv | None) -> Iterator[Problem]:
    """What keeps the elements of an argv from being templates."""
    for number, argument in enumerate(argv or ()):
        found = flaw(argument, _IN_AN_ARGV)
        if found:
            yield at(source, (*key, number), f"{_NO_TEMPLATE}: {found[1]}")
