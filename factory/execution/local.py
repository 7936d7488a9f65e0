"""The local executor: runs, rechecks and apply commands in threads of this process, on this machine's host."""

from collections.abc import Collection
from concurrent.futures import Future

from pydantic import JsonValue

from factory.execution.apply_command import Notes, run_apply_command
from factory.execution.checks.evidence import Gathered
from factory.execution.control import Control
from factory.execution.host import Host
from factory.execution.outcome import RunOutcome
from factory.execution.pipeline import run
from factory.execution.request import RunRequest
from factory.model.errors import FactoryError
from factory.model.failure import Cost, Failure, of_error

# Seconds until checks that the machine let down are tried again; the last time it is given up.
_RECHECKED_AFTER_S = (1.0, 5.0, None)
_MOST_THREADS = 1000


class LocalExecutor:
    """Carries requests out on this machine."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.notes = Notes(host.repository.state)
        self._pool = host.repository.system.threads(_MOST_THREADS, "run")

    @property
    def kinds(self) -> Collection[str]:
        """The kinds of agents that this host has."""
        return self.host.agents.keys()

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        """Begin a run."""
        return self._pool.submit(run, request, self.host, control)

    def recheck(self, request: RunRequest, proposal: str, control: Control) -> "Future[Gathered | Failure]":
        """Begin to run a proposal's checks on it merged with what the target holds now."""
        return self._pool.submit(self._recheck, request, proposal, control)

    def _recheck(self, request: RunRequest, proposal: str, control: Control) -> Gathered | Failure:
        """What the checks say now, or why they cannot be run."""
        target = request.policy.target_branch
        for again in _RECHECKED_AFTER_S:
            try:
                now = self.host.repository.head(target) or request.base
                gathered = self.host.gatherer.gather(request, proposal, now, control)
                return self.host.redactor.redact_recheck(request, gathered)
            except (FactoryError, OSError) as error:
                failure = of_error(error, "the checks could not be run")
            if failure.kind.cost is not Cost.ATTEMPT or again is None or control.system.pause(control.stop, again):
                break
        return failure

    def apply(self, request: RunRequest, subject: str, decision: dict[str, JsonValue]) -> "Future[str]":
        """Begin an apply command; why it could not even begin, or nothing, when its note tells the rest."""
        return self._pool.submit(self._apply, request, subject, decision)

    def _apply(self, request: RunRequest, subject: str, decision: dict[str, JsonValue]) -> str:
        def clean(output: bytes) -> bytes:
            return self.host.redactor.redact_output(request, output)

        try:
            run_apply_command(request, subject, decision, self.host.cells, self.notes, clean)
        except (FactoryError, OSError) as error:
            return str(error)
        return ""

    def shutdown(self) -> None:
        """Wait for all that was begun."""
        self._pool.shutdown(wait=True)
        self.host.close()
