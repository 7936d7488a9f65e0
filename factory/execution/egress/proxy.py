"""A program of its own, run outside of a sandbox: connects those within it with the hosts of a list, and nobody else.

Its arguments: the file descriptor at which it is handed the listening sockets, and a JSON list of hosts. It prints a
line for each request that it refuses, and ends with its standard input.
"""

import ipaddress
import json
import os
import socket
import sys
import threading
from contextlib import suppress

from factory.execution.egress.connect import END, LONGEST, Refused, wanted
from factory.model.hosts import Host, host_of, may_be_reached
from factory.store.system import MACHINE

_MOST = 32  # connections at once
_MOST_TOLD = 200  # refusals
_MOST_HANDED = 65536
_MOST_LISTENING = 101
_CHUNK = 65536
_HEAD_S = 20.0
_CONNECT_S = 20.0
_IDLE_S = 600.0
_REST_S = 0.2
_SHOWN = 200  # characters
_GRANTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Proxy:
    """Serves one sandbox."""

    def __init__(self, hosts: frozenset[Host]) -> None:
        self._hosts = hosts
        self._free = threading.Semaphore(_MOST)
        self._pool = MACHINE.threads(_MOST_LISTENING + 2 * _MOST, "egress")
        self._left = _MOST_TOLD
        self._telling = threading.Lock()

    def serve(self, channel: socket.socket) -> None:
        """Take the listening sockets, and serve whoever comes, in threads that only end with the program."""
        told, numbers, _, _ = socket.recv_fds(channel, _MOST_HANDED, _MOST_LISTENING)
        listening = [socket.socket(fileno=number) for number in numbers]
        for stands_for, each in zip(json.loads(told or b"[]"), listening, strict=True):
            self._pool.submit(self._accept, each, host_of(stands_for) if stands_for else None)

    def _accept(self, listening: socket.socket, leads_to: Host | None) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:  # it went away again, or there are no more file descriptors
                MACHINE.sleep(_REST_S)
            else:
                self._free.acquire()
                self._pool.submit(self._serve, client, leads_to)

    def _serve(self, client: socket.socket, leads_to: Host | None) -> None:
        """Connect a client with whom it asks for, or with whom its port leads to, until both have said all."""
        try:
            with client, suppress(OSError):  # one of them is gone
                client.settimeout(_IDLE_S)
                try:
                    host, early = (leads_to, b"") if leads_to else _asked(client)
                    server = self._reached(host)
                except Refused as refused:
                    self._tell(refused.reason)
                    _answer(client, refused)
                else:
                    with server:
                        client.sendall(b"" if leads_to else _GRANTED)
                        server.sendall(early)
                        self._carry(client, server)
        finally:
            self._free.release()

    def _reached(self, host: Host) -> socket.socket:
        """A connection with a host. Raises Refused."""
        if host not in self._hosts:
            raise Refused("403 Forbidden", f"{host}: it is not among the hosts that may be reached")
        try:
            found = socket.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Refused("502 Bad Gateway", f"{host}: it was not found ({error})") from None
        addresses = dict.fromkeys(str(where[4][0]).partition("%")[0] for where in found)
        allowed = [each for each in addresses if may_be_reached(ipaddress.ip_address(each), host, self._hosts)]
        if not allowed:
            raise Refused("403 Forbidden", f"{host}: it leads to {', '.join(addresses)}, which is not among them")
        problem = ""
        for address in allowed:  # and nobody is asked again where the name leads
            server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            try:
                server.settimeout(_CONNECT_S)
                server.connect((address, host.port))
            except OSError as error:
                server.close()
                problem = str(error)
            else:
                server.settimeout(_IDLE_S)
                return server
        raise Refused("502 Bad Gateway", f"{host}: {problem}")

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        last = Moment()
        back = self._pool.submit(_pour, server, client, last)
        _pour(client, server, last)
        back.result()

    def _tell(self, reason: str) -> None:
        with self._telling:
            self._left -= 1
            if self._left >= 0:
                sys.stdout.write(json.dumps(reason[:_SHOWN]) + "\n")
                sys.stdout.flush()


class Moment:
    """When something was said last, by either of two."""

    def __init__(self) -> None:
        self.now()

    def now(self) -> None:
        """It is said now."""
        self._at = MACHINE.monotonic()

    @property
    def is_long_ago(self) -> bool:
        """Whether both have been idle for longer than anybody waits."""
        return MACHINE.monotonic() - self._at > _IDLE_S


def _pour(source: socket.socket, target: socket.socket, last: Moment) -> None:
    """Hand on what one says until its end; where anything goes wrong, neither can say more."""
    try:
        while True:
            try:
                data = source.recv(_CHUNK)
            except TimeoutError:
                if last.is_long_ago:
                    raise
                continue
            last.now()
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(data)
    except OSError:
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _asked(client: socket.socket) -> tuple[Host, bytes]:
    """(whom a client asks for, what it has said beyond that). Raises Refused."""
    until, said = MACHINE.monotonic() + _HEAD_S, b""
    while END not in said[:LONGEST]:
        if len(said) >= LONGEST:
            raise Refused("431 Request Header Fields Too Large", f"a request: its head is longer than {LONGEST} bytes")
        client.settimeout(max(0.01, until - MACHINE.monotonic()))
        try:
            data = client.recv(_CHUNK)
        except TimeoutError:
            raise Refused("408 Request Timeout", f"a request: it was not made within {_HEAD_S:g} s") from None
        if not data:
            raise ConnectionError("nothing was asked for")
        said += data
    client.settimeout(_IDLE_S)
    head, _, early = said.partition(END)
    return wanted(head), early


def _answer(client: socket.socket, refused: Refused) -> None:
    """Tell a client why not, and let it read that before the connection is closed."""
    body = f"factory: {refused.reason}\n".encode()
    head = f"HTTP/1.1 {refused.status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    client.sendall(head.encode() + body)
    client.shutdown(socket.SHUT_WR)
    client.settimeout(_REST_S)
    while client.recv(_CHUNK):
        pass


def main() -> None:
    """Serve until nobody holds the standard input any more."""
    number, hosts = sys.argv[1:]
    with socket.socket(fileno=int(number)) as channel:
        Proxy(frozenset(map(host_of, json.loads(hosts)))).serve(channel)
    sys.stdin.buffer.read()
    os._exit(0)  # whatever its threads wait for


if __name__ == "__main__":
    main()
