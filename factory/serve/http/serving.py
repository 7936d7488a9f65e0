"""Serving: one address at which a factory is to be seen, for as long as somebody wants it."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from factory.model.errors import UsageError
from factory.store.library import locate_branch
from factory.store.repository.repository import Repository
from factory.store.system import System

try:
    from factory.serve.http.app import Served, application
    from factory.serve.http.server import Server
except ImportError:
    raise UsageError("what serves over HTTP is not installed", "pip install 'git-factory[web]'") from None

from factory.serve.http.access import Access, Listen, is_loopback
from factory.serve.http.picture import Pictures
from factory.serve.http.trigger import Trigger
from factory.serve.http.watcher import Watcher

_TOKEN_BYTES = 24
_WAITING = 64  # connections that nobody has taken yet


@contextmanager
def serving(root: Path, listen: Listen, system: System, trigger: Trigger | None = None) -> Iterator[str]:
    """Serve a repository from threads of its own; gives the URL to open. Raises UsageError, and what opening raises."""
    with ExitStack() as stack:
        own = Repository(root, system)
        pictures = Pictures(own)
        stack.callback(pictures.close)
        beside = Repository(root, system)  # what two threads use, each has of its own
        stack.callback(beside.close)
        place = stack.enter_context(_bound(listen))
        port: int = place.getsockname()[1]
        token = system.token(_TOKEN_BYTES) if listen.act or not is_loopback(listen.host) else ""
        watcher = Watcher(beside, locate_branch(beside), pictures)
        access = Access(listen.host, port, token, listen.act)
        served = Served(root, system, access, pictures, watcher, trigger)
        threads = stack.enter_context(system.threads(2, "serve"))
        server = Server(application(served), place)
        stack.callback(server.end)
        stack.callback(watcher.end)
        threads.submit(watcher.run)
        threads.submit(server.run)
        host = f"[{listen.host}]" if ":" in listen.host else listen.host
        yield f"http://{host}:{port}/" + (f"?token={token}" if token else "")


def _bound(listen: Listen) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        place = socket.create_server((listen.host, listen.port), family=family, backlog=_WAITING)
        place.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a body waits 40 ms for its head to be taken
        return place
    except (OSError, OverflowError) as error:
        said = f"nothing can be served at {listen.host}, port {listen.port}: {error}"
        raise UsageError(said, "another one: --port 0 takes any that is free") from None
