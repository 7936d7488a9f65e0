"""The layout: where every file of a factory lies, and what a path means. Nobody else builds or parses such a path.

    WORKFLOW.md
    contracts/missions/<mission>/plan.yaml, assertions.yaml, services.yaml, skills/<name>/SKILL.md, checks/…
    contracts/<name>.yaml, contracts/prompts/…, contracts/skills/<name>/SKILL.md, contracts/schema/<format>.json
    queue/<lane>/<id>.yaml, queue/done/<day>/<id>.yaml, queue/inbox/<name>.jsonl
    queue/review/<id>.<seat>.verdict.yaml
    queue/blocked/<id>.answers.yaml
    queue/breakers/<contract>.yaml, queue/breakers/agents/<agent>.yaml
    queue/leases/<clone>.yaml, artifacts/archive/<year>.jsonl
    artifacts/<id>/journal.jsonl, artifacts/<id>/run-<n>/…; of a finished item below artifacts/done/<day>/

Paths are relative to the repository, with forward slashes, as git writes them.
"""

from functools import lru_cache

from factory.model.lifecycle import Lane
from factory.model.places import (
    AgentBreakerFile,
    ArchiveIndex,
    BatchFile,
    BreakerFile,
    ContractFile,
    ItemFile,
    JournalFile,
    LeaseFile,
    LooseArtifact,
    OpenAnswers,
    Opened,
    OpenVerdict,
    Place,
    PolicyFile,
    PromptFile,
    RunFile,
)
from factory.model.run_layout import JOURNAL, clone_in, parse_run_path, run_path
from factory.model.skill import SKILL

WORKFLOW = "WORKFLOW.md"
CONTRACTS, QUEUE, ARTIFACTS = "contracts", "queue", "artifacts"
PROMPTS = f"{CONTRACTS}/prompts"
MISSIONS, SKILLS = f"{CONTRACTS}/missions", f"{CONTRACTS}/skills"
ALL_CONTRACTS = f"{CONTRACTS}/**"  # as a pattern
BREAKERS, AGENT_BREAKERS = f"{QUEUE}/breakers", f"{QUEUE}/breakers/agents"
LEASES, ARCHIVE = f"{QUEUE}/leases", f"{ARTIFACTS}/archive"
YAML, _BATCH, _VERDICT, _ANSWERS = ".yaml", ".jsonl", ".verdict.yaml", ".answers.yaml"
KEEP, GUIDE = ".gitkeep", "README.md"
IGNORED = frozenset({KEEP, ".gitignore", GUIDE})  # in a lane
_LANES = {str(lane): lane for lane in Lane}


@lru_cache(maxsize=10_000)
def parse(path: str) -> Place | None:
    """What a path means; None for what is no file of the factory's, or is one that means nothing."""
    top, _, rest = path.partition("/")
    if top == QUEUE and rest:
        return _queued(rest.split("/"))
    if top == ARTIFACTS and rest:
        return _artifact(rest.split("/"))
    if top == CONTRACTS and rest:
        return _of_contracts(path, rest)
    return PolicyFile() if path == WORKFLOW else None


def _queued(parts: list[str]) -> Place | None:
    *folders, name = parts
    if f"{QUEUE}/{'/'.join(folders)}" == BREAKERS:
        return BreakerFile(name.removesuffix(YAML)) if name.endswith(YAML) else None
    if f"{QUEUE}/{'/'.join(folders)}" == AGENT_BREAKERS:
        return AgentBreakerFile(name.removesuffix(YAML)) if name.endswith(YAML) else None
    if f"{QUEUE}/{'/'.join(folders)}" == LEASES:
        return LeaseFile(name.removesuffix(YAML)) if name.endswith(YAML) else None
    lane = _LANES.get(folders[0]) if folders else None
    folder = "/".join(folders[1:] if lane else folders)
    if name.endswith(_VERDICT):
        item_id, _, seat = name.removesuffix(_VERDICT).rpartition(".")
        return OpenVerdict(lane, folder, item_id, seat)
    if name.endswith(_ANSWERS):
        return OpenAnswers(lane, folder, name.removesuffix(_ANSWERS))
    if name.endswith(YAML):
        return ItemFile(lane, folder, name.removesuffix(YAML))
    return BatchFile(lane, folder, name.removesuffix(_BATCH)) if name.endswith(_BATCH) else None


