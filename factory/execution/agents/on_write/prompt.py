"""What a worker is told of `on_write`, where the factory runs its commands and not the agent itself."""

import shlex

from factory.execution.agents.kinds import BY_HOOKS
from factory.execution.cell.sandbox import Kind, sandbox
from factory.execution.request import RunRequest

VARIABLE = "FACTORY_ON_WRITE"  # the file in which it reads what fails


def is_watched(request: RunRequest) -> bool:
    """Whether the factory runs the commands while the worker works.

    Where nothing contains processes, the end of one would be the end of all others in the cell.
    """
    watchable = sandbox(request.policy.sandbox).kind is not Kind.NONE
    return bool(request.contract.worker.on_write) and request.kind not in BY_HOOKS and watchable


def note_of(request: RunRequest) -> str:
    """The end of the prompt; empty where there is nothing to tell."""
    if not is_watched(request):
        return ""
    commands = "\n".join(f"  {shlex.join(argv)}" for argv in request.contract.worker.on_write)
    return (
        f"\n\nWhile you work, these commands run a moment after each change of a file:\n{commands}\n"
        f"What fails of them stands in the file ${VARIABLE}, which is empty when nothing does: read it after you have "
        f"written, and put right what it says. They run once more when you have ended; what fails then comes back to "
        f"you.\n"
    )
