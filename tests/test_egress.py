"""A list of hosts in place of a network: a worker reaches these, and nobody else whatever it tries."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from factory.execution.egress.egress import Egress
from factory.model.failure import FailureClass
from factory.store.system import MACHINE
from tests.hostile import Scene, needs_bubblewrap
from tests.test_agent_programs import stand_in
from tests.witness import commands_with, wait_for
from tests.world import World

pytestmark = pytest.mark.slow  # it starts processes


@dataclass
class Service:
    """Something on this machine that says hello to whoever comes, and remembers what it was told."""

    port: int
    heard: list[bytes] = field(default_factory=list)


@contextmanager
def service(address: str = "127.0.0.1") -> Iterator[Service]:
    """A service at an address of this machine."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        found = Service(server.getsockname()[1])

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client, suppress(OSError):
                        client.sendall(b"hello")
                        client.shutdown(socket.SHUT_WR)
                        client.settimeout(1)
                        found.heard.append(client.recv(1000))

        threading.Thread(target=serve, daemon=True).start()
        yield found
        server.shutdown(socket.SHUT_RDWR)


ASK = """import os, socket, sys
proxy = ('127.0.0.1', int(os.environ['HTTPS_PROXY'].rpartition(':')[2]))

def said(connection):
    found = b''
    while data := connection.recv(1000):
        found += data
    return found.decode('latin-1').replace('\\r\\n', ' ')

def tell(name, way):
    try:
        print(name, '->', way(), flush=True)
    except OSError as error:
        print(name, '-> failed', error, flush=True)

def asks(request):
    def way():
        with socket.create_connection(proxy, 5) as connection:
            connection.sendall(request.encode('latin-1'))
            return said(connection)
    return way

def direct(address):
    def way():
        with socket.create_connection(address, 5) as connection:
            return said(connection)
    return way

def connect(target, more=''):
    return asks(f'CONNECT {target} HTTP/1.1\\r\\n{more}\\r\\n')
"""


def proxies(*hosts: str) -> list[int]:
    """The proxies that lead to exactly these."""
    return commands_with(json.dumps(hosts))


def program(code: str) -> list[str]:
    """An argv that runs Python code which has a proxy to ask."""
    return ["python3", "-c", ASK + code]


def ways_out(listed: int, other: int, six: int, name: str, here: str) -> str:
    """Code that tries every way out that is known, each on a line of its own."""
    return f"""
tell('another host', connect('example.com:443'))
tell('another port', connect('127.0.0.1:{other}'))
tell('an address of this machine', connect('{here}:{listed}'))
tell('IPv6', connect('[::1]:{six}'))
tell('IPv4 in IPv6', connect('[::ffff:127.0.0.1]:{listed}'))
tell('loopback by name', connect('localhost:{listed}'))
tell('a short address', connect('127.1:{listed}'))
tell('an address as a number', connect('2130706433:{listed}'))
tell('a dot at the end', connect('127.0.0.1.:{listed}'))
tell('capitals', connect('LOCALHOST:{listed}'))
tell('user and host', connect('127.0.0.1:{listed}@127.0.0.1:{other}'))
tell('a listed name that leads here', connect('{name}:{other}'))
two = 'CONNECT 127.0.0.1:{other} HTTP/1.1\\nX: y\\n\\nCONNECT 127.0.0.1:{listed} HTTP/1.1\\r\\n\\r\\n'
tell('two requests', asks(two))
tell('a NUL', connect('127.0.0.1:{listed}\\0:{other}'))
tell('a long head', connect('127.0.0.1:{other}', 'X: ' + 'y' * 20000 + '\\r\\n'))
tell('plain HTTP', asks('GET http://127.0.0.1:{other}/ HTTP/1.1\\r\\nHost: 127.0.0.1:{listed}\\r\\n\\r\\n'))
tell('a raw connection', direct(('127.0.0.1', {other})))
tell('a raw connection elsewhere', direct(('{here}', {other})))
tell('a raw connection by IPv6', direct(('::1', {six})))
tell('a name', lambda: socket.getaddrinfo('example.com', 443))

def abstract():
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect('\\0factory-test-{listed}')
        return said(connection)
tell('an abstract socket', abstract)

def datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        return connection.sendto(b'x', ('{here}', 53))
tell('a datagram', datagram)
held = [f'/proc/self/fd/{{each}}' for each in os.listdir('/proc/self/fd') if int(each) > 2]
left = [os.readlink(each) for each in held if os.path.lexists(each)]
print([each for each in left if 'socket' in each])
print('END')
tell('the listed one', connect('127.0.0.1:{listed}', 'Host: 127.0.0.1:{other}\\r\\n'))
tell('the listed one at its place', direct(('127.0.0.1', {listed})))
print(os.environ['NO_PROXY'])
"""


