"""User testing: a tester meets the running product, and nothing that says how it was made."""

import json
import signal
import socket
from pathlib import Path

import pytest

from factory.execution.cell.sandbox import Kind, sandbox
from factory.model.failure import FailureClass
from tests.hostile import needs_bubblewrap
from tests.user_testing import PASSES, SHOP, TRY, WEB, alive, answers, ask, contract, left, mission, shop_is_done, tried
from tests.witness import wait_for
from tests.world import World

pytestmark = pytest.mark.slow  # it starts processes


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A repository whose mission `shop` is looked at again."""
    return World.after(shop_is_done, tmp_path / "repo")


def test_a_pass_is_kept_with_its_evidence_and_what_the_service_printed(world: World) -> None:
    files = tried(world, PASSES + "done()")
    assert answers(files)["VAL-1"]["state"] == "pass"
    assert files["files/evidence/cart.txt"] == "2 apples"
    assert "the shop opens" in files["services/web.log"] and "GET /cart" in files["services/web.log"]
    listed = json.loads(files["manifest.json"])["files"]
    assert listed["files/evidence/cart.txt"]["by"] == "worker"
    assert listed["services/web.log"]["by"] == "factory"


def test_a_tester_sees_its_item_its_prompt_and_the_addresses_of_the_services(world: World) -> None:
    code = """
item = json.loads(pathlib.Path(os.environ["FACTORY_ITEM"]).read_text())
leave("evidence/seen.json", json.dumps([item["id"], pathlib.Path(os.environ["FACTORY_PROMPT"]).read_text(), services]))
says("VAL-1", "pass", "evidence/seen.json")
done()"""
    item_id, prompt, services = json.loads(tried(world, code)["files/evidence/seen.json"])
    assert (item_id, prompt) == ("shop.m1.testing", "Try m1")
    assert services["web"]["host"] == "127.0.0.1"
    assert services["web"]["url"] == f"http://127.0.0.1:{services['web']['port']}"


def test_a_prompt_may_name_the_addresses(world: World) -> None:
    world.write("contracts/prompts/test.md", "Try {{ services.web.url }} now.\n")
    mission(world, {"web": WEB})
    worker = {
        "run": ["python3", "-c", TRY + PASSES + 'leave("evidence/p", sys.argv[1])\ndone()', "{{ prompt }}"],
        "prompt": "contracts/prompts/test.md",
    }
    contract(world, "", worker=worker)
    ask(world)
    world.tick()
    assert left(world)["files/evidence/p"].startswith("Try http://127.0.0.1:")


def test_a_person_is_shown_the_prompt_before_there_are_ports(world: World) -> None:
    world.write("contracts/prompts/test.md", "Try {{ services.web.url }} now.\n")
    mission(world, {"web": WEB})
    contract(world, "", worker={"run": ["true"], "prompt": "contracts/prompts/test.md"})
    ask(world)
    world.commit("Filed")
    world.policy("limits: {inbox: 10}\n")
    assert "Try http://127.0.0.1:PORT now." in world.command("prompt", "shop.m1.testing")


def test_a_service_runs_the_target_in_files_and_a_home_of_its_own(world: World) -> None:
    files = tried(world, 'says("VAL-1", "pass", leave("evidence/where", get("/where") + get("/seen")))\ndone()')
    assert files["files/evidence/where"].startswith(f"{world.root}..")
    assert world.status() == "" and not Path("~/seen").expanduser().exists()


def test_services_are_started_in_turn_each_with_its_port_its_variables_and_its_folder(world: World) -> None:
    world.write("api/serve.py", SHOP.replace('"2 apples"', 'os.environ["FRUIT"] + os.environ["PORT"]'))
    api = {**WEB, "run": ["python3", "serve.py", "{{ port }}"], "folder": "api", "env": {"FRUIT": "pears"}}
    by_port = {**WEB, "ready": {"tcp": True}}
    command = "import sys, urllib.request as u; u.urlopen('http://127.0.0.1:' + sys.argv[1] + '/health')"
    by_command = {**WEB, "ready": {"run": ["python3", "-c", command, "{{ port }}"]}}
    code = """
