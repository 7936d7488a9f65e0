"""The library: WORKFLOW.md and the contracts, as a tree of the branch holds them."""

from collections.abc import Iterator

from pydantic import JsonValue

from factory.model.base import branch_problem
from factory.model.contract import Contract
from factory.model.errors import InvalidFile, Problem, UnusableError
from factory.model.policy import Policy, Workflow, unknown_keys
from factory.store import files, yaml
from factory.store.repository.objects import Objects, TreeEntry
from factory.store.repository.repository import Repository

COMMIT_IT = "git add WORKFLOW.md contracts queue artifacts && git commit -m 'Lay down the factory'"
WORKFLOW = "WORKFLOW.md"
CONTRACTS = "contracts"
PROMPTS = f"{CONTRACTS}/prompts"
# Valid, and without an effect so far. Silence about a key reads as if it were in force.
_NOT_ACTED_ON = {"sync"}
DEFAULT_PROMPT = "{{ item.title }}\n\n{{ item.description }}\n"


def front_matter(data: bytes) -> tuple[yaml.Source | None, str]:
    """The YAML between the two `---` lines, if there is any, and the body below it."""
    text = data.decode("utf-8-sig", errors="replace")
    lines = text.split("\n")
    if lines[0].strip() != "---":
        return None, text.strip()
    end = next((number for number, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if end is None:
        raise InvalidFile(Problem(WORKFLOW, 1, 1, "the front matter begins with '---' but no line '---' ends it"))
    below = lines[1:end]
    if all(not line.strip() or line.lstrip().startswith("#") for line in below):
        below = [*below, "{}"]
    return yaml.Source(WORKFLOW, "\n".join(below).encode(), 1), "\n".join(lines[end + 1 :]).strip()


def read_workflow(data: bytes) -> Workflow:
    """WORKFLOW.md as a value. Raises InvalidFile."""
    source, body = front_matter(data)
    policy = yaml.load(Policy, source) if source else Policy()
    return Workflow(policy=policy, prompt=body or DEFAULT_PROMPT)


def workflow_warnings(data: bytes) -> list[str]:
    """Keys of the front matter that mean nothing here, so that a spelling mistake is never silent."""
    source, _ = front_matter(data)
    found: JsonValue = yaml.parse(source) if source else {}
    keys = unknown_keys(found)
    unknown = [f"{WORKFLOW}: unknown key {'.'.join(path)!r} is ignored" for path in keys[: yaml.MOST_PROBLEMS]]
    if len(keys) > len(unknown):
        unknown.append(f"{WORKFLOW}: and {len(keys) - len(unknown)} more unknown keys are ignored")
    idle = sorted(_NOT_ACTED_ON & found.keys()) if isinstance(found, dict) else []
    return unknown + [f"{WORKFLOW}: the key {key!r} is valid, but nothing acts on it yet" for key in idle]


def contract_path(name: str) -> str:
    """Where a contract lies."""
    return f"{CONTRACTS}/{name}.yaml"


class Library:
    """Reads the policy and the contracts, each content only once."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._contracts: dict[str, Contract | InvalidFile] = {}

    def workflow(self, tree: str, branch: str) -> Workflow:
        """The policy of a tree. Raises UnusableError when it has none that can be used."""
        data = self._objects.file(tree, WORKFLOW)
        if data is None:
            message = f"{WORKFLOW} is not committed on the branch {branch}; factory init lays one where there is none"
            raise UnusableError(message, COMMIT_IT)
        try:
            return read_workflow(data)
        except InvalidFile as error:
            raise UnusableError(str(error), "factory check") from None

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
        for path, entry in sorted(self._objects.folder(tree, CONTRACTS).items()):
            name = path.removesuffix(".yaml")
            try:
                contract = self.contract(tree, name) if path.endswith(".yaml") and not entry.is_folder else None
            except InvalidFile:
                continue  # told among the files
            if contract is not None:
                yield name, contract

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


def locate_branch(repository: Repository) -> str:
    """The branch the factory lives on, as the WORKFLOW.md that can be found from here says."""
    note = files.read_regular(repository.state / "branch") or b""
    remembered = note.decode(errors="replace").strip()
    for branch in dict.fromkeys((remembered, *(view.branch() for view in repository.views()), "main", "master")):
        if not branch_problem(branch) and _is_home(repository, f"refs/heads/{branch}", branch):
            return branch
    uncommitted = repository.root / WORKFLOW
    if uncommitted.is_file():
        return _branch_in(uncommitted.read_bytes())
    for reference in repository.references("refs/heads", "refs/remotes"):
        _, kind, *remote, branch = reference.split("/", 3 if reference.startswith("refs/remotes/") else 2)
        if not branch_problem(branch) and _is_home(repository, reference, branch):
            if kind == "heads":
                return branch
            message = f"the factory's branch {branch} is on the remote {remote[0]} and not in this clone"
            raise UnusableError(message, f"git branch --track {branch} {remote[0]}/{branch}")
    raise UnusableError(f"there is no {WORKFLOW} in {repository.root}", "factory init")


def _is_home(repository: Repository, reference: str, branch: str) -> bool:
    """Whether the WORKFLOW.md that a reference leads to says that the factory lives on this branch."""
    found = repository.objects.read(reference)
    commit = found[0] if found and found[1] == "commit" else None
    data = repository.objects.file(repository.objects.commit(commit).tree, WORKFLOW) if commit else None
    return data is not None and _branch_in(data) == branch


def _branch_in(data: bytes) -> str:
    try:
        return read_workflow(data).policy.branch
    except InvalidFile as error:
        raise UnusableError(str(error), "factory check") from None
