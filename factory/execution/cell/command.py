"""The command of a process in a cell: where it runs and what bounds it follow from the cell and the request."""

from collections.abc import Mapping

from factory.execution.cell.cell import Cell
from factory.execution.cell.sandbox import sandbox
from factory.execution.processes.command import Command
from factory.execution.request import RunRequest
from factory.model.base import Argv


def command_in(cell: Cell, request: RunRequest, argv: Argv, env: Mapping[str, str], log: str) -> Command:
    """A command under the contract's own limits, with its log of this name beside the worktree."""
    contract = request.contract
    return Command(
        argv=argv,
        env=env,
        log=cell.place / log,
        filesystem=cell.filesystem,
        sandbox=sandbox(request.policy.sandbox),
        limits=contract.limits,
        network=contract.worker.sandbox.network,
        wall_s=contract.limits.minutes * 60,
    )
