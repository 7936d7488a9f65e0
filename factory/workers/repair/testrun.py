"""Owns the running of a command in a folder: from a warm interpreter where it can be, else as a plain process."""

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FORKSERVER = Path(__file__).with_name("forkserver.py")
PYTHON = re.compile(r"(python|pypy)[0-9.]*")
FLAGS = frozenset({"-B", "-b", "-E", "-s", "-u", "-O", "-OO", "-q"})
OUTPUT_KEPT = 20_000


@dataclass(frozen=True)
class Outcome:
    """How a run of a command ended."""

    code: int
    late: bool
    seconds: float
    processor: float
    output: str
    passed_tests: int = 0
    tests: int = 0

    @property
    def passed(self) -> bool:
        """Whether the command ended by itself and with success."""
        return self.code == 0 and not self.late


@dataclass(frozen=True)
class Limits:
    """How long a run may take, in processor seconds and by the clock."""

    processor: float
    wall: float


@dataclass(frozen=True)
class Asked:
    """What a run should write down besides its outcome."""

    record: Path
    trace: bool = False
    each: float = 0.0
    bytecode: bool = False
    program: str = ""


@dataclass(frozen=True)
class PythonRun:
    """A command that a warm interpreter can run: a module or a script with its arguments."""

    interpreter: tuple[str, ...]
    module: bool
    target: str
    arguments: tuple[str, ...]


def as_python_run(command: Sequence[str]) -> PythonRun | None:
    """What a warm interpreter would have to do for a command; none where only a process of its own will do."""
    found = shutil.which(command[0]) if command and PYTHON.fullmatch(Path(command[0]).name) else None
    if found is None:
        return None
    flags = list(itertools.takewhile(lambda word: word in FLAGS, command[1:]))
    rest = list(command[1 + len(flags) :])
    if len(rest) > 1 and rest[0] == "-m" and rest[1] in {"unittest", "pytest"}:
        return PythonRun((found, *flags), True, rest[1], tuple(rest[2:]))
    if rest and rest[0].endswith(".py"):
        return PythonRun((found, *flags), False, rest[0], tuple(rest[1:]))
    return None


class TestBench:
    """Runs commands in one folder, one at a time, and leaves no process behind."""

    __test__ = False  # pytest would take the name for a test class

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        self.folder = folder
        self.scratch = Path(tempfile.mkdtemp(prefix="bench-"))
        self.plain: subprocess.Popen[bytes] | None = None
        self.server: subprocess.Popen[bytes] | None = None
        self.interpreter: tuple[str, ...] = ()
        self.missing = ""
        asked = as_python_run(command)
        if asked is not None:
            with contextlib.ExitStack() as undone:  # a signal may come while the server starts
                undone.callback(self.close)
                self._start(asked)
                undone.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _start(self, asked: PythonRun) -> None:
        environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        self.interpreter = asked.interpreter
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        log = (self.scratch / "server.log").open("wb")
        with log:
            self.server = subprocess.Popen(
                [*asked.interpreter, str(FORKSERVER)], cwd=self.folder, env=environment, stderr=log,
                start_new_session=True, **pipes,
            )  # fmt: skip
        self.missing = self.warm([asked.target]) if asked.module else ""

    def warm(self, modules: Sequence[str]) -> str:
        """Imports modules ahead of the runs; the reason where one is not to be had."""
        if self.server is None:
            return ""
        reply = self._ask({"warm": list(modules)})
        if reply is None:
            self.server = None
            return ""
        return str(reply["why"]) if reply["missing"] else ""

    def _ask(self, request: dict[str, Any]) -> dict[str, Any] | None:
        server = self.server
        assert server is not None and server.stdin is not None and server.stdout is not None
        try:
            server.stdin.write(json.dumps(request).encode() + b"\n")
            server.stdin.flush()
            line = server.stdout.readline()
        except (BrokenPipeError, ValueError):
            return None
        return dict(json.loads(line)) if line else None

    def run(self, command: Sequence[str], limits: Limits, asked: Asked | None = None) -> Outcome:
        """Runs a command under a deadline."""
        task = as_python_run(command)
        if task is None or self.server is None or task.interpreter != self.interpreter:
            return self.run_plainly(command, limits)
        asked = asked or Asked(self.scratch / "record")
        output = self.scratch / "output"
        reply = self._ask(
            {
                "module": task.module, "target": task.target, "arguments": list(task.arguments),
                "cpu": limits.processor,
                "cwd": str(self.folder), "wall": limits.wall, "output": str(output), "record": str(asked.record),
                "trace": asked.trace, "each": asked.each, "bytecode": asked.bytecode, "program": asked.program,
            }
        )  # fmt: skip
        if reply is None:
            return self.run_plainly(command, limits)
        text = asked.record.read_text(encoding="utf-8") if asked.record.exists() else ""
        passed, failed = text.count('"passed": true'), text.count('"passed": false')
        hung = text.count('"begun"') - passed - failed
        return Outcome(
            reply["code"], reply["late"], reply["seconds"], reply["processor"], _tail(output), passed,
            passed + failed + hung,
        )  # fmt: skip

    def run_plainly(self, command: Sequence[str], limits: Limits) -> Outcome:
        """Runs a command as a process of its own, as anybody would from a shell."""
        started = time.monotonic()
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        output = self.scratch / "output"
        late = False
        with output.open("wb") as sink:
            process = self.plain = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=sink,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                process.wait(limits.wall)
            except subprocess.TimeoutExpired:
                late = True
            finally:
                end_group(process)
                self.plain = None
        seconds = time.monotonic() - started
        return Outcome(process.returncode, late, seconds, seconds, _tail(output))

    def close(self) -> None:
        """Ends every process that this bench started."""
        for process in (self.server, self.plain):
            if process is not None:
                if process.poll() is None:
                    process.terminate()  # the server takes its child with it
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(2)
                end_group(process)
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        with contextlib.suppress(OSError):
                            pipe.close()
        shutil.rmtree(self.scratch, ignore_errors=True)


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process and all of its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - OUTPUT_KEPT))
        return file.read().decode(errors="replace")
