"""Which hosts a list names, what joins two lists, and what of a request of a client counts."""

import ipaddress

import pytest

from factory.execution.egress.connect import Refused, wanted
from factory.model.agent import Agent
from factory.model.contract import Contract
from factory.model.errors import InvalidFile
from factory.model.hosts import Host, host_of, may_be_reached
from factory.model.network import Network, common, united
from factory.store import yaml


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("example.org", "example.org:443"),
        ("API.Example.org:8443", "api.example.org:8443"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example:443"),
        ("127.0.0.1:11434", "127.0.0.1:11434"),
        ("[0:0::1]:80", "[::1]:80"),
        ("localhost:1", "localhost:1"),
    ],
)
def test_a_host_is_a_name_or_an_address_with_a_port(text: str, spelled: str) -> None:
    assert str(host_of(text)) == spelled


@pytest.mark.parametrize(
    "text",
    [
        *("*.example.org", "example.org.", ".example.org", "a..b", "", ":443", "a:0", "a:70000", "a:b", "a:443:443"),
        *("https://example.org", "user@example.org", "a b", "a/b", "127.1", "2130706433", "0x7f.0.0.1", "127.0.0.01"),
        *("1.2.3.4.5", "::1", "[::1", "[::1%lo]:80", "[127.0.0.1]:80", "bücher.example", "-a.org", "a" * 64 + ".org"),
    ],
)
def test_what_could_be_read_in_two_ways_is_no_host(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no|there is not"):
        host_of(text)


LISTED = {host_of(text) for text in ("a.example", "b.example:8443", "10.0.0.5:8443", "127.0.0.1:80", "localhost:81")}


@pytest.mark.parametrize(
    ("address", "host", "expected"),
    [
        ("93.184.216.34", "a.example", True),
        ("2606:2800:220:1::1", "a.example", True),
        ("127.0.0.1", "a.example", False),
        ("10.0.0.5", "a.example", False),  # allowed at another port
        ("10.0.0.5", "b.example:8443", True),
        ("::ffff:10.0.0.5", "b.example:8443", True),
        ("10.0.0.6", "b.example:8443", False),
        ("127.0.0.1", "127.0.0.1:80", True),
        ("127.0.0.1", "localhost:81", True),
        ("::1", "localhost:81", True),
        ("10.0.0.5", "localhost:81", False),
        *((address, "a.example", False) for address in ("::1", "::", "0.0.0.0", "169.254.169.254", "192.168.1.1")),
        *((address, "a.example", False) for address in ("172.16.0.1", "100.64.0.1", "fe80::1", "fc00::1", "224.0.0.1")),
        *((address, "a.example", False) for address in ("::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::")),
        *((address, "a.example", False) for address in ("255.255.255.255", "::ffff:0:0", "ff0e::1")),
    ],
)
def test_a_name_leads_to_no_address_of_this_machines_own_network_unless_that_is_listed(
    address: str, host: str, expected: bool
) -> None:
    assert may_be_reached(ipaddress.ip_address(address), host_of(host), LISTED) is expected


def network_of(text: str) -> Network:
    data = f"purpose: x\nworker:\n  run: [a]\n  sandbox: {{network: {text}}}\n".encode()
    return yaml.load(Contract, yaml.Source("contracts/c.yaml", data)).worker.sandbox.network


def test_a_contract_says_of_the_network_all_none_or_hosts() -> None:
    assert [network_of(text) for text in ("true", "false")] == [True, False]
    assert network_of('[Example.org, "example.org:443", "[::1]:80"]') == ("example.org:443", "[::1]:80")
    assert Agent.model_validate({"kind": "claude", "network": ["a.org"]}).network == ("a.org:443",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('["*.example.org"]', "'*.example.org' is no host: write name, name:port, or an address"),
        ("[]", "should be true, false, or a list of hosts"),
        ("example.org", "should be true, false, or a list of hosts"),
        ("[443]", "should be true, false, or a list of hosts"),
    ],
)
def test_what_is_none_of_these_is_said_once_with_its_place(text: str, says: str) -> None:
    with pytest.raises(InvalidFile) as found:
        network_of(text)
    told = str(found.value)
    assert told.startswith(f"contracts/c.yaml:4:13: worker.sandbox.network: {says}")
    assert told.count("worker.sandbox.network") == 1


A, B = ("a:443",), ("b:443",)


@pytest.mark.parametrize(
    ("first", "second", "either", "both"),
    [
        (True, A, True, A),
        (A, True, True, A),
        (False, A, A, False),
        (A, False, A, False),
        (A, B, ("a:443", "b:443"), False),
        (A, ("b:443", "a:443"), ("a:443", "b:443"), A),
        (True, False, True, False),
        (True, True, True, True),
    ],
)
def test_two_that_are_joined_allow_what_either_does_and_two_that_must_agree_what_both_do(
    first: Network, second: Network, either: Network, both: Network
) -> None:
    assert (united(first, second), common(first, second)) == (either, both)


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT a.example:443 HTTP/1.1\r\nHost: b.example:443",
        b"CONNECT A.EXAMPLE:443 HTTP/1.0\r\nX: y\r\nProxy-Connection: keep-alive",
    ],
)
def test_a_client_is_connected_with_whom_its_first_line_names_whatever_else_it_says(head: bytes) -> None:
    assert wanted(head) == Host("a.example", 443)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET http://a.example/ HTTP/1.1", "405"),
        (b"connect a.example:443 HTTP/1.1", "405"),
        (b"CONNECT a.example HTTP/1.1", "400"),
        (b"CONNECT a.example:0443 HTTP/1.1", "400"),
        (b"CONNECT a.example.:443 HTTP/1.1", "400"),
        (b"CONNECT a.example:443@b.example:443 HTTP/1.1", "400"),
        (b"CONNECT http://a.example:443 HTTP/1.1", "400"),
        (b"CONNECT a.example:443", "400"),
        (b"CONNECT a.example:443 HTTP/1.1\nCONNECT b.example:443 HTTP/1.1", "400"),
        (b"CONNECT a.example:443\0.b.example:443 HTTP/1.1", "400"),
        (b"CONNECT a.example:443 HTTP/1.1\rX: y", "400"),
        (b"CONNECT  a.example:443 HTTP/1.1", "400"),
        (b" CONNECT a.example:443 HTTP/1.1", "400"),
        (b"\r\nCONNECT a.example:443 HTTP/1.1", "400"),
        (b"\x16\x03\x01\x02\x00", "400"),
        (b"", "400"),
    ],
)
def test_what_is_no_plain_request_to_be_connected_is_refused(head: bytes, status: str) -> None:
    with pytest.raises(Refused) as found:
        wanted(head)
    assert found.value.status.startswith(status)
