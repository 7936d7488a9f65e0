"""Cross-checks: what is wrong with items that are each valid, beside the contracts and the other items."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from factory.line.intake.batch import good_lines
from factory.line.policy_problems import BY_A_ROUTE, no_contract
from factory.model.contract import Contract
from factory.model.dependencies import circles, in_a_circle
from factory.model.errors import InvalidFile, Problem, TooLarge
from factory.model.item import Item
from factory.model.layout import CONTRACTS, WORKFLOW, contract_path, lane_of, parse, stem
from factory.model.lifecycle import Lane
from factory.model.places import ItemFile
from factory.model.policy import Policy
from factory.store import files, yaml
from factory.store.library import read_workflow
from factory.store.queue import most_of, read_item
from factory.store.schema import misplaced, schema_problem

# What its worker was given has been taken already.
_UNDER_WAY = (Lane.ACTIVE, Lane.REVIEW)


def across(root: Path, items: Iterable[str], batches: Iterable[str]) -> Iterator[Problem]:
    """What is wrong with open items in valid files, and with the good lines of batches."""
    read: dict[str, tuple[yaml.Source, Item]] = {}
    for path in items:
        file = parse(path)
        if isinstance(file, ItemFile) and file.lane is not Lane.DONE:
            data = content(root, path)
            if data is not None:
                read[file.id] = yaml.Source(path, data), read_item(path, data)
    lines = [line for path in batches for line in good_lines(path, _batch(root, path))]
    policy = _policy(root)
    if policy is not None:
        beside = _Contracts(root, policy)
        for source, item in (*read.values(), *lines):
            yield from beside.problems(source, item)
    for item_id, circle in circles({item_id: item.depends_on for item_id, (_, item) in read.items()}).items():
        source, item = read[item_id]
        place = yaml.place(source, ("depends_on", item.depends_on.index(circle[1])))
        yield Problem(source.path, *place, f"{in_a_circle(circle)}; edit depends_on")


def content(root: Path, path: str) -> bytes | None:
    """What a plain file holds. Raises InvalidFile when that is too much to be read."""
    try:
        return files.read_regular(root / path, most_of(path))
    except TooLarge as error:
        raise InvalidFile(Problem(path, 1, 1, error.message)) from None


def contracts_in(root: Path) -> Iterator[tuple[str, Contract]]:
    """Each contract of a working tree that can be read, with its name."""
    for path in (root / CONTRACTS).glob("*"):
        name = stem(path.name)
        try:
            if name:
                source = yaml.Source(contract_path(name), content(root, contract_path(name)) or b"")
                yield name, yaml.load(Contract, source)
        except InvalidFile:
            continue  # told of the file itself


def _batch(root: Path, path: str) -> bytes:
    try:
        return content(root, path) or b""
    except InvalidFile:
        return b""  # told of the file itself


def _policy(root: Path) -> Policy | None:
    """The policy in the working tree; None when there is none, or it says of itself what is wrong with it."""
    workflow = files.read_regular(root / WORKFLOW)
    try:
        return None if workflow is None else read_workflow(workflow).policy
    except InvalidFile:
        return None


class _Contracts:
    """The contracts of a working tree, each read once."""

    def __init__(self, root: Path, policy: Policy) -> None:
        self._root = root
        self._policy = policy
        self._known: dict[str, Contract | None] = {}

    def problems(self, source: yaml.Source, item: Item) -> Iterator[Problem]:
        """Whether an item's contract is there, and receives what the item gives it."""
        name = self._policy.contract_of(item)
        if name is None:
            yield source.problem(0, 0, "names no contract, and no route in WORKFLOW.md takes it")
        elif not (self._root / contract_path(name)).is_file():
            said = no_contract(name) + ("" if item.contract else f"; {BY_A_ROUTE}")
            yield Problem(source.path, *yaml.place(source, ("contract",)), said)
        elif lane_of(source.path) not in _UNDER_WAY:
            contract = self._contract(name)
            key, problem = misplaced(item.inputs, contract.receives) if contract else ((), "")
            if problem:
                said = f"{'.'.join(map(str, ('inputs', *key)))}: {problem}; {contract_path(name)} says what it receives"
                yield Problem(source.path, *yaml.place(source, ("inputs", *key)), said)

    def _contract(self, name: str) -> Contract | None:
        """A contract; None when it says of itself what is wrong with it."""
        if name not in self._known:
            path = contract_path(name)
            try:
                contract = yaml.load(Contract, yaml.Source(path, content(self._root, path) or b""))
                self._known[name] = None if schema_problem(contract.receives) else contract
            except InvalidFile:
                self._known[name] = None
        return self._known[name]
