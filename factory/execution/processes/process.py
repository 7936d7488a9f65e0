"""One process under a deadline: its family, its silence, its output and what it uses are ours to end."""

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from factory.execution.cell.filesystem import Filesystem
from factory.execution.cell.sandbox import Kind, Sandbox
from factory.execution.processes.consumption import Consumption
from factory.execution.processes.launch import Launch
from factory.execution.processes.process_tree import ProcessInfo, descendants, end, end_strays
from factory.execution.processes.sockets import Cover
from factory.execution.processes.startable import unstartable
from factory.model.contract import Limits
from factory.model.failure import Failure

_LOOK_EVERY_S = 0.2
_GRACE_S = 2.0
_CHUNK = 65536
_MOST_CHUNKS = 64  # at a time: a flood must not keep us from looking at the clock; more than a pipe holds
_TRIES = 3
CUT_HERE = b"\n[cut here: more output than the contract allows]\n"
_SIGNALLED = 128  # a shell, and bubblewrap, end with this and the number of the signal that killed the child


class Stopped(StrEnum):
    """Why a process was stopped before it ended."""

    NO = ""
    WALL = "wall"
    SILENCE = "silence"
    ASKED = "asked"
    LIMIT = "limit"
    NOT_STARTED = "not started"


@dataclass(frozen=True)
class Command:
    """What to run, where, and how long it may take. Seconds and bytes."""

    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    room: Filesystem
    sandbox: Sandbox
    limits: Limits
    wall_s: float
    network: bool = False
    silence_s: float | None = None
    startup_s: float | None = None  # until the first sign of life; else as silence_s
    stdin: Path | None = None
    once: bool = False  # whether it must not be begun again, not even when the sandbox seems not to have let it begin


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    exit_code: int | None  # None: it was stopped, or never started; below 0: killed by that signal
    stopped: Stopped
    seconds: float
    problem: str = ""
    over: Failure | None = None  # the limit for which it was stopped; its reason goes on from the process's name
    silent_s: float = 0.0  # how long it had given no sign of life
    began: bool = True  # False: the sandbox itself could not be put up


Watcher = Callable[[], Failure | None]


