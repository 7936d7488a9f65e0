"""Check: everything wrong with the files that people write, in the working tree or on the branch."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from factory.line.identity import not_its_own
from factory.line.intake.batch import batch_problems
from factory.line.intake.edits import IN_FORCE, NOT_A_FILE_ON_DISK
from factory.line.policy_problems import PolicyProblems, of_workflow
from factory.line.review.votes import read_verdict
from factory.line.snapshot import SnapshotReader
from factory.model.breaker import BreakerState
from factory.model.errors import InvalidFile, InvalidPolicy, Problem, UnusableError
from factory.model.formats import FORMATS, schema_of
from factory.model.item import id_problem, ids_from
from factory.model.journal_lines import read as read_journal
from factory.model.layout import (
    CONTRACTS,
    PROMPTS,
    QUEUE,
    WORKFLOW,
    YAML,
    contract_path,
    in_library,
    in_no_lane,
    in_queue,
    is_batch,
    is_ignored,
    item_path,
    journal_path,
    lane_folder,
    lane_of,
    parse,
    schema_path,
    stem,
)
from factory.model.lifecycle import Lane
from factory.model.places import (
    AgentBreakerFile,
    BatchFile,
    BreakerFile,
    ContractFile,
    ItemFile,
    LeaseFile,
    OpenAnswers,
    OpenVerdict,
    PromptFile,
)
from factory.model.policy import Policy
from factory.model.questions import Answers
from factory.report.agent_settings import of_agents
from factory.report.cross_checks import across, content
from factory.report.engine_settings import of_engine
from factory.report.missions import of_missions
from factory.report.policy_files import of_contract, of_prompt, of_reads, unvalidated, vacant
from factory.report.status import status
from factory.report.untold import of_notify
from factory.store import files, yaml
from factory.store.leases import read_renewal
from factory.store.library import front_matter, locate_branch, read_workflow, workflow_warnings
from factory.store.queue import IN_NO_LANE, NOT_AN_ITEM, AnswersFile, VerdictFile, read_item, taken_by
from factory.store.repository.missing import Key
from factory.store.repository.repository import Repository
from factory.store.repository.trees import OWN_FOLDERS


def check(repository: Repository, paths: Iterable[str] = ()) -> tuple[list[Problem], list[str]]:
    """(problems, warnings) of the given files and of those below the given folders, or of all in a working tree."""
    chosen = list(paths)
    problems, warnings = _of_the_files(repository.root, chosen)
    if not chosen or {".", WORKFLOW} & set(chosen):
        beside, unsure = _of_the_policy(repository)
        problems, warnings = [*problems, *beside, *of_engine(repository.root)], warnings + unsure
    problems += [*_of_the_reads(repository, chosen), *of_missions(repository.root, chosen)]
    bad, below, staged = {each.path for each in problems}, tuple(f"{path}/" for path in chosen), _staged(repository)
    for problem in _of_the_line(repository):
        wanted = not chosen or "." in chosen or f"{problem.path}/".startswith(below)
        if wanted and problem.path in staged and IN_FORCE in problem.message:
            warnings.append(str(problem))
        elif wanted and problem.path not in bad:
            problems.append(problem)
    return sorted(set(problems)), warnings


def _staged(repository: Repository) -> frozenset[str]:
    """The files that are staged as they lie here, so that the next commit puts them in force: a hook before it asks."""
    listed = (pair for view in repository.views() if view.root == repository.root for pair in view.edits())
    return frozenset(path for letters, path in listed if letters[1] == " ")


def _of_the_line(repository: Repository) -> tuple[Problem, ...]:
    """What only shows beside everything else: verdicts that do not count, ids that are taken."""
    try:
        reader = SnapshotReader(repository, locate_branch(repository))
        head = repository.head(reader.branch)
        if head is None:
            return ()
        snapshot = reader.snapshot(reader.repository.system.now(), head)
        # Of what is committed of these, what lies here has been looked at instead.
        committed = PolicyProblems(repository.objects, reader.library).of(snapshot.tree)
        return tuple(problem for problem in status(reader, snapshot).problems if problem not in committed)
    except InvalidPolicy as error:  # where the one here is invalid as well, that alone is told
        advice = f"the one that lies here is right: git commit {WORKFLOW}"
        return tuple(replace(each, message=f"as committed: {each.message}; {advice}") for each in error.problems)
    except UnusableError:
        return ()  # what is wrong with the policy has been said already


def _of_the_files(root: Path, paths: Iterable[str]) -> tuple[list[Problem], list[str]]:
    """What is wrong with what the files say by themselves, and beside one another."""
    problems: list[Problem] = []
    warnings: list[str] = []
    chosen = list(paths) or ["."]
    seen: dict[str, str] = {}
    batches: list[str] = []
    finished = _finished(root)
    for path in dict.fromkeys(each for one in chosen for each in _files_of(root, one)):
        try:
            found, warned = _check_one(root, path)
            problems.extend(found)
            warnings.extend(warned)
        except InvalidFile as error:
            problems.extend(error.problems)
        if is_batch(path):
            batches.append(path)
        item_id = _item_id(path)
        if item_id and item_id in seen:
            problems.append(Problem(path, 1, 1, f"the id {item_id!r} also lies at {seen[item_id]}; delete one of them"))
        if item_id in finished and lane_of(path) is not Lane.DONE:
            free = next(each for each in ids_from(item_id) if each not in finished and each not in seen)
            problems.append(Problem(path, 1, 1, taken_by(item_id, finished[item_id], free)))
        if item_id:
            seen[item_id] = path
    if "." in chosen:
        warnings.extend(_old_schemas(root))
    bad = {problem.path for problem in problems}
    problems.extend(across(root, [path for path in seen.values() if path not in bad], batches))
    return problems, warnings


def _of_the_policy(repository: Repository) -> tuple[list[Problem], list[str]]:
    """(problems, warnings) of what WORKFLOW.md names, beside what the repository holds."""
    data = files.read_regular(repository.root / WORKFLOW)
    try:
        policy = read_workflow(data).policy if data is not None else None
    except InvalidFile:
        policy = None  # told of the file itself
    if data is None or policy is None:
        return [], []
    source, _ = front_matter(data)
    problems, warnings = _of_the_branches(repository, policy, source)
    of_notify(repository.root, source, policy, problems, warnings)
    borrowed = not_its_own(repository, head, policy.identity) if (head := repository.head(policy.branch)) else ""
    if borrowed:
        problems.append(Problem(WORKFLOW, *_place_of("identity", source), borrowed))
    return problems, warnings


def _of_the_branches(
    repository: Repository, policy: Policy, source: yaml.Source | None
) -> tuple[list[Problem], list[str]]:
    """(problems, warnings) of the branches that WORKFLOW.md names and that are not here."""
    problems: list[Problem] = []
    warnings: list[str] = []
    named: list[tuple[Key, str]] = [("branch", policy.branch), ("target", policy.target_branch)]
    for key, branch in named if policy.target_branch != policy.branch else named[:1]:
        if repository.head(branch) is None and not repository.unborn(branch):
            error = repository.missing(branch, key)
            problem = Problem(WORKFLOW, *_place_of(key, source), f"{key}: {error.message}; {error.hint}")
            # A clone that somebody made of something else, as CI does, may lack it: then the file is not to blame.
            if repository.checked_out() and not repository.references(f"refs/remotes/*/{branch}"):
                problems.append(problem)
            else:
                warnings.append(str(problem))
    return problems, warnings


def _of_the_reads(repository: Repository, paths: Sequence[str]) -> list[Problem]:
    """What the `reads` of checks leave out of the files by which they are made, as they are committed and lie here."""
    wanted = [path for one in paths or ["."] for path in _files_of(repository.root, one)]
    contracts = [path for path in wanted if isinstance(parse(path), ContractFile)]
    there = repository.git.run("ls-files", "-z", "--cached", "--others", "--exclude-standard") if contracts else b""
    names = there.decode("utf-8", "surrogateescape").split("\0")[:-1]
    mine = [name for name in names if name.partition("/")[0] not in OWN_FOLDERS]
    return [each for path in contracts for each in of_reads(repository.root, path, mine)]


def _place_of(key: str, source: yaml.Source | None) -> tuple[int, int]:
    return yaml.place(source, (key,)) if source else (1, 1)


def _files_of(root: Path, path: str) -> Iterator[str]:
    """The file that a path is, or all that can be checked below the folder that it is."""
    if (root / path).is_dir():
        yield from (each for each in _all_files(root) if path == "." or f"{each}/".startswith(f"{path}/"))
    else:
        yield path


def _old_schemas(root: Path) -> Iterator[str]:
    """The committed schemas that are not those of this version: editors would be told something else."""
    for name in FORMATS:
        path = schema_path(name)
        data = files.read_regular(root / path)
        if data is not None and data != files.as_json(schema_of(name)):
            yield f"{path}: is not what this version reads; rm {path} && factory init writes it anew"


def _finished(root: Path) -> dict[str, str]:
    """The path of each finished item, by id."""
    found = (path.relative_to(root) for path in (root / lane_folder(Lane.DONE)).glob(f"*/*{YAML}"))
    return {stem(path.name).lower(): str(path) for path in found}


def _all_files(root: Path) -> Iterator[str]:
    if (root / WORKFLOW).exists():
        yield WORKFLOW
    for folder in (CONTRACTS, *(lane_folder(lane) for lane in Lane if lane is not Lane.DONE)):
        for path in sorted((root / folder).glob("*")):
            if not is_ignored(path.name) and (folder != CONTRACTS or stem(path.name)):
                yield f"{folder}/{path.name}"
    for path in sorted((root / PROMPTS).rglob("*")):
        if not path.is_dir() and not path.name.startswith("."):
            yield str(path.relative_to(root))
    for top in sorted((root / QUEUE).glob("*")):
        for path in [top, *sorted(top.rglob("*"))] if top.name != Lane.DONE else []:
            stray = str(path.relative_to(root))
            if not path.is_dir() and in_no_lane(stray):
                yield stray


def _item_id(path: str) -> str:
    file = parse(path)
    return file.id if isinstance(file, ItemFile) and not in_no_lane(path) else ""


def _check_one(root: Path, path: str) -> tuple[list[Problem], list[str]]:
    """(problems, warnings) of one file. Raises InvalidFile when it cannot be read any further."""
    file, ours = parse(path), in_queue(path) or in_library(path)
    if os.path.lexists(root / path) and (not ours or is_ignored(path)):
        return [], []
    data = content(root, path)
    if data is None:
        message = NOT_A_FILE_ON_DISK if os.path.lexists(root / path) else "is not there"
        raise InvalidFile(Problem(path, 1, 1, message))
    if path == WORKFLOW:
        there = list(of_workflow(data, lambda name: (root / contract_path(name)).is_file()))
        kinds, doubts = of_agents(root, data)
        return [*there, *kinds], [*workflow_warnings(data), *doubts]
    if in_queue(path):
        _check_in_queue(root, path, data)
    elif isinstance(file, PromptFile):
        return list(of_prompt(yaml.Source(path, data))), []
    elif isinstance(file, ContractFile):
        source = yaml.Source(path, data)
        return list(of_contract(root, source)), [*unvalidated(root, source), *vacant(root, source)]
    return [], []


def _check_in_queue(root: Path, path: str, data: bytes) -> None:
    file = parse(path)
    if PurePosixPath(path).name == "__init__.py":
        raise InvalidFile(Problem(path, 1, 1, "hides Python's own module queue; delete it"))
    if in_no_lane(path):
        raise InvalidFile(Problem(path, 1, 1, IN_NO_LANE))
    if isinstance(file, BreakerFile | AgentBreakerFile):
        yaml.load(BreakerState, yaml.Source(path, data))
    elif isinstance(file, LeaseFile):
        read_renewal(path, data)
    elif isinstance(file, OpenVerdict):
        read_verdict(path, data)
        if not _waits(root, file.item_id, Lane.REVIEW):
            raise InvalidFile(Problem(path, 1, 1, f"{VerdictFile.idle}; delete it"))
    elif isinstance(file, OpenAnswers):
        yaml.load(Answers, yaml.Source(path, data))
        if not _waits(root, file.item_id, Lane.BLOCKED):
            raise InvalidFile(Problem(path, 1, 1, f"{AnswersFile.idle}; delete it"))
    elif isinstance(file, BatchFile):
        found = batch_problems(path, data)
        if found:
            raise InvalidFile(*found)
    elif not isinstance(file, ItemFile):
        raise InvalidFile(Problem(path, 1, 1, NOT_AN_ITEM))
    else:
        problem = id_problem(file.id)
        if problem:
            raise InvalidFile(Problem(path, 1, 1, problem))
        read_item(path, data)


def _waits(root: Path, item_id: str, lane: Lane) -> bool:
    """Whether an item is in a lane; or a person has just moved it out: the next pass takes what it asks along."""
    path = journal_path(item_id)
    try:
        there = (root / item_path(lane, item_id)).is_file()
        return there or read_journal(files.read_regular(root / path) or b"", path).lane is lane
    except InvalidFile:
        return False
