"""A project as its developers have it, and what is tried on it."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PATIENCE_S = 600


class Unreachable(Exception):
    """A registry does not answer."""


@dataclass(frozen=True)
class Trial:
    """What a worker writes, and the lane in which that ends. A text is put in place of another, or at a file's end."""

    name: str
    edits: Sequence[tuple[str, str, str]]
    lane: str = "done"


@dataclass(frozen=True)
class Project:
    """A project, and how it is checked."""

    prepare: Callable[[Path], Path]
    check: Sequence[str]
    trials: Sequence[Trial]
    policy: Mapping[str, object] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)  # let through; {root} is the checkout, ~ the person's home
    blind: bool = False  # whether the check looks at another copy of the product, of which the canary has to tell


def run(*argv: str | Path, cwd: Path) -> None:
    try:
        subprocess.run(argv, cwd=cwd, check=True, capture_output=True, text=True, timeout=_PATIENCE_S)
    except (OSError, subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise Unreachable(f"{' '.join(map(str, argv[:4]))}: {getattr(error, 'stderr', '') or error}") from None


def sample(files: Mapping[str, str], *commands: Sequence[str]) -> Callable[[Path], Path]:
    """A small project of these files, made ready by commands."""

    def prepare(place: Path) -> Path:
        root = place / "sample"
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        for command in commands:
            run(*command, cwd=root)
        return root

    return prepare
