"""Notifications: whoever publishes something tells people of it once, whatever crashes, and keeps nobody waiting."""

import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import JsonValue

from factory.connect.notify.notifier import Notifier
from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.model.bounds import Bounds
from factory.model.events import Happening
from factory.model.notice import Notice, Occasion
from factory.model.notify import NotifyRule
from factory.model.policy import Policy
from factory.store.notices import read_notices, write_notices
from factory.store.repository.repository import Repository
from tests.missions import Mission, assertion, feature, milestone
from tests.world import REVIEWED, Clock, World, say_nothing

START = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
ASKS: list[dict[str, object]] = [{"result": {"status": "blocked", "summary": "Which of the two?"}}]
CRASH: list[dict[str, object]] = [{"say": "out of luck"}, {"exit": 1}]

TELL = """import json, os, sys, pathlib
told = json.load(sys.stdin)
told["environment"] = {key: value for key, value in os.environ.items() if key != "LC_CTYPE"}
with pathlib.Path(__file__).with_name("told").open("a") as file:
    file.write(json.dumps(told) + "\\n")
"""

Told = dict[str, JsonValue]


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with the program that people use; not in the repository."""
    folder = tmp_path / "beside"
    folder.mkdir()
    (folder / "tell.py").write_text(TELL)
    return folder


def rule(beside: Path, *on: str, more: str = "", program: str = "tell.py") -> str:
    return f"{{on: {json.dumps(on)}, run: {json.dumps([sys.executable, str(beside / program)])}{more}}}"


def notify(world: World, *rules: str, more: str = "") -> None:
    world.policy(f"notify: [{', '.join(rules)}]\n{more}")


def told(beside: Path) -> list[Told]:
    file = beside / "told"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def texts(beside: Path) -> list[JsonValue]:
    return [each["text"] for each in told(beside)]


def tick_at(world: World, moment: datetime) -> None:
    """A tick with notifications, at a moment."""
    world.now = moment
    repository = Repository(world.root, Clock(world))
    try:
        notifier = Notifier(repository, say_nothing)
        orchestrator = Orchestrator(repository, notifier)
        with orchestrator.holding(), notifier.beside(orchestrator):
            tick(orchestrator)
    finally:
        repository.close()


def test_each_occasion_is_told_with_what_it_is_about(world: World, beside: Path) -> None:
    notify(world, rule(beside, "verdict", "blocked"))
    world.item("fine")
    world.item("judged", contract="reviewed", text="labels: [urgent]\n")
    world.item("stuck", ASKS)
    world.command("tick")
    first, second = sorted(told(beside), key=lambda each: str(each["item"]))
    assert (first["event"], first["text"]) == ("verdict", "judged waits for a verdict: do judged")
    assert (first["lane"], first["contract"], first["labels"], first["run"]) == ("review", "reviewed", ["urgent"], 1)
    assert (first["repository"], first["branch"], first["title"]) == (world.root.name, "main", "do judged")
    assert (second["event"], second["item"], second["lane"]) == ("blocked", "stuck", "blocked")
    assert str(second["text"]).startswith("stuck is blocked: ") and "Which of the two?" in str(second["text"])


def test_the_same_is_never_told_twice_and_the_next_round_is_told_again(world: World, beside: Path) -> None:
    notify(world, rule(beside, "verdict"), rule(beside, "verdict", "blocked"))
    world.item("judged", [{"write": {"path": "a.txt", "text": "1"}}], [{"write": {"path": "a.txt", "text": "2"}}],
               contract="reviewed")  # fmt: skip
    for _ in range(3):
        world.factory("tick")
    assert [each["round"] for each in told(beside)] == [1]
    path = world.verdict("judged", "rework")
    path.write_text(path.read_text().replace("notes: |", "notes: |\n  once more"))
    world.factory("tick", "--drain")
    world.factory("tick")
    assert [each["round"] for each in told(beside)] == [1, 2]


def test_what_a_command_sees_of_the_environment_is_what_the_rule_names(
    world: World, beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "https://chat.example/1")
    monkeypatch.setenv("OTHER", "nobody's business")
    notify(world, rule(beside, "blocked", more=", env: [HOOK]"))
    world.item("stuck", ASKS)
    world.command("tick")
    [each] = told(beside)
    seen = each["environment"]
    assert isinstance(seen, dict)
    names = {name for name in seen if not name.startswith("FACTORY_")}
    assert names <= {"PATH", "HOME", "LANG", "HOOK"} and seen["HOOK"] == "https://chat.example/1"
    assert (seen["FACTORY_EVENT"], seen["FACTORY_ITEM"], seen["FACTORY_LANE"]) == ("blocked", "stuck", "blocked")
    assert seen["FACTORY_TEXT"] == each["text"]


def test_words_of_others_are_data(world: World, beside: Path) -> None:
    hostile = "\\e[31m$(touch x) {{ 1 }}\\n; " + "a" * 3000
    notify(world, rule(beside, "verdict", more=", when: {labels: [x]}"))
    world.write(
        "queue/inbox/evil.yaml",
        f'title: "{hostile}"\ncontract: reviewed\nlabels: [x]\n'
        'inputs: {runs: [[{write: {path: a.txt, text: "a"}}]]}\n',
    )
    world.command("tick")
    [each] = told(beside)
    text, title = str(each["text"]), str(each["title"])
    assert "$(touch x) {{ 1 }} ; aaa" in text and len(text) <= 500 and len(title) <= 200
    assert text.isprintable() and title.isprintable()
    assert not (world.root / "x").exists()


@pytest.mark.parametrize(
    ("when", "items"),
    [
        ("{contracts: [reviewed]}", {"a"}),
        ("{labels: [bug, urgent]}", {"b"}),
        ("{lanes: [blocked]}", {"b"}),
        ("{missions: [shop]}", set()),
    ],
)
def test_a_filter_leaves_out_what_does_not_fit(world: World, beside: Path, when: str, items: set[str]) -> None:
    notify(world, rule(beside, "verdict", "blocked", more=f", when: {when}"))
    world.item("a", contract="reviewed", text="labels: [bug]\n")
    world.item("b", ASKS, text="labels: [urgent, bug, more]\n")
    world.command("tick")
    assert {each["item"] for each in told(beside)} == items


def test_a_breaker_that_opens_is_told_and_so_is_a_run_that_stalled(world: World, beside: Path) -> None:
    world.contract("sleepy", limits={"stall_minutes": 0.005})
    notify(world, rule(beside, "breaker", "stalled"), more="breaker: {failures: 2}\nretry: {initial_ms: 600000}\n")
    world.item("a", CRASH)
    world.item("b", CRASH)
    world.item("quiet", [{"sleep": 60}], contract="sleepy")
    world.command("tick")
    found = {each["event"]: each for each in told(beside)}
    assert len(found) == len(told(beside)) == 2
    assert str(found["breaker"]["text"]).startswith("the breaker of the contract scripted is open until ")
    assert found["breaker"]["contract"] == "scripted"
    assert "run 1 of quiet gave no sign of life and was ended" in str(found["stalled"]["text"])


def test_a_budget_is_told_when_four_fifths_of_it_are_used_up(world: World, beside: Path) -> None:
    def costs(usd: float) -> list[dict[str, object]]:
        return [{"write": {"path": "a.txt", "text": f"{usd}"}}, {"result": {"usage": {"usd": usd}}}]

    notify(world, rule(beside, "budget"), more="budget: {usd_per_day: 10}\nagent: {max_concurrent_agents: 1}\n")
    for name, usd, text in [("a", 7.0, ""), ("b", 1.5, "budget: {usd: 1.8}\n"), ("c", 0.5, "")]:
        world.item(name, costs(usd), text=text)
        world.command("tick")
        if name == "a":
            assert told(beside) == []
    assert sorted(map(str, texts(beside))) == [
        "8.50 of 10.00 USD of today's budget are used up",
        "b: 1.50 of 1.8 USD of its budget are used up",
    ]


def test_a_mission_at_a_milestone_and_at_its_end_and_its_budget(world: World, beside: Path) -> None:
    used = {"shop.a": {"usage": {"usd": 8.5}}}
    mission = Mission(world, used)
    notify(world, rule(beside, "milestone", "budget"), more="limits: {review: 100}\n")
    mission.plan(
        [assertion("VAL-1", "a.txt"), assertion("VAL-2", "b.txt")],
        milestone("m1", feature("a", "VAL-1")),
        milestone("m2", feature("b", "VAL-2")),
        budget={"usd": 10},
    )
    world.command("tick", "--drain")
    mission.is_done()
    assert texts(beside) == [
        "the mission shop begins the milestone m1",
        "shop.a: 8.50 of 10 USD of the budget of the mission shop are used up",
        "the mission shop begins the milestone m2",
        "the mission shop is at its end: all 2 assertions passed",
    ]
    assert {each["mission"] for each in told(beside)} == {"shop"}


def test_a_kill_between_publishing_and_telling_leaves_it_to_the_next_process(world: World, beside: Path) -> None:
    notify(world, rule(beside, "blocked"))
    world.item("stuck", ASKS)

    class Killed(BaseException):
        """What no step survives."""

    repository = Repository(world.root)

    def die(happening: Happening) -> None:
        if str(happening).count("Event.BLOCK"):
            raise Killed

    notifier = Notifier(repository, die)
    orchestrator = Orchestrator(repository, notifier)
    with contextlib.suppress(Killed), orchestrator.holding(), notifier.beside(orchestrator):
        tick(orchestrator)
    repository.close()
    assert world.lane("stuck") == "blocked" and told(beside) == []
    world.factory("tick")
    world.factory("tick")
    assert [each["item"] for each in told(beside)] == ["stuck"]


def test_a_process_that_is_killed_while_it_tells_never_makes_anybody_tell_it_again(world: World, beside: Path) -> None:
    (beside / "slow.py").write_text(TELL + "import time; time.sleep(60)\n")
    notify(world, rule(beside, "blocked", program="slow.py"))
    world.item("stuck", ASKS)
    process = world.start("tick")
    world.until(lambda: bool(told(beside)))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    world.command("tick")
    assert len(told(beside)) == 1
    said = world.command("status")
    assert "nobody knows whether it was told" in said and "stuck is blocked" in said


def test_what_was_foretold_and_never_came_about_is_not_told(world: World, beside: Path) -> None:
    notify(world, rule(beside, "blocked"))
    world.item("stuck", ASKS)
    tick_at(world, START)
    state = world.root / ".git/factory"
    [each] = told(beside)
    outbox = read_notices(state)
    assert outbox.waiting == () and len(outbox.told) == 1
    (beside / "told").unlink()
    world.item("other", ASKS)
    tick_at(world, START + timedelta(minutes=1))
    [kept] = [each for each in read_notices(state).told if "other" in each]
    assert "other" in kept
    fake = {**each, "key": "blocked never 1", "item": "never"}
    fake.pop("environment")
    notices = {"waiting": [{"target": kept.split()[0], "notice": fake, "commit": "1" * 40}]}
    write_notices(state, type(outbox).model_validate_json(json.dumps(notices)))
    tick_at(world, START + timedelta(minutes=2))
    assert [each["item"] for each in told(beside)] == ["other"]
    assert len(read_notices(state).waiting) == 1
    tick_at(world, START + timedelta(days=2))
    tick_at(world, START + timedelta(days=2, minutes=1))
    assert read_notices(state).waiting == () and len(told(beside)) == 1


def test_a_command_that_hangs_keeps_no_pass_waiting(world: World, beside: Path) -> None:
    (beside / "hang.py").write_text(TELL + "import time; time.sleep(600)\n")
    notify(world, rule(beside, "blocked", program="hang.py"), rule(beside, "verdict"))
    world.item("stuck", ASKS)
    process = world.start("run")
    try:
        world.until(lambda: bool(told(beside)))  # it hangs from here on
        world.item("later")
        world.until(lambda: "finish" in world.events("later"))
    finally:
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert time.monotonic() - began < 15  # far less than it would go on hanging
    assert not [each for each in Path("/proc").glob("[0-9]*/cmdline") if b"hang.py" in read_bytes(each)]
    assert "it was ended together with the process that told it" in world.command("status")


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_failure_is_in_status_and_in_doctor_until_it_goes_well(world: World, beside: Path) -> None:
    (beside / "tell.py").write_text("import sys; sys.exit('no such channel')\n")
    notify(world, rule(beside, "blocked"))
    world.item("stuck", ASKS)
    world.command("tick")
    world.item("again", ASKS)
    world.command("tick")
    said = world.command("status")
    assert "was not told, 2 times in a row, last at" in said and "exit status 1: no such channel" in said
    assert json.loads(world.command("status", "--json"))["untold"][0].startswith("notify: ")
    assert "no such channel" in world.command("doctor", status=1)
    (beside / "tell.py").write_text(TELL)
    world.item("third", ASKS)
    world.command("tick")
    assert "was not told" not in world.command("status") and "no such channel" not in world.ended("doctor")[1]
    assert [each["item"] for each in told(beside)] == ["third"]


def test_secrets_that_a_rule_names_are_masked_in_what_it_complains_of(
    world: World, beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "tok-4711-secret")
    (beside / "tell.py").write_text("import os, sys; sys.exit('refused ' + os.environ['HOOK'])\n")
    notify(world, rule(beside, "blocked", more=", env: [HOOK]"))
    world.item("stuck", ASKS)
    world.command("tick")
    said = world.command("status")
    assert "refused [masked HOOK]" in said
    assert "tok-4711" not in said + (world.root / ".git/factory/notices").read_text()


def test_quiet_hours_keep_it_until_they_end_also_for_another_process(world: World, beside: Path) -> None:
    notify(world, rule(beside, "blocked", more=', quiet: "22:00-07:00", timezone: Europe/Berlin'))
    world.item("one", ASKS)
    tick_at(world, datetime(2026, 11, 21, 21, 30, tzinfo=UTC))  # half past ten in Berlin
    world.item("two", ASKS)
    tick_at(world, datetime(2026, 11, 22, 3, 0, tzinfo=UTC))
    assert told(beside) == []
    tick_at(world, datetime(2026, 11, 22, 5, 59, tzinfo=UTC))
    assert told(beside) == []
    tick_at(world, datetime(2026, 11, 22, 6, 0, tzinfo=UTC))
    [each] = told(beside)
    assert each["event"] == "digest" and each["left_out"] == 0
    assert [every["item"] for every in each["events"]] == ["one", "two"]  # type: ignore[union-attr, index, call-overload]
    lines = str(each["text"]).splitlines()
    assert lines[0] == "2 notices:" and lines[1].startswith("2026-11-21T21:30:00Z one is blocked")


def test_a_digest_gathers_and_a_second_one_begins_after_it(world: World, beside: Path) -> None:
    notify(world, rule(beside, "blocked", more=", digest: 30"))
    for minute, name in [(0, "a"), (10, "b"), (29, "c")]:
        world.item(name, ASKS)
        tick_at(world, START + timedelta(minutes=minute))
    assert told(beside) == []
    tick_at(world, START + timedelta(minutes=30))
    assert [len(each["events"]) for each in told(beside)] == [3]  # type: ignore[arg-type]
    world.item("d", ASKS)
    tick_at(world, START + timedelta(minutes=31))
    tick_at(world, START + timedelta(minutes=61))
    assert [each["event"] for each in told(beside)] == ["digest", "blocked"]


def test_a_tick_with_nothing_to_do_still_tells_what_has_come_due(world: World, beside: Path) -> None:
    notify(world, rule(beside, "blocked", more=", digest: 0.02"))
    world.item("stuck", ASKS)
    world.factory("tick")
    world.until(lambda: world.factory("tick") != "" and bool(told(beside)))
    assert [each["item"] for each in told(beside)] == ["stuck"]


def test_what_is_kept_is_bounded_and_says_how_much_is_not(world: World, beside: Path) -> None:
    notify(world, rule(beside, "blocked", more=", digest: 10080"))
    world.item("first", ASKS)
    tick_at(world, START)
    state = world.root / ".git/factory"
    outbox = read_notices(state)
    [waits] = outbox.waiting
    many = [
        waits.model_copy(update={"notice": waits.notice.model_copy(update={"key": f"blocked {n}"})}) for n in range(250)
    ]
    outbox = outbox.intend(many)
    assert len(outbox.waiting) == 200 and sum(outbox.left_out.values()) == 51
    write_notices(state, outbox)
    tick_at(world, START + timedelta(days=8))
    [each] = told(beside)
    assert each["left_out"] == 51 and str(each["text"]).startswith("251 notices:")


def test_what_another_clone_published_is_for_that_one_to_tell(world: World, beside: Path, tmp_path: Path) -> None:
    notify(world, rule(beside, "blocked"))
    world.git("clone", "-q", "--bare", str(world.root), str(tmp_path / "remote"))
    for name in ("one", "two"):
        world.git("clone", "-q", str(tmp_path / "remote"), str(tmp_path / name))
    one, two = World(tmp_path / "one"), World(tmp_path / "two")
    one.item("stuck", ASKS)
    one.command("tick", "--push")
    two.command("tick", "--push")
    two.command("tick", "--push")
    assert two.lane("stuck") == "blocked"
    assert [each["repository"] for each in told(beside)] == ["one"]


def test_check_names_the_place_of_what_is_wrong(world: World) -> None:
    world.policy(
        "notify:\n  - on: [verdict, lunch]\n    run: [x]\n  - on: [blocked]\n    run: [x]\n    quiet: 25:00-7:00\n"
    )
    said = world.command("check", status=1)
    assert "WORKFLOW.md:5:" in said and "WORKFLOW.md:9:" in said
    assert "22:00-07:00" in said and "'verdict', 'blocked'" in said
    world.policy("notify:\n  - {on: [blocked], apprise: 'slack://a/b/c'}\n  - {on: [blocked]}\n")
    said = world.command("check", status=1)
    assert "names the environment variable" in said and "exactly one of" in said
    world.policy("notify:\n  - on: [blocked]\n    run: [x]\n    timezone: Mars/Base\n    whom: me\n")
    said = world.command("check", status=1)
    assert "WORKFLOW.md:7:5: notify.0.timezone: 'Mars/Base' is no time zone" in said
    assert "unknown key 'notify.0.whom' is ignored" in said


def test_check_warns_of_a_script_that_any_merged_change_could_replace(world: World) -> None:
    world.write("tools/tell.py", "")
    world.policy("notify: [{on: [blocked], run: [python, tools/tell.py]}]\n")
    assert "tools/tell.py runs in no sandbox, and is not protected" in world.command("check")
    world.policy("protected: [tools/**]\nnotify: [{on: [blocked], run: [python, tools/tell.py]}]\n")
    assert "no sandbox" not in world.command("check")


def test_a_proposal_to_be_told_by_another_command_counts_for_nothing_before_it_is_merged(
    world: World, beside: Path
) -> None:
    (beside / "evil.py").write_text(TELL.replace('"told"', '"evil"'))
    evil = f"---\nnotify: [{rule(beside, 'verdict', program='evil.py')}]\nroutes: [{{contract: scripted}}]\n---\n"
    notify(world, rule(beside, "verdict"))
    world.item("evil", [{"write": {"path": "WORKFLOW.md", "text": evil}}], contract="reviewed")
    world.command("tick")
    assert [each["item"] for each in told(beside)] == ["evil"] and world.lane("evil") == "review"
    assert not (beside / "evil").exists()


def test_whoever_writes_a_policy_on_a_machine_of_others_has_nobody_told() -> None:
    policy = Policy(notify=(NotifyRule(on=(Occasion.BLOCKED,), run=("x",)),))
    bounds = Bounds(foreign=True)
    assert bounds.bound(policy).notify == () and policy.notify
    assert list(bounds.overruled(policy)) == ["notify does not count: its commands would run in no sandbox"]


@pytest.mark.parametrize(
    ("quiet", "zone", "now", "until"),
    [
        ("22:00-07:00", "UTC", "21:59", None),
        ("22:00-07:00", "UTC", "22:00", "2026-11-22T07:00"),
        ("22:00-07:00", "UTC", "06:59", "2026-11-21T07:00"),
        ("22:00-07:00", "UTC", "07:00", None),
        ("12:00-13:30", "UTC", "13:29", "2026-11-21T13:30"),
        ("12:00-13:30", "UTC", "11:59", None),
        ("22:00-07:00", "America/New_York", "11:59", "2026-11-21T12:00"),
        ("22:00-07:00", "Nowhere/Land", "23:00", "2026-11-22T07:00"),
    ],
)
def test_quiet_hours_end_on_the_right_day(quiet: str, zone: str, now: str, until: str | None) -> None:
    each = NotifyRule(on=(Occasion.BLOCKED,), run=("x",), quiet=quiet, timezone=zone)
    moment = datetime.fromisoformat(f"2026-11-21T{now}:00+00:00")
    notice = Notice(event=Occasion.BLOCKED, key="k", at=moment, text="t", repository="r", branch="main")
    assert each.due(notice, moment) == (datetime.fromisoformat(f"{until}:00+00:00") if until else moment)


@pytest.fixture
def service() -> Iterator[tuple[str, list[Told]]]:
    """A service on this machine that takes JSON, and what it has taken."""
    taken: list[Told] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}/hook", taken
    server.shutdown()
    thread.join()
    server.server_close()


def test_apprise_sends_it_to_the_url_that_the_environment_holds(
    world: World, service: tuple[str, list[Told]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("apprise")
    url, taken = service
    monkeypatch.setenv("TEAM_URL", url)
    notify(world, "{on: [verdict], apprise: TEAM_URL}")
    world.write("contracts/reviewed.yaml", REVIEWED)
    world.item("judged", contract="reviewed")
    path = world.root / "queue/inbox/judged.yaml"
    path.write_text(path.read_text().replace("title: do judged", 'title: "tell @everyone"'))
    world.command("tick")
    assert "was not told" not in world.command("status")
    [each] = taken
    assert each["title"] == f"{world.root.name}: verdict"
    assert each["message"] == "judged waits for a verdict: tell @\N{WORD JOINER}everyone"


def test_a_service_that_does_not_answer_and_a_variable_that_is_not_set_are_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("apprise")
    monkeypatch.setenv("TEAM_URL", "json://user:tok-4711-secret@127.0.0.1:9/hook")
    monkeypatch.delenv("NO_URL", raising=False)
    notify(world, "{on: [blocked], apprise: TEAM_URL}", "{on: [blocked], apprise: NO_URL}")
    world.item("stuck", ASKS)
    world.command("tick")
    said = world.command("status")
    assert "apprise $TEAM_URL was not told" in said and "not every service has taken it" in said
    assert "NO_URL is not set in the environment of this process" in said
    assert "tok-4711" not in said
    found = world.command("doctor", status=1)
    assert "NO_URL is not set here" in found


def test_doctor_says_what_a_rule_lacks(world: World, beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notify(world, "{on: [blocked], run: [no-such-program]}", "{on: [blocked], apprise: TEAM_URL}")
    monkeypatch.setattr("factory.report.untold.find_spec", lambda _: None)
    said = world.command("doctor", status=1)
    assert "there is no program 'no-such-program'" in said
    assert "Apprise is not installed" in said and "pip install 'git-factory[notify]'" in said
    notify(world, rule(beside, "blocked"))
    assert "notify: 1 rule" in world.ended("doctor")[1]
