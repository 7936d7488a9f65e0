"""Hostile workers that go for the machine, for the network, for secrets, and for whoever comes after them."""

import base64
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from time import sleep

import pytest

from factory.model.failure import FailureClass
from tests.hostile import WORK, Scene, needs_bubblewrap, python, reachable
from tests.witness import commands_with
from tests.world import World

FAILED_SOON = {"limits": {"minutes": 0.02}}
TOKEN = "s3cr3t-Value/of+the=worker"
KEY = "AKIA" + "QYLPMN5HHHFPZAM2"
GITHUB = "ghp_" + "x7Rz" * 9
DAEMON = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve('/bin/sleep', ['sleep', '{seconds}'], {{}})
    os._exit(0)
time.sleep(0.3)
open('fine.txt', 'w').write('fine')
"""


# Scripts, the limits they run under, and how each ends.
ENDINGS: dict[str, tuple[str | list[str], dict[str, object], str, FailureClass, str]] = {
    "does nothing": ("true", {}, "rework", FailureClass.EMPTY, "nothing was changed"),
    "sleeps for ever": ("echo x; sleep 61.1", {"stall_minutes": 0.01}, "inbox", FailureClass.STALL, "sign of life"),
    "is silent at first": ("sleep 61.2", {"startup_minutes": 0.01}, "inbox", FailureClass.STALL, "sign of life"),
    "ignores the end": (
        "trap '' TERM INT HUP; while :; do sleep 0.1; echo x; done",
        {"minutes": 0.02},
        "inbox",
        FailureClass.TIMEOUT,
        "stopped after 0.02 minutes",
    ),
    "says ok and exits 1": (
        f'{WORK}; echo \'{{"status": "ok"}}\' > $FACTORY_OUT/result.json; exit 1',
        {},
        "inbox",
        FailureClass.CRASH,
        "exit status 1",
    ),
    "paints on the terminal": (
        "printf '\\033[2J\\033]0;owned\\007'; exit 3",
        {},
        "inbox",
        FailureClass.CRASH,
        "exit status 3: \ufffd[2J",
    ),
    "fills the disk with one file": (
        "exec head -c 20000000 /dev/zero > big",
        {"disk_mb": 5},
        "rework",
        FailureClass.CONTRACT,
        "a file of more than the 5 MB",
    ),
    "fills the disk with many files": (
        "i=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > $i.bin; sleep 0.01; done",
        {"disk_mb": 5},
        "rework",
        FailureClass.CONTRACT,
        "MB written; the contract allows 5",
    ),
    "fills the disk with files that have no name": (
        python(
            "for n in range(4):\n    f = os.open(str(n), os.O_RDWR | os.O_CREAT)\n    os.unlink(str(n))\n"
            "    os.write(f, os.urandom(4_000_000))\ntime.sleep(60)"
        ),
        {"disk_mb": 5},
        "rework",
        FailureClass.CONTRACT,
        "MB written; the contract allows 5",
    ),
    "fills the disk with files that are only in its memory": (
        python(
            "import mmap\nkept = []\nfor n in range(4):\n    f = os.open(str(n), os.O_RDWR | os.O_CREAT)\n"
            "    os.unlink(str(n))\n    os.write(f, os.urandom(4_000_000))\n"
            "    kept.append(mmap.mmap(f, 4_000_000))\n    os.close(f)\ntime.sleep(60)"
        ),
        {"disk_mb": 5},
        "rework",
        FailureClass.CONTRACT,
        "MB written; the contract allows 5",
    ),
    "fills the disk with nothing but names": (
        "i=0; while [ $i -lt 9000 ]; do i=$((i+1)); : > $i; done; sleep 60",
        {"disk_mb": 5},
        "rework",
        FailureClass.CONTRACT,
        "MB written; the contract allows 5",
    ),
    "hides what it writes below a very long path": (
        python(
            "for n in range(20): os.mkdir('n' * 250); os.chdir('n' * 250)\n"
            "for n in range(4): open(str(n), 'wb').write(os.urandom(4_000_000))\ntime.sleep(60)"
        ),
        {"disk_mb": 5},
        "rework",
        FailureClass.CONTRACT,
        "folders too deep for what is written there to be measured",
    ),
    "hides what it writes in a closed folder": (
        "mkdir d; chmod 300 d; for i in 1 2 3 4; do head -c 4000000 /dev/urandom > d/$i; done; chmod 0 d; sleep 60",
        {"disk_mb": 5},
        "rework",
        FailureClass.CONTRACT,
        "MB written; the contract allows 5",
    ),
    "takes memory as files": (
        python("f = os.memfd_create('x')\nfor n in range(20): os.write(f, b'x' * 5_000_000)\ntime.sleep(60)"),
        {"memory_mb": 90},
        "rework",
        FailureClass.CONTRACT,
        "MB of memory; the contract allows 90",
    ),
    "takes memory that a child holds for it": (
        python(
            "f = os.memfd_create('x')\nfor n in range(20): os.write(f, b'x' * 5_000_000)\n"
            "if os.fork(): os.close(f)\ntime.sleep(60)"
        ),
        {"memory_mb": 90},
        "rework",
        FailureClass.CONTRACT,
        "MB of memory; the contract allows 90",
    ),
    "forks and forks": (
        python("for n in range(60):\n    if os.fork() == 0: time.sleep(60)\ntime.sleep(60)"),
        {"processes": 30},
        "rework",
        FailureClass.CONTRACT,
        "processes at once; the contract allows 30",
    ),
    "takes memory": (
        python("for n in range(6):\n    if os.fork() == 0: x = b'x' * 50_000_000; time.sleep(60)\ntime.sleep(60)"),
        {"memory_mb": 200},
        "rework",
        FailureClass.CONTRACT,
        "MB of memory; the contract allows 200",
    ),
    "takes memory behind a flood": (
        python(
            "subprocess.Popen(['yes', 'x' * 500])\n"
            "for n in range(6):\n    if os.fork() == 0: x = b'x' * 50_000_000; time.sleep(60)\ntime.sleep(60)"
        ),
        {"memory_mb": 200},
        "rework",
        FailureClass.CONTRACT,
        "MB of memory; the contract allows 200",
    ),
}


@pytest.mark.parametrize("what", ENDINGS)
def test_every_bad_end_costs_what_is_documented(scene: Scene, what: str) -> None:
    script, limits, lane, failure, says = ENDINGS[what]
    scene.bad(script, limits={"minutes": 0.5, **limits})
    scene.run()
    scene.assert_ended(lane, failure, says)
    scene.assert_unharmed()
    scene.world.until(lambda: not any(commands_with(seconds) for seconds in ("61.1", "61.2") if seconds in script))


@needs_bubblewrap
@pytest.mark.parametrize("place", ["/dev/shm", "/tmp", "/var/tmp", "$HOME"])
def test_there_is_no_place_where_what_is_written_does_not_count(scene: Scene, place: str) -> None:
    fill = f"for i in 1 2 3 4 5 6; do head -c 2000000 /dev/zero > {place}/$i; done; sleep 60"
    scene.bad(fill, limits={"minutes": 0.5, "disk_mb": 5})
    scene.run()
    scene.assert_ended("rework", FailureClass.CONTRACT, " MB written")  # as many as there were when it was looked
    scene.assert_unharmed()


@needs_bubblewrap
def test_nothing_lies_in_memory_that_could_be_written(scene: Scene) -> None:
    places = "@repo@/queue @repo@/artifacts @repo@/.git/factory @home@/.ssh @cache@ /run /dev"
    scene.bad(f"for p in {places}; do echo x > $p/owned && echo wrote $p; done; echo x > /dev/null; {WORK}")
    scene.run()
    scene.assert_ended("done")
    assert "wrote" not in scene.log()
    scene.assert_unharmed("fine.txt")


@needs_bubblewrap
@pytest.mark.parametrize("kill", ["kill -9 0", "kill -9 $PPID", "kill -9 -1", "kill -9 1"])
def test_whoever_kills_all_around_kills_only_himself(scene: Scene, kill: str) -> None:
    scene.bad(f"{kill}; exit 9")
    scene.run()
    scene.assert_ended("inbox", FailureClass.CRASH)
    scene.assert_unharmed()


@needs_bubblewrap
@pytest.mark.parametrize("says", ["bwrap: no", "bwrap: Can't find source path /nowhere: No such file or directory"])
def test_who_speaks_like_the_sandbox_is_begun_once(scene: Scene, says: str) -> None:
    scene.bad(
        python(f"print(\"{says}\")\nopen(out + '/n', 'a').write('x')\nprint(open(out + '/n').read())\nsys.exit(1)")
    )
    scene.run()
    scene.assert_ended("inbox", FailureClass.CRASH, "exit status 1: x")
    assert scene.log().splitlines() == [says, "x"]
    scene.assert_unharmed()


@needs_bubblewrap
def test_a_daemon_without_parent_session_and_environment_is_ended(scene: Scene) -> None:
    scene.bad(python(DAEMON.format(seconds="3141.5")))
    scene.run()
    scene.assert_ended("done")
    scene.world.until(lambda: commands_with("3141.5") == [])
    scene.assert_unharmed("fine.txt")


def test_with_the_sandbox_off_children_are_ended_all_the_same(scene: Scene) -> None:
    scene.world.policy("sandbox: off")
    scene.bad(python(DAEMON.format(seconds="3141.6")))
    scene.run()
    scene.assert_ended("done")
    scene.world.until(lambda: commands_with("3141.6") == [])
    assert "sandbox: off" in str(scene.world.journal("bad")[2].sandbox)
    scene.assert_unharmed("fine.txt")


def test_a_flood_of_output_is_cut_and_fills_no_memory(scene: Scene) -> None:
    scene.bad(f"head -c 200000000 /dev/zero | tr '\\0' x; {WORK}", limits={"minutes": 1, "output_mb": 1})
    scene.run()
    scene.assert_ended("done")
    assert "cut here" in scene.log()
    assert len(scene.log()) < 300_000
    scene.assert_unharmed("fine.txt")


def _serve(listening: socket.socket) -> None:
    with suppress(OSError):
        while True:
            listening.accept()[0].close()


@needs_bubblewrap
@pytest.mark.parametrize("network", [False, True])
def test_the_network_is_reached_only_by_those_who_may(scene: Scene, network: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        code = f"socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)\nopen('fine.txt', 'w').write('')"
        scene.bad(python(code), worker={"sandbox": {"network": network}})
        scene.run()
        server.shutdown(socket.SHUT_RDWR)
    scene.assert_ended(*(("done",) if network else ("inbox", FailureClass.CRASH)))
    scene.assert_unharmed("fine.txt")


@needs_bubblewrap
def test_no_service_of_the_machine_answers_at_its_socket(scene: Scene) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, ExitStack() as opened:
        for place in (scene.place / "home", scene.place / "repo/.git", Path(folder)):
            listening = opened.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(str(place / "socket"))
            listening.listen()
        tries = "for p in ('@home@', '@repo@/.git', '" + folder + "'):\n    s = socket.socket(socket.AF_UNIX)\n"
        tries += (
            "    try: s.connect(p + '/socket')\n    except OSError as error: print(error)\n    else: print('connected')"
        )
        scene.bad(python(tries))
        scene.run()
    scene.assert_ended("rework", FailureClass.EMPTY)
    assert "connected" not in scene.log()
    assert scene.log().count("[Errno") == 3
    (scene.place / "home/socket").unlink()
    (scene.place / "repo/.git/socket").unlink()
    scene.assert_unharmed()


@needs_bubblewrap
def test_no_service_answers_that_begins_to_listen_meanwhile(scene: Scene) -> None:
    # given services that begin once the worker works, and one that begins again at the place of another
    places = [scene.place / "home/a", scene.place / "home/again", scene.place / "repo/.git/b"]
    with ExitStack() as opened:

        def listen(place: Path) -> None:
            place.unlink(missing_ok=True)
            listening = opened.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(str(place))
            listening.listen()

        def begin() -> None:
            scene.world.until(lambda: any(scene.world.root.glob("queue/active/bad.yaml")))
            sleep(0.7)
            for place in places:
                listen(place)

        listen(places[1])
        services = threading.Thread(target=begin)
        tries = "git = subprocess.check_output(['git', 'rev-parse', '--git-common-dir'], text=True).strip()\n"
        tries += f"time.sleep(3)\nfor p in {[str(place) for place in places[:2]]} + [git + '/b']:\n"
        tries += "    s = socket.socket(socket.AF_UNIX)\n    try: s.connect(p)\n"
        tries += "    except OSError as error: print(error)\n    else: print('connected')"
        scene.bad(python(tries))
        services.start()
        scene.run()
        services.join()
    assert scene.log().count("[Errno 111]") == 3, scene.log()


def test_a_variable_that_was_not_let_through_is_not_there(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", TOKEN)
    monkeypatch.setenv("OTHER", "may be seen")
    scene.bad(f"env; cat /proc/*/environ | tr '\\0' '\\n'; {WORK}", worker={"env": ["OTHER"]})
    scene.run()
    scene.assert_ended("done")
    assert "may be seen" in scene.log()
    assert "AWS_SECRET_ACCESS_KEY" not in scene.log() or needs_bubblewrap.args[0]
    scene.assert_unharmed("fine.txt")


LEAKS = {
    "a changed file": 'echo "key = $TOKEN" > a.txt',
    "a produced file": f"{WORK}; echo $TOKEN > $FACTORY_OUT/notes.md",
    "the output": f"{WORK}; echo $TOKEN; echo $TOKEN >&2",
    "base64": f"{WORK}; for n in '' a: user:; do printf '%s' $n$TOKEN | base64 -w0; echo; done",
    "base64 in a file": "printf 'Basic user:%s' $TOKEN | base64 -w0 > a.txt",
    "hexadecimal": f"{WORK}; printf %s $TOKEN | od -An -tx1 | tr -d ' \\n'",
    "the summary": f'{WORK}; printf \'{{"status": "ok", "summary": "%s"}}\' $TOKEN > $FACTORY_OUT/result.json',
    "a question": 'printf \'{"status": "blocked", "question": "%s?"}\' $TOKEN > $FACTORY_OUT/result.json',
    "a broken result": "printf '{\"%s' $TOKEN > $FACTORY_OUT/result.json",
    "the last line of a crash": "echo $TOKEN; exit 1",
    "a file name": "echo x > $(printf %s $TOKEN | tr / _)",
    "a file name that is not allowed": "mkdir no; echo x > no/$(printf %s $TOKEN | tr / _)",
    "a check": "printf 'echo %s; exit 1' $(printf %s $TOKEN | base64 | rev) > a.txt",
}


@pytest.mark.parametrize("what", LEAKS)
def test_a_secret_comes_into_no_object_of_the_history(scene: Scene, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    token = TOKEN.replace("/", "_") if "name" in what else TOKEN
    monkeypatch.setenv("TOKEN", token)
    produces = {"files": [{"path": "notes.md", "required": False}], "patch": {"paths": ["*"]}}
    check = {"name": "speaks", "run": ["sh", "-c", "rev a.txt 2>/dev/null | head -1; true"]}
    scene.bad(LEAKS[what], worker={"secrets": ["TOKEN"]}, produces=produces, checks=[check])
    scene.run()
    written = reachable(scene.world)
    for start in range(3):
        inner = base64.b64encode(b"x" * start + token.encode())[4:-4]
        assert inner not in written
    assert token.encode() not in written
    assert token.encode().hex().encode() not in written
    told = scene.world.git("log", "-p", "--all") + scene.world.command("status") + scene.world.command("show", "bad")
    assert token not in told
    if what in ("a changed file", "a produced file", "the summary", "base64 in a file", "a file name"):
        scene.assert_ended("rework", FailureClass.CONTRACT, "secret")
    scene.assert_unharmed("fine.txt", "a.txt")


LONG = "sk-verysecret-0123456789-" + "abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ/" * 2 + "end"
CUT_LEAKS = {
    "a word that is none": 'echo "{\\"status\\": \\"$TOKEN\\"}" > $FACTORY_OUT/result.json',
    "a key that is none": 'echo "{\\"$TOKEN\\": 1}" > $FACTORY_OUT/result.json',
    "a result that is too long": 'printf "%0262100d%s" 0 "$TOKEN" > $FACTORY_OUT/result.json',
    "the end of a last line": 'printf "%0170d%s\\n" 0 "error: bad key $TOKEN"; exit 77',
    "more output than there may be": 'head -c 999980 /dev/zero | tr "\\0" x; printf %s "$TOKEN"; exit 1',
    "base64 in lines": f"{WORK}; echo $TOKEN | base64",
    "hexadecimal in lines": f"{WORK}; echo $TOKEN | od -An -tx1",
    "escaped slashes": f"{WORK}; printf %s $TOKEN | sed 's,/,\\\\/,g'",
    "a url": f"{WORK}; printf %s $TOKEN | sed 's,/,%2f,g'",
    "base64 in lines of a file": "echo $TOKEN | base64 > a.txt",
}


@pytest.mark.parametrize("what", CUT_LEAKS)
def test_no_part_of_a_secret_comes_into_the_history(scene: Scene, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", LONG)
    scene.bad(
        CUT_LEAKS[what], worker={"secrets": ["TOKEN"]}, produces={"patch": {"paths": ["*"]}}, limits={"output_mb": 1}
    )
    scene.run()
    artifacts = "".join(scene.world.artifacts("bad").values())
    told = scene.world.git("log", "--format=%B") + artifacts + scene.world.command("status")
    bare = "".join(told.split())
    encoded = base64.b64encode(LONG.encode()).decode()
    for whole in (LONG, LONG.replace("/", "\\/"), LONG.replace("/", "%2f"), encoded, LONG.encode().hex()):
        assert not [at for at in range(len(whole) - 14) if whole[at : at + 14] in bare]
    assert "[masked TOKEN]" in told or "in a file" in what or "of a file" in what


@pytest.mark.parametrize(
    ("secret", "kind"),
    [(KEY, "AWS"), (GITHUB, "GitHub"), ("-----BEGIN RSA PRIVATE KEY-----", "Private Key")],
)
def test_what_looks_like_a_secret_is_found_in_files_and_masked_in_logs(scene: Scene, secret: str, kind: str) -> None:
    scene.bad(f"echo '{secret}'; printf 'one\\nkey = {secret}\\n' > a.txt")
    scene.run()
    scene.assert_ended("rework", FailureClass.CONTRACT, "a.txt: line 2 holds what looks like a secret", kind)
    assert secret not in scene.log()
    artifacts = scene.world.artifacts("bad")
    assert all(secret not in text for text in artifacts.values())
    scene.assert_unharmed()


def test_a_key_at_the_end_of_a_very_long_log_is_masked(scene: Scene) -> None:
    parts = f"echo; printf {KEY[:4]}; echo {KEY[4:]}"  # the contract shall not hold it
    scene.bad(f"yes 0123456789012345678901234567890123456789 | head -c 7000000; {parts}; {WORK}")
    scene.run()
    scene.assert_ended("done")
    assert "[masked AWS" in scene.log()
    assert KEY.encode() not in reachable(scene.world)


RESULTS = {
    "no JSON": ("print('not JSON', file=r)", "is not JSON"),
    "50 MB": ('r.write(\'{"status": "ok", "summary": "\' + \'x\' * 50_000_000 + \'"}\')', "bytes long; at most"),
    "too deep": ("r.write('{\"status\": \"ok\", \"data\": ' + '[' * 50_000 + ']' * 50_000 + '}')", "result.json"),
    "one key twice": ('r.write(\'{"status": "blocked", "status": "ok"}\')', "stands here twice"),
    "no number": ('r.write(\'{"status": "ok", "confidence": NaN}\')', "NaN"),
    "an infinite number": ('r.write(\'{"status": "ok", "usage": {"usd": 1e999}}\')', "result.json"),
    "half a character": ('r.write(\'{"status": "ok", "summary": "\\\\ud800"}\')', "result.json"),
    "a failure of the factory's own": (
        'r.write(\'{"status": "failed", "failure": "conflict"}\')',
        "what the factory itself finds",
    ),
}


@pytest.mark.parametrize("what", RESULTS)
def test_a_result_that_is_nonsense_costs_a_round(scene: Scene, what: str) -> None:
    code, says = RESULTS[what]
    scene.bad(python(f"open('fine.txt', 'w').write('')\nr = open(out + '/result.json', 'w')\n{code}"))
    scene.run()
    scene.assert_ended("rework", FailureClass.CONTRACT, says)
    scene.assert_unharmed()


@pytest.mark.parametrize("kind", ["ln -s @home@/.ssh/id_ed25519", "mkfifo", "mkdir"])
def test_what_is_no_plain_file_is_not_taken_for_one(scene: Scene, kind: str) -> None:
    produces = {"files": [{"path": "notes.md"}, {"path": "sub/notes.md"}]}
    links = "ln -s @home@/.ssh $FACTORY_OUT/sub; ln -s id_ed25519 @home@/.ssh/notes.md 2>&1; true"
    scene.bad(f"{WORK}; {kind} $FACTORY_OUT/notes.md; {kind} $FACTORY_OUT/result.json; {links}", produces=produces)
    scene.run()
    scene.assert_ended("rework", FailureClass.CONTRACT, "is missing in $FACTORY_OUT")
    assert b"the private key of Ann" not in reachable(scene.world)


REMAINS = {
    "a FIFO": "mkfifo p tests/p",
    "a socket": "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('s')\"",
    "closed folders": "mkdir -p x/y; echo 1 > x/y/z; chmod 000 x/y x; chmod 000 $HOME $TMPDIR; mkdir $FACTORY_OUT/a; "
    "chmod 000 $FACTORY_OUT/a",
    "closed folders of the project": "chmod 000 tests",
    "folders that cannot be written": "chmod 555 tests contracts .",
    "a repository": "git init -q tests/sub; git init -q sub",
    "a folder in a file's place": "rm program.py; mkdir -p program.py/x; echo x > program.py/x/y",
    "a link in a folder's place": "rm -r tests; ln -s @repo@/tests tests",
    "locks of git": "touch $(git rev-parse --git-dir)/index.lock; touch index.lock .git.lock",
    "another .git": "rm -rf .git; mkdir .git; printf '[core]\\nfsmonitor = touch @elsewhere@/owned\\n' > .git/config",
    "programs for those who follow": "mkdir -p $HOME/.config; echo 'import os; os._exit(7)' | tee sitecustomize.py "
    "usercustomize.py conftest.py $HOME/x.py; echo 'exit 7' > $HOME/.profile; echo '*' > .gitignore",
}


@pytest.mark.parametrize("what", REMAINS)
def test_the_next_one_finds_a_clean_cell(scene: Scene, what: str) -> None:
    # given a hostile worker, and after it a good one in the same cell
    scene.world.policy("agent: {max_concurrent_agents: 1}")
    look = "find . -mindepth 1 -not -path './.git*' | sort; cat program.py tests/*; ls -A $HOME $TMPDIR $FACTORY_OUT"
    check = {"name": "clean", "run": ["sh", "-c", "git status --porcelain --ignored > $TMPDIR/s; ! grep . $TMPDIR/s"]}
    scene.world.contract("good", worker={"run": ["sh", "-c", f"({look}; pwd) 2>&1; {WORK}"]}, checks=[check])
    scene.bad(f"pwd; {REMAINS[what]}; exit 1")
    files = scene.world.git("ls-tree", "-rt", "--name-only", "main").split("\n")
    scene.world.write("queue/inbox/good.yaml", "title: good\ncontract: good\n")
    scene.run(drain=True)
    # then that one is not charged for it, and sees what was committed
    assert scene.world.events("good") == ["submit", "start", "deliver", "finish"]
    log = scene.world.artifacts("good")["run-1/output.log"]
    listed = [line for line in log.split("\n") if line.startswith("./")]
    assert listed == sorted(f"./{path}" for path in files if not path.startswith(("queue", "artifacts")))
    assert "print('hello')" in log
    assert "denied" not in log
    scene.assert_unharmed("fine.txt")


@needs_bubblewrap
def test_a_check_is_contained_as_the_worker_is(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        port = server.getsockname()[1]
        test = "git update-ref refs/heads/main HEAD~1; touch @elsewhere@/owned; sleep 3141.7 & setsid sleep 3141.7 &\n"
        test += f"python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 5)' && echo reached\n"
        test += "ls @repo@/queue/inbox @home@/.ssh; true\n"
        scene.bad(f"cat > test.sh <<'END'\n{test}END\n", checks=[{"name": "proposed", "run": ["sh", "test.sh"]}])
        scene.run()
        server.shutdown(socket.SHUT_RDWR)
    scene.assert_ended("review")  # what the worker wrote there is what judges it
    log = next(text for path, text in scene.world.artifacts("bad").items() if path.endswith("proposed.log"))
    assert "reached" not in log
    assert "id_ed25519" not in log
    scene.world.until(lambda: commands_with("3141.7") == [])
    scene.assert_unharmed("test.sh")


def test_no_check_sees_what_another_one_left(scene: Scene) -> None:
    leave = "echo 'import os; os._exit(7)' > sitecustomize.py; echo x > program.py; mkdir -p $HOME/x; exit 0"
    look = "test ! -e sitecustomize.py && test ! -e $HOME/x && grep hello program.py && test -e fine.txt"
    checks = [{"name": "first", "run": ["sh", "-c", leave]}, {"name": "second", "run": ["sh", "-c", look]}]
    scene.bad(WORK, checks=checks)
    scene.run()
    scene.assert_ended("done")
    scene.assert_unharmed("fine.txt")


def test_nothing_starts_where_the_required_sandbox_is_missing(scene: Scene, tmp_path: Path) -> None:
    world = scene.world
    world.policy("sandbox: required")
    scene.bad(WORK)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "sh", "rm", "chmod", "unshare", "prlimit", "true"):
        found = shutil.which(name)
        if found:
            (programs / name).symlink_to(found)
    env = {**os.environ, "PATH": str(programs)}

    def factory(*arguments: str) -> str:
        argv = (sys.executable, "-m", "factory", *arguments)
        done = subprocess.run(argv, cwd=world.root, env=env, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    said = factory("tick")
    assert not (world.root / "fine.txt").exists()
    assert "sandbox: required" in said + factory("status")
    assert "bubblewrap is not installed" in factory("status") + factory("show", "bad")
    assert world.lane("bad") in ("inbox", "blocked")


def test_the_factory_is_still_well_after_all_this(world: World) -> None:
    world.item("one")
    world.tick()
    assert world.lane("one") == "done"