def own_address() -> str:
    """An address by which this machine knows itself in its network, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.2"
        return str(probe.getsockname()[0])


@needs_bubblewrap
def test_no_way_leads_out_of_a_list_but_to_what_it_names(scene: Scene) -> None:
    # given a service that is listed, one that is not, and a listed name that leads to the second
    name = socket.gethostname().lower()
    with service("0.0.0.0") as listed, service("0.0.0.0") as other, service("::1") as six:
        with socket.socket(socket.AF_UNIX) as abstract:
            abstract.bind(f"\0factory-test-{listed.port}")
            abstract.listen()
            tries = ways_out(listed.port, other.port, six.port, name, own_address())
            network = [f"127.0.0.1:{listed.port}", f"{name}:{other.port}"]
            scene.bad(program(f"{tries}\nopen('fine.txt', 'w').write('')"), worker={"sandbox": {"network": network}})
            scene.run()
        scene.assert_ended("done")
        tried, _, reached = scene.log().partition("END\n")
        # then nothing of all that said hello, and the listed one did, in both ways
        assert tried.count("->") == 22
        assert "hello" not in tried, tried
        assert tried.endswith("[]\n")  # and no socket is left to it by whoever began it
        assert other.heard == six.heard == []
        assert reached.count("hello") == 2
        assert len(listed.heard) == 2
        assert not any(b"Host" in told for told in listed.heard)
        assert "localhost,127.0.0.1,::1" in reached
    # and what was refused is told in the log and in the journal, with what the list allowed
    for refused in ("example.com:443: it is not among", f"{name}:{other.port}: it leads to", "its head is longer"):
        assert f"[network: refused {refused}" in reached or f"[network: refused a request: {refused}" in reached
    sandbox = str(next(entry.sandbox for entry in scene.world.journal("bad") if entry.sandbox))
    assert f"; network: 127.0.0.1:{listed.port}, {name}:{other.port}; refused " in sandbox
    assert f"sandbox    {sandbox}" in scene.world.command("show", "bad")
    wait_for(lambda: not proxies(*network))
    scene.assert_unharmed("fine.txt")


@needs_bubblewrap
def test_a_list_holds_for_checks_too(world: World) -> None:
    with service() as listed, service() as other:
        reach = f"tell('listed', connect('127.0.0.1:{listed.port}'))\ntell('other', connect('127.0.0.1:{other.port}'))"
        world.contract(
            "made",
            worker={"run": ["sh", "-c", "echo x > a.txt"], "sandbox": {"network": [f"127.0.0.1:{listed.port}"]}},
            checks=[{"name": "reach", "run": program(reach)}],
        )
        world.item("one", contract="made")
        world.tick()
        assert world.lane("one") == "done"
        assert listed.heard
        assert other.heard == []
    log = next(text for name, text in world.artifacts("one").items() if name.endswith("checks/reach.log"))
    assert "hello" in log
    assert "[network: refused 127.0.0.1" in log


@needs_bubblewrap
def test_idle_connections_hold_up_nobody_else_and_end_with_the_run(scene: Scene) -> None:
    # given a worker that opens far more connections than there are places, and says nothing on them
    with service() as listed:
        hold = "held = [socket.create_connection(proxy, 5) for _ in range(100)]\nopen('fine.txt', 'w').write('')"
        scene.bad(program(hold), worker={"sandbox": {"network": [f"127.0.0.1:{listed.port}"]}})
        scene.run()
    scene.assert_ended("done")
    wait_for(lambda: not proxies(f"127.0.0.1:{listed.port}"))
    scene.assert_unharmed("fine.txt")


@needs_bubblewrap
def test_what_kept_a_worker_from_its_end_is_said_with_its_failure(scene: Scene) -> None:
    asks = program("print(connect('example.com:443')())\nsys.exit(3)")
    scene.bad(asks, worker={"sandbox": {"network": ["example.org"]}})
    scene.run()
    scene.assert_ended("inbox", FailureClass.CRASH, "refused example.com:443: it is not among the hosts")


def test_without_bubblewrap_it_is_said_that_nothing_holds_a_list(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.policy("sandbox: off\n")
    world.contract(
        "made",
        worker={
            "run": ["sh", "-c", 'echo "${HTTPS_PROXY:-none}" > a.txt'],
            "sandbox": {"network": ["example.org"]},
        },
    )
    world.item("one", contract="made")
    world.tick()
    sandbox = str(next(entry.sandbox for entry in world.journal("one") if entry.sandbox))
    assert "only bubblewrap can hold its list of hosts" in sandbox
    assert world.git("show", "main:a.txt") == "none"
    assert "contract made: the whole network is open to it" in world.command("doctor", status=None)


def test_the_proxy_ends_with_whoever_holds_it() -> None:
    own = f"{MACHINE.token(4)}.example:443"
    with Egress((own,), MACHINE):
        wait_for(lambda: bool(proxies(own)))
    wait_for(lambda: not proxies(own))


@contextmanager
def beside(*hosts: str) -> Iterator[tuple[Egress, int]]:
    """A proxy as a process within a sandbox meets it, and its port; here without the sandbox."""
    with Egress(hosts, MACHINE) as egress:
        argv = egress.around(["sh", "-c", "echo $HTTPS_PROXY; cat"])
        inside = MACHINE.start(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=egress.descriptors, env={**os.environ}
        )
        egress.begun()
        assert inside.stdin is not None
        assert inside.stdout is not None
        with inside:
            yield egress, int(inside.stdout.readline().rpartition(b":")[2])
            inside.stdin.close()


def connected(port: int, target: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), 20)
    client.sendall(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    assert b" 200 " in head, head
    return client


def test_what_is_large_or_slow_comes_through_whole_in_both_directions_at_once() -> None:
    # given somebody who sends back all that they are told, while they are still being told
    sent = bytes(range(256)) * 80_000  # 20 MB, far more than anything between holds
    with socket.create_server(("127.0.0.1", 0)) as server:

        def echo() -> None:
            client, _ = server.accept()
            with client:
                while data := client.recv(10_000):
                    client.sendall(data)

        threading.Thread(target=echo, daemon=True).start()
        target = f"127.0.0.1:{server.getsockname()[1]}"
        with beside(target) as (_, port), connected(port, target) as client:

            def tell() -> None:
                client.sendall(sent)
                client.shutdown(socket.SHUT_WR)  # and go on listening

            telling = threading.Thread(target=tell, daemon=True)
            telling.start()
            came = bytearray()
            while data := client.recv(100_000):
                came += data
            telling.join()
    assert bytes(came) == sent


def test_a_place_that_was_given_up_is_for_the_next_one() -> None:
    with service() as listed:
        target = f"127.0.0.1:{listed.port}"
        with beside(target) as (_, port):
            for _ in range(3):  # of 32 at a time, each time
                held = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(32)]
                for each in held:
                    each.close()
            with connected(port, target) as client:
                assert client.recv(10) == b"hello"


def test_however_many_ports_are_listed_none_takes_the_place_of_another() -> None:
    with service("0.0.0.0") as listed:
        target = f"{own_address()}:{listed.port}"
        others = [f"127.0.0.{number}:{listed.port + 1 if listed.port < 65535 else 65534}" for number in range(2, 62)]
        with beside(target, *others) as (_, port), connected(port, target) as client:
            assert client.recv(10) == b"hello"


def test_a_proxy_that_ended_by_itself_is_told_of() -> None:
    own = f"{MACHINE.token(4)}.example:443"
    with beside(own) as (egress, port):
        (proxy,) = proxies(own)
        os.kill(proxy, signal.SIGKILL)
        wait_for(lambda: not proxies(own))
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), 20) as client:
            client.sendall(b"x")
            raise OSError(client.recv(1))
    assert egress.told() == b"[network: refused everything: the proxy ended by itself]\n"


def test_who_is_not_there_is_told_of_as_refused_once_with_how_often() -> None:
    with socket.create_server(("0.0.0.0", 0)) as gone:
        target = f"{own_address()}:{gone.getsockname()[1]}"
    with beside(target, "nowhere.invalid:443") as (egress, port):
        for asked in (target, target, "nowhere.invalid:443"):
            with socket.create_connection(("127.0.0.1", port), 20) as client:
                client.sendall(f"CONNECT {asked} HTTP/1.1\r\n\r\n".encode())
                assert b" 502 " in client.recv(1000)
    told = egress.told().decode()
    assert f"[network: refused {target}: [Errno 111] Connection refused (2 times)]" in told
    assert "[network: refused nowhere.invalid:443: it was not found" in told


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"network": ["api.anthropic.com"]}, "ok  "),
        ({"network": ["example.org"]}, "its model is at api.anthropic.com:443, which is not in its list of hosts"),
        ({"network": ["example.org"], "url": "http://example.org:443"}, "plain http, which a list of hosts does not"),
        ({"network": ["127.0.0.1:1"], "url": "http://127.0.0.1:1"}, "ok  "),
        ({"network": False}, "it cannot reach its model"),
    ],
)
@needs_bubblewrap
def test_the_doctor_says_whether_an_agent_reaches_its_model(
    world: World, monkeypatch: pytest.MonkeyPatch, keys: dict[str, object], says: str
) -> None:
    stand_in(world.root.parent / "bin", monkeypatch, "claude", b"2.1.197 (Claude Code)\n", 0)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "x")
    agent = json.dumps({"it": {"kind": "claude", "secrets": ["ANTHROPIC_API_KEY"], **keys}})
    world.policy(f"agents: {agent}\n")
    told = world.command("doctor", status=None)
    line = next(line for line in told.splitlines() if "agent it" in line)
    assert line.startswith(says) or says in line, line
    assert keys["network"] or "give it network: [api.anthropic.com:443]" in told