leave("evidence/api", get("/cart", "api"))
leave("evidence/all", b"".join(get("/cart", name) for name in ("port", "command")))
leave("evidence/ports", json.dumps([each["port"] for each in services.values()]))
says("VAL-1", "pass", "evidence/all")
done()"""
    files = tried(world, code, {"api": api, "port": by_port, "command": by_command})
    ports = json.loads(files["files/evidence/ports"])
    assert len(set(ports)) == 3
    assert files["files/evidence/api"] == f"pears{ports[0]}"
    assert files["files/evidence/all"] == "2 apples2 apples"


IN_SOURCE, BY_MAKERS = "-".join(["mark", "source"]), "-".join(["mark", "makers"])  # nowhere in this file as they are
SOURCE = """
root = pathlib.Path({root!r})
words = {marks!r}
seen = {{}}

def tell(name, way):
    try:
        found = way()
    except (OSError, subprocess.SubprocessError) as error:
        found = str(error)
    seen[name] = str(found)

def all_below(*tops):
    found = []
    for top in tops:
        for folder, folders, names in os.walk(top):
            for name in names:
                try:
                    data = pathlib.Path(folder, name).read_bytes()
                except OSError:
                    continue
                found += [str(pathlib.Path(folder, name))] if any(word.encode() in data for word in words) else []
    return found

def run(*argv, **options):
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, **options).stdout

here = pathlib.Path.cwd()
tell("working folder", lambda: sorted(os.listdir(here)))
tell("checkout", lambda: sorted(os.listdir(root)))
tell("checkout's source", lambda: (root / "shop.py").read_text())
tell("git", lambda: run("git", "-C", str(root), "log", "-p") + run("git", "log", "-p"))
tell("git's folder", lambda: sorted(os.listdir(root / ".git")))
tell("queue", lambda: sorted(os.listdir(root / "queue")))
tell("artifacts", lambda: sorted(os.listdir(root / "artifacts")))
tell("contracts", lambda: sorted(os.listdir(root / "contracts")))
tell("cells", lambda: sorted(os.listdir(here.parent.parent)))
tell("anywhere", lambda: all_below(root, here.parent.parent, "/tmp", os.environ["HOME"], {cache!r}))
tell("processes", lambda: [each for each in os.listdir("/proc") if each.isdigit()
                           and b"shop.py\\0" in pathlib.Path("/proc", each, "cmdline").read_bytes()])
tell("roots of processes", lambda: [path for each in os.listdir("/proc") if each.isdigit() and each != "self"
                           for path in [f"/proc/{{each}}/root{root}/shop.py", f"/proc/{{each}}/cwd/shop.py"]
                           if os.path.exists(path)])
tell("kill", lambda: [os.kill(int(each), 0) for each in os.listdir("/proc") if each.isdigit()
                           and b"shop.py\\0" in pathlib.Path("/proc", each, "cmdline").read_bytes()])
leave("evidence/seen.json", json.dumps(seen))
says("VAL-1", "pass", "evidence/seen.json")
done()
"""


@needs_bubblewrap
def test_a_tester_finds_neither_source_nor_history_nor_what_the_makers_said(world: World) -> None:
    world.write("notes.md", BY_MAKERS)
    world.write("artifacts/shop.cart.txt", BY_MAKERS)
    world.write("shop.py", f"{SHOP}# {IN_SOURCE}\n")
    world.write("contracts/missions/shop/services.yaml", json.dumps({"services": {"web": WEB}}))
    world.commit(f"A shop, {BY_MAKERS}")
    cache = str(Path("~/.cache").expanduser())
    contract(world, SOURCE.format(root=str(world.root), cache=cache, marks=[IN_SOURCE, BY_MAKERS]))
    ask(world)
    world.tick()
    seen = json.loads(left(world)["files/evidence/seen.json"])
    assert {name: what for name, what in seen.items() if "No such file" not in what} == {
        "working folder": "[]",
        "checkout": "[]",
        "git": "",
        "cells": seen["cells"],
        "anywhere": "[]",
        "processes": "[]",
        "roots of processes": "[]",
        "kill": "[]",
    }
    assert seen["cells"].count("'") == 2, "its own alone"
    assert set(seen) >= {"checkout's source", "git's folder", "queue", "artifacts", "contracts"}


REACH = """
def reach(name, way):
    try:
        way()
    except OSError as error:
        said = "failed"
    else:
        said = "reached"
    leave("evidence/" + name, said)

