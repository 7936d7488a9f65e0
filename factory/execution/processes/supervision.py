"""Supervision of one process: its output is drained, its input fed, and the clock and what it uses are looked at."""

import os
import selectors
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from factory.execution.control import Control, Signal
from factory.execution.processes.command import Command, Stopped
from factory.execution.processes.consumption import Consumption
from factory.model.failure import Failure

_LOOK_EVERY_S = 0.2
_PARTING_S = 1.0
_CHUNK = 65536
_MOST_CHUNKS = 64  # at a time: a flood must not keep us from looking at the clock; more than a pipe holds
CUT_HERE = b"\n[cut here: more output than the contract allows]\n"

Watcher = Callable[[], Failure | None]


class Supervision:
    """Follows a process until it ends, or until there is a reason to end it."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        command: Command,
        control: Control,
        stop: Signal,
        watcher: Watcher,
        log: BinaryIO,
    ) -> None:
        self._process = process
        self._command = command
        self._control = control
        self._stop = stop
        self._watcher = watcher
        self._log = log
        self._output_left = command.limits.output_mb * 1_000_000
        self._started = self.last_sign = control.system.monotonic()
        self._silent = True
        self._looked = self._started
        self._input = _Input(process, command)
        self.consumption = Consumption(command.filesystems, command.limits, control.system)
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
                    if self._follow(selector, output, ended):
                        return Stopped.NO
                    reason = self._deadline() or self._measured()
                    if reason in (Stopped.ASKED, Stopped.WALL):
                        self._part(selector, output, ended)
                    if reason is not Stopped.NO:
                        return reason
        finally:
            self._input.close()
            os.close(ended)

    def _follow(self, selector: selectors.BaseSelector, output: int, ended: int) -> bool:
        """Take and give what there is at this moment, or a little later; True when the process has ended."""
        self._input.follow(selector)
        ready = self._control.system.ready(selector, _LOOK_EVERY_S)
        self._input.write(ready)
        if output in ready and not self._drain(output):
            selector.unregister(output)
        if ended not in ready:
            return False
        self._drain(output)
        self._process.wait()
        return True

    def _part(self, selector: selectors.BaseSelector, output: int, ended: int) -> None:
        """Tell a process that is to be stopped so, where it can be told, and give it a moment to end by itself."""
        farewell = self._command.farewell() if self._command.farewell else b""
        if not farewell:
            return
        self._input.say(farewell)
        end = self._control.system.monotonic() + _PARTING_S
        while self._control.system.monotonic() < end and not self._follow(selector, output, ended):
            pass

    def _drain(self, output: int) -> bool:
        """Take what is there, or as much as is good at a time; False at the end of the output."""
        for _ in range(_MOST_CHUNKS):
            try:
                data = os.read(output, _CHUNK)
            except BlockingIOError:
                return True
            if not data:
                return False
            self.last_sign = self._control.system.monotonic()
            self._silent = False
            self._control.alive()
            self._control.output(data)
            self._input.answer(data)
            if self._output_left > 0:
                self._log.write(data[: self._output_left])
                self._output_left -= len(data)
                if self._output_left <= 0:
                    self._log.write(CUT_HERE)
        return True

    def _deadline(self) -> Stopped:
        now = self._control.system.monotonic()
        if self._stop.is_set():
            return Stopped.ASKED
        if now - self._started > self._command.wall_s:
            return Stopped.WALL
        first = self._command.startup_s if self._silent else None
        silence = first or self._command.silence_s
        return Stopped.SILENCE if silence is not None and now - self.last_sign > silence else Stopped.NO

    def _measured(self) -> Stopped:
        """Whether it uses more than it may, looked at a few times a second."""
        now = self._control.system.monotonic()
        if now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            self.over = self.over or self.consumption.beyond(self._process.pid) or self._watcher()
        return Stopped.LIMIT if self.over else Stopped.NO


class _Input:
    """The standard input of a process that somebody talks with; of another one nothing is ever written."""

    def __init__(self, process: subprocess.Popen[bytes], command: Command) -> None:
        self._stream = process.stdin if command.dialogue is not None else None
        self._dialogue = command.dialogue
        self._pending = self._dialogue.opening() if self._dialogue else b""
        self._over = False
        self._followed = False
        if self._stream is not None:
            os.set_blocking(self._stream.fileno(), False)

    def follow(self, selector: selectors.BaseSelector) -> None:
        """Be told when there is room for what is to be written."""
        if self._stream is None:
            return
        wanted = bool(self._pending)
        if wanted and not self._followed:
            selector.register(self._stream, selectors.EVENT_WRITE)
        elif self._followed and not wanted:
            selector.unregister(self._stream)
        self._followed = wanted
        if self._over and not wanted:
            self.close()

    def write(self, ready: set[int]) -> None:
        """Write as much as there is room for; one that does not listen any more is told nothing."""
        if self._stream is None or self._stream.fileno() not in ready:
            return
        try:
            self._pending = self._pending[os.write(self._stream.fileno(), self._pending) :]
        except BlockingIOError:
            pass  # there is room for less than was said
        except BrokenPipeError:
            self._pending, self._over = b"", True

    def answer(self, output: bytes) -> None:
        """Let the dialogue go on with what the process has printed."""
        if self._dialogue is None or self._over:
            return
        said = self._dialogue.answer(output)
        self._over = said is None
        self.say(said or b"")

    def say(self, words: bytes) -> None:
        """Have something written once there is room for it."""
        if self._stream is not None:
            self._pending += words

    def close(self) -> None:
        """End the input."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
