"""What somebody writes who lets runs happen elsewhere: here in a process that has a clone, and is sent a pack."""

import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

from factory.execution.control import Control
from factory.execution.outcome import RunOutcome
from factory.execution.request import RunRequest
from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.store.repository.repository import Repository
from tests.world import World

_ELSEWHERE = """import sys; from pathlib import Path; from factory.store.repository.repository import Repository
from factory.execution.cell.pool import Cells; from factory.execution.control import unfollowed
from factory.execution.host import Host; from factory.execution.pipeline import run
from factory.execution.request import RunRequest
repository = Repository(Path(sys.argv[1])); cells = Cells(repository, Path(sys.argv[1] + ".cells"))
host, request = Host.of(repository, cells), RunRequest.from_json(sys.stdin.buffer.read())
sys.stdout.buffer.write(run(request, host, unfollowed(repository.system)).to_json()); cells.remove_all(); host.close()
"""


class Elsewhere:
    kinds = ("command",)

    def __init__(self, here: Repository, clone: str) -> None:
        self._here, self._clone, self._pool = here, clone, ThreadPoolExecutor()
        self.shutdown = self._pool.shutdown
        _call("git", "clone", "-q", "--no-local", str(here.root), self._clone)

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        return self._pool.submit(self._run, request, control)

    def _run(self, request: RunRequest, control: Control) -> RunOutcome:
        control.alive()
        wanted, here = f"{request.start}\n^{request.base}\n".encode(), str(self._here.root)
        pack = _call("git", "-C", here, "pack-objects", "-q", "--revs", "--stdout", told=wanted)
        _call("git", "-C", self._clone, "unpack-objects", "-q", told=pack)
        return RunOutcome.from_json(_call(sys.executable, "-c", _ELSEWHERE, self._clone, told=request.to_json()))


def _call(*argv: str, told: bytes = b"") -> bytes:
    return subprocess.run(argv, input=told, capture_output=True, check=True).stdout


def elsewhere(world: World) -> None:
    with closing(Repository(world.root)) as here:
        orchestrator = Orchestrator(here, lambda *_: None, executor=Elsewhere(here, f"{world.root}-clone"))
        with orchestrator.holding():
            tick(orchestrator)


def test_a_run_happens_in_another_process_with_nothing_but_a_clone_and_a_pack(world: World) -> None:
    world.commit(f"Bring {world.item('one')}")
    elsewhere(world)
    assert (world.lane("one"), world.git("show", "main:one.txt")) == ("done", "one")
