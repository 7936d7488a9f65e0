"""The last look: the commands of `on_write` once more on what a worker has changed, when it has ended."""

from dataclasses import replace

from factory.execution.agents.on_write.commands import Commands
from factory.execution.agents.on_write.findings import findings_of
from factory.execution.cell.cell import Cell
from factory.execution.control import Control
from factory.execution.outcome import Work
from factory.execution.request import RunRequest
from factory.model.failure import Failure, FailureClass
from factory.model.verdict import Finding
from factory.store.repository.git import GitError
from factory.store.repository.repository import Repository


class LastLook:
    """What they came to: findings, or why one of them cannot be run here."""

    def __init__(self, findings: tuple[Finding, ...] = (), failure: Failure | None = None) -> None:
        self._findings = findings
        self._failure = failure

    def upon(self, done: Work) -> Work:
        """Work that is to be delivered, with what is left to be put right in it."""
        if not done.delivers:
            return done
        return done.failed(self._failure) if self._failure else replace(done, still_wrong=self._findings)


def last_look(
    commands: Commands, cell: Cell, request: RunRequest, repository: Repository, control: Control
) -> LastLook:
    """Run them where something was changed; how each that fails has ended goes into the log of the hooks."""
    if not (request.contract.worker.on_write and _changed(cell, request, repository)):
        return LastLook()
    failed = commands.run(control.stop, lambda called: control.says(f"running {called}"))
    if control.stop.is_set():
        return LastLook()  # nobody knows, and nothing follows from it
    for each in failed:
        cell.log += f"[on_write {each.called}: {each.how}]\n{each.said.rstrip()}\n".encode()
    missing = next((each for each in failed if each.missing), None)
    if missing:
        return LastLook(failure=Failure(FailureClass.CONFIG, f"a command of worker.on_write: {missing.how}"))
    around = cell.filesystem
    return LastLook(findings_of(failed, cell.tree, (around.folder, *around.checkouts)))


def _changed(cell: Cell, request: RunRequest, repository: Repository) -> bool:
    """Whether the files are others than the target's; what git cannot read is told of by whoever takes it."""
    try:
        with cell.take() as taken:
            return taken.tree != repository.content_at(request.base)
    except GitError:
        return False
