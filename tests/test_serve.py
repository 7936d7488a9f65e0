"""`factory serve`, and `factory run --port`, over real HTTP: what they show, and what they let be done."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from factory.serve.http.access import Access, Refused
from tests.program import COLD, Process
from tests.test_agent_programs import with_agent
from tests.test_agent_sessions import program
from tests.world import World

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
WAITS: list[Mapping[str, object]] = [{"say": "getting on"}, {"sleep": 60}]


@dataclass
class Served:
    """A server that was started, and what one asks of it."""

    port: int
    token: str
    process: Process

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str, Mapping[str, str]]:
        """(status, body, headers) of an answer; a header's name has `_` for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, sent, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        found = answer.status, answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return found

    def get(self, path: str) -> Any:
        """The JSON of what is there."""
        status, body, _ = self.ask("GET", path)
        assert status == 200, body
        return json.loads(body)

    def act(self, item_id: str, kind: str, body: object, **headers: str) -> tuple[int, Any]:
        """What comes of something that the page sends."""
        sent = {"authorization": f"Bearer {self.token}", "content_type": "application/json"}
        sent |= {"origin": f"http://127.0.0.1:{self.port}", **headers}
        status, told, _ = self.ask("POST", f"/api/v1/{item_id}/{kind}", body, **sent)
        return status, json.loads(told)


@contextmanager
def served(world: World, *arguments: str, command: str = "serve") -> Iterator[Served]:
    """A server on any port that is free, until it is asked to end, which it does with 0."""
    process = world.start(command, "--port", "0", *arguments)
    assert process.stdout is not None
    try:
        url = urlsplit(process.stdout.readline().strip())
        assert url.port, process.stdout.read()
        yield Served(url.port, url.query.removeprefix("token="), process)
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    assert (process.returncode, said.split("\n")[-2]) == (0, "ended")


def in_many_ways(world: World) -> None:
    """One item waits for a verdict, one asks, one is tried again, one is done."""
    item = world.item("judged", contract="reviewed")
    item.write_text(item.read_text().replace("do judged", json.dumps(HOSTILE)))
    question = {"id": "Q1", "text": "Which of the two?"}
    world.item("asks", [{"result": {"status": "blocked", "questions": [question]}}])
    world.item("again", [{"exit": 1}])
    world.item("fine")
    world.tick()


@pytest.fixture
def many(tmp_path: Path) -> World:
    return World.after(in_many_ways, tmp_path / "repo")


# What the specification has


def test_the_state_has_every_field_of_the_specification(many: World) -> None:
    with served(many) as server:
        state = server.get("/api/v1/state")
    assert list(state) == [
        *("generated_at", "counts", "running", "retrying", "blocked", "codex_totals", "rate_limits"),
    ]
    assert state["counts"] == {"running": 0, "retrying": 1, "blocked": 1}
    (again,), (asks,) = state["retrying"], state["blocked"]
    last = many.last("again")
    assert last.not_before is not None
    assert again == {
        "issue_id": "again",
        "issue_identifier": "again",
        "issue_url": None,
        "attempt": 1,
        "due_at": f"{last.not_before:%Y-%m-%dT%H:%M:%SZ}",
        "error": "the worker ended with exit status 1",
        "worker_host": None,
        "workspace_path": None,
    }
    at = f"{many.last('asks').at:%Y-%m-%dT%H:%M:%SZ}"
    assert asks == {
        **{"issue_id": "asks", "issue_identifier": "asks", "issue_url": None, "state": "blocked"},
        **{"error": "Which of the two?", "worker_host": None, "workspace_path": None, "session_id": None},
        **{"blocked_at": at, "last_event": "block", "last_message": "Which of the two?", "last_event_at": at},
    }
    totals = state["codex_totals"]
    assert isinstance(totals, dict) and [*totals] == [
        *("input_tokens", "output_tokens", "total_tokens", "seconds_running"),
    ]
    assert totals["seconds_running"] > 0 and state["rate_limits"] is None


