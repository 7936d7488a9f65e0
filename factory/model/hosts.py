"""Hosts that may be reached: how they are spelled, and which of their addresses count. Pure, and quick to load."""

import ipaddress
import re
from collections.abc import Callable, Collection
from typing import NamedTuple

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORT = 443  # where none is said
_MOST_PORTS = 65535
_LONGEST = 253
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?", re.ASCII)
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.ASCII)  # a last part that makes resolvers read a name as a number
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
LOCALHOST = "localhost"


class Host(NamedTuple):
    """A name in small letters, or an address as it is usually spelled, and a port."""

    name: str
    port: int

    @property
    def address(self) -> Address | None:
        """Its address, where it is no name."""
        try:
            return ipaddress.ip_address(self.name)
        except ValueError:
            return None

    @property
    def is_loopback(self) -> bool:
        """Whether it is the machine itself by what it is called."""
        address = self.address
        return self.name == LOCALHOST or (address is not None and _plain(address).is_loopback)

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


def host_of(text: str) -> Host:
    """The host that a text `name`, `name:port`, `1.2.3.4:port` or `[::1]:port` names. Raises ValueError.

    A name is whole: no part of it stands for others, and one that ends with a dot is none.
    """
    found = _AUTHORITY.fullmatch(text)
    if found is None:
        raise ValueError("is no host: write name, name:port, or an address, an IPv6 one in brackets")
    name, port = found[1].lower(), int(found[2]) if found[2] else _PORT
    if not 0 < port <= _MOST_PORTS:
        raise ValueError(f"has the port {port}, which there is not")
    if name.startswith("["):
        return Host(str(_read(ipaddress.IPv6Address, name[1:-1])), port)
    if _NUMERIC.fullmatch(name.rpartition(".")[2]):
        return Host(str(_read(ipaddress.IPv4Address, name)), port)
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise ValueError("is no host name")
    return Host(name, port)


def _read(kind: Callable[[str], Address], text: str) -> Address:
    try:
        return kind(text)
    except ValueError:
        raise ValueError("is no address") from None


def may_be_reached(address: Address, wanted: Host, allowed: Collection[Host]) -> bool:
    """Whether a host that is allowed may be reached at one of its addresses.

    A name must not lead into this machine or its own network: such an address counts where it is allowed by itself.
    """
    plain = _plain(address)
    if plain.is_global and not plain.is_multicast:
        return True
    if wanted.name == LOCALHOST and plain.is_loopback:
        return True
    return any(host.port == wanted.port and host.address in (address, plain) for host in allowed if host.address)


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for; itself where there is none."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)
