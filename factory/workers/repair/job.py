"""Owns what the worker was asked: the program, the command, and what the factory says in its environment."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from factory.workers.repair.source import SourceText, meaning_of


class Refusal(Exception):
    """A job that cannot be begun, with the status and the sentence to report."""

    def __init__(self, status: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Surroundings:
    """What the factory tells a worker; all of it may be absent when the worker is run by hand."""

    out: Path | None
    round: int
    base: str
    checks: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Job:
    """A repair to be done: `rejected` is the meaning of the proposal that was sent back, if one was."""

    root: Path
    program: str
    command: tuple[str, ...]
    checks: tuple[tuple[str, ...], ...]
    source: SourceText
    rejected: str | None
    rejected_text: str

    @property
    def path(self) -> Path:
        """The program in the worktree."""
        return self.root / self.program


def surroundings(environment: Mapping[str, str]) -> Surroundings:
    """Reads the factory's variables."""
    out = environment.get("FACTORY_OUT")
    round_text = environment.get("FACTORY_ROUND", "1")
    number = int(round_text) if round_text.isdigit() else 1
    checks: tuple[tuple[str, ...], ...] = ()
    if number > 1 and environment.get("FACTORY_ITEM"):
        checks = _acceptance_checks(Path(environment["FACTORY_ITEM"]))
    return Surroundings(Path(out) if out else None, number, environment.get("FACTORY_BASE", ""), checks)


def _acceptance_checks(path: Path) -> tuple[tuple[str, ...], ...]:
    try:
        item = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refusal("failed", f"the item cannot be read: {error}.") from error
    accepted = (item.get("acceptance") if isinstance(item, dict) else None) or []
    commands = [part["check"] for part in accepted if isinstance(part, dict) and part.get("check")]
    return tuple(tuple(map(str, command)) for command in commands if isinstance(command, list))


def read_job(program: str, command: tuple[str, ...], around: Surroundings) -> Job:
    """Checks the request against the worktree, which is the current folder."""
    root = Path.cwd()
    path = _inside(root, program)
    if not command:
        raise Refusal("failed", "no test command was given: put it after `--`.")
    if shutil.which(command[0]) is None:
        raise Refusal("failed", f"the test command `{command[0]}` was not found.")
    try:
        current = path.read_bytes()
    except OSError as error:
        raise Refusal("failed", f"{program} cannot be read: {error.strerror}.") from error
    original = _original(program, around.base) if around.round > 1 and around.base else current
    source = _parsed(program, original)
    rejected_text = _decoded(current, source.encoding)
    rejected = meaning_of(rejected_text) if current != original else None
    return Job(root, program, command, around.checks, source, rejected, rejected_text if rejected else "")


def _inside(root: Path, program: str) -> Path:
    path = Path(program)
    if path.is_absolute() or ".." in path.parts:
        raise Refusal("failed", f"{program} is not a path inside the worktree.")
    inner = root
    for part in path.parts:
        inner = inner / part
        if inner.is_symlink():
            raise Refusal("failed", f"{program} is or goes through a symbolic link, which is not followed.")
    if not inner.is_file():
        raise Refusal("failed", f"there is no program {program} in the worktree.")
    return inner


def _original(program: str, base: str) -> bytes:
    shown = subprocess.run(
        ["git", "show", f"{base}:./{program}"], capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    if shown.returncode:
        raise Refusal("failed", f"{program} as it was at {base} cannot be had from git.")
    return shown.stdout


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return ""


def _parsed(program: str, data: bytes) -> SourceText:
    try:
        return SourceText(data)
    except SyntaxError as error:
        where = f" on line {error.lineno}" if error.lineno else ""
        raise Refusal("blocked", f"{program} is no Python that can be read{where}: {error.msg}.") from error
    except (ValueError, RecursionError, UnicodeDecodeError) as error:
        raise Refusal("blocked", f"{program} is no Python that can be read: {error}.") from error
