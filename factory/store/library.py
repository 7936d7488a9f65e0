"""The library: WORKFLOW.md and the contracts, as a tree of the branch holds them."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from factory.model.bounds import UNBOUND, Bounds
from factory.model.contract import Contract
from factory.model.errors import InvalidFile, InvalidPolicy, Problem, UnusableError
from factory.model.idle_keys import idle_keys
from factory.model.layout import CONTRACTS, WORKFLOW, contract_path, stem
from factory.model.names import branch_problem
from factory.model.policy import Policy, Sync, Workflow
from factory.model.section import without_nulls
from factory.model.unknown_keys import unknown_keys
from factory.store import files, yaml
from factory.store.mistakes import meant
from factory.store.repository.missing import COMMIT_IT
from factory.store.repository.objects import Objects, TreeEntry
from factory.store.repository.repository import Repository
from factory.store.state import BRANCH

_OWN = "refs/heads/"
DEFAULT_PROMPT = "{{ item.title }}\n\n{{ item.description }}\n"


def front_matter(data: bytes, path: str = WORKFLOW) -> tuple[yaml.Source | None, yaml.Source]:
    """The YAML between the two `---` lines, if there is any, and the body below it."""
    lines = data.decode("utf-8-sig", errors="replace").split("\n")
    if lines[0].strip() != "---":
        return None, _body(path, lines, 0)
    end = next((number for number, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if end is None:
        raise InvalidFile(Problem(path, 1, 1, "the front matter begins with '---' but no line '---' ends it"))
    below = lines[1:end]
    if all(not line.strip() or line.lstrip().startswith("#") for line in below):
        below = [*below, "{}"]
    return yaml.Source(path, "\n".join(below).encode(), 1, aliases=path == WORKFLOW), _body(path, lines, end + 1)


def _body(path: str, lines: list[str], first: int) -> yaml.Source:
    """The prompt, without the empty lines around it."""
    while first < len(lines) and not lines[first].strip():
        first += 1
    return yaml.Source(path, "\n".join(lines[first:]).strip().encode(), first)


@lru_cache(maxsize=16)  # every pass asks for it several times
def read_workflow(data: bytes) -> Workflow:
    """WORKFLOW.md as a value. Raises InvalidFile."""
    source, body = front_matter(data)
    policy = yaml.load(Policy, source, without_nulls) if source else Policy()
    return Workflow(policy=policy, prompt=body.data.decode() or DEFAULT_PROMPT)


def workflow_warnings(data: bytes) -> list[str]:
    """What of the front matter has no effect, with its place: keys that mean nothing here, and those that are idle.

    Raises InvalidFile when it cannot be read.
    """
    source, _ = front_matter(data)
    if source is None:
        return []
    idle = (
        Problem(WORKFLOW, *yaml.place(source, path), f"{_dotted(path)} {why}")
        for path, why in idle_keys(yaml.parse(source), read_workflow(data).policy)
    )
    return [str(problem) for problem in (*ignored_keys(data), *idle)]


def ignored_keys(data: bytes) -> list[Problem]:
    """Keys of the front matter that mean nothing here, so that a spelling mistake is never silent.

    Raises InvalidFile when it cannot be read.
    """
    source, _ = front_matter(data)
    if source is None:
        return []
    keys = unknown_keys(yaml.parse(source))
    told = keys[: yaml.MOST_PROBLEMS]
    found = [
        Problem(WORKFLOW, *yaml.place(source, path), f"unknown key {_dotted(path)!r} is ignored{_meant(path)}")
        for path in told
    ]
    if len(keys) > len(told):
        place = yaml.place(source, keys[len(told)])
        found.append(Problem(WORKFLOW, *place, f"and {len(keys) - len(told)} more unknown keys are ignored"))
    return found


def _dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(map(str, path))


def _meant(path: tuple[str | int, ...]) -> str:
    return meant(Policy, str(path[-1]))


class Library:
    """Reads the policy, within its bounds, and the contracts, each content only once."""

    def __init__(self, objects: Objects, bounds: Bounds = UNBOUND) -> None:
        self._objects = objects
        self.bounds = bounds  # another one counts from the next reading on
        self._contracts: dict[str, Contract | InvalidFile] = {}

    def workflow(self, tree: str, branch: str) -> Workflow:
        """The policy of a tree. Raises UnusableError when it has none that can be used."""
        workflow = self.unbound(tree, branch)
        return workflow.model_copy(update={"policy": self.bounds.bound(workflow.policy)})

    def unbound(self, tree: str, branch: str) -> Workflow:
        """The same as its owner wrote it."""
        data = self._objects.file(tree, WORKFLOW)
        if data is None:
            message = f"{WORKFLOW} is not committed on the branch {branch}; factory init lays one where there is none"
            raise UnusableError(message, COMMIT_IT)
        return _read(data)

    def contract_bytes(self, tree: str, name: str) -> bytes | None:
        """A contract's file."""
        return self._objects.file(tree, contract_path(name))

    def contract(self, tree: str, name: str) -> Contract | None:
        """A contract, or None when there is none of that name. Raises InvalidFile."""
        entry = self._objects.find(tree, contract_path(name))
        if entry is None:
            return None
        if entry.oid not in self._contracts:
            self._contracts[entry.oid] = self._read(entry, name)
        found = self._contracts[entry.oid]
        if isinstance(found, InvalidFile):
            raise found
        return found

    def contracts(self, tree: str) -> Iterator[tuple[str, Contract]]:
        """Every contract of a tree that can be read, with its name."""
        for name in self._names(tree):
            try:
                contract = self.contract(tree, name)
            except InvalidFile:
                continue  # told among the files
            if contract is not None:
                yield name, contract

    def broken_contracts(self, tree: str) -> Iterator[Problem]:
        """What is wrong with the contracts of a tree that cannot be read."""
        for name in self._names(tree):
            try:
                self.contract(tree, name)
            except InvalidFile as error:
                yield from error.problems

    def _names(self, tree: str) -> Iterator[str]:
        """What the contracts of a tree are called, whether they can be read or not."""
        for file, entry in sorted(self._objects.folder(tree, CONTRACTS).items()):
            name = stem(file)
            if name and not entry.is_folder:
                yield name

    def _read(self, entry: TreeEntry, name: str) -> Contract | InvalidFile:
        try:
            return yaml.load(
                Contract, yaml.Source(contract_path(name), self._objects.regular(contract_path(name), entry))
            )
        except InvalidFile as error:
            return error

    def prompt(self, tree: str, contract: Contract, workflow: Workflow) -> str:
        """The prompt template that a contract's worker gets. Raises UnusableError when its file is missing."""
        if contract.worker.prompt is None:
            return workflow.prompt
        return self.prompt_file(tree, contract.worker.prompt)

    def prompt_file(self, tree: str, path: str) -> str:
        """A prompt template. Raises UnusableError when it is missing."""
        data = self._objects.file(tree, path)
        if data is None:
            raise UnusableError(f"there is no prompt {path}", "commit the file")
        return data.decode(errors="replace")


