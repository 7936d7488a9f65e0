"""The local executor: runs, checks of the merge train and apply commands, in threads of this process on this host."""

from collections.abc import Collection, Sequence
from concurrent.futures import Future

from pydantic import JsonValue

from factory.execution.agents import workspaces
from factory.execution.apply_command import Notes, run_apply_command
from factory.execution.checks.evidence import Candidate, Gathered
from factory.execution.checks.in_flight import InFlight
from factory.execution.control import Control
from factory.execution.host import Host
from factory.execution.outcome import RunOutcome
from factory.execution.pipeline import run
from factory.execution.request import RunRequest
from factory.model.errors import FactoryError
from factory.model.failure import Cost, Failure, of_error
from factory.model.policy import MergeMode, Policy

# Seconds until checks that the machine let down are tried again; the last time it is given up.
_CHECKED_AFTER_S = (1.0, 5.0, None)
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

    def recheck(
        self, candidates: Sequence[Candidate], mode: MergeMode, control: Control
    ) -> "Future[tuple[Gathered, ...] | Failure]":
        """Begin to run the checks of these candidates on what the last one makes of the target."""
        return self._pool.submit(self._recheck, candidates, mode, control, self.host.gatherer.begin(candidates, mode))

    def recheck_at_once(
        self, candidate: Candidate, mode: MergeMode, control: Control
    ) -> "Future[tuple[Gathered, ...] | Failure]":
        """What is to be said of a candidate for which no command has to be run, now."""
        done = Future[tuple[Gathered, ...] | Failure]()
        done.set_result(self._recheck((candidate,), mode, control, None))
        return done

    def _recheck(
        self, candidates: Sequence[Candidate], mode: MergeMode, control: Control, in_flight: InFlight | None
    ) -> tuple[Gathered, ...] | Failure:
        """What the checks say of each, or why they cannot be run."""
        for again in _CHECKED_AFTER_S:
            try:
                found = self.host.gatherer.recheck(candidates, mode, control, in_flight)
                redact = self.host.redactor.redact_evidence
                return tuple(redact(candidate.request, each) for candidate, each in zip(candidates, found, strict=True))
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

    def leave(self, item_id: str, policy: Policy, control: Control) -> "Future[None]":
        """Begin to take the workspace of an item away that is finished."""
        return self._pool.submit(workspaces.leave, self.host.cells, item_id, policy, control)

    def shutdown(self) -> None:
        """Wait for all that was begun."""
        self._pool.shutdown(wait=True)
        self.host.close()
