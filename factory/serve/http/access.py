"""Access: who may read, and who may act; pure.

A page of somebody else that is open in the same browser must be able to do neither, whatever its name resolves to.
"""

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

_BEARER = "Bearer "
_LOCAL = ("127.0.0.1", "localhost", "[::1]")


class Refused(Exception):
    """Not to be answered: (status, code) of the answer, and why."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Listen:
    """Where to listen, and whether something may be done from there."""

    port: int
    host: str = "127.0.0.1"
    act: bool = False


@dataclass(frozen=True)
class Access:
    """What is asked of a request. `token` is empty where everybody on this machine may read and nobody may act."""

    host: str  # that is listened on
    port: int
    token: str
    act: bool

    @property
    def is_open(self) -> bool:
        """Whether whoever reaches it may read."""
        return is_loopback(self.host)

    def to_read(self, headers: Mapping[str, str], asked: str = "") -> None:
        """Raises Refused; `asked` is a token that the address itself names."""
        self._host(headers)
        if not self.is_open and not self._is_token(self._given(headers) or asked):
            raise Refused(401, "unauthorized", "open the URL that was printed at the start, or send its token")

    def to_trigger(self, headers: Mapping[str, str], asked: str = "") -> None:
        """What changes nothing and may be asked by other programs. Raises Refused."""
        self.to_read(headers, asked)
        self._origin(headers)

    def to_act(self, headers: Mapping[str, str]) -> None:
        """Raises Refused. The token has to stand in a header, which no other page can set."""
        self._host(headers)
        self._origin(headers)
        if not self.act:
            raise Refused(403, "read_only", "nothing can be done from here: factory serve --act lets it")
        if not self._is_token(self._given(headers)):
            raise Refused(401, "unauthorized", "open the URL that was printed at the start, or send its token")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "unsupported_media_type", "the body has to be application/json")

    def _host(self, headers: Mapping[str, str]) -> None:
        """The name that a browser was told must be one of ours, and no other that leads here."""
        name, port = _parted(headers.get("host", ""))
        known = name in (*_LOCAL, _bracketed(self.host)) or (not self.is_open and _is_address(name))
        if not known or port != str(self.port):
            raise Refused(421, "misdirected", "this is not the host that is served here")

    def _origin(self, headers: Mapping[str, str]) -> None:
        """A browser says which page sends something; other programs say nothing."""
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"http://{headers.get('host', '')}".lower():
            raise Refused(403, "foreign_origin", "this was sent by the page of another site")

    def _given(self, headers: Mapping[str, str]) -> str:
        said = headers.get("authorization", "")
        return said.removeprefix(_BEARER) if said.startswith(_BEARER) else ""

    def _is_token(self, given: str) -> bool:
        return bool(self.token) and hmac.compare_digest(given.encode(errors="replace"), self.token.encode())


def _parted(host: str) -> tuple[str, str]:
    name, colon, port = host.rpartition(":")
    has_port = bool(colon) and port.isdigit()
    return (name.lower(), port) if has_port else (host.lower(), "80")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
