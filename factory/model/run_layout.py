"""The layout of an item's artifacts: what the files are called that lie in its folder, and in those of its runs."""

import re

JOURNAL = "journal.jsonl"  # beside the runs
PATCH, RESULT, EVIDENCE, MANIFEST = "patch.diff", "result.json", "evidence.json", "manifest.json"
OUTPUT, HOOKS, PROMPT, TRACE = "output.log", "hooks.log", "prompt.md", "trace.jsonl"
RECHECK, APPLY, PULL_REQUEST = "recheck.json", "apply.json", "pull-request.md"
ANSWERS = "answers.yaml"
REPORT = "report.md"  # of a mission that is at its end
FILES = "files"  # the folder of what the contract asks the worker for
_CHECKS, _RECHECKS, _SERVICES = "checks/", "recheck/", "services/"
_LATE = "late-"
_VERDICT = re.compile(r"verdict\.(.+)\.yaml", re.DOTALL)
_NO_CLONE = re.compile(r"[^a-z0-9]")
_RUN = re.compile(r"run-(0|[1-9][0-9]{0,9})/(.+)", re.DOTALL)


def run_path(run: int, name: str = "") -> str:
    """The path of a run's file below its item's folder; without a name, what all of that run begin with."""
    return f"run-{run}/{name}"


def parse_run_path(below: str) -> tuple[int, str] | None:
    """(run, name) of a file of a run, by its path below its item's folder; None when it is none."""
    found = _RUN.fullmatch(below)
    return (int(found[1]), found[2]) if found else None


def clone_in(owner: str) -> str:
    """What files are called by of a clone that takes leases: its id, without the host that it was on."""
    return _NO_CLONE.sub("-", owner.rpartition(":")[2].lower())[:40] or "-"


def late_file(owner: str, name: str) -> str:
    """The name, in a run, of what was left by a clone that came too late: another one had taken the run over."""
    return f"{_LATE}{clone_in(owner)}/{name}"


def parted(below: str) -> tuple[str, str]:
    """(the folder with one manifest, the name in it) of a file of a run, by its path below its item's folder."""
    run, _, name = below.partition("/")
    if not name.startswith(_LATE):
        return run, name
    late, _, own = name.partition("/")
    return f"{run}/{late}", own


def is_late(below: str) -> bool:
    """Whether a path below an item's folder is what a clone left that came too late."""
    return (parse_run_path(below) or (0, ""))[1].startswith(_LATE)


def kept_verdict(seat: str) -> str:
    """The name, in a run, of the verdict that a seat gave."""
    return f"verdict.{seat}.yaml"


def seat_in(name: str) -> str:
    """The seat whose verdict a file in a run is; empty when it is none."""
    found = _VERDICT.fullmatch(name)
    return found[1] if found else ""


def kept_answers(number: int) -> str:
    """The name, in a run, of what people answered: of the first questions, and of later ones of a mission."""
    return ANSWERS if number == 1 else f"answers-{number}.yaml"


def is_answers(name: str) -> bool:
    """Whether a file in a run is what people answered."""
    return name == ANSWERS or (name.startswith("answers-") and name.endswith(".yaml"))


def seat_log(seat: str) -> str:
    """The name, in a run, of what a machine seat printed."""
    return f"seats/{seat}.log"


def seat_trace(seat: str) -> str:
    """The name, in a run, of what a coding agent did in a seat."""
    return f"trace.{seat}.jsonl"


def check_log(check: str, *, before: bool = False) -> str:
    """The name, in a run, of what a check printed: on the proposal, or on what was there before it."""
    return f"{_CHECKS}{check}.before.log" if before else f"{_CHECKS}{check}.log"


def service_log(service: str) -> str:
    """The name, in a run, of what a service printed that a tester tried."""
    return f"{_SERVICES}{service}.log"


def is_check_log(name: str) -> bool:
    """Whether a file in a run is what a check printed."""
    return name.startswith(_CHECKS)


def rechecked(name: str) -> str:
    """The name, in a run, of what a recheck says again."""
    return f"{_RECHECKS}{name}"


def worker_file(name: str) -> str:
    """The name, in a run, of a file that the contract asks the worker for."""
    return f"{FILES}/{name}"


def is_by_worker(name: str) -> bool:
    """Whether a file in a run is what the worker left, which is judged."""
    return name == RESULT or name.startswith(f"{FILES}/")


def is_of_recheck(below: str) -> bool:
    """Whether a path below an item's folder is what a later recheck of its run writes over."""
    _, name = parse_run_path(below) or (0, "")
    return name == RECHECK or name.startswith(_RECHECKS)


def is_of_apply(below: str) -> bool:
    """Whether a path below an item's folder is what the apply, or the end of a mission, adds to its run."""
    _, name = parse_run_path(below) or (0, "")
    return name in (APPLY, PULL_REQUEST, REPORT)