def _artifact(parts: list[str]) -> Place | None:
    day, below = (parts[1:2], parts[2:]) if parts[0] == Lane.DONE else ([], parts)
    if len(below) < 2:
        return None
    item_id, path = below[0], "/".join(below[1:])
    if path == JOURNAL:
        return JournalFile(item_id, "".join(day))
    if f"{ARTIFACTS}/{item_id}" == ARCHIVE and path[4:] == _BATCH and not day:
        return ArchiveIndex(path[:4])
    run = parse_run_path(path)
    return RunFile(item_id, "".join(day), *run) if run else LooseArtifact(item_id, "".join(day), path)


def _of_contracts(path: str, rest: str) -> Place | None:
    if path.startswith(f"{PROMPTS}/"):
        return PromptFile(path.removeprefix(f"{PROMPTS}/"))
    return ContractFile(rest.removesuffix(YAML)) if rest.endswith(YAML) and "/" not in rest else None


def item_path(lane: Lane, item_id: str, day: str = "") -> str:
    """Where an item lies. The day only matters among the finished; without one, it is where a person ends an item."""
    return f"{lane_folder(lane, day)}/{item_id}{YAML}"


def lane_folder(lane: Lane, day: str = "") -> str:
    """The folder of a lane; with a day, that of what was finished then. Only the lane of the finished has days."""
    return f"{QUEUE}/{lane}/{day}" if day and lane is Lane.DONE else f"{QUEUE}/{lane}"


def item_pathspec(item_id: str) -> str:
    """A pattern of git's for all places where an item can have lain."""
    return f"{QUEUE}/*/{item_id}{YAML}"


def verdict_path(item_id: str, seat: str) -> str:
    """Where the verdict file of an open human seat lies."""
    return f"{lane_folder(Lane.REVIEW)}/{item_id}.{seat}{_VERDICT}"


def answers_path(item_id: str) -> str:
    """Where the file lies in which a person answers what an item's worker asks."""
    return f"{lane_folder(Lane.BLOCKED)}/{item_id}{_ANSWERS}"


def breaker_path(contract: str) -> str:
    """Where the state of a contract's breaker lies."""
    return f"{BREAKERS}/{contract}{YAML}"


def agent_breaker_path(agent: str) -> str:
    """Where the state of an agent's breaker lies."""
    return f"{AGENT_BREAKERS}/{agent}{YAML}"


def lease_path(owner: str) -> str:
    """Where it is written down until when a clone holds its runs."""
    return f"{LEASES}/{clone_in(owner)}{YAML}"


def contract_path(name: str) -> str:
    """Where a contract lies."""
    return f"{CONTRACTS}/{name}{YAML}"


def prompt_path(name: str) -> str:
    """Where a prompt among the contracts lies."""
    return f"{PROMPTS}/{name}"


def skill_folder(name: str) -> str:
    """The folder of a skill."""
    return f"{SKILLS}/{name}"


def skill_path(name: str) -> str:
    """Where what a skill says lies."""
    return f"{skill_folder(name)}/{SKILL}"


def mission_folder(mission: str) -> str:
    """The folder of a mission's plan."""
    return f"{MISSIONS}/{mission}"


def mission_skill_path(mission: str, name: str) -> str:
    """Where what a skill of a mission's own says lies."""
    return f"{mission_folder(mission)}/skills/{name}/{SKILL}"


def mission_of(path: str) -> str:
    """The mission in whose folder a path lies; empty when it lies in none."""
    mission, _, below = path.removeprefix(f"{MISSIONS}/").partition("/")
    return mission if path.startswith(f"{MISSIONS}/") and below else ""


def mission_skill_of(path: str) -> str:
    """The mission's own skill whose SKILL.md a path is; empty when it is none's."""
    name = path.split("/")[-2] if path.count("/") else ""
    return name if path == mission_skill_path(mission_of(path), name) else ""


def plan_path(mission: str) -> str:
    """Where a mission's plan lies."""
    return f"{mission_folder(mission)}/plan{YAML}"


