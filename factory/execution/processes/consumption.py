"""Consumption: what a running process and its descendants use, held against the limits of a contract. Linux only."""

from collections.abc import Sequence

from factory.execution.cell.filesystem import Filesystem
from factory.execution.processes.disk_usage import TooDeep, written
from factory.execution.processes.handles import Kept, kept
from factory.execution.processes.process_tree import ProcessInfo, descendants
from factory.model.contract import Limits
from factory.model.failure import Failure, FailureClass
from factory.store.system import System

_MEASURE_EVERY = 20.0  # times as long as measuring takes, so that it never takes a large part of the time
_SETUP_S = 5.0  # that a sandbox may take to be set up, where the machine has much else to do
_MEGABYTE = 1_000_000


class Consumption:
    """Looks at a process and all that it started, again and again."""

    def __init__(self, filesystems: Sequence[Filesystem], limits: Limits, system: System) -> None:
        self._filesystems = filesystems
        self._limits = limits
        self._system = system
        self._began = system.time()
        self._files_at = self._handles_at = system.monotonic()
        self._kept = Kept()
        self._covered: dict[int, float] = {}  # file systems that nobody can measure, and since when
        self.seen: dict[int, ProcessInfo] = {}

    def beyond(self, pid: int) -> Failure | None:
        """The limit that a process and what it started are above, if there is one."""
        limits, members = self._limits, descendants(pid)
        self.seen.update((member.pid, member) for member in members)
        if len(members) > limits.processes:
            return _breach(f"{len(members)} processes at once; the contract allows {limits.processes}")
        if self._look_at_handles(members):
            return _breach("memory in a file system that another is mounted over, where nobody can measure it")
        memory = sum(member.memory for member in members) + self._kept.memory
        if memory > limits.memory_mb * _MEGABYTE:
            return _breach(f"{memory // _MEGABYTE} MB of memory; the contract allows {limits.memory_mb}")
        return self._beyond_disk()

    def _beyond_disk(self) -> Failure | None:
        began = self._system.monotonic()
        if began < self._files_at:
            return None
        try:
            amount = sum(sum(written(each, self._began)) for each in self._filesystems) + self._kept.disk
        except TooDeep as error:
            return _breach(error.message)
        self._files_at = self._system.monotonic() + (self._system.monotonic() - began) * _MEASURE_EVERY
        if amount > self._limits.disk_mb * _MEGABYTE:
            return _breach(f"{amount // _MEGABYTE} MB written; the contract allows {self._limits.disk_mb}")
        return None

    def _look_at_handles(self, members: Sequence[ProcessInfo]) -> bool:
        """Whether a file system stays covered from look to look, for longer than a sandbox takes to be set up."""
        began = self._system.monotonic()
        if began < self._handles_at:
            return False
        places = [place for each in self._filesystems for place in (each.tree, each.scratch)]
        self._kept = kept((member.pid for member in members), places)
        self._handles_at = self._system.monotonic() + (self._system.monotonic() - began) * _MEASURE_EVERY
        self._covered = {device: self._covered.get(device) or began for device in self._kept.covered}
        return any(began - since > _SETUP_S for since in self._covered.values())


def _breach(what: str) -> Failure:
    return Failure(FailureClass.CONTRACT, f"was stopped: {what}")
