"""A connection: the process of one member, what it tells, and what it prints, as the fleet has them."""

import os
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress

from pydantic import ValidationError

from factory.line.fleet.messages import Membership, Order, Report
from factory.store.system import System

_MEMBER = "factory.cli.fleet_member"
# All that a member has of the fleet's own environment: who its user is, where programs and caches lie, their language.
_INHERITED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TZ", "TMPDIR"),
    *("LANG", "LC_ALL", "LC_CTYPE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
)
_CHUNK = 1 << 16
_LONGEST = 2000  # bytes of a line that are printed


class Connection:
    """Nothing of it ever waits."""

    def __init__(self, membership: Membership, system: System) -> None:
        """Start the process. Raises OSError."""
        self._link, its = socket.socketpair()
        self._link.setblocking(False)
        self.sent = 0  # slots, since it began
        self._told = b""  # what has come of a line that it has yet to end
        self._printed = b""
        self._unsent = membership.line()
        with its:
            self.process: subprocess.Popen[bytes] = system.start(
                (sys.executable, "-I", "-u", "-m", _MEMBER),
                cwd="/",
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
                stdin=its.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # ^C is for the fleet
            )
        assert self.process.stdout is not None
        self._output = self.process.stdout
        os.set_blocking(self._output.fileno(), False)
        self._sources = {self._link.fileno(), self._output.fileno()}
        self.send()

    @property
    def sources(self) -> Collection[int]:
        """The numbers of the files that may still bring something; none when it is about to end, or has ended."""
        return self._sources

    def order(self, order: Order) -> None:
        """Tell it something."""
        self.sent += order.slots
        self._unsent += order.line()
        self.send()

    def send(self) -> None:
        """Send what could not be sent yet, as far as it takes it."""
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            while self._unsent:
                self._unsent = self._unsent[self._link.send(self._unsent) :]

    def reports(self) -> Iterator[Report]:
        """What it has told since it was asked last; one that tells nonsense is killed."""
        try:
            data = self._link.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._sources.discard(self._link.fileno())
        *lines, self._told = (self._told + data).split(b"\n")
        try:
            yield from map(Report.model_validate_json, lines)
        except ValidationError:
            self.kill()

    def printed(self) -> Iterator[str]:
        """The lines that it has printed since it was asked last."""
        try:
            data = os.read(self._output.fileno(), _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._sources.discard(self._output.fileno())
        *lines, self._printed = (self._printed + data).split(b"\n")
        if len(self._printed) > _LONGEST or (self._printed and not data):
            lines, self._printed = [*lines, self._printed], b""
        yield from (line[:_LONGEST].decode(errors="replace") for line in lines)

    def stop(self) -> None:
        """Ask it to end: to it the fleet is gone."""
        with suppress(OSError):
            self._link.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()

    def close(self) -> None:
        """Let go of what was there of a process that has ended."""
        self._link.close()
        self._output.close()
