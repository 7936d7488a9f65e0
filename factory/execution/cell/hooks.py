"""Hooks: the shell scripts of WORKFLOW.md around a cell's life. They run in the cell, under the same sandbox."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from factory.execution.cell.cell import Cell, CellNotReady
from factory.execution.cell.command import command_in
from factory.execution.cell.pool import Cells
from factory.execution.cell.sandbox import sandbox
from factory.execution.cell.setup import furnish
from factory.execution.control import Control, Signal
from factory.execution.processes import process
from factory.execution.request import RunRequest
from factory.store.system import System

GRACE_S = 5.0  # for the hooks that clean up, once everything is to stop
# A login shell reads profiles, which may set PATH anew: without the environment that is active here.
_AS_CALLED = 'PATH="$1:$PATH"; eval "$2"'


class LastCall:
    """Set a moment after another signal: all hooks that clean up a cell share it, and nobody waits for more."""

    def __init__(self, stop: Signal, system: System) -> None:
        self._system = system
        self._stop = stop
        self._until: float | None = None

    def is_set(self) -> bool:
        """Whether the moment is over; it begins when somebody first asks after the other signal."""
        if self._until is None and self._stop.is_set():
            self._until = self._system.monotonic() + GRACE_S
        return self._until is not None and self._system.monotonic() > self._until


@contextmanager
def prepared_cell(
    cells: Cells, request: RunRequest, commit: str, control: Control, branch: str | None = None
) -> Iterator[Cell]:
    """A cell with the files of a commit, between its hooks `after_create` and `before_remove`. Raises CellNotReady.

    With a branch it is for a worker. Whoever only looks works where the checkout is, as a person does.

    A cell is lent clean, so it is new to whoever gets it, and `after_create` runs each time. Where items have
    folders of their own, these hooks are about those.
    """
    about_cells = not request.policy.workspace.keep
    with cells.lend(commit, sandbox(request.policy.sandbox), branch or "") as cell:
        cell.filesystem = replace(cell.filesystem, in_checkout=branch is None)
        cell.last_call = LastCall(control.stop, control.system)
        try:
            furnish(cells, cell, request, commit, control)
            if about_cells:
                run_required(cell, request, "after_create", control)
            yield cell
        finally:
            if about_cells:
                run_optional(cell, request, "before_remove", control)


def run_required(cell: Cell, request: RunRequest, name: str, control: Control) -> None:
    """Run a hook that has to succeed. Raises CellNotReady."""
    problem = _run(cell, request, name, control, control.stop)
    if problem:
        raise CellNotReady(f"the hook {name} {problem}", cell.log)


def run_optional(cell: Cell, request: RunRequest, name: str, control: Control) -> None:
    """Run a hook whose failure is logged and ignored. It also runs when everything is being stopped, for a moment."""
    _run(cell, request, name, control, cell.last_call)


def _run(cell: Cell, request: RunRequest, name: str, control: Control, stop: Signal) -> str:
    """What went wrong with a hook; nothing when it went well, or there is none."""
    hooks, contract = request.policy.hooks, request.contract
    script: str | None = getattr(hooks, name)
    if not script or not script.strip():
        return ""
    env = cell.environment(contract.worker.env)
    argv = ("sh", "-lc", _AS_CALLED, "sh", env["PATH"], script)
    command = replace(command_in(cell, request, argv, env, "hook.log"), wall_s=hooks.timeout_s)
    ended = process.run(command, control.unheard(), stop=stop)
    problem = ended.problem_in_words(f"{hooks.timeout_s:g} s")
    cell.log += f"[{name}: {problem or 'ended well'}]\n".encode() + command.log.read_bytes()
    return problem
