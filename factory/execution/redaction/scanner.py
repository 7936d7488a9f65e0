"""The secret scanner: what has the form of a secret is found before anything is written, and left out."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import TypeAdapter

from factory.execution.processes.process import scrubbed_environment
from factory.model.base import Argv
from factory.model.errors import FactoryError
from factory.store import files
from factory.store.helper import Helper
from factory.store.system import MACHINE

_PATIENCE_S = 60.0
_MOST_BYTES = 5_000_000  # of one log that are looked at
_KEY_BEGINS, _KEY_ENDS = b"-----BEGIN", b"-----END"


_CANNOT = "the secret scan {!r} of WORKFLOW.md cannot be run"


class Unscannable(FactoryError):
    """The policy's secret scan cannot be run at all, so that nothing may be written down."""


def unscannable(how: Literal["builtin", "off"] | Argv) -> str:
    """Why the policy's secret scan can never be run here; empty when it can."""
    if isinstance(how, str) or shutil.which(how[0], path=scrubbed_environment()["PATH"]):
        return ""
    return f"{_CANNOT.format(how[0])}: there is no such program"


class Found(NamedTuple):
    """Something that looks like a secret: in which text, in which line, and of what kind."""

    name: str  # empty: in any of them
    line: int  # 0: somewhere
    kind: str


_FOUND = TypeAdapter(list[Found])


def ends(log: bytes) -> bytes:
    """A log with the middle of a very long one left empty: that is never committed, and lines keep their numbers."""
    half = _MOST_BYTES // 2
    return log if len(log) <= 2 * half else log[:half] + b"\n" * log.count(b"\n", half, -half) + log[-half:]


def redacted(data: bytes, found: Iterable[Found]) -> bytes:
    """The data without the lines in which something was found; a key of several lines goes as a whole."""
    lines = data.split(b"\n")
    for each in found:
        if each.line == 0:
            return f"[masked {each.kind}]\n".encode()
        first = each.line - 1
        last = next((n for n in range(first, len(lines)) if _KEY_ENDS in lines[n]), len(lines) - 1)
        last = last if first < len(lines) and _KEY_BEGINS in lines[first] else first
        for number in range(first, min(last + 1, len(lines))):
            lines[number] = f"[masked {each.kind}]".encode()
    return b"\n".join(lines)


class Scanner:
    """Looks for secrets in a process of its own, which lasts."""

    def __init__(self) -> None:
        self._helper = Helper("factory.execution.redaction.scan", _PATIENCE_S)

    def make_ready(self, how: Literal["builtin", "off"] | Argv) -> None:
        """Start the process, so that it has loaded by the time something is to be scanned."""
        if how == "builtin":
            self._helper.start()

    def scan(self, how: Literal["builtin", "off"] | Argv, texts: Mapping[str, bytes]) -> list[Found]:
        """What looks like a secret in texts by name. Something that cannot be scanned is found, too.

        Raises Unscannable when there is nothing to scan with.
        """
        if how == "off" or not texts:
            return []
        return self._builtin(texts) if how == "builtin" else _by_command(how, texts)

    def _builtin(self, texts: Mapping[str, bytes]) -> list[Found]:
        answer = self._helper.ask({name: data.decode("utf-8", "replace") for name, data in texts.items()})
        if answer is None:
            return [Found("", 0, "content that the secret scan could not get through")]
        return _FOUND.validate_python(answer)

    def close(self) -> None:
        """End the lasting process."""
        self._helper.close()


def _by_command(argv: Argv, texts: Mapping[str, bytes]) -> list[Found]:
    """A scanner of the user's: it gets a folder as its last argument, and complains by its exit status."""
    with tempfile.TemporaryDirectory(prefix="factory-scan-") as folder:
        for name, data in texts.items():
            files.write(Path(folder) / name, data)
        try:
            done = MACHINE.run((*argv, folder), _PATIENCE_S, cwd=folder, env=scrubbed_environment(("HOME",)))
        except OSError as error:
            raise Unscannable(f"{_CANNOT.format(argv[0])}: {error.strerror}") from None
        except subprocess.TimeoutExpired as error:
            return [Found("", 0, f"nothing known, since the secret scan {argv[0]!r} failed: {error}")]
    if done.returncode == 0:
        return []
    said = (done.stdout + done.stderr).decode(errors="replace").replace(folder + os.sep, "").strip()[-1000:]
    return [Found("", 0, f"what {argv[0]} complains of: {said}")]
