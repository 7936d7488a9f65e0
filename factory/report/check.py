"""Check: everything wrong with the files that people write, in the working tree or on the branch."""

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from factory.line.intake import batch_problems
from factory.line.review import read_verdict
from factory.model.contract import Contract
from factory.model.errors import InvalidFile, Problem
from factory.model.item import Item, id_problem
from factory.model.lifecycle import Lane
from factory.store import files, yaml
from factory.store.library import WORKFLOW, read_workflow, workflow_warnings
from factory.store.queue import IGNORED, NOT_AN_ITEM, VERDICT, lane_path, read_item
from factory.store.schema import schema_problem


def check(root: Path, paths: Iterable[str] = ()) -> tuple[list[Problem], list[str]]:
    """(problems, warnings) of the given files, or of all below a root."""
    problems: list[Problem] = []
    warnings: list[str] = []
    chosen = list(paths)
    seen: dict[str, str] = {}
    for path in chosen or _all_files(root):
        try:
            warnings.extend(_check_one(root, path))
        except InvalidFile as error:
            problems.extend(error.problems)
        item_id = _item_id(path)
        if item_id and item_id in seen:
            problems.append(Problem(path, 1, 1, f"the id {item_id!r} also lies at {seen[item_id]}; delete one of them"))
        if item_id:
            seen[item_id] = path
    if not chosen:
        problems.extend(_missing_contracts(root, seen.values(), problems))
    return sorted(set(problems)), warnings


def _all_files(root: Path) -> Iterator[str]:
    if (root / WORKFLOW).exists():
        yield WORKFLOW
    for folder in ("contracts", *(f"queue/{lane}" for lane in Lane if lane is not Lane.DONE)):
        for path in sorted((root / folder).glob("*")):
            ignored = path.name in IGNORED or path.name.startswith(".")
            if not ignored and (folder != "contracts" or path.suffix == ".yaml"):
                yield f"{folder}/{path.name}"
    for stray in sorted((root / "queue").glob("**/__init__.py")):
        yield str(stray.relative_to(root))


def _item_id(path: str) -> str:
    parts = PurePosixPath(path).parts
    in_queue = len(parts) >= 3 and parts[0] == "queue" and path.endswith(".yaml") and not path.endswith(VERDICT)
    return parts[-1].removesuffix(".yaml").lower() if in_queue else ""


def _check_one(root: Path, path: str) -> list[str]:
    """The warnings of one file. Raises InvalidFile."""
    data = files.read_regular(root / path)
    name = PurePosixPath(path).name
    if data is None:
        raise InvalidFile(Problem(path, 1, 1, "is not there, or is not a plain file"))
    if name == "__init__.py":
        raise InvalidFile(Problem(path, 1, 1, "hides Python's own module queue; delete it"))
    if path == WORKFLOW:
        read_workflow(data)
        return workflow_warnings(data)
    if path.startswith("contracts/"):
        contract = yaml.load(Contract, yaml.Source(path, data))
        problem = schema_problem(contract.receives)
        if problem:
            raise InvalidFile(
                Problem(path, *yaml.place(yaml.Source(path, data), ("receives",)), f"receives: {problem}")
            )
    elif path.endswith(VERDICT):
        read_verdict(path, data)
        judged = name.removesuffix(VERDICT).rpartition(".")[0]
        if not (root / lane_path(Lane.REVIEW, judged)).is_file():
            raise InvalidFile(Problem(path, 1, 1, "judges nothing that is in review; delete it"))
    elif path.endswith(".jsonl"):
        found = batch_problems(path, data)
        if found:
            raise InvalidFile(*found)
    elif not path.endswith(".yaml"):
        raise InvalidFile(Problem(path, 1, 1, NOT_AN_ITEM))
    else:
        problem = id_problem(_item_id(path) or name.removesuffix(".yaml").lower())
        if problem:
            raise InvalidFile(Problem(path, 1, 1, problem))
        read_item(path, data)
    return []


def _missing_contracts(root: Path, paths: Iterable[str], known: list[Problem]) -> Iterator[Problem]:
    """Items that name a contract which does not exist, or that no route takes."""
    workflow = files.read_regular(root / WORKFLOW)
    bad = {problem.path for problem in known}
    if workflow is None or WORKFLOW in bad:
        return
    policy = read_workflow(workflow).policy
    for path in paths:
        data = files.read_regular(root / path)
        if path in bad or data is None:
            continue
        item: Item = read_item(path, data)
        name = policy.contract_of(item)
        if name is None:
            yield Problem(path, 1, 1, "names no contract, and no route in WORKFLOW.md takes it")
        elif not (root / "contracts" / f"{name}.yaml").is_file():
            line, column = yaml.place(yaml.Source(path, data), ("contract",))
            yield Problem(path, line, column, f"there is no contract {name!r} (contracts/{name}.yaml)")