def test_an_issue_has_every_field_of_the_specification(many: World) -> None:
    with served(many) as server:
        again = server.get("/api/v1/again")
        statuses = {each: server.get(f"/api/v1/{each}")["status"] for each in ("judged", "asks", "again")}
    assert list(again) == [
        *("issue_identifier", "issue_id", "status", "workspace", "attempts", "running", "retry", "blocked"),
        *("logs", "recent_events", "last_error", "tracked"),
    ]
    assert statuses == {"judged": "waiting", "asks": "blocked", "again": "retrying"}
    assert again["workspace"] == {"path": None, "host": None}
    assert again["attempts"] == {"restart_count": 0, "current_retry_attempt": 1}
    assert again["logs"] == {"codex_session_logs": [{"label": "run 1", "path": "artifacts/again/run-1/", "url": None}]}
    events = again["recent_events"]
    assert isinstance(events, list) and [each["event"] for each in events] == ["submit", "start", "release"]
    assert [*events[0]] == ["at", "event", "message"]
    assert again["last_error"] == "the worker ended with exit status 1"


def test_a_run_under_way_is_shown_with_what_it_does(world: World) -> None:
    world.policy("workspace: {keep: true}")
    world.item("long", WAITS)
    with served(world, command="run") as server:
        world.until(lambda: server.get("/api/v1/state")["running"] != [])
        world.until(lambda: "getting on" in json.dumps(server.get("/api/v1/long")))
        state, issue = server.get("/api/v1/state"), server.get("/api/v1/long")
    (row,) = state["running"]
    assert list(row) == [
        *("issue_id", "issue_identifier", "issue_url", "state", "worker_host", "workspace_path", "session_id"),
        *("turn_count", "last_event", "last_message", "started_at", "last_event_at", "tokens"),
    ]
    assert (row["issue_id"], row["state"], row["last_event"]) == ("long", "active", "running")
    assert row["last_message"] == "getting on" and row["workspace_path"].endswith("/items/long")
    assert row["tokens"] == {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    assert issue["status"] == "running" and issue["workspace"] == {"path": row["workspace_path"], "host": None}
    assert {*row} - {*issue["running"]} == {"issue_id", "issue_identifier", "issue_url"}


_SLOW = """#!/bin/sh
cat > /dev/null
echo '{"type": "system", "subtype": "init", "session_id": "s"}'
echo '{"type": "assistant", "message": {"content": [{"type": "text", "text": "I begin, k-0123456789abcdef."}]}}'
sleep 1
echo '{"type": "result", "subtype": "success", "is_error": false, "usage": {"input_tokens": 100, "output_tokens": 7}}'
sleep 60
"""


def test_what_an_agent_says_and_uses_is_shown_without_its_secrets(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "k-0123456789abcdef")
    program(tmp_path / "bin", monkeypatch, "claude", _SLOW)
    with_agent(world, "claude", secrets=["SOME_KEY"])
    with served(world, command="run") as server:
        world.until(lambda: "I begin" in json.dumps(server.get("/api/v1/state")))
        (row,) = server.get("/api/v1/state")["running"]
        page = server.ask("GET", "/")[1]
        world.until(lambda: server.get("/api/v1/state")["codex_totals"]["total_tokens"] > 0)
        used = server.get("/api/v1/state")
    assert "message  I begin, [masked SOME_KEY]." in row["last_message"] and row["turn_count"] == 1
    assert "I begin, [masked SOME_KEY]." in page
    assert row["tokens"] == {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    assert used["running"][0]["tokens"] == {"input_tokens": 100, "output_tokens": 7, "total_tokens": 107}
    assert used["codex_totals"]["total_tokens"] == 107


def passes(server: Served) -> int:
    found = re.search(r"^factory_passes_total (\d+)$", server.ask("GET", "/metrics")[1], re.MULTILINE)
    return int(found[1]) if found else 0


def test_prometheus_gets_what_is_now_and_what_the_factory_metrics_are(many: World) -> None:
    with served(many) as server:
        status, told, _ = server.ask("GET", "/metrics")
    heads = re.findall(r"^# TYPE (\S+)", told, re.MULTILINE)
    assert status == 200 and len(heads) == len(set(heads))
    assert {"factory_items", "factory_runs_under_way", "factory_wip_items"} <= {*heads}
    by_command = many.command("metrics", "--prometheus")
    wip = re.findall(r"^factory_wip_items\S* \S+$", by_command, re.MULTILINE)
    assert wip and all(line in told for line in wip)


def test_a_refresh_makes_a_pass(world: World) -> None:
    with served(world, command="run") as server:
        world.until(lambda: passes(server) > 0)
        before = passes(server)
        status, body, _ = server.ask("POST", "/api/v1/refresh", b"{}")
        world.until(lambda: passes(server) > before)
    told = json.loads(body)
    assert status == 202 and list(told) == ["queued", "coalesced", "requested_at", "operations"]
    assert (told["queued"], told["coalesced"], told["operations"]) == (True, False, ["poll", "reconcile"])


def test_without_an_orchestrator_there_is_nothing_to_refresh(world: World) -> None:
    with served(world) as server:
        status, body, _ = server.ask("POST", "/api/v1/refresh")
    assert status == 503 and json.loads(body)["error"]["code"] == "orchestrator_unavailable"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "issue_not_found"),
        ("GET", "/nothing", 404, "not_found"),
        ("POST", "/api/v1/state", 405, "method_not_allowed"),
        ("GET", "/api/v1/refresh", 405, "method_not_allowed"),
        ("DELETE", "/api/v1/judged", 405, "method_not_allowed"),
        ("PUT", "/", 405, "method_not_allowed"),
    ],
)
def test_errors_come_in_an_envelope(server: Served, method: str, path: str, status: int, code: str) -> None:
    found, body, headers = server.ask(method, path)
    assert (found, json.loads(body)["error"]["code"]) == (status, code)
    assert [*json.loads(body)["error"]] == ["code", "message"] and headers["content-type"] == "application/json"
    assert status != 405 or headers["allow"] in ("GET", "POST")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One that lets things be done, for whatever changes nothing."""
    world = World.after(in_many_ways, tmp_path_factory.mktemp("served") / "repo")
    with served(world, "--act") as found:
        yield found


# What is beside it


def test_the_status_is_the_one_of_the_command(many: World) -> None:
    with served(many) as server:
        shown = server.get("/api/v1/status")
    assert shown == json.loads(many.command("status", "--json"))


def test_a_move_is_told_to_whoever_follows(many: World) -> None:
    with served(many) as server, socket.create_connection(("127.0.0.1", server.port), timeout=20) as follower:
        follower.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        told = follower.makefile("rb")
        first = next(line for line in told if line.startswith(b"data:"))
        many.item("new")
        many.tick()
        second = next(line for line in told if line.startswith(b"data:"))
        while json.loads(second[5:])["head"] != many.git("rev-parse", "main"):
            second = next(line for line in told if line.startswith(b"data:"))
        shown = server.get("/api/v1/state")
    assert json.loads(first[5:])["head"] != json.loads(second[5:])["head"]
    assert shown["counts"] == {"running": 0, "retrying": 1, "blocked": 1}


def test_an_edit_by_hand_is_seen_at_once(many: World) -> None:
    with served(many) as server:
        before = server.get("/api/v1/status")
        many.verdict("judged", "reject")
        many.until(lambda: server.get("/api/v1/status") != before)
        (judged,) = [each for each in server.get("/api/v1/status")["items"] if each["id"] == "judged"]
    assert judged["note"] == "reject noted, with the next pass"


def test_what_others_say_is_nothing_but_text_in_the_page(server: Served) -> None:
    status, page, headers = server.ask("GET", "/")
    assert status == 200 and "&lt;script&gt;alert(1)" in page and HOSTILE not in page
    assert page.count("<script") == 1 and not re.search(r"<[^>]*\son\w+=", page)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "connect-src 'self'" in policy
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", page)
    assert "access-control-allow-origin" not in headers and server.token not in page


def test_the_patch_is_there_to_be_read(server: Served) -> None:
    status, patch, headers = server.ask("GET", "/api/v1/judged/diff")
    assert status == 200 and "+judged" in patch and headers["content-type"].startswith("text/plain")
    assert server.ask("GET", "/api/v1/asks/diff")[0] == 409


def test_a_policy_that_breaks_is_told_of_and_the_last_good_one_shows(world: World) -> None:
    with served(world) as server:
        assert server.get("/api/v1/status")["problems"] == []
        world.write("WORKFLOW.md", "---\nbranch: [\n---\n")
        world.commit("Break it")
        world.until(lambda: "WORKFLOW.md" in json.dumps(server.get("/api/v1/status")["problems"]))


# What may be done


def test_a_verdict_becomes_a_commit_of_whoever_started_it(many: World) -> None:
    with served(many, "--act", command="run") as server:
        subject = many.last("judged").subject
        said = server.act("judged", "verdict", {"decision": "approve", "subject": subject, "notes": "fine by me"})
        many.until(lambda: many.lane("judged") == "done")
    assert said == (200, {"said": "queue/review/judged.human.verdict.yaml: approve; the next tick takes it in"})
    assert "Ann|factory: take in queue/review/judged.human.verdict.yaml" in many.git("log", "--format=%an|%s")
    assert any(each.reviewer.startswith("Ann") for each in many.last("judged").verdicts)


def test_answers_and_levers_are_the_edits_of_the_commands(many: World) -> None:
    with served(many, "--act") as server:
        assert server.act("asks", "answers", {"decisions": {"Q1": "the first of both"}})[0] == 200
        assert server.act("judged", "lever", {"lever": "hold"})[0] == 200
        assert server.act("again", "lever", {"lever": "cancel"})[0] == 200
    many.tick()
    assert many.lane("again") == "done" and many.last("again").outcome == "cancelled"
    assert "hold: true" in many.read("queue/review/judged.yaml")
    assert "the first of both" in json.dumps([each.answers for each in many.journal("asks")])


def test_what_was_not_seen_is_not_approved(many: World) -> None:
    with served(many, "--act") as server:
        status, told = server.act("judged", "verdict", {"decision": "approve", "subject": "sha256:another"})
    assert status == 409 and "delivered anew since you looked at it" in json.dumps(told)
    assert "decision: pending" in many.read("queue/review/judged.human.verdict.yaml")


APPROVE = {"decision": "approve"}


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (APPROVE, {"origin": "http://evil.example"}, 403, "foreign_origin"),
        (APPROVE, {"origin": "null"}, 403, "foreign_origin"),
        (APPROVE, {"host": "evil.example"}, 421, "misdirected"),
        (APPROVE, {"host": "127.0.0.1:1"}, 421, "misdirected"),
        (APPROVE, {"authorization": "Bearer 0123"}, 401, "unauthorized"),
        (APPROVE, {"authorization": ""}, 401, "unauthorized"),
        (APPROVE, {"content_type": "text/plain"}, 415, "unsupported_media_type"),
        ({"decision": "rework"}, {}, 409, "refused"),
        ({"decision": "maybe"}, {}, 409, "refused"),
        (b"[" * 1000, {}, 409, "refused"),
        (b"x" * 70_000, {}, 413, "too_large"),
    ],
)
def test_what_is_forged_or_makes_no_sense_is_refused(
    server: Served, body: object, headers: Mapping[str, str], status: int, code: str
) -> None:
    if "host" in headers:
        headers = {"origin": f"http://{headers['host']}", **headers}
    found, told = server.act("judged", "verdict", body, **headers)
    assert (found, told["error"]["code"]) == (status, code)
    assert server.get("/api/v1/judged")["tracked"]["note"] == "waits for the verdict of human"


def test_a_name_that_leads_here_reads_nothing(server: Served) -> None:
    for path in ("/", "/metrics", "/api/v1/state", "/api/v1/status", "/api/v1/judged", "/api/v1/events"):
        assert server.ask("GET", path, host="evil.example")[0] == 421


def test_the_page_of_another_site_triggers_nothing(server: Served) -> None:
    assert server.ask("POST", "/api/v1/refresh", origin="http://evil.example")[0] == 403


def test_without_act_nothing_can_be_done(many: World) -> None:
    with served(many) as server:
        assert server.token == "" and "data-door" not in server.ask("GET", "/")[1].partition("<script>")[0]
        status, told = server.act("judged", "verdict", APPROVE)
    assert status == 403 and told["error"]["code"] == "read_only"
    assert many.status() == ""


def test_a_factory_that_cannot_be_looked_at_is_told_of_as_the_specification_says(world: World) -> None:
    with served(world) as server:
        (world.root / ".git/refs/heads/main").rename(world.root / ".git/elsewhere")
        world.until(lambda: server.ask("GET", "/api/v1/state")[0] == 503)
        told = json.loads(server.ask("GET", "/api/v1/state")[1])
        (world.root / ".git/elsewhere").rename(world.root / ".git/refs/heads/main")
        world.until(lambda: server.ask("GET", "/api/v1/state")[0] == 200)
    assert list(told) == ["generated_at", "error"] and told["error"]["code"] == "snapshot_unavailable"


def test_others_read_only_with_the_token(world: World) -> None:
    with served(world, "--host", "0.0.0.0") as server:
        assert len(server.token) > 30
        assert server.ask("GET", "/api/v1/state")[0] == 401
        assert server.ask("GET", "/api/v1/state", authorization=f"Bearer {server.token}")[0] == 200
        assert server.ask("GET", f"/?token={server.token}")[0] == 200
        assert server.ask("GET", f"/?token={server.token}", host=f"evil.example:{server.port}")[0] == 421


def test_the_token_of_an_address_lets_nothing_be_done() -> None:
    access = Access("127.0.0.1", 4000, "secret", act=True)
    with pytest.raises(Refused, match="token"):
        access.to_act({"host": "127.0.0.1:4000", "content-type": "application/json"})


# When it begins and ends


def test_the_policy_names_port_and_option_counts_first(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        world.policy(f"server: {{port: {taken.getsockname()[1]}}}")
        with served(world) as server:
            assert server.get("/api/v1/state")["counts"]
        told = world.command("serve", status=2)
    assert "nothing can be served at 127.0.0.1" in told and "--port 0" in told


@pytest.mark.parametrize("port", ["-1", "65536", "some", "1.5"])
def test_a_port_that_cannot_be_is_an_error_with_its_line(world: World, port: str) -> None:
    world.policy(f"server: {{port: {port}}}")
    assert "WORKFLOW.md:4:" in world.command("check", status=1)


def test_a_port_of_the_policy_that_is_taken_keeps_nobody_from_work(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        world.policy(f"server: {{port: {taken.getsockname()[1]}}}")
        world.item("one")
        process = world.start("run")
        try:
            world.until(lambda: (world.root / "one.txt").exists())
        finally:
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=20)
    assert "nothing can be served" in said and "going on without it" in said and process.returncode == 0


def test_without_the_extra_it_says_what_to_install(world: World, tmp_path: Path) -> None:
    (tmp_path / "none" / "uvicorn").mkdir(parents=True)
    (tmp_path / "none" / "uvicorn" / "__init__.py").write_text("raise ImportError\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "none")}
    for words in (("serve",), ("run", "--port", "0")):
        done = subprocess.run(
            (*COLD, *words), cwd=world.root, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2 and "pip install 'git-factory[web]'" in done.stderr and done.stdout == ""
        assert "what serves over HTTP is not installed" in done.stderr and "Traceback" not in done.stderr


def test_only_an_option_opens_it_to_others(world: World) -> None:
    world.policy("server: {port: 0, host: 0.0.0.0}")
    told = world.command("serve", status=2)
    assert "server.host in WORKFLOW.md is 0.0.0.0" in told and "factory serve --host" in told


def test_a_dead_or_silent_client_holds_nobody(world: World) -> None:
    with served(world, command="run") as server:
        place = ("127.0.0.1", server.port)
        silent = [socket.create_connection(place) for _ in range(20)]
        for number, each in enumerate(silent):
            each.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port)
            each.sendall(b"\r\n" if number % 2 else b"X: ")  # half follow and read nothing, half never ask to the end
        world.item("one")
        world.until(lambda: (world.root / "one.txt").exists())
        assert server.get("/api/v1/state")["counts"]
    for each in silent:
        each.close()


def test_so_many_may_follow_and_no_more(world: World) -> None:
    with served(world) as server:
        asked = f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
        followers = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(32)]
        for each in followers:
            each.sendall(asked)
            assert each.recv(100).startswith(b"HTTP/1.1 200")
        assert server.ask("GET", "/api/v1/events")[0] == 503
        for each in followers:
            each.close()
        world.until(lambda: server.get("/api/v1/state")["counts"] is not None)
