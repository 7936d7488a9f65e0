"""Failed hooks: what those of a run printed, for whoever has to mend them."""

import re
from dataclasses import dataclass

from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.layout import run_file
from factory.model.run_layout import HOOKS
from factory.model.text import last_line, printable

_ENDED = re.compile(r"\[(after_create|before_run|after_run|before_remove): ([^\]\n]+)\]\n")
_NAMED = "the hook"
_WELL = "ended well"
_MOST_LINES = 15
_WIDEST = 200  # characters


@dataclass(frozen=True)
class FailedHook:
    """A hook that did not end well."""

    name: str
    how: str
    printed: str

    @property
    def ending(self) -> str:
        """How it ended, as a run's reason has it."""
        return f"{_NAMED} {self.name} {self.how}"

    @property
    def told(self) -> str:
        """How it ended, and what it printed last."""
        return f"{self.ending}: {said}" if (said := last_line(self.printed)) else self.ending

    @property
    def quoted(self) -> tuple[str, ...]:
        """The last lines that it printed."""
        return last_lines(self.printed)


def last_lines(text: str) -> tuple[str, ...]:
    """The last lines on which a program printed anything, as they can be shown."""
    lines = (line.rstrip()[:_WIDEST] for line in printable(text).split("\n"))
    return tuple(line for line in lines if line)[-_MOST_LINES:]


def failed_hooks(log: bytes) -> tuple[FailedHook, ...]:
    """The hooks that failed, by the log of all hooks of a run."""
    _, *parts = _ENDED.split(log.decode(errors="replace"))
    each = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return tuple(FailedHook(name, printable(how), printed) for name, how, printed in each if how != _WELL)


def hooks_of(
    reader: SnapshotReader, snapshot: Snapshot, item_id: str, run: int, day: str = ""
) -> tuple[FailedHook, ...]:
    """The hooks that failed in a run of an item."""
    path = run_file(item_id, run, HOOKS, day)
    entry = reader.archive.find(snapshot.tree, path)
    try:
        return failed_hooks(reader.repository.objects.regular(path, entry)) if entry else ()
    except InvalidFile:
        return ()  # somebody has put something else there


def with_hook(reader: SnapshotReader, snapshot: Snapshot, state: ItemState, note: str) -> str:
    """What is noted of an item; with the hook for which its newest run ended, and what that printed last."""
    reason = state.history.reason
    found = hooks_of(reader, snapshot, state.id, state.history.run) if _NAMED in reason else ()
    hook = next((each for each in found if each.ending in reason), None)
    if hook is None:
        return note
    return note.replace(hook.ending, hook.told) if hook.ending in note else f"{note}; {hook.told}"
