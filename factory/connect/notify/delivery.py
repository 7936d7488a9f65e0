"""Delivery: a command is told of something, in bounded time, and nothing that it starts is left behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from pydantic import JsonValue

from factory.execution.redaction.mask import Mask
from factory.model.notify import NotifyRule
from factory.model.text import last_line
from factory.store.system import System

LONGEST_S = 20.0  # that one may take
_PASSED = ("PATH", "HOME", "LANG")
_BY_APPRISE = "factory.connect.notify.by_apprise"
_MOST_SAID = 4000  # bytes of what a command complained of
_NAMED = ("event", "text", "item", "contract", "lane", "repository", "branch")  # told in variables, too


class Delivery:
    """Tells one thing at a time; whoever ends it from another thread ends the command."""

    def __init__(self, system: System, folder: Path) -> None:
        self._system = system
        self._folder = folder  # in which commands run
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def tell(self, rule: NotifyRule, told: Mapping[str, JsonValue]) -> str:
        """Tell it; why it failed, or nothing when it went well."""
        missing = [name for name in rule.variables if name == rule.apprise and not os.environ.get(name)]
        if missing:
            return f"{missing[0]} is not set in the environment of this process"
        with tempfile.TemporaryFile() as complaints:
            why = self._run(rule, told, complaints)
            if not why:
                return ""
            complaints.seek(max(0, complaints.seek(0, os.SEEK_END) - _MOST_SAID))
            said = Mask.of_environment(rule.variables).hide(complaints.read()).decode(errors="replace")
        return ": ".join(filter(None, (why, last_line(said))))

    def _run(self, rule: NotifyRule, told: Mapping[str, JsonValue], complaints: IO[bytes]) -> str:
        """Why it failed. Its standard input is one JSON object in a line."""
        argv = rule.run or (sys.executable, "-P", "-m", _BY_APPRISE, rule.apprise or "")
        data = json.dumps(told, ensure_ascii=False).encode() + b"\n"
        try:
            process = self._start(argv, _environment(rule, told), complaints)
        except (OSError, ValueError) as error:
            return f"{argv[0]!r} could not be started: {error}"
        if process is None:
            return "the process that was to tell it has ended"
        try:
            self._system.answer(process, data, LONGEST_S)
        except subprocess.TimeoutExpired:
            return f"it took longer than {LONGEST_S:g} s and was ended"
        finally:
            _kill(process)
            with self._lock:
                self._process = None
        if self._ended and process.returncode < 0:
            return "it was ended together with the process that told it"
        return f"exit status {process.returncode}" if process.returncode else ""

    def _start(
        self, argv: tuple[str, ...], env: Mapping[str, str], complaints: IO[bytes]
    ) -> "subprocess.Popen[bytes] | None":
        """The command, started; None when nothing is to be started any more."""
        with self._lock:
            if self._ended:
                return None
            self._process = self._system.start(
                argv,
                cwd=self._folder,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                start_new_session=True,
            )
            return self._process

    @property
    def ended(self) -> bool:
        """Whether nothing more is started."""
        return self._ended

    def end(self) -> None:
        """Start nothing more, and end what runs."""
        with self._lock:
            self._ended = True
            if self._process is not None:
                _kill_group(self._process)


def _environment(rule: NotifyRule, told: Mapping[str, JsonValue]) -> dict[str, str]:
    names = [name for name in (*_PASSED, *rule.variables) if name in os.environ]
    said = {f"FACTORY_{name.upper()}": str(told[name]) for name in _NAMED if told.get(name)}
    return {**{name: os.environ[name] for name in names}, **said}


def _kill(process: "subprocess.Popen[bytes]") -> None:
    _kill_group(process)
    process.wait()
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError, PermissionError):  # nothing of it is left
        os.killpg(process.pid, signal.SIGKILL)
