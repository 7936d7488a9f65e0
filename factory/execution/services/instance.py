"""An instance of the services: what stands beside one tester, and what is written down for whoever starts it all."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from factory.execution.cell.filesystem import Filesystem
from factory.model.base import Argv, Format
from factory.model.mission.plan import LOOPBACK, Ready

ORDER, ENDING = "order.json", "ending.json"  # in the folder of notes
STATUS_FD = "{told}"  # stands in an argv for the file descriptor on which a sandbox tells what became of it


@dataclass(frozen=True)
class ServiceCommand:
    """One service, ready to be started."""

    name: str
    argv: Argv
    env: Mapping[str, str]
    folder: str  # below the top of the files; empty for the top
    port: int
    ready: Ready
    seconds: float  # until it must be ready

    @property
    def address(self) -> Mapping[str, str | int]:
        """Where whoever tries it finds it."""
        return {"host": LOOPBACK, "port": self.port, "url": f"http://{LOOPBACK}:{self.port}"}


@dataclass(frozen=True)
class Instance:
    """The services of one run, in the order in which they are started. They share files, a home and a /tmp."""

    services: tuple[ServiceCommand, ...]
    filesystem: Filesystem
    notes: Path  # a folder that neither they nor the tester see: logs, and how it went

    def log(self, name: str) -> Path:
        """Where what a service prints is kept."""
        return self.notes / f"{name}.log"


class Program(Format):
    """A process to be started."""

    argv: Argv
    env: dict[str, str]
    folder: str


class ServiceOrder(Format):
    """A service to be started, and how it is known that it is ready."""

    name: str
    program: Program
    log: str
    port: int
    http: str | None
    run: Program | None  # neither: its port can be connected to
    seconds: float


class Order(Format):
    """Everything that is to be started together."""

    services: tuple[ServiceOrder, ...]
    tester: Program
    passed: tuple[int, ...]  # file descriptors that the tester gets
    contained: bool
    log_bytes: int  # of each service's log that are kept
    ending: str  # the file in which is said that a service failed


class Ending(Format):
    """The service for which it all ended before the tester was done."""

    service: str
    reason: str  # goes on from the service's name
    taken: bool = False  # whether another program had its port by then: then all is tried again, with other ones