reach("host", lambda: socket.create_connection(("127.0.0.1", {port}), 5))
reach("outside", lambda: socket.create_connection(({here!r}, {port}), 5))
reach("own", lambda: get("/cart"))
says("VAL-1", "pass", "evidence/own")
done()"""


@needs_bubblewrap
def test_a_tester_reaches_its_services_and_nothing_else_of_the_network(world: World) -> None:
    here = next(iter({each[4][0] for each in socket.getaddrinfo(socket.gethostname(), 0)}))
    with socket.create_server(("0.0.0.0", 0)) as host:
        files = tried(world, REACH.format(port=host.getsockname()[1], here=here))
    assert [files[f"files/evidence/{name}"] for name in ("own", "host", "outside")] == ["reached", "failed", "failed"]


@needs_bubblewrap
def test_what_a_service_does_is_bounded_as_well(world: World) -> None:
    command = "import socket, sys; socket.create_connection(('127.0.0.1', {}), 3)"
    with socket.create_server(("127.0.0.1", 0)) as host:
        reaching = {**WEB, "run": ["python3", "-c", command.format(host.getsockname()[1])]}
        files = tried(world, PASSES + "done()", {"web": reaching})
    assert "Connection refused" in files["services/web.log"]


def test_two_groups_have_ports_and_data_of_their_own_at_once(world: World) -> None:
    code = """
get("/seen")
leave("evidence/port", str(services["web"]["port"]))
leave("evidence/seen", get("/seen"))
says("VAL-1", "pass", "evidence/seen")
time.sleep(1.0)
leave("evidence/later", get("/seen"))
answering = []
for port in range(1024, 65536):
    with socket.socket() as each:
        if each.connect_ex(("127.0.0.1", port)) == 0 and each.getsockname() != each.getpeername():
            answering.append(port)
leave("evidence/answering", json.dumps(answering))
done()"""
    mission(world, {"web": WEB})
    contract(world, code)
    for area in ("cart", "till"):
        ask(world, f"shop.m1.testing.{area}")
    world.tick()
    found = [left(world, f"shop.m1.testing.{area}") for area in ("cart", "till")]
    assert [len(each["files/evidence/later"]) for each in found] == [4, 4], "one look for ready, and three of their own"
    assert len({each["files/evidence/port"] for each in found}) == 2
    for each in found if sandbox("auto").kind is Kind.BUBBLEWRAP else ():
        assert each["files/evidence/answering"] == f"[{each['files/evidence/port']}]", "its own, and nobody else's"
    began, ended = ([entry.at for entry in world.journal(f"shop.m1.testing.{a}")] for a in ("cart", "till"))
    assert began[0] <= ended[-1] and ended[0] <= began[-1]


DRIPS = """import socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
client, _ = server.accept()
client.sendall(b"HTTP/1.1 200 OK\\r\\nX: ")
while True:
    client.sendall(b"y")
    time.sleep(0.2)
"""


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"run": ["sh", "-c", "echo the till is stuck; exec sleep 60"], "seconds": 0.5}, "was not ready within 0.5 s"),
        ({"ready": {"http": "/nothing"}, "seconds": 4}, "/nothing answers with status 404"),
        ({"run": ["python3", "slow.py", "{{ port }}"], "seconds": 6}, "was not ready within 6 s: it does not come to"),
        ({"ready": {"run": ["false"]}, "seconds": 0.5}, "its command ended with exit status 1"),
        ({"run": ["sh", "-c", "echo the till is stuck; exit 4"]}, "ended with exit status 4 before it was ready"),
        ({"run": ["sh", "-c", "sleep 60 & exit 0"]}, "ended with exit status 0 before it was ready"),
        ({"run": ["no-such-program"]}, "cannot be started: 'no-such-program'"),
        ({"folder": "nowhere"}, "cannot be started: there is no folder 'nowhere'"),
    ],
)
def test_a_service_that_is_never_ready_fails_every_assertion_and_no_tester_is_started(
    world: World, changed: dict[str, object], why: str
) -> None:
    world.write("slow.py", DRIPS)
    mission(world, {"web": {**WEB, **changed}})
    contract(world, 'print("I was started")\n' + PASSES + "done()")
    ask(world, asked=("VAL-1", "VAL-2"))
    world.tick()
    files = left(world)
    for found in answers(files).values():
        assert found["state"] == "fail" and why in str(found["said"])
        assert found["evidence"] == ["evidence/web.log"]
    assert set(answers(files)) == {"VAL-1", "VAL-2"}
    assert why in files["files/evidence/web.log"]
    assert ("the till is stuck" in files["files/evidence/web.log"]) == ("stuck" in str(changed))
    assert "I was started" not in files["output.log"]
    listed = json.loads(files["manifest.json"])["files"]
    assert {listed[name]["by"] for name in ("result.json", "files/evidence/web.log")} == {"factory"}
    assert world.lane("shop.m1.testing") == "done"
    assert not alive(world)


def test_a_service_that_ends_while_it_is_tried_fails_every_assertion(world: World) -> None:
    dies = SHOP.replace('known = {"', 'self.path == "/cart" and os._exit(9)\n        known = {"')
    world.write("dies.py", dies)
    code = """says("VAL-1", "pass", leave("evidence/before.txt", get("/health")))
