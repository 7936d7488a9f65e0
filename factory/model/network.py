"""The network, as contracts and WORKFLOW.md allow it: none, all of it, or these hosts alone."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from factory.model.base import Format
from factory.model.hosts import host_of

_MOST = 100


def _network(value: object) -> object:
    """A list with each host as `name:port`, whatever was written; one sentence for all that is wrong."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, list | tuple) or not value or not all(isinstance(each, str) for each in value):
        raise ValueError("should be true, false, or a list of hosts")
    return tuple(dict.fromkeys(map(_spelled, value)))


def _spelled(text: str) -> str:
    try:
        return str(host_of(text))
    except ValueError as error:
        raise ValueError(f"{text!r} {error}") from None


Hosts = Annotated[tuple[str, ...], Field(min_length=1, max_length=_MOST)]
Network = Annotated[bool | Hosts, BeforeValidator(_network)]


class Sandbox(Format):
    """What a worker may reach."""

    network: Network = False


def united(first: Network, second: Network) -> Network:
    """What is allowed by one or the other: all of it, or the hosts of both."""
    if isinstance(first, bool) or isinstance(second, bool):
        return True if True in (first, second) else first or second
    return tuple(dict.fromkeys((*first, *second)))


def common(first: Network, second: Network) -> Network:
    """What is allowed by both."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first and second if isinstance(first, bool) else second and first
    return tuple(host for host in first if host in second) or False
