"""One process under a deadline: its group, its silence and its output are ours to end."""

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

_LOOK_EVERY_S = 0.2
_GRACE_S = 2.0
_CHUNK = 65536


class Stopped(StrEnum):
    """Why a process was stopped before it ended."""

    NO = ""
    WALL = "wall"
    SILENCE = "silence"
    ASKED = "asked"
    NOT_STARTED = "not started"


@dataclass(frozen=True)
class Command:
    """What to run, where, and how long it may take. Seconds and bytes."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    log: Path
    wall_s: float
    silence_s: float | None = None
    output_bytes: int = 20_000_000


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    exit_code: int | None  # None: it was stopped, or never started; below 0: killed by that signal
    stopped: Stopped
    seconds: float
    problem: str = ""


def scrubbed_environment(allowed: Sequence[str] = ()) -> dict[str, str]:
    """PATH, LANG, TERM and what is named; programs installed beside the factory are found last."""
    env = {name: os.environ[name] for name in ("LANG", "TERM", *allowed) if name in os.environ}
    beside = str(Path(sys.executable).parent)
    env["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), beside])
    return env


def run(command: Command, stop: threading.Event, alive: Callable[[], None] = lambda: None) -> Ended:
    """Run to the end or to a deadline, output into the log; nothing of its process group is left behind."""
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            list(command.argv),
            cwd=command.cwd,
            env=dict(command.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        command.log.write_bytes(b"")
        return Ended(None, Stopped.NOT_STARTED, 0.0, f"{command.argv[0]!r} could not be started: {error}")
    try:
        with command.log.open("wb") as log:
            stopped = _Watch(process, command, stop, alive, log).until_end()
    finally:
        _end_group(process)
    code = process.returncode if stopped is Stopped.NO else None
    return Ended(code, stopped, time.monotonic() - started)


class _Watch:
    """Drains a process's output and looks at the clock."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        command: Command,
        stop: threading.Event,
        alive: Callable[[], None],
        log: BinaryIO,
    ) -> None:
        self._process = process
        self._command = command
        self._stop = stop
        self._alive = alive
        self._log = log
        self._room = command.output_bytes
        self._last_sign = self._started = time.monotonic()

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
                    reason = self._deadline()
                    if reason is not Stopped.NO:
                        return reason
        finally:
            os.close(ended)

    def _drain(self, output: int) -> bool:
        """Take what is there; False at the end of the output."""
        while True:
            try:
                data = os.read(output, _CHUNK)
            except BlockingIOError:
                return True
            if not data:
                return False
            self._last_sign = time.monotonic()
            self._alive()
            if self._room > 0:
                self._log.write(data[: self._room])
                self._room -= len(data)
                if self._room <= 0:
                    self._log.write(b"\n[cut here: more output than the contract allows]\n")
            if self._deadline() is not Stopped.NO:
                return True

    def _deadline(self) -> Stopped:
        now = time.monotonic()
        if self._stop.is_set():
            return Stopped.ASKED
        if now - self._started > self._command.wall_s:
            return Stopped.WALL
        silence = self._command.silence_s
        return Stopped.SILENCE if silence is not None and now - self._last_sign > silence else Stopped.NO


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the process if it still runs, and whatever it left in its group."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            pass
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass  # nothing of it is left


def end_strays(marker: str) -> int:
    """End every process whose environment names a path below `marker`; how many there were. Linux only."""
    count = 0
    needle = b"=" + os.fsencode(marker) + b"/"
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if needle in (folder / "environ").read_bytes() and int(folder.name) != os.getpid():
                os.kill(int(folder.name), signal.SIGKILL)
                count += 1
        except OSError:
            continue  # gone meanwhile, or somebody else's
    return count