try:
    get("/cart")
except OSError:
    pass
time.sleep(60)
done()"""
    files = tried(world, code, {"web": {**WEB, "run": ["python3", "dies.py", "{{ port }}"]}})
    found = answers(files)["VAL-1"]
    assert found["state"] == "fail" and "ended with exit status 9 while it was tried" in str(found["said"])
    assert "GET /health" in files["files/evidence/web.log"] and "files/evidence/before.txt" not in files
    assert not alive(world)


DAEMON = """import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        sys.argv[0] = "shop.py"
        time.sleep(600)
    os._exit(0)
os.execvp("python3", ["python3", "shop.py", sys.argv[1]])
"""


def test_nothing_of_a_service_is_alive_afterwards_nor_what_it_or_the_tester_started(world: World) -> None:
    world.write("daemon.py", DAEMON)
    code = 'subprocess.Popen(["sleep", "613"], start_new_session=True)\n' + PASSES + "done()"
    tried(world, code, {"web": {**WEB, "run": ["python3", "daemon.py", "{{ port }}"]}})
    assert world.lane("shop.m1.testing") == "done"
    assert not alive(world)


@needs_bubblewrap
def test_a_killed_factory_leaves_neither_services_nor_a_tester(world: World) -> None:
    mission(world, {"web": WEB})
    contract(world, 'get("/cart")\nsubprocess.run(["sleep", "617"])')
    ask(world)
    factory = world.start("tick")
    wait_for(lambda: any(each.startswith("sleep 617") for each in alive(world)))
    assert any(" shop.py " in each for each in alive(world))
    factory.kill()
    factory.communicate()
    wait_for(lambda: not alive(world))


def test_a_deadline_ends_the_services_too(world: World) -> None:
    mission(world, {"web": WEB})
    contract(world, 'get("/cart")\ntime.sleep(60)', limits={"minutes": 0.05}, retry={"max_attempts": 1})
    ask(world)
    world.tick()
    assert world.last("shop.m1.testing").failure is FailureClass.TIMEOUT
    assert not alive(world)
    assert "the shop opens" in left(world)["services/web.log"]


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("done()", "VAL-1: was not answered"),
        ("", "result.json: is missing"),
        ('says("VAL-1", "pass")\ndone()', "VAL-1: pass counts only with a file below evidence/"),
        ('says("VAL-1", "pass", leave("cart.txt", "2 apples"))\ndone()', "VAL-1: its evidence cart.txt is not there"),
        ('says("VAL-1", "pass", leave("evidence/cart.txt", ""))\ndone()', "evidence/cart.txt is empty"),
        (PASSES + 'says("VAL-2", "pass", "evidence/cart.txt")\ndone()', "VAL-2: was answered and was not asked about"),
        (
            'os.makedirs(out / "evidence")\nos.symlink(os.environ["FACTORY_ITEM"], out / "evidence/item")\n'
            'says("VAL-1", "pass", "evidence/item")\ndone()',
            "evidence/item: is no plain file; VAL-1: its evidence evidence/item is not there",
        ),
        (
            'os.symlink("/etc", out / "evidence")\nsays("VAL-1", "pass", "evidence/hostname")\ndone()',
            "evidence: is no folder; VAL-1: its evidence evidence/hostname is not there",
        ),
        (PASSES + 'done(acceptance={"VAL-1": "pass"}, data=None)', "result.json: data: Input should be"),
    ],
)
def test_a_report_that_does_not_hold_is_a_breach_with_a_finding_each(world: World, code: str, what: str) -> None:
    tried(world, code)
    last = world.last("shop.m1.testing")
    assert (last.failure, world.lane("shop.m1.testing")) == (FailureClass.CONTRACT, "blocked")
    found = "; ".join(f"{each.path}: {each.text}" for each in last.findings)
    assert what in found


def test_evidence_of_an_earlier_run_is_none(world: World) -> None:
    code = """
