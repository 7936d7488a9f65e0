"""Processes of git that are none: they look like subprocess.Popen and work in this process."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Unpack, cast

from factory.store.system import ProcessOptions, System
from tests.simulation.git.lasting import Lasting
from tests.simulation.git.program import Call
from tests.simulation.git.steps import Done, Failure, Steps, T, ended

Between = Callable[[str], None]
_KILLED = -9
_NOBODY = 1 << 30  # no process and no group has this number


def undisturbed(_step: str) -> None:
    """Nothing happens between two steps."""


def is_git(argv: Sequence[str | Path]) -> bool:
    """Whether an argv starts git."""
    return str(argv[0]).rpartition("/")[2] == "git"


class _Output:
    """What a process has said; whoever reads lets it run first, if it has not."""

    def __init__(self, run: Callable[[], None]) -> None:
        self._run = run
        self._said = b""
        self.closed = False

    def add(self, data: bytes) -> None:
        """Say more."""
        self._said += data

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or all."""
        if not self._said:
            self._run()
        end = len(self._said) if size < 0 else size
        said, self._said = self._said[:end], self._said[end:]
        return said

    def readline(self) -> bytes:
        """One line; nothing where an ended process has said no more."""
        if not self._said:
            self._run()
        at = self._said.find(b"\n")
        return self.read(at + 1 if at >= 0 else -1)

    def close(self) -> None:
        """Nobody reads on."""
        self.closed = True


class _Input:
    """What a process is told; it answers when that is flushed. Dropped without `close`, it is as if it were held."""

    def __init__(self, hear: Callable[[bytes], None], finish: Callable[[], None], ended: Callable[[], bool]) -> None:
        self._hear, self._finish, self._ended = hear, finish, ended
        self._told = b""
        self.closed = False

    def write(self, data: bytes) -> int:
        """Tell more. Raises BrokenPipeError."""
        if self._ended():
            raise BrokenPipeError(32, "Broken pipe")
        self._told += data
        return len(data)

    def flush(self) -> None:
        """Have it heard."""
        told, self._told = self._told, b""
        if told:
            self._hear(told)

    def close(self) -> None:
        """Say that there is no more."""
        if not self.closed:
            self.closed = True
            self.flush()
            self._finish()


class Process(subprocess.Popen[bytes]):
    """One call of git. `between` is called after each thing it does to files, and may raise to end it there."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        clock: Callable[[], float],
        between: Between = undisturbed,
        **options: Unpack[ProcessOptions],
    ) -> None:
        env: Mapping[str, str] = options.get("env") or os.environ
        words = [str(word) for word in argv]
        self.args = words
        self.pid = _NOBODY
        self.returncode = cast(int, None)  # as long as it runs
        self._between = between
        self._call = Call(words[1:], str(options.get("cwd") or Path.cwd()), env, clock)
        self._out, self._err = _Output(self._run_once), _Output(self._run_once)
        self._told = b""
        given = options.get("stdin")
        self._in = _Input(self._hear, self._finish, self._has_ended) if given == subprocess.PIPE else None
        if given is not None and not isinstance(given, int):
            self._told = given.read()
        self.stdin, self.stdout = cast("IO[bytes] | None", self._in), cast("IO[bytes]", self._out)
        self.stderr = cast("IO[bytes]", self._err)
        self._lasts: Lasting | None = None
        try:
            self._lasts = self._call.lasting() if self._in is not None else None
        except Failure as failure:
            self._fail(failure)

    def _has_ended(self) -> bool:
        return self.returncode is not None

    def _go(self, steps: Steps[T]) -> T:
        whole = False
        try:
            while True:
                self._between(next(steps))
        except StopIteration as end:
            whole = True
            value: T = end.value
            return value
        except Failure:
            whole = True
            raise
        finally:
            if not whole:  # `between` ended it, or it was asked for what it does not do
                self.returncode = _KILLED

    def _fail(self, failure: Failure) -> None:
        self._done(Done(failure.status, failure.said, failure.message.encode("utf-8", "surrogateescape")))

    def _done(self, done: Done) -> None:
        self._out.add(done.out)
        self._err.add(done.err)
        self.returncode = done.status

    def _hear(self, told: bytes) -> None:
        if self._lasts is None:
            self._told += told  # a command that runs once waits for all of it
        elif not self._has_ended():
            try:
                self._out.add(self._go(self._lasts.hear(told)))
            except Failure as failure:
                self._fail(failure)

    def _finish(self) -> None:
        """There is no more input: run to the end."""
        if self._has_ended():
            return
        if self._lasts is None:
            self._done(self._go(ended(self._call.answer(self._told))))
            return
        try:
            self._done(Done(0, self._go(self._lasts.end())))
        except Failure as failure:
            self._fail(failure)

    def _run_once(self) -> None:
        if self._lasts is None:
            self._finish()

    def communicate(self, input: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Tell the rest, and take all that is answered."""
        if self._in is not None:
            if input and not self._has_ended():
                self._in.write(input)
            self._in.close()
        self._finish()
        return self._out.read(), self._err.read()

    def poll(self) -> int | None:
        """The exit status, if it has ended."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Run to the end."""
        self._finish()
        return self.returncode

    def kill(self) -> None:
        """End it where it is: what it has locked stays locked."""
        if not self._has_ended():
            self.returncode = _KILLED

    def __exit__(self, *_: object) -> None:
        if self._in is not None:
            self._in.close()
        self._finish()

    def __del__(self, *_: object) -> None:
        """There is no process to be looked after."""


class SimSystem(System):
    """This machine, but for git, which works in this process; `between` sees each of its steps."""

    def __init__(self, between: Between = undisturbed) -> None:
        self._between = between

    def start(self, argv: Sequence[str | Path], **options: Unpack[ProcessOptions]) -> "subprocess.Popen[bytes]":
        """Start a process, or do what git would do."""
        return Process(argv, self.time, self._between, **options) if is_git(argv) else super().start(argv, **options)
