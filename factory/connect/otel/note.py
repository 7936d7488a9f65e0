"""The note of what has been exported: how far, by commit; in `.git/factory/`, of this clone alone."""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from factory.model.errors import TooLarge
from factory.store import files
from factory.store.state import EXPORTED

_BYTES = 10_000


@dataclass(frozen=True)
class ExportNote:
    """Up to which commit of the branch each signal has been exported, and what went wrong last."""

    branch: str = ""
    commits: Mapping[str, str] = field(default_factory=dict)  # by signal
    failed: Mapping[str, str] = field(default_factory=dict)  # why its last export failed, in words; none if it did not


def noted(state: Path) -> ExportNote:
    """What the last process has noted; nothing where that cannot be read."""
    with suppress(TooLarge, OSError, ValueError, TypeError, AttributeError, RecursionError):
        told = ExportNote(**json.loads(files.read_regular(state / EXPORTED, _BYTES) or b"{}"))
        said = (told.branch, *told.commits.items(), *told.failed.items())
        if all(isinstance(each, str) for pair in said for each in pair):
            return told
    return ExportNote()


def note(state: Path, told: ExportNote) -> None:
    """Leave this for the next process; where it cannot be written, that one exports some once more."""
    with suppress(OSError):
        files.write(state / EXPORTED, json.dumps(asdict(told)).encode())


def is_overdue(state: Path, receivers: Collection[str]) -> bool:
    """Whether the last export to one of these failed, so that it is to be tried again."""
    return bool(receivers) and not noted(state).failed.keys().isdisjoint(receivers)
