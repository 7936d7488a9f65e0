"""Programs: whether what WORKFLOW.md and the contracts would run is there for whoever works in a cell."""

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from factory.execution.processes.process import scrubbed_environment
from factory.execution.processes.startable import covered_by, unseen
from factory.model.contract import Contract

_PYTHON = re.compile(r"python[\d.]*")
_LONGEST_LINE = 1000  # bytes of a script's first one


def place_of(program: str) -> str | None:
    """Where a worker or a check would find a program."""
    return shutil.which(program, path=scrubbed_environment()["PATH"])


def lacking(program: str, checkouts: Sequence[Path], *, contained: bool) -> tuple[str, str] | None:
    """(what is wrong with a program, what to do); None when it is there, or only an item or a cell could tell."""
    if "{" in program or ("/" in program and not program.startswith("/")):
        return None
    cover = covered_by(Path(program), checkouts) if contained and program.startswith("/") else None
    if cover is not None:
        return f"{program!r} cannot be started in a cell: {unseen(cover)}", "move it, and correct the path"
    if place_of(program) is None:
        return f"there is no program {program!r}", f"install {program}"
    return None


def programs_of(contract: Contract) -> Iterator[str]:
    """What a contract runs: its worker, its checks, its seats and its apply command."""
    runs = [contract.worker.run, *(check.run for check in contract.checks), contract.apply.run]
    runs += [seat.run for seat in contract.review.seats]
    yield from sorted({run[0] for run in runs if run})


def python_of(program: str) -> str | None:
    """The Python that a program is, or is run by as its first line says; None of another program."""
    place = place_of(program)
    if place is None or _PYTHON.fullmatch(Path(program).name):
        return place
    try:
        with Path(place).open("rb") as script:
            first = script.readline(_LONGEST_LINE).decode(errors="replace").strip()
    except OSError:
        return None
    words = first.removeprefix("#!").split() if first.startswith("#!") else []
    named = next((word for word in words if _PYTHON.fullmatch(Path(word).name)), None)
    return place_of(named) if named else None
