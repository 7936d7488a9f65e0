"""The program as a process of its own, forked from one that has loaded it: loading takes longer than most commands do.

It is a process as any other, with its own number, folder, environment, streams and end; only its imports are made.
What is about the start itself runs `python -m factory` (`COLD`), and so does what needs another language or Python.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import factory
from factory.__main__ import main

COLD = (sys.executable, "-m", "factory")
_ROOT = Path(__file__).resolve().parent.parent
_LIMIT = 1 << 18
_OTHERS = (
    "factory.__main__",
    "factory.workers",
    "factory.execution.redaction.scan",
    "factory.cli.demo_repository",
    "factory.cli.mission_repository",
    "factory.execution.dask",
    "factory.connect.notify.by_apprise",
    "factory.connect.otel.receiver",
    "factory.connect.otel.meters",
)  # not its own


# What lets a process wait until a tracer has it, whoever that is.
UNTIL_TRACED = """
import ctypes, pathlib, time
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1))  # PR_SET_PTRACER
while "TracerPid:\\t0\\n" in pathlib.Path("/proc/self/status").read_text():
    time.sleep(0.002)
time.sleep(0.05)
"""


def start(arguments: tuple[str, ...], cwd: Path, *, merged: bool = False, session: bool = False) -> "Process":
    """The program, started; with both streams in one, line by line, or in a session of its own, where that is asked."""
    if _start_up(os.environ) == _BEGAN_WITH:
        return Started(arguments, cwd, merged=merged, session=session)
    return subprocess.Popen(
        [COLD[0], *(("-u",) if merged else ()), *COLD[1:], *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        text=True,
        start_new_session=session,
    )


class Started:
    """One started program, to be used as a `subprocess.Popen` is; `before` is Python that it runs first."""

    def __init__(
        self, arguments: tuple[str, ...], cwd: Path, *, merged: bool = False, session: bool = False, before: str = ""
    ) -> None:
        asked = {
            "arguments": arguments,
            "cwd": str(cwd),
            "env": dict(os.environ),
            "line_by_line": merged,
            "session": session,
            "before": before,
        }
        self.returncode: int | None = None
        self.stdout, out = _pipe()
        self.stderr: TextIO | None = None
        err = out
        if not merged:
            self.stderr, err = _pipe()
        self._told, told = os.pipe()
        self._told_by_line = os.fdopen(self._told)
        with Path(os.devnull).open() as nothing:
            socket.send_fds(_loaded(), [json.dumps(asked).encode()], [nothing.fileno(), out, err, told])
        for fd in {out, err, told}:
            os.close(fd)
        self.pid = int(self._told_by_line.readline())

    def poll(self) -> int | None:
        """The exit status, as subprocess gives it; None while it lives."""
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self.returncode = int(self._told_by_line.readline())
            self._told_by_line.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once it has ended. Raises subprocess.TimeoutExpired."""
        if self.returncode is None and not select.select([self._told], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("factory", timeout or 0)
        status = self.poll()
        assert status is not None
        return status

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it prints until its end. Raises subprocess.TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        said: dict[TextIO, str] = {}
        streams = [stream for stream in (self.stdout, self.stderr) if stream is not None and not stream.closed]
        readers = [threading.Thread(target=_read, args=(stream, said), daemon=True) for stream in streams]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(None if end is None else max(0.0, end - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired("factory", timeout or 0)
        self.wait(None if end is None else max(0.0, end - time.monotonic()))
        for stream in streams:
            stream.close()
        return said.get(self.stdout, ""), "" if self.stderr is None else said.get(self.stderr, "")

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


Process = Started | subprocess.Popen[str]


def _read(stream: TextIO, said: dict[TextIO, str]) -> None:
    said[stream] = stream.read()


def _pipe() -> tuple[TextIO, int]:
    reading, writing = os.pipe()
    return os.fdopen(reading, encoding="utf-8"), writing


def _start_up(env: Mapping[str, str]) -> dict[str, str]:
    """What Python looks at when it starts, and never again; whether it keeps what it compiles is all the same."""
    told = {name: value for name, value in env.items() if name.startswith(("PYTHON", "LC_", "LANG"))}
    told.pop("PYTHONDONTWRITEBYTECODE", None)
    return told


_BEGAN_WITH = _start_up(os.environ)


@functools.cache
def _loaded() -> socket.socket:
    """Where the loaded program takes what is asked of it. It ends when this process does."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        argv = [sys.executable, "-m", "tests.program", str(its.fileno())]
        server = subprocess.Popen(argv, cwd=_ROOT, pass_fds=[its.fileno()], start_new_session=True)
    atexit.register(_end, ours, server)
    return ours


def _end(control: socket.socket, server: "subprocess.Popen[bytes]") -> None:
    control.close()
    server.wait(10)


# What runs in the loaded process


def _load() -> None:
    """Import whatever a command may."""
    for module in pkgutil.walk_packages(factory.__path__, "factory."):
        if not module.name.startswith(_OTHERS):
            importlib.import_module(module.name)
    gc.freeze()  # else each that is forked would look through all of it, and copy it by that


def _serve(control: socket.socket) -> str | None:
    """Fork for every request: in a process that is to be the program, what it runs first; None at the end."""
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    living: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([control.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, _LIMIT)
            _bury(living)
        if control.fileno() in ready:
            asked, fds, _, _ = socket.recv_fds(control, _LIMIT, 4)
            if not asked:
                return None
            pid = os.fork()
            if pid == 0:
                wanted = json.loads(asked)
                _become(wanted, fds[:3])
                return str(wanted["before"])
            for fd in fds[:3]:
                os.close(fd)
            living[pid] = fds[3]
            os.write(fds[3], b"%d\n" % pid)


def _bury(living: dict[int, int]) -> None:
    """Tell of those that have ended."""
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        told = living.pop(pid)
        try:
            os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
        except BrokenPipeError:
            pass  # nobody waits for it
        os.close(told)


def _become(asked: dict[str, object], streams: list[int]) -> None:
    """Be as a process that was just started."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
    os.closerange(3, 1024)
    if asked["session"]:
        os.setsid()
    os.chdir(str(asked["cwd"]))
    env, arguments = asked["env"], asked["arguments"]
    assert isinstance(env, dict) and isinstance(arguments, list)
    os.environ.clear()
    os.environ.update(env)
    sys.path[0] = str(asked["cwd"])
    sys.argv[1:] = arguments
    encoding, errors = sys.stdout.encoding, sys.stdout.errors
    sys.stdin = os.fdopen(0, encoding=encoding, closefd=False)
    buffering = 1 if asked["line_by_line"] else -1
    sys.stdout = os.fdopen(1, "w", buffering, encoding=encoding, errors=errors, closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding=encoding, errors="backslashreplace", closefd=False)


if __name__ == "__main__":
    _load()
    first = _serve(socket.socket(fileno=int(sys.argv[1])))
    if first is not None:
        exec(first)
        main()
