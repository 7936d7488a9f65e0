"""The breakers of a tree: what is written down of contracts and agents that are given a rest."""

from factory.model.breaker import BreakerState
from factory.model.errors import InvalidFile, Problem
from factory.model.layout import AGENT_BREAKERS, BREAKERS, stem
from factory.store import yaml
from factory.store.repository.objects import Objects, TreeEntry


def breakers_in(objects: Objects, tree: str) -> tuple[list[BreakerState], list[Problem]]:
    """(the states, what is wrong with files): one that cannot be read counts as closed, and is a problem."""
    found: list[BreakerState] = []
    problems: list[Problem] = []
    for folder in (BREAKERS, AGENT_BREAKERS):
        for file, entry in objects.folder(tree, folder).items():
            if stem(file) and not entry.is_folder:
                try:
                    found.append(_state(objects, f"{folder}/{file}", entry))
                except InvalidFile as error:
                    problems.extend(error.problems)
    return found, problems


def _state(objects: Objects, path: str, entry: TreeEntry) -> BreakerState:
    """What a file says. Raises InvalidFile, also for one of something else than its name says."""
    state = yaml.load(BreakerState, yaml.Source(path, objects.regular(path, entry, yaml.MAX_BYTES)))
    if state.path != path:
        raise InvalidFile(Problem(path, 1, 1, f"is of the {state.of}, whose breaker is {state.path}"))
    return state
