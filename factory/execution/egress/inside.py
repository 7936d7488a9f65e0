"""A program of its own, run within a sandbox by Python alone: opens the proxy's ports there, and becomes a command.

It hands the listening sockets to the proxy, which is outside, and keeps none: nothing in the sandbox can close or read
them. Its arguments: the file descriptor at which it hands them over, a JSON list of (address, port, the host outside
that it stands for), and the command.
"""

import json
import os
import socket
import sys

_LOOPBACK = "127.0.0.1"
_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_NOT_PROXIED = "localhost,127.0.0.1,::1"  # the sandbox's own


def main() -> None:
    """Open the ports, hand them over, and run the command in their sight."""
    channel, ports, *argv = sys.argv[1:]
    proxy = _listening(_LOOPBACK, 0)
    opened = [("", proxy)]
    for address, port, stands_for in json.loads(ports):
        try:
            opened.append((stands_for, _listening(address, port)))
        except OSError:
            pass  # a port that not everybody may open, or IPv6 where there is none: the proxy leads there all the same
    with socket.socket(fileno=int(channel)) as outside:
        told = json.dumps([stands_for for stands_for, _ in opened]).encode()
        socket.send_fds(outside, [told], [each.fileno() for _, each in opened])
    here = f"http://{_LOOPBACK}:{proxy.getsockname()[1]}"
    env = {**os.environ, **{spelled: here for name in _NAMES for spelled in (name, name.lower())}}
    env |= dict.fromkeys(("NO_PROXY", "no_proxy"), _NOT_PROXIED)
    try:
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        sys.exit(f"{argv[0]!r} could not be started: {error}")


def _listening(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=128)


if __name__ == "__main__":
    main()
