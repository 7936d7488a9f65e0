"""What a client of the proxy asks for: the head of its request, read strictly. Nothing but CONNECT is understood."""

import re

from factory.model.hosts import Host, host_of

LONGEST = 16_384  # bytes of a head
END = b"\r\n\r\n"
_ODD = re.compile(rb"[^\x20-\x7e\x80-\xff\t\r\n]|\r(?!\n)|(?<!\r)\n")
_LINE = re.compile(rb"([A-Za-z]+) (\S+) HTTP/1\.[01]")
_CONNECT = b"CONNECT"


class Refused(Exception):
    """Why a request is not granted, with the status that the client is told."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def wanted(head: bytes) -> Host:
    """The host that a head, without its empty last line, asks to be connected with. Raises Refused.

    Only its first line counts: whatever `Host` or another field says, the bytes go to that host alone.
    """
    if _ODD.search(head):
        raise Refused("400 Bad Request", "a request: it is no HTTP")
    line = head.split(b"\r\n", 1)[0]
    found = _LINE.fullmatch(line)
    if found is None:
        raise Refused("400 Bad Request", "a request: it is no HTTP")
    target = found[2].decode("latin-1")
    if found[1] != _CONNECT:
        raise Refused("405 Method Not Allowed", f"{target}: plain HTTP is not let through; use https")
    try:
        host = host_of(target)
    except ValueError:
        raise Refused("400 Bad Request", f"{target}: it is no host") from None
    if not target.endswith(f":{host.port}"):
        raise Refused("400 Bad Request", f"{target}: it has no port")
    return host
