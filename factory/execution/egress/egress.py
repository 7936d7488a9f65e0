"""Egress: a sandbox's one way out, to the hosts of a list, for as long as one process runs."""

import json
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from factory.execution.egress import inside
from factory.model.hosts import LOCALHOST, host_of
from factory.store.system import System

_PROXY = "factory.execution.egress.proxy"
_INSIDE = Path(inside.__file__).read_text()  # as text: a sandbox need not see the file
_LOOPBACK = "127.0.0.1"
_MOST_SHOWN = 20


class Egress:
    """Runs a proxy beside a sandbox. Without a host there is none, and nothing to do."""

    def __init__(self, hosts: Sequence[str], system: System) -> None:
        self._hosts = hosts
        self._system = system
        self._proxy: subprocess.Popen[bytes] | None = None
        self._inner: socket.socket | None = None
        self.refused: Counter[str] = Counter()  # what was not let through, and how often

    def __enter__(self) -> "Egress":
        """Start the proxy. Raises OSError."""
        if self._hosts:
            outer, self._inner = socket.socketpair()
            with outer:
                self._proxy = self._system.start(
                    (sys.executable, "-I", "-m", _PROXY, str(outer.fileno()), json.dumps(self._hosts)),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # ^C is for us; it ends when its input does
                    pass_fds=(outer.fileno(),),
                )
        return self

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the sandbox has to get."""
        return (self._inner.fileno(),) if self._inner else ()

    def around(self, argv: Sequence[str]) -> Sequence[str]:
        """The argv that runs an argv in a sandbox, in sight of the proxy."""
        if self._inner is None:
            return argv
        own = [host for host in map(host_of, self._hosts) if host.is_loopback]
        places = [(_LOOPBACK if host.name == LOCALHOST else host.name, host.port, str(host)) for host in own]
        ports = json.dumps(places)
        return (sys.executable, "-I", "-S", "-c", _INSIDE, str(self._inner.fileno()), ports, *argv)

    def begun(self) -> None:
        """The sandbox has its end of the way."""
        if self._inner is not None:
            self._inner.close()
            self._inner = None

    def told(self) -> bytes:
        """The refusals, for the end of a log, once it is over."""
        shown = [f"refused {what}{_times(number)}" for what, number in self.refused.most_common(_MOST_SHOWN)]
        more = len(self.refused) - len(shown)
        shown += [f"refused {more} more"] if more else []
        return "".join(f"[network: {each}]\n" for each in shown).encode()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.begun()
        proxy, self._proxy = self._proxy, None
        if proxy is not None:
            self.refused.update(["everything: the proxy ended by itself"] if proxy.poll() is not None else [])
            proxy.kill()
            said, _ = proxy.communicate()
            self.refused.update(json.loads(line) for line in said.splitlines(keepends=True) if line.endswith(b"\n"))


def _times(number: int) -> str:
    return f" ({number} times)" if number > 1 else ""
