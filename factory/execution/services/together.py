"""Together: the argv that starts the services of an instance and then their tester, in one network of their own."""

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from factory.execution.cell.sandbox import Kind
from factory.execution.processes.command import Command
from factory.execution.processes.process_tree import descendants
from factory.execution.services.instance import ENDING, ORDER, STATUS_FD, Instance, Order, Program, ServiceOrder
from factory.execution.services.instance import ServiceCommand as Service

_INSIDE = "factory.execution.services.inside"
_SETTLED = 2  # processes: of a sandbox that is still being put up there is one


def together(command: Command, instance: Instance, argv: Sequence[str], passed: Sequence[int]) -> tuple[str, ...]:
    """The argv that runs an argv as its command says, once the services beside it are ready.

    Of the file descriptors that are `passed` on, the first is the one on which the tester's sandbox tells of it.
    """
    contained = command.sandbox.kind is Kind.BUBBLEWRAP
    filesystem = command.filesystem
    tester = Program(
        argv=command.sandbox.within(argv, filesystem, str(passed[0])) if contained else tuple(argv),
        env=dict(command.env),
        folder=str(filesystem.folder_on_disk),
    )
    order = Order(
        services=tuple(_order(command, instance, service) for service in instance.services),
        tester=tester,
        passed=tuple(passed),
        contained=contained,
        log_bytes=command.limits.output_mb * 1_000_000,
        ending=str(instance.notes / ENDING),
    )
    path = instance.notes / ORDER
    path.write_text(order.model_dump_json())
    starts = (sys.executable, "-I", "-m", _INSIDE, str(path))
    return command.sandbox.outermost(starts, command.limits, command.network is True)


def _order(command: Command, instance: Instance, service: Service) -> ServiceOrder:
    return ServiceOrder(
        name=service.name,
        program=_program(command, instance, service, service.argv),
        log=str(instance.log(service.name)),
        port=service.port,
        http=service.ready.http,
        run=_program(command, instance, service, service.ready.run) if service.ready.run else None,
        seconds=service.seconds,
    )


def _program(command: Command, instance: Instance, service: Service, argv: Sequence[str]) -> Program:
    filesystem = instance.filesystem
    folder = filesystem.folder_on_disk / service.folder
    if command.sandbox.kind is Kind.BUBBLEWRAP:
        argv = command.sandbox.within(argv, replace(filesystem, at=filesystem.folder / service.folder), STATUS_FD)
    return Program(argv=tuple(argv), env=dict(service.env), folder=str(folder))


def sandboxes(pid: int) -> Iterator[int]:
    """One process, not the first, of each sandbox that is up among what descends from another one."""
    seen: defaultdict[str, list[int]] = defaultdict(list)
    for member in descendants(pid):
        try:
            seen[str(Path(f"/proc/{member.pid}/ns/mnt").readlink())].append(member.pid)
        except OSError:
            continue  # it is gone
    yield from (members[-1] for members in seen.values() if len(members) >= _SETTLED)
