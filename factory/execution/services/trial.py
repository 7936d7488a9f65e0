"""A trial: the place where a tester meets the running product, and nothing that says how it was made."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from pydantic import JsonValue

from factory.execution.cell import hooks
from factory.execution.cell.cell import Cell
from factory.execution.cell.filesystem import Filesystem
from factory.execution.cell.pool import Cells
from factory.execution.cell.sandbox import Kind, Sandbox, nesting_sandbox
from factory.execution.control import Control
from factory.execution.outcome import Work
from factory.execution.processes.command import Command
from factory.execution.processes.sockets import SCRATCH
from factory.execution.processes.startable import unstartable
from factory.execution.prompts.prompt import render_argv
from factory.execution.request import RunRequest
from factory.execution.services.instance import ENDING, Ending, Instance, ServiceCommand
from factory.model.gate import unanswered
from factory.model.mission.plan import LOOPBACK, Service, Services
from factory.model.mission.report import EVIDENCE_FOLDER, Tried, TriedState, UserReport
from factory.model.result import Result, Status
from factory.store import files, logs
from factory.store.repository.batch import plumbing_commit

_PORT = "PORT"  # the variable that names a service's own
_NOTES = "services"  # beside a worktree


@dataclass(frozen=True)
class Trial:
    """A cell for a tester, with the services that it is to try."""

    cell: Cell  # without a file in it
    log: bytearray  # what the hooks of the services' files printed
    instance: Instance | None  # None: there is no service to be tried
    boundary: Sandbox
    unstartable: Ending | None = None  # the service that cannot even be started, and why

    def around(self, command: Command) -> Command:
        """A tester's command, with the services beside it; it may be silent until these are ready."""
        silence = command.startup_s or command.silence_s
        patience = sum(each.seconds for each in self.instance.services) if self.instance else 0.0
        return replace(
            command,
            env={**command.env, **_scratch(self.boundary)},
            sandbox=self.boundary,
            instance=self.instance,
            startup_s=None if silence is None else silence + patience,
        )

    @property
    def addresses(self) -> dict[str, JsonValue]:
        """Where the tester finds each service: host, port and url."""
        return {each.name: {**each.address} for each in self.instance.services} if self.instance else {}

    def ending(self) -> Ending | None:
        """The service for which it ended before the tester was done."""
        data = files.read_regular(self.instance.notes / ENDING) if self.instance else None
        return self.unstartable or (Ending.model_validate_json(data) if data else None)

    def printed(self) -> dict[str, bytes]:
        """What each service printed, as far as it was kept."""
        named = {each.name: self.instance.log(each.name) for each in self.instance.services} if self.instance else {}
        return {name: files.read_regular(path) or b"" for name, path in named.items()}


@contextmanager
def prepared(request: RunRequest, cells: Cells, control: Control) -> Iterator[Trial]:
    """Everything that a tester needs, for as long as it works. Raises CellNotReady, FactoryError."""
    objects, boundary = cells.repository.objects, nesting_sandbox(request.policy.sandbox)
    product = plumbing_commit(objects, cells.repository.content_at(request.base), (request.base,), "To be tried.\n")
    empty = plumbing_commit(objects, objects.add_tree({}), (), "Nothing.\n")
    objects.flush()
    services = request.services or Services()
    with ExitStack() as stack:
        cell = stack.enter_context(cells.lend(empty, boundary))
        cell.filesystem = _blind(cell.filesystem)
        (cell.tree / ".git").unlink()  # it comes again with the next commit that is checked out here
        if not services.services:
            yield Trial(cell, cell.log, None, boundary)
            return
        place = stack.enter_context(hooks.prepared_cell(cells, request, product, control))
        instance = Instance(_commands(request, services, place, boundary), place.filesystem, place.place / _NOTES)
        files.remove_tree(instance.notes)
        instance.notes.mkdir()
        yield Trial(cell, place.log, instance, boundary, _unstartable(instance, boundary))


def _blind(filesystem: Filesystem) -> Filesystem:
    """The same without sight of git, which has the source and all that was said of it."""
    git = filesystem.git
    if git is None or any(git.folder.is_relative_to(place) for place in filesystem.checkouts):
        return replace(filesystem, git=None)
    rest = (place for place in filesystem.hidden if not place.is_relative_to(git.folder))
    return replace(filesystem, git=None, hidden=(*rest, git.folder))


def _scratch(boundary: Sandbox) -> dict[str, str]:
    """A short name for what is the cell's own: below a long one no browser can have a socket (unix(7))."""
    return {"TMPDIR": str(SCRATCH[0])} if boundary.kind is Kind.BUBBLEWRAP else {}


def _commands(request: RunRequest, services: Services, place: Cell, boundary: Sandbox) -> tuple[ServiceCommand, ...]:
    """The services with a free port each. Raises TemplateProblem."""
    found: list[ServiceCommand] = []
    with ExitStack() as held:  # until each has its own
        for name, service in services.services.items():
            taken = held.enter_context(socket.create_server((LOOPBACK, 0)))
            env = {**place.environment(request.contract.worker.env), **_scratch(boundary)}
            found.append(_command(name, service, env, taken.getsockname()[1]))
    return tuple(found)


def _command(name: str, service: Service, env: dict[str, str], port: int) -> ServiceCommand:
    ready = service.ready
    run = ready.run and render_argv(ready.run, {"port": port}, f"services.{name}.ready.run")
    return ServiceCommand(
        name=name,
        argv=render_argv(service.run, {"port": port}, f"services.{name}.run"),
        env={**env, _PORT: str(port), **service.env},
        folder=service.folder or "",
        port=port,
        ready=ready.model_copy(update={"run": run}),
        seconds=service.seconds,
    )


def _unstartable(instance: Instance, boundary: Sandbox) -> Ending | None:
    """The first service that cannot be started."""
    contained = boundary.kind is Kind.BUBBLEWRAP
    for service in instance.services:
        if files.real_folder(instance.filesystem.tree, service.folder) is None:
            return Ending(service=service.name, reason=f"cannot be started: there is no folder {service.folder!r}")
        seen = instance.filesystem
        at = (seen.folder if contained else seen.folder_on_disk) / service.folder
        problem = unstartable(service.argv, service.env["PATH"], replace(seen, at=at), contained=contained)
        if problem:
            return Ending(service=service.name, reason=f"cannot be started: {problem}")
    return None


def failed_by(ending: Ending, done: Work, request: RunRequest) -> Work:
    """What a run delivers in which a service failed: that is no fault of the tester's, and nothing it found counts.

    Every assertion fails, on the evidence of what that service printed.
    """
    reason = f"the service {ending.service} {ending.reason}"
    name = f"{EVIDENCE_FOLDER}/{ending.service}.log"
    log = f"[{reason}]\n".encode() + logs.cut(done.services.get(ending.service, b""))
    tried = Tried(state=TriedState.FAIL, said=reason, evidence=(name,))
    report = UserReport(assertions=dict.fromkeys(unanswered(request.item), tried))
    result = Result(status=Status.OK, confidence=1.0, summary=reason, data=report.model_dump(mode="json"))
    return replace(done, result=result, raw_result=None, files={name: log})