class _Home(NamedTuple):
    """The branch the factory lives on, and the reference whose WORKFLOW.md says so."""

    branch: str
    reference: str


def locate_branch(repository: Repository) -> str:
    """The branch the factory lives on, as the WORKFLOW.md that can be found from here says."""
    home = _home(repository)
    if not home.reference.startswith(_OWN):
        raise repository.missing(home.branch)
    return home.branch


def branches_of(repository: Repository) -> tuple[str, ...]:
    """The branches that hold what the factory does, its own first; also those that only a remote has yet."""
    home = _home(repository)
    policy = _policy_of(repository, home)
    if policy is None:
        raise repository.missing(home.branch)
    return tuple(dict.fromkeys((home.branch, policy.target_branch)))


def sync_of(repository: Repository) -> Sync:
    """How the factory is exchanged with a remote, as the WORKFLOW.md that can be found from here says."""
    policy = _policy_of(repository, _home(repository))
    return policy.sync if policy else Sync()


def _policy_of(repository: Repository, home: "_Home") -> Policy | None:
    data = _workflow_of(repository, home.reference)
    return None if data is None else _read(data).policy


def _home(repository: Repository) -> _Home:
    note = files.read_regular(repository.state / BRANCH) or b""
    remembered = note.decode(errors="replace").strip()
    for branch in dict.fromkeys((remembered, *(view.branch() for view in repository.views()), "main", "master")):
        if not branch_problem(branch) and _named_in(repository, f"{_OWN}{branch}") == branch:
            return _Home(branch, f"{_OWN}{branch}")
    uncommitted = repository.root / WORKFLOW
    named = _read(uncommitted.read_bytes()).policy.branch if uncommitted.is_file() else ""
    if not named or repository.head(named) is None:
        found = _home_elsewhere(repository, named)
        if found is not None:
            return found
    if named:
        return _Home(named, f"{_OWN}{named}")
    elsewhere = "; if a remote has one already: git pull" if repository.references("refs/remotes/") else ""
    raise UnusableError(f"there is no {WORKFLOW} in {repository.root}", f"factory init{elsewhere}")


def _home_elsewhere(repository: Repository, wanted: str) -> _Home | None:
    """The branch that names itself among all branches, here and on remotes; of this name only, where one is wanted."""
    astray: list[tuple[str, str]] = []  # what is named and not here, and the branch whose WORKFLOW.md does so
    for reference in repository.references(_OWN, "refs/remotes/"):
        branch = reference.split("/", 2 if reference.startswith(_OWN) else 3)[-1]
        named = "" if branch_problem(branch) else _named_in(repository, reference)
        if named == branch and wanted in ("", branch):
            return _Home(branch, reference)
        if named and reference.startswith(_OWN) and repository.head(named) is None:
            astray.append((named, branch))
    if astray and not wanted:
        raise repository.missing(astray[0][0], on=astray[0][1])
    return None


def _workflow_of(repository: Repository, reference: str) -> bytes | None:
    found = repository.objects.read(reference)
    commit = found[0] if found and found[1] == "commit" else None
    return repository.objects.file(repository.objects.commit(commit).tree, WORKFLOW) if commit else None


def _named_in(repository: Repository, reference: str) -> str:
    """The branch that the WORKFLOW.md which a reference leads to names; empty when there is none."""
    data = _workflow_of(repository, reference)
    return "" if data is None else _read(data).policy.branch


def _read(data: bytes) -> Workflow:
    try:
        return read_workflow(data)
    except InvalidFile as error:
        raise InvalidPolicy(*error.problems) from None
