"""Forks one child per test run from a warm interpreter; a script of its own, spoken to in lines of JSON."""

import contextlib
import gc
import importlib
import json
import os
import resource
import runpy
import select
import signal
import sys
import threading
import time
import traceback
import types
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEMORY_CAP = 2 << 30
OUTPUT_CAP = 16 << 20
Request = dict[str, Any]


class Overdue(BaseException):
    """A test had its time; no ordinary handler of the program may swallow this."""


class Recorder:
    """Writes down each test as it ends, with the lines of the program that it ran if these are asked for."""

    def __init__(self, request: Request) -> None:
        self.file = os.open(request["record"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self.program = os.path.realpath(request["program"]) if request["trace"] else ""
        self.allowed = float(request["each"])
        self.lines: set[int] = set()
        self.known: dict[str, bool] = {}
        self.late = False
        self.begun = ""
        self.failed = False
        self.started = 0.0

    def write(self, entry: dict[str, Any]) -> None:
        """Adds an entry to the record."""
        os.write(self.file, (json.dumps(entry) + "\n").encode())

    def start_tracing(self) -> None:
        """Begins to follow the program, and to watch the time of tests."""
        if self.program:
            threading.settrace(self.enter)
            sys.settrace(self.enter)
        if self.allowed:
            signal.signal(signal.SIGVTALRM, self.ring)

    def ring(self, number: int, _frame: types.FrameType | None) -> None:
        """Ends a test that had its time."""
        self.late = True
        # One slow test is worth waiting for; a second one is most likely the same endless loop.
        self.allowed = min(self.allowed, 0.1)
        raise Overdue(f"stopped by signal {number}")

    def enter(self, frame: types.FrameType, _event: str, _argument: object) -> Callable[..., Any] | None:
        """Follows a call if it is one of the program's."""
        name = frame.f_code.co_filename
        if name not in self.known:
            self.known[name] = os.path.realpath(name) == self.program
        return self.step if self.known[name] else None

    def step(self, frame: types.FrameType, _event: str, _argument: object) -> Callable[..., Any]:
        """Notes a line that is run."""
        self.lines.add(frame.f_lineno)
        return self.step

    def begin(self, name: str) -> None:
        """Notes that a test begins."""
        if not self.begun and self.lines:
            self.write({"loaded": sorted(self.lines)})
        self.lines.clear()
        self.begun, self.late, self.failed, self.started = name, False, False, time.process_time()
        self.write({"begun": name})
        if self.allowed:
            signal.setitimer(signal.ITIMER_VIRTUAL, self.allowed)

    def end(self, passed: bool) -> None:
        """Notes how a test ended."""
        if self.allowed:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        seconds = time.process_time() - self.started
        entry = {"name": self.begun, "passed": passed and not self.late, "overdue": self.late, "seconds": seconds}
        self.write({**entry, "lines": sorted(self.lines)})

    def finish(self) -> None:
        """Notes what is known only when all tests are over."""
        sys.settrace(None)
        if not self.begun:
            self.write({"loaded": sorted(self.lines)})
        if self.program:
            ready = {"_pytest", "pluggy", "pytest", *sys.stdlib_module_names}
            self.write({"modules": [name for name in sys.modules if name.split(".")[0] in ready]})

    def watch_unittest(self) -> None:
        """Has every test of unittest noted."""
        original = unittest.TestCase.run

        def run(case: unittest.TestCase, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
            if result is None:
                return original(case, result)
            before = _troubles(result)
            self.begin(case.id())
            try:
                return original(case, result)
            finally:
                self.end(_troubles(result) == before)

        unittest.TestCase.run = run  # type: ignore[method-assign, assignment]

    # The next three are hooks that pytest calls by their names.
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self.begin(nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """A part of a test is over."""
        self.failed = self.failed or bool(report.failed)

    def pytest_runtest_logfinish(self) -> None:
        """A test is over."""
        self.end(not self.failed)


def _troubles(result: unittest.TestResult) -> int:
    return len(result.failures) + len(result.errors) + len(getattr(result, "unexpectedSuccesses", ()))


def run_tests(request: Request) -> int:
    """Runs the tests of a request in this process; their exit code."""
    recorder = Recorder(request)
    module, target = request["module"], request["target"]
    sys.argv = [target, *request["arguments"]]
    sys.path[0] = request["cwd"] if module else str(Path(target).absolute().parent)
    sys.dont_write_bytecode = not request["bytecode"]
    if target == "unittest":
        recorder.watch_unittest()
    try:
        recorder.start_tracing()
        if target == "pytest":
            return int(importlib.import_module("pytest").main(request["arguments"], plugins=[recorder]))
        if module:
            runpy.run_module(target, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(target, run_name="__main__")
        return 0
    except SystemExit as ending:
        if isinstance(ending.code, str):
            sys.stderr.write(ending.code)
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        recorder.finish()


def child(request: Request) -> None:
    """The life of a forked child: it does not come back."""
    code = 1
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(request["cwd"])
        output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_CAP, OUTPUT_CAP))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_CAP, MEMORY_CAP))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.setitimer(signal.ITIMER_PROF, request["cpu"])  # processor time: a busy machine makes nothing late
        code = run_tests(request)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code & 0xFF)


class Server:
    """Takes one request at a time; ends, and ends its child, when nobody listens any more."""

    def __init__(self) -> None:
        self.requests = os.fdopen(os.dup(0), "rb")
        self.replies = os.fdopen(os.dup(1), "wb", buffering=0)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        self.bell, ringer = os.pipe()
        os.set_blocking(self.bell, False)
        os.set_blocking(ringer, False)
        signal.set_wakeup_fd(ringer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.pid = 0
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def stop(self, *_: object) -> None:
        """Ends this process and its child."""
        self.kill()
        os._exit(0)

    def kill(self) -> None:
        """Ends the child and all that it started."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def serve(self) -> None:
        """Answers requests until there are no more."""
        while line := self.requests.readline():
            request = json.loads(line)
            reply = warm(request["warm"]) if "warm" in request else self.run(request)
            self.replies.write((json.dumps(reply) + "\n").encode())

    def run(self, request: Request) -> dict[str, Any]:
        """Runs the tests of a request in a child; how that ended."""
        started = time.monotonic()
        self.pid = os.fork()
        if not self.pid:
            child(request)
        with contextlib.suppress(OSError):
            os.setpgid(self.pid, self.pid)
        ended, status, usage = os.wait4(self.pid, os.WNOHANG)
        while not ended:
            left = started + request["wall"] - time.monotonic()
            watched: list[Any] = [self.bell, self.requests]
            ready, _, _ = select.select(watched, [], [], max(0.0, left))
            if self.requests in ready:
                self.stop()
            if self.bell in ready:
                os.read(self.bell, 512)
            if left <= 0:
                self.kill()
            ended, status, usage = os.wait4(self.pid, 0 if left <= 0 else os.WNOHANG)
        self.kill()  # whatever the tests started and left behind
        self.pid = 0
        code = os.waitstatus_to_exitcode(status)
        late = code in {-signal.SIGPROF, -signal.SIGKILL, -signal.SIGVTALRM}
        processor = usage.ru_utime + usage.ru_stime
        return {"code": code, "late": late, "seconds": time.monotonic() - started, "processor": processor}


def warm(modules: list[str]) -> dict[str, Any]:
    """Imports modules ahead of the runs that will need them; says which one is missing."""
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            return {"missing": name, "why": str(error)}
    gc.freeze()
    return {"missing": "", "why": ""}


if __name__ == "__main__":
    sys.path[0] = os.devnull  # nothing next to this file may stand in for a module of that name
    Server().serve()
