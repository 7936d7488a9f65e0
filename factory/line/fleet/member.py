"""A member: one repository's process in a fleet, which begins runs on slots that are lent to it."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from factory.line.fleet.messages import Membership, Order, Report
from factory.line.orchestrator import Orchestrator, PassReport
from factory.model.errors import MachineError

_LONGEST_PASS_S = 600.0


class Member:
    """The member's end of its link to the fleet. When the fleet is gone, the orchestrator is asked to stop."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._lines = link.makefile("rb")
        self._lock = threading.Lock()
        self._given = 0  # in all
        self._unused = 0  # of these, not taken yet
        self._taken = 0  # for the present pass, or the last one
        self._waiting = 0  # as it was told last
        self._pass_began: float | None = None  # of the monotonic clock; None: none is under way

    @classmethod
    def on_stdin(cls) -> "Member":
        """The one whose link is the standard input, which nothing that it starts must have."""
        link = socket.socket(fileno=os.dup(0))
        with Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        return cls(link)

    def membership(self) -> Membership:
        """What it is told first. Raises MachineError when the fleet is gone."""
        line = self._lines.readline()
        if not line.endswith(b"\n"):
            raise MachineError("the fleet is gone")
        return Membership.model_validate_json(line)

    @contextmanager
    def heeding(self, orchestrator: Orchestrator) -> Iterator[None]:
        """Do meanwhile what the fleet says."""
        with orchestrator.context.system.threads(1, "fleet") as aside:
            heard = aside.submit(self._heed, orchestrator)
            try:
                yield
            finally:
                with suppress(OSError):
                    self._link.shutdown(socket.SHUT_RD)
        heard.result()

    def _heed(self, orchestrator: Orchestrator) -> None:
        try:
            with suppress(ConnectionResetError):  # it was killed before it had read all that it was told
                for line in self._lines:
                    self._obey(orchestrator, Order.model_validate_json(line))
        finally:
            orchestrator.stop()

    def _obey(self, orchestrator: Orchestrator, order: Order) -> None:
        if order == Order():
            self._answer(orchestrator)
            return
        if order.bounds is not None:
            orchestrator.context.bound(order.bounds)
        with self._lock:
            self._given += order.slots
            self._unused += order.slots
        orchestrator.wake()

    def _answer(self, orchestrator: Orchestrator) -> None:
        """Tell how many slots are in use, unless a pass lasts so long that it may never end."""
        with self._lock:
            began = self._pass_began
            if began is None or orchestrator.context.system.monotonic() - began < _LONGEST_PASS_S:
                taken = self._taken if began is not None else 0  # these may be in use in a moment
                waiting = max(0, self._waiting - taken)
                self._tell(
                    Report(running=_busy(orchestrator) + taken, waiting=waiting, given=self._given - self._unused)
                )

    def take(self, orchestrator: Orchestrator) -> int:
        """How many runs may begin in the pass that follows."""
        with self._lock:
            self._taken, self._unused = self._unused, 0
            self._pass_began = orchestrator.context.system.monotonic()
            return self._taken

    def after_pass(self, orchestrator: Orchestrator, report: PassReport) -> None:
        """Tell how many slots are in use, and how many more would be: some only if all that it had were too few."""
        running = orchestrator.context.runs.running
        startable = [entry.id for entry in report.schedule if entry.start]
        left = [item_id for item_id in startable if item_id not in running]
        enough = len(startable) - len(left) < self._taken
        with self._lock:
            self._pass_began, self._waiting = None, 0 if enough else len(left)
            given = self._given - self._unused
            self._tell(Report(running=_busy(orchestrator), waiting=self._waiting, given=given))

    def fail(self, why: str) -> None:
        """Tell why it ends."""
        self._tell(Report(failed=why))

    def _tell(self, report: Report) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # the fleet is gone, which the other thread notices
            self._link.sendall(report.line())


def _busy(orchestrator: Orchestrator) -> int:
    """How many runs are under way."""
    return sum(not each.future.done() for each in list(orchestrator.context.runs.running.values()))