if os.environ["FACTORY_RUN"] == "1":
    leave("evidence/cart.txt", get("/cart"))
else:
    says("VAL-1", "pass", "evidence/cart.txt")
done()"""
    mission(world, {"web": WEB})
    contract(world, code, rework={"max_rounds": 2})
    ask(world)
    world.tick(drain=True)
    files = world.artifacts("shop.m1.testing")
    assert files["run-1/files/evidence/cart.txt"] == "2 apples" and "run-2/files/evidence/cart.txt" not in files
    assert [each.text for each in world.last("shop.m1.testing").findings] == [
        "its evidence evidence/cart.txt is not there"
    ]


def test_what_a_tester_writes_in_its_folder_changes_nothing(world: World) -> None:
    tried(world, 'pathlib.Path("shop.py").write_text("broken")\n' + PASSES + "done()")
    assert world.lane("shop.m1.testing") == "done"
    assert world.read("shop.py") == SHOP and left(world)["patch.diff"] == ""


def test_a_secret_in_evidence_is_a_breach(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", "a-very-long-word-of-the-shop")
    mission(world, {"web": WEB})
    code = TRY + 'says("VAL-1", "pass", leave("evidence/key.txt", "it is " + os.environ["SHOP_KEY"]))\ndone()'
    contract(world, "", worker={"run": ["python3", "-c", code], "secrets": ["SHOP_KEY"]})
    ask(world)
    world.tick()
    assert world.last("shop.m1.testing").failure is FailureClass.CONTRACT
    assert left(world)["files/evidence/key.txt"] == "it is [masked SHOP_KEY]"


def test_without_services_a_tester_still_sees_no_source(world: World) -> None:
    mission(world, {})
    contract(world, 'says("VAL-1", "blocked", leave("evidence/here", json.dumps([os.listdir("."), services])))\ndone()')
    ask(world)
    world.tick()
    assert left(world)["files/evidence/here"] == "[[], {}]"


def test_without_bubblewrap_services_are_on_this_machine_and_the_tester_has_no_source_in_its_folder(
    world: World,
) -> None:
    world.policy("sandbox: off\n")
    code = 'leave("evidence/here", json.dumps([os.listdir("."), services["web"]["port"]]))\n' + PASSES + "done()"
    files = tried(world, code)
    assert answers(files)["VAL-1"]["state"] == "pass"
    assert json.loads(files["files/evidence/here"])[0] == []
    (contained,) = [each.sandbox for each in world.journal("shop.m1.testing") if each.sandbox]
    assert "the policy says sandbox: off" in contained
    assert not alive(world)


# Where it begins, another program takes its port, for as long as it is told to; then it opens as the shop does.
_TOO_LATE = """import pathlib, subprocess, sys, time
begun = pathlib.Path({begun!r})
begun.write_text(begun.read_text() + sys.argv[1] + " " if begun.exists() else sys.argv[1] + " ")
if len(begun.read_text().split()) <= {times}:
    holds = "it = socket.create_server(('127.0.0.1', int(sys.argv[1]))); print(flush=True); time.sleep(60)"
    holds = "import socket, sys, time; " + holds
    other = subprocess.Popen([sys.executable, "-c", holds, sys.argv[1]], start_new_session=True, stdout=subprocess.PIPE)
    other.stdout.readline()
    sys.exit("the address is in use")
