"""The probe of the doctor: each agent is asked for one word where it would work, and nothing of that is left behind."""

import json
import shlex
import signal
import sys
from pathlib import Path

import pytest

from factory.line.lock import locked
from factory.store.system import MACHINE
from tests.test_agent_programs import ENDED
from tests.test_agent_programs import stand_in as any_stand_in
from tests.test_agent_streams import Case
from tests.witness import commands_with
from tests.world import World

_RECORDED = Path(__file__).parent / "fixtures/agent_cli"
_HERE = Path(__file__).parent
_SAYS = """printf '{"type": "result", "subtype": "success", "is_error": false, "result": "%s"}\\n' "$(SAID)" """


def agents(world: World, more: str = "", **named: dict[str, object]) -> None:
    """WORKFLOW.md with these agents, which no contract needs to name."""
    world.policy(f"agents: {json.dumps(named)}\n{more}")


def stand_in(
    place: Path, monkeypatch: pytest.MonkeyPatch, agent: str, printed: bytes, status: int, work: str = ":"
) -> None:
    """A program that does nothing of it where only its version is asked for."""
    place.mkdir(exist_ok=True)
    any_stand_in(place / agent, monkeypatch, agent, printed, status, f'[ "$1" = --version ] && exit\n{work}')


def says(command: str) -> str:
    """What a stand-in for claude does to answer with what a shell command prints."""
    return _SAYS.replace("SAID", command)


def left(world: World) -> tuple[object, ...]:
    """What a probe might leave in a repository."""
    state = world.root / ".git/factory"
    kept = [place.name for name in ("cells", "sessions", "heartbeats") for place in (state / name).glob("*")]
    return world.git("worktree", "list"), world.git("for-each-ref"), world.status(), kept


