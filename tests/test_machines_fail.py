"""Machines that fail: network namespaces as machines, with a real scheduler, real workers, and cables that are pulled.

Addresses are given inside namespaces of the test alone. It needs Debian's iproute2, and root.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from factory.model.failure import FailureClass
from tests.machines import Machines
from tests.world import World

pytestmark = pytest.mark.slow
_NET = "10.77.0"
_HUB, _HOME, _SCHEDULER, _FIRST, _SECOND = "hub", "home", "scheduler", "first", "second"
_HOSTS = {_HOME: 1, _SCHEDULER: 2, _FIRST: 3, _SECOND: 4}


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


@dataclass
class Network:
    """Four machines on one switch."""

    token: str
    made: list[str] = field(default_factory=list)

    def name(self, machine: str) -> str:
        return f"factory-{self.token}-{machine}"

    def within(self, machine: str) -> tuple[str, ...]:
        """What a command is prefixed with, to run on a machine."""
        return ("ip", "netns", "exec", self.name(machine))

    def build(self) -> None:
        """Raises OSError where this may not be done."""
        for machine in (_HUB, *_HOSTS):
            _ip("netns", "add", self.name(machine))
            self.made.append(machine)
            _ip("-n", self.name(machine), "link", "set", "lo", "up")
        hub = ("-n", self.name(_HUB))
        _ip(*hub, "link", "add", "switch", "type", "bridge")
        _ip(*hub, "link", "set", "switch", "up")
        for machine, number in _HOSTS.items():
            there = ("-n", self.name(machine))
            _ip(*hub, "link", "add", f"to-{number}", "type", "veth", "peer", "name", "eth", "netns", self.name(machine))
            _ip(*hub, "link", "set", f"to-{number}", "master", "switch", "up")
            _ip(*there, "address", "add", f"{_NET}.{number}/24", "dev", "eth")
            _ip(*there, "link", "set", "eth", "up")

    def cut(self, machine: str) -> None:
        _ip("-n", self.name(_HUB), "link", "set", f"to-{_HOSTS[machine]}", "down")

    def mend(self, machine: str) -> None:
        _ip("-n", self.name(_HUB), "link", "set", f"to-{_HOSTS[machine]}", "up")

    def remove(self) -> None:
        for machine in self.made:
            with suppress(OSError):
                _ip("netns", "delete", self.name(machine))


@dataclass
class Farm:
    """The machines, and a factory on one of them."""

    network: Network
    machines: Machines
    world: World
    orchestrators: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def run(self) -> "subprocess.Popen[bytes]":
        """An orchestrator, at home."""
        log = (self.world.root.parent / f"run-{len(self.orchestrators)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [*self.network.within(_HOME), sys.executable, "-m", "factory", "run"],
                cwd=self.world.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.orchestrators.append(process)
        return process

    def at_work(self, item_id: str) -> str:
        """The machine on which an item's worker has begun by now, waited for; it tells so by a file in its cell."""
        found: list[str] = []

        def seen() -> bool:
            cells = self.machines.place.glob(f"*/cache/factory/*/factory-cell-*/*/{item_id}.begun")
            found[:] = [each.relative_to(self.machines.place).parts[0] for each in cells]
            return bool(found)

        self.world.until(seen, 60)
        return found[0]

    def ends(self, item_id: str) -> None:
        """The item is done as it would be on one machine that never fails."""
        self.world.until(lambda: self.world.lane(item_id) == "done", 60)
        assert self.world.git("show", f"main:{item_id}.txt") == "done"
        self.world.command("audit")

    def close(self) -> None:
        for process in self.orchestrators:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
        self.machines.end()
        self.network.remove()


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("machines are network namespaces, which need root and iproute2 (apt-get install iproute2)")
    network = Network(f"{os.getpid()}")
    with ExitStack() as stack:
        stack.callback(network.remove)
        try:
            network.build()
        except OSError as error:
            pytest.skip(f"network namespaces cannot be made here: {error}")
        world = World.create(tmp_path / "repo")
        made = Machines(tmp_path / "machines", 8786, f"{_NET}.2", network.within(_SCHEDULER))
        farm = Farm(network, made, world)
        stack.callback(farm.close)
        made.schedule()
        for machine in (_FIRST, _SECOND):
            made.work(machine, within=network.within(machine), supervised=True)
        world.policy(f"engine: {{kind: dask, address: '{made.address}'}}\nretry: {{initial_ms: 200}}")
        yield farm


def _item(world: World, item_id: str, seconds: float) -> None:
    """An item whose worker is busy for so long, and then leaves nothing but what it should."""
    steps: list[dict[str, object]] = [
        {"write": {"path": f"{item_id}.begun", "text": ""}},
        {"sleep": seconds},
        {"delete": f"{item_id}.begun"},
        {"write": {"path": f"{item_id}.txt", "text": "done\n"}},
    ]
    world.item(item_id, steps)


def test_whatever_fails_the_end_is_the_same(farm: Farm) -> None:
    world, machines, network = farm.world, farm.machines, farm.network
    orchestrator = farm.run()

    # a machine is lost with a run on it: that costs an attempt, and the next one ends well
    _item(world, "lost-machine", 4)
    machine = farm.at_work("lost-machine")
    _kill_worker(machines, machine)
    farm.ends("lost-machine")
    released = [entry for entry in world.journal("lost-machine") if entry.event == "release"]
    assert [entry.failure for entry in released] == [FailureClass.NETWORK]
    assert world.events("lost-machine").count("start") == 2

    # a cable is pulled for a moment: the run goes on meanwhile, and its answer comes late
    _item(world, "cut-link", 3)
    machine = farm.at_work("cut-link")
    network.cut(machine)
    time.sleep(5)
    network.mend(machine)
    farm.ends("cut-link")
    assert world.events("cut-link").count("start") == 1

    # the scheduler goes away and comes again: what it knew of the run is sent once more, at no cost
    _item(world, "lost-scheduler", 3)
    farm.at_work("lost-scheduler")
    machines.end_scheduler()
    world.until(lambda: "which does not answer" in world.command("status"), 30)
    machines.schedule()
    farm.ends("lost-scheduler")
    assert world.events("lost-scheduler") == ["submit", "start", "deliver", "finish"]

    # the orchestrator is killed: another one gives the item back, and takes it up again
    _item(world, "lost-orchestrator", 3)
    farm.at_work("lost-orchestrator")
    os.killpg(orchestrator.pid, signal.SIGKILL)
    orchestrator.wait(30)
    farm.run()
    farm.ends("lost-orchestrator")

    # and what killed processes had left on the machines is gone: one repository of a process each is left
    for name in (_FIRST, _SECOND):
        kept = machines.place / name / "cache/factory-machine"
        world.until(lambda kept=kept: len(list(kept.glob("*/at-*"))) <= 1, 30)  # type: ignore[misc]


def _kill_worker(machines: Machines, machine: str) -> None:
    """Let the worker process of a machine die; its supervisor starts another one."""
    supervisor = machines.workers[machine].pid
    listed = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(supervisor)], capture_output=True, text=True)
    for line in listed.stdout.splitlines():
        os.kill(int(line.split()[0]), signal.SIGKILL)


@pytest.mark.long_cut
def test_a_link_that_is_cut_for_half_a_minute_costs_an_attempt_at_most(farm: Farm) -> None:
    world, network = farm.world, farm.network
    farm.run()
    _item(world, "long-cut", 10)
    machine = farm.at_work("long-cut")
    network.cut(machine)
    time.sleep(30)
    network.mend(machine)
    farm.ends("long-cut")
    assert world.events("long-cut").count("start") <= 2
