"""Machines of a test: a real Dask scheduler and real workers, as processes, each with a cache of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from factory.execution.agents.kinds import AGENTS
from factory.execution.cell.pool import Cells, cells_root
from factory.execution.dask.executor import DaskExecutor
from factory.execution.host import Host
from factory.execution.local import LocalExecutor
from factory.line.orchestrator import Orchestrator
from factory.model.events import Tell
from factory.store.repository.repository import Repository
from tests.world import World, say_nothing

_DASK = (sys.executable, "-m", "distributed.cli")
_PATIENCE_S = 60.0


@dataclass
class Machines:
    """A scheduler at an address, and the workers that were started for it."""

    place: Path
    port: int
    host: str = "127.0.0.1"
    within: tuple[str, ...] = ()  # what a scheduler's command is prefixed with, to run on another machine
    scheduler: "subprocess.Popen[bytes] | None" = None
    workers: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"tcp://{self.host}:{self.port}"

    def schedule(self) -> None:
        """Start the scheduler, and wait until it listens."""
        options = ("--host", self.host, "--port", str(self.port), "--no-dashboard", "--no-jupyter")
        self.scheduler = self._start("scheduler", "dask_scheduler", options, self.within)
        self.wait_for("scheduler", "Scheduler at")

    def work(self, name: str, *options: str, within: Sequence[str] = (), supervised: bool = False) -> None:
        """Start a worker, and wait until the scheduler has it. A supervised one begins anew when it ends."""
        more = ("--no-dashboard", "--no-nanny", "--nthreads", "1", "--name", name, "--death-timeout", "5", *options)
        loop = ("sh", "-c", 'while :; do "$@"; sleep 0.3; done', "sh") if supervised else ()
        self.workers[name] = self._start(name, "dask_worker", (self.address, *more), (*within, *loop))
        self.wait_for(name, "Registered to")

    def _start(
        self, name: str, module: str, options: Sequence[str], within: Sequence[str]
    ) -> "subprocess.Popen[bytes]":
        home = self.place / name
        home.mkdir(parents=True, exist_ok=True)
        env = {
            **os.environ,
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
            "DASK_TEMPORARY_DIRECTORY": str(home),
            "A_KEY_OF_ITS_OWN": f"the-secret-of-{name}",
        }
        with (home / "log").open("ab") as log:
            return subprocess.Popen(
                [*within, *_DASK[:2], f"distributed.cli.{module}", *options],
                env=env,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self, name: str) -> str:
        return (self.place / name / "log").read_text(errors="replace")

    def wait_for(self, name: str, said: str, times: int = 1) -> None:
        """Wait until a process has said something so many times."""
        until = time.monotonic() + _PATIENCE_S
        while self.log(name).count(said) < times:
            assert time.monotonic() < until, f"{name} never said {said!r}: {self.log(name)[-2000:]}"
            time.sleep(0.05)

    def end(self, name: str = "") -> None:
        """End a worker as a machine that goes off does; without a name, everything."""
        chosen = [self.workers.pop(name)] if name else [*self.workers.values(), *filter(None, [self.scheduler])]
        for process in chosen:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(_PATIENCE_S)

    def end_scheduler(self) -> None:
        assert self.scheduler is not None
        os.killpg(self.scheduler.pid, signal.SIGKILL)
        self.scheduler.wait(_PATIENCE_S)

    def caches(self) -> list[Path]:
        """The object caches of all workers."""
        return sorted(self.place.glob("*/cache/factory-machine/*/objects.git"))


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def machines(place: Path, *workers: Sequence[str]) -> Iterator[Machines]:
    """A scheduler and workers on this machine, each with these options."""
    made = Machines(place, free_port())
    try:
        made.schedule()
        for number, options in enumerate(workers, 1):
            made.work(f"machine-{number}", *options)
        yield made
    finally:
        made.end()


@contextmanager
def on_machines(
    world: World, address: str, tell: Tell = say_nothing, patience_s: float = 60.0
) -> Iterator[Orchestrator]:
    """An orchestrator that sends its runs to a cluster, and is held."""
    with closing(Repository(world.root)) as repository:
        cells = Cells(repository, cells_root(repository.common_dir, None))
        local = LocalExecutor(Host.of(repository, cells, AGENTS))
        executor = DaskExecutor(address, "main", local, patience_s)
        orchestrator = Orchestrator(repository, tell, executor=executor, local=local)
        with orchestrator.holding():
            yield orchestrator
