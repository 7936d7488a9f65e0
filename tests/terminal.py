"""A terminal of a given size, at which the program is run as a person runs it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

from tests.world import World

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """The program at a terminal: what it shows, and what is typed."""

    def __init__(self, world: World, *arguments: str, columns: int = 80, lines: int = 24, **env: str) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._ours = ours
        self.process = subprocess.Popen(
            [sys.executable, "-m", "factory", *arguments],
            cwd=world.root,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "PAGER": "cat", **env},
            start_new_session=True,
        )
        os.close(theirs)
        self.raw = ""

    def until(self, text: str, seconds: float = 30.0) -> str:
        """What has been shown when this text has come."""
        end = time.monotonic() + seconds
        while text not in self.shown:
            if time.monotonic() > end or not self._read():
                raise AssertionError(f"{text!r} did not come: {self.shown}")
        return self.shown

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._ours, f"{text}\n".encode())

    def end(self) -> str:
        """Everything that was shown, once the program has ended."""
        while self._read():
            pass
        self.process.wait(timeout=30)
        os.close(self._ours)
        return self.shown

    @property
    def shown(self) -> str:
        """What was shown, without colours."""
        return _COLOURS.sub("", self.raw).replace("\r\n", "\n")

    def _read(self) -> bool:
        try:
            if select.select([self._ours], [], [], 1.0)[0]:
                data = os.read(self._ours, 65536)
                self.raw += data.decode(errors="replace")
                return bool(data)
        except OSError:  # Linux says so when the other side has closed
            return False
        return True