exec(pathlib.Path("shop.py").read_text())
"""


@pytest.mark.parametrize(("times", "state"), [(2, "pass"), (9, "fail")])
def test_where_another_program_takes_a_services_port_it_gets_another_one_a_few_times(
    world: World, tmp_path: Path, times: int, state: str
) -> None:
    world.policy("sandbox: off\n")  # with bubblewrap there is nobody else in its network
    begun = tmp_path / "begun"
    world.write("late.py", _TOO_LATE.format(begun=str(begun), times=times))
    files = tried(world, PASSES + "done()", {"web": {**WEB, "run": ["python3", "late.py", "{{ port }}"]}})
    ports = begun.read_text().split()
    assert len(ports) == len(set(ports)) == 3
    found = answers(files)["VAL-1"]
    assert found["state"] == state
    assert state == "pass" or "the service web ended with exit status 1 before it was ready" in str(found["said"])
    assert not alive(world)


def test_without_bubblewrap_a_service_that_ends_fails_every_assertion_too(world: World) -> None:
    world.policy("sandbox: off\n")
    dies = {**WEB, "run": ["sh", "-c", 'python3 shop.py "$0" & sleep 2; exit 9', "{{ port }}"]}
    files = tried(world, 'get("/health")\ntime.sleep(60)', {"web": dies})
    assert "ended with exit status 9 while it was tried" in str(answers(files)["VAL-1"]["said"])
    assert not alive(world)


@needs_bubblewrap
def test_a_network_of_hosts_is_the_testers_too(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as host:
        port = host.getsockname()[1]
        mission(world, {"web": WEB})
        worker = {"run": ["python3", "-c", TRY + REACH.format(port=port, here="127.0.0.2")]}
        contract(world, "", worker={**worker, "sandbox": {"network": [f"127.0.0.1:{port}"]}})
        ask(world)
        world.tick()
    files = left(world)
    assert [files[f"files/evidence/{name}"] for name in ("own", "host", "outside")] == ["reached", "reached", "failed"]


def test_a_factory_that_is_stopped_takes_services_and_tester_along(world: World) -> None:
    mission(world, {"web": WEB})
    contract(world, 'get("/cart")\nsubprocess.run(["sleep", "617"])')
    ask(world)
    factory = world.start("tick")
    wait_for(lambda: any(each.startswith("sleep 617") for each in alive(world)))
    factory.send_signal(signal.SIGINT)
    factory.communicate()
    assert not alive(world)
    assert world.lane("shop.m1.testing") == "inbox", "to be tried again, at no cost"


def test_without_bubblewrap_the_next_pass_ends_what_a_killed_factory_left(world: World) -> None:
    world.policy("sandbox: off\n")
    mission(world, {"web": WEB})
    contract(world, 'if os.environ["FACTORY_RUN"] == "1":\n    subprocess.run(["sleep", "617"])\n' + PASSES + "done()")
    ask(world)
    factory = world.start("tick")
    wait_for(lambda: any(each.startswith("sleep 617") for each in alive(world)))
    factory.kill()
    factory.communicate()
    world.tick()
    assert not alive(world)


def test_what_a_service_writes_counts_as_the_runs(world: World) -> None:
    fills = 'while head -c 900000 /dev/zero > "$HOME/$((i+=1))"; do sleep 0.01; done & exec python3 shop.py "$0"'
    mission(world, {"web": {**WEB, "run": ["sh", "-c", fills, "{{ port }}"]}})
    contract(world, "time.sleep(60)", limits={"disk_mb": 5})
    ask(world)
    world.tick()
    last = world.last("shop.m1.testing")
    assert last.failure is FailureClass.CONTRACT and "MB written; the contract allows 5" in str(last.reason)
    assert not alive(world)


def test_of_a_log_without_end_the_beginning_is_kept(world: World) -> None:
    floods = 'echo the first line; (yes | head -c 3000000) & exec python3 shop.py "$0"'
    mission(world, {"web": {**WEB, "run": ["sh", "-c", floods, "{{ port }}"]}})
    contract(world, "time.sleep(1)\n" + PASSES + "done()", limits={"output_mb": 1})
    ask(world)
    world.tick()
    log = left(world)["services/web.log"]
    assert log.startswith("the first line\ny\n") and len(log) < 300_000
    assert "[cut here: more output than the contract allows]" in log


def test_services_that_cannot_be_read_are_told_with_their_line_and_hold_up_nobody_else(world: World) -> None:
    mission(world, {"web": {**WEB, "port": 80}})
    contract(world, PASSES + "done()")
    ask(world)
    world.item("other")
    said = world.command("tick", status=None)
    assert world.lane("other") == "done"
    assert "contracts/missions/shop/services.yaml:1:" in said + str(world.last("shop.m1.testing").reason)


def test_services_whose_argv_is_no_template_are_told_to_a_person(world: World) -> None:
    tried(world, PASSES + "done()", {"web": {**WEB, "run": ["python3", "shop.py", "{{ prt }}"]}})
    last = world.last("shop.m1.testing")
    assert (last.failure, world.lane("shop.m1.testing")) == (FailureClass.CONFIG, "blocked")
    assert "services.web.run[2]" in str(last.reason)