def assertions_path(mission: str) -> str:
    """Where a mission's assertions lie."""
    return f"{mission_folder(mission)}/assertions{YAML}"


def services_path(mission: str) -> str:
    """Where it is said what scrutiny and user testing run."""
    return f"{mission_folder(mission)}/services{YAML}"


def schema_path(name: str) -> str:
    """Where the JSON Schema of a file format lies, for editors."""
    return f"{CONTRACTS}/schema/{name}.json"


def finished_artifacts(day: str = "") -> str:
    """The folder of the artifacts of items that were finished, on a day or ever."""
    return f"{ARTIFACTS}/{Lane.DONE}/{day}" if day else f"{ARTIFACTS}/{Lane.DONE}"


def artifact_folder(item_id: str, day: str = "") -> str:
    """The folder of an item's artifacts; of a finished one there is a day."""
    return f"{finished_artifacts(day)}/{item_id}" if day else f"{ARTIFACTS}/{item_id}"


def journal_path(item_id: str, day: str = "") -> str:
    """Where an item's journal lies."""
    return f"{artifact_folder(item_id, day)}/{JOURNAL}"


def archive_path(year: str) -> str:
    """Where the lines of the archived items lie that were finished in a year."""
    return f"{ARCHIVE}/{year}.jsonl"


def run_folder(item_id: str, run: int, day: str = "") -> str:
    """The folder of one run of an item."""
    return f"{artifact_folder(item_id, day)}/run-{run}"


def run_file(item_id: str, run: int, name: str, day: str = "") -> str:
    """Where a file of a run lies."""
    return f"{artifact_folder(item_id, day)}/{run_path(run, name)}"


def stem(name: str) -> str:
    """What a file in a folder of items, breakers or contracts is called by; empty when it is none of them."""
    return name.removesuffix(YAML) if name.endswith(YAML) else ""


def is_ignored(path: str) -> bool:
    """Whether a file is called so that it is none of the factory's business, wherever people put it."""
    name = path.rpartition("/")[2]
    return name in IGNORED or name.startswith(".")


def lane_of(path: str) -> Lane | None:
    """The lane that a path lies in, however deep."""
    parts = path.split("/", 2)
    return _LANES.get(parts[1]) if len(parts) > 2 and parts[0] == QUEUE else None


def day_of(path: str) -> str:
    """The day under which an item's file lies among the finished; empty when it lies elsewhere, or under none."""
    found = parse(path)
    return found.day if isinstance(found, ItemFile) else ""


def in_no_lane(path: str) -> bool:
    """Whether a file below the queue lies where nobody would ever look for it."""
    _, *folders, name = path.split("/")
    if name in IGNORED or any(part.startswith(".") for part in (*folders, name)):
        return False
    if isinstance(parse(path), BreakerFile | AgentBreakerFile | LeaseFile):
        return False
    most = 2 if folders[:1] == [Lane.DONE] else 1  # the finished ones lie below their day
    return not 1 <= len(folders) <= most or lane_of(path) is None


def in_queue(path: str) -> bool:
    """Whether a path lies below the queue."""
    return path.startswith(f"{QUEUE}/")


def item_in_queue(path: str) -> str | None:
    """The item whose file in the queue this is, or one that is put before a person; None for all else."""
    place = parse(path)
    return place.id if isinstance(place, ItemFile) else place.item_id if isinstance(place, Opened) else None


def in_breakers(path: str) -> bool:
    """Whether a path lies beside the states of the breakers."""
    return path.rpartition("/")[0] in (BREAKERS, AGENT_BREAKERS)


def in_leases(path: str) -> bool:
    """Whether a path lies beside what clones say of their leases."""
    return path.startswith(f"{LEASES}/")


def in_library(path: str) -> bool:
    """Whether a path is that of the policy or of something among the contracts."""
    return path == WORKFLOW or path.startswith(f"{CONTRACTS}/")


def is_batch(path: str) -> bool:
    """Whether a path is that of a batch, whose lines become items."""
    found = parse(path)
    return isinstance(found, BatchFile) and found.lane is Lane.INBOX and not found.folder