def scrubbed_environment(allowed: Sequence[str] = ()) -> dict[str, str]:
    """PATH, LANG, TERM and what is named; programs installed beside the factory are found last."""
    env = {name: os.environ[name] for name in ("LANG", "TERM", *allowed) if name in os.environ}
    beside = str(Path(sys.executable).parent)
    env["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), beside])
    return env


def run(
    command: Command,
    stop: threading.Event,
    alive: Callable[[], None] = lambda: None,
    watcher: Watcher = lambda: None,
) -> Ended:
    """Run to the end, a limit or a deadline, output into the log; nothing that it started is left behind.

    `watcher` is called a few times a second, and stops the process by naming a failure.
    """
    for _ in range(_TRIES - 1):  # what a sandbox hides may just then be moved, say by a `git switch`
        ended = _run_once(command, stop, alive, watcher)
        if ended.began or command.once:
            return ended
    return _run_once(command, stop, alive, watcher)


def _run_once(command: Command, stop: threading.Event, alive: Callable[[], None], watcher: Watcher) -> Ended:
    started = time.monotonic()
    command.log.write_bytes(b"")
    contained = command.sandbox.kind is Kind.BUBBLEWRAP
    problem = unstartable(command.argv, command.env["PATH"], command.room, contained=contained)
    if problem:
        return Ended(None, Stopped.NOT_STARTED, 0.0, problem)
    with Launch() as launch:
        try:
            cover = Cover(command.room) if contained else None
            process = _started(command, launch)
        except (OSError, ValueError) as error:
            return Ended(None, Stopped.NOT_STARTED, 0.0, f"{command.argv[0]!r} could not be started: {error}")
        with command.log.open("wb") as log:
            watch = _Watch(process, command, stop, alive, _covering(watcher, cover, launch), log)
            try:
                stopped = watch.until_end()
            finally:
                _end_all(process, watch.consumption.seen, command)
        code = process.returncode if stopped is Stopped.NO else None
        began = code != 1 or not contained or launch.began()
    if code is not None and _SIGNALLED < code <= _SIGNALLED + signal.NSIG:
        code = _SIGNALLED - code
    now = time.monotonic()
    silent = round(now - watch.last_sign, 1)
    return Ended(code, stopped, now - started, over=watch.over, silent_s=silent, began=began)


def _covering(watcher: Watcher, cover: Cover | None, launch: Launch) -> Watcher:
    """A watcher that also hides from a sandbox what begins to listen meanwhile."""

    def watch() -> Failure | None:
        first = launch.first()
        if cover is not None and first is not None:
            cover.renew(first)
        return watcher()

    return watch


def _started(command: Command, launch: Launch) -> "subprocess.Popen[bytes]":
    with (command.stdin or Path(os.devnull)).open("rb") as stdin:
        process = subprocess.Popen(
            command.sandbox.around(command.argv, command.room, command.limits, command.network, launch.told),
            cwd=command.room.tree,
            env=dict(command.env),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(launch.told,) if command.sandbox.kind is Kind.BUBBLEWRAP else (),
        )
    launch.started()
    return process


class _Watch:
    """Drains a process's output, and looks at the clock and at what it uses."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        command: Command,
        stop: threading.Event,
        alive: Callable[[], None],
        watcher: Watcher,
        log: BinaryIO,
    ) -> None:
        self._process = process
        self._command = command
        self._stop = stop
        self._alive = alive
        self._watcher = watcher
        self._log = log
        self._room = command.limits.output_mb * 1_000_000
        self._started = self.last_sign = time.monotonic()
        self._silent = True
        self._looked = self._started
        self.consumption = Consumption(command.room, command.limits)
        self.over: Failure | None = None

    def until_end(self) -> Stopped:
        """Wait for the process; the reason when it is to be stopped instead."""
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        os.set_blocking(output, False)
        ended = os.pidfd_open(self._process.pid)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(output, selectors.EVENT_READ)
                selector.register(ended, selectors.EVENT_READ)
                while True:
                    ready = {key.fd for key, _ in selector.select(_LOOK_EVERY_S)}
                    if output in ready and not self._drain(output):
                        selector.unregister(output)
                    if ended in ready:
                        self._drain(output)
                        self._process.wait()
                        return Stopped.NO
                    reason = self._deadline() or self._measured()
                    if reason is not Stopped.NO:
                        return reason
        finally:
            os.close(ended)

    def _drain(self, output: int) -> bool:
        """Take what is there, or as much as is good at a time; False at the end of the output."""
        for _ in range(_MOST_CHUNKS):
            try:
                data = os.read(output, _CHUNK)
            except BlockingIOError:
                return True
            if not data:
                return False
            self.last_sign = time.monotonic()
            self._silent = False
            self._alive()
            if self._room > 0:
                self._log.write(data[: self._room])
                self._room -= len(data)
                if self._room <= 0:
                    self._log.write(CUT_HERE)
        return True

    def _deadline(self) -> Stopped:
        now = time.monotonic()
        if self._stop.is_set():
            return Stopped.ASKED
        if now - self._started > self._command.wall_s:
            return Stopped.WALL
        first = self._command.startup_s if self._silent else None
        silence = first or self._command.silence_s
        return Stopped.SILENCE if silence is not None and now - self.last_sign > silence else Stopped.NO

    def _measured(self) -> Stopped:
        """Whether it uses more than it may, looked at a few times a second."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            self.over = self.over or self.consumption.beyond(self._process.pid) or self._watcher()
        return Stopped.LIMIT if self.over else Stopped.NO


def _end_all(process: subprocess.Popen[bytes], seen: Mapping[int, ProcessInfo], command: Command) -> None:
    """End the process if it still runs, and whatever it started: politely first, then for good."""
    alone = command.sandbox.kind is Kind.NONE
    if process.poll() is None:
        members = descendants(process.pid)
        seen = {**seen, **{member.pid: member for member in members}}
        end(members, signal.SIGTERM)
        if alone:  # otherwise it is what contains the worker, and would take it along at once
            process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
    _kill_group(process.pid)
    if alone:  # a namespace ends with its first process; without one, whoever left the family is looked for
        end(seen.values())
        end_strays(str(command.room.tree.parent))
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # nothing of it is left