@pytest.mark.parametrize("kind", ["claude", "codex", "opencode"])
def test_an_agent_that_comes_to_its_end_is_well(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    stand_in(tmp_path / "bin", monkeypatch, kind, (_RECORDED / f"{kind}.ok.out").read_bytes(), 0, "echo x > a.txt")
    agents(world, it={"kind": kind})
    before = left(world)
    told = world.command("doctor", "--probe")
    assert f"ok    agent it: {kind} " in told and " s: All done.\n" in told
    assert left(world) == before
    assert not (world.root / "a.txt").exists()


def test_one_that_speaks_the_client_protocol_and_an_app_server_are_tried_as_well(world: World) -> None:
    server = json.dumps(shlex.join([sys.executable, str(_HERE / "app_server.py"), "goes on"]))
    spoken: dict[str, object] = {"kind": "acp", "run": [sys.executable, str(_HERE / "acp_agent.py"), "works"]}
    agents(world, f"codex: {{command: {server}}}", spoken=spoken, talked={"kind": "codex-app-server"})
    told = world.command("doctor", "--probe")
    assert "ok    agent spoken: acp example 1.2 answered in " in told
    assert "ok    agent talked: codex-app-server 1.2.3 m-1 answered in " in told


def test_a_command_is_not_tried_and_that_is_said(world: World) -> None:
    agents(world, it={"kind": "command", "run": ["touch", "ran"]})
    assert "note  agent it: not tried: " in world.command("doctor", "--probe")


def test_where_no_agent_is_named_the_probe_says_so(world: World) -> None:
    assert "note  agents: WORKFLOW.md names none" in world.command("doctor", "--probe")


@pytest.mark.parametrize("case", ENDED, ids=lambda case: case.name)
def test_one_that_fails_is_bad_by_the_class_of_its_ending(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    both = b"".join((_RECORDED / f"{case.name}.{kind}").read_bytes() for kind in ("out", "err"))
    stand_in(tmp_path / "bin", monkeypatch, case.agent, both, case.status)
    agents(world, it={"kind": case.agent})
    told = world.command("doctor", "--probe", status=1)
    assert f"bad   agent it: {case.expected}: " in told
    assert told.endswith(", then factory doctor --probe\n")


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1 (claude adds /v1/messages itself: write http://127.0.0.1:9)"),
        ("http://127.0.0.1:9/api", "http://127.0.0.1:9/api, or its model"),
    ],
)
def test_where_nothing_is_found_at_its_url_that_is_named(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, advice: str
) -> None:
    ended = {"type": "result", "is_error": True, "api_error_status": 404, "result": "Not Found"}
    stand_in(tmp_path / "bin", monkeypatch, "claude", json.dumps(ended).encode(), 1)
    agents(world, it={"kind": "claude", "url": url, "network": True})
    assert f"correct its url, {advice}, in WORKFLOW.md, then" in world.command("doctor", "--probe", status=1)


def test_it_is_asked_with_its_own_home_and_key_and_in_no_persons_folder(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KEY_B", "OTHER"):
        monkeypatch.setenv(name, f"k-{name}-0123456789")
    said = "echo ${#ANTHROPIC_API_KEY}, $KEY_B$OTHER, $(ls -A $HOME | wc -l), $(ls queue), $(cat a.txt)"
    stand_in(tmp_path / "bin", monkeypatch, "claude", b"", 0, says(said))
    world.write("a.txt", "committed")
    world.commit()
    world.write("a.txt", "edited")
    agents(world, it={"kind": "claude", "secrets": {"ANTHROPIC_API_KEY": "KEY_B"}})
    assert "s: 18, , 0, , committed\n" in world.command("doctor", "--probe")


def test_the_hooks_before_a_run_hold_for_it_too(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "bin", monkeypatch, "claude", b"", 0, says("cat $HOME/laid"))
    agents(world, "hooks: {before_run: 'echo by-a-hook > $HOME/laid'}", it={"kind": "claude"})
    assert "s: by-a-hook\n" in world.command("doctor", "--probe")
    agents(world, "hooks: {before_run: 'exit 3'}", it={"kind": "claude"})
    assert "bad   agent it: the hook before_run ended with exit status 3\n" in world.command(
        "doctor", "--probe", status=1
    )


def test_it_reaches_the_hosts_of_its_list_and_no_other(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = "{ printf 'CONNECT elsewhere.example:443 HTTP/1.1\\r\\n\\r\\n'; sleep 0.2; } "
    asks += "| bash -c 'exec 3<>/dev/tcp/${HTTPS_PROXY#http://}; cat >&3' ; sleep 0.5; exit 1"
    asks = asks.replace("${HTTPS_PROXY#http://}", "$(echo ${HTTPS_PROXY#http://} | tr -d / | tr : /)")
    stand_in(tmp_path / "bin", monkeypatch, "claude", b"", 0, asks)
    agents(world, it={"kind": "claude", "network": ["api.anthropic.com"]})
    assert "it was refused elsewhere.example:443" in world.command("doctor", "--probe", status=1)


def test_its_key_is_masked_in_what_it_says(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "k-0123456789abcdef0123456789")
    wrong = {"type": "turn.failed", "error": {"message": "Incorrect API key: k-0123456789abcdef0123456789"}}
    stand_in(tmp_path / "bin", monkeypatch, "codex", f"{json.dumps(wrong)}\n".encode(), 1)
    stand_in(tmp_path / "bin", monkeypatch, "claude", b"", 0, says("echo it is $SOME_KEY"))
    named = {kind: {"kind": kind, "secrets": ["SOME_KEY"]} for kind in ("claude", "codex")}
    world.policy(f"agents: {json.dumps(named)}")
    told = world.command("doctor", "--probe", status=1)
    assert "0123456789abcdef" not in told
    assert "s: it is [masked SOME_KEY]\n" in told
    assert "bad   agent codex: auth: Incorrect API key: " in told
    assert "export SOME_KEY=… with a key that counts, then factory doctor --probe\n" in told


def test_one_that_lacks_its_program_or_its_key_is_not_tried(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path / "bin", monkeypatch, "claude", (_RECORDED / "claude.ok.out").read_bytes(), 0)
    agents(world, a={"kind": "claude", "secrets": ["NO_KEY"]}, b={"kind": "acp", "run": ["no-such-program"]})
    told = world.command("doctor", "--probe", status=1)
    assert "its key NO_KEY is not set\n      export NO_KEY=…\n" in told
    assert "bad   agent b: there is no program 'no-such-program'\n" in told


def test_one_that_says_nothing_is_waited_for_only_so_long(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factory.report.probe._PATIENCE_S", 0.5)
    stand_in(tmp_path / "bin", monkeypatch, "claude", b"", 0, "sleep 60.301")
    agents(world, it={"kind": "claude"})
    assert "bad   agent it: timeout: was stopped after 0.5 s\n" in world.command("doctor", "--probe", status=1)
    assert not commands_with("60.301")


@pytest.mark.parametrize(
    ("sandbox", "number"), [("auto", signal.SIGINT), ("off", signal.SIGINT), ("auto", signal.SIGTERM)]
)
def test_one_is_interrupted_and_nothing_is_left_of_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: str, number: signal.Signals
) -> None:
    stand_in(tmp_path / "bin", monkeypatch, "claude", b"", 0, "sleep 60.302")
    agents(world, f"sandbox: {sandbox}", it={"kind": "claude"})
    before = left(world)
    process = world.start("doctor", "--probe")
    world.until(lambda: bool(commands_with("60.302")))
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert not commands_with("60.302")
    assert left(world) == before
    with locked(world.root / ".git/factory", MACHINE):
        pass


def test_beside_an_orchestrator_nothing_is_tried(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "bin", monkeypatch, "claude", (_RECORDED / "claude.ok.out").read_bytes(), 0)
    agents(world, it={"kind": "claude"})
    with locked(world.root / ".git/factory", MACHINE):
        assert "another orchestrator is at work" in world.command("doctor", "--probe", status=4)


def test_programs_read_it_as_they_read_the_other_signs(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path / "bin", monkeypatch, "claude", (_RECORDED / "claude.ok.out").read_bytes(), 0)
    agents(world, it={"kind": "claude"})
    (sign,) = json.loads(world.command("doctor", "--probe", "--json"))
    assert (sign["about"], sign["health"]) == ("agent it", "ok")
