"""What the public Symphony specification says of WORKFLOW.md, held against this factory (docs/symphony.md)."""

import shutil
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factory.execution.cell.pool import cells_root
from factory.execution.prompts.prompt import render
from factory.execution.request import RunRequest
from factory.model.contract import Contract, Limits
from factory.model.errors import InvalidFile
from factory.model.failure import FailureClass
from factory.model.item import Item
from factory.model.journal import Entry
from factory.model.lifecycle import Event, Lane
from factory.model.policy import Policy, Workflow
from factory.store.library import read_workflow, workflow_warnings
from tests.witness import commands_with
from tests.world import World

START = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
EXAMPLE = Path(__file__).parent / "fixtures" / "symphony_workflow.md"
needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")


def workflow(front: str, body: str = "{{ item.title }}") -> Workflow:
    return read_workflow(f"---\n{front}\n---\n{body}\n".encode())


def policy(front: str) -> Policy:
    return workflow(front).policy


def prompt(world: World, body: str) -> None:
    """Commit a WORKFLOW.md with another prompt."""
    world.write("WORKFLOW.md", f"---\nbranch: main\nroutes: [{{contract: scripted}}]\n---\n{body}\n")
    world.commit("Write WORKFLOW.md")


def hook(name: str, script: str, more: str = "") -> str:
    """Front matter with one hook."""
    lines = "".join(f"    {line}\n" for line in script.split("\n"))
    return f"hooks:\n  {name}: |\n{lines}{more}"


def runs(world: World, item_id: str) -> list[Entry]:
    """How its runs ended."""
    return [entry for entry in world.journal(item_id) if entry.source is Lane.ACTIVE]


def hooks_log(world: World, item_id: str, run: int = 1) -> str:
    return world.artifacts(item_id)[f"run-{run}/hooks.log"]


# The example


def example_order(run: int, item: Item) -> RunRequest:
    contract = Contract.model_validate_json('{"purpose": "p", "worker": {"run": ["true"]}}')
    found = read_workflow(EXAMPLE.read_bytes())
    return RunRequest("abc-123", item, "c", contract, found.policy, found.prompt, run, 1, "", "", created_at=START)


def test_the_published_shape_of_a_workflow_parses() -> None:
    found = read_workflow(EXAMPLE.read_bytes()).policy
    assert found.polling.interval_ms == 5000
    assert found.hooks.timeout_s == 900
    assert found.hooks.after_create is not None and found.hooks.after_create.startswith("set -eu\nsource=")
    assert (found.agent.max_concurrent_agents, found.agent.max_turns) == (10, 20)
    assert found.codex.command.endswith('control.sock"')  # kept as it is: no shell variable is filled in
    assert "${CODEX_HOME:-$HOME/.codex}" in found.codex.command
    assert found.tracker.project_slug == "some-project-b1cf2e8198aa"
    assert found.tracker.active_states == ("Todo", "In Progress", "Merging", "Rework")


def test_keys_that_mean_nothing_here_are_warned_of_and_ignored() -> None:
    warned = "\n".join(workflow_warnings(EXAMPLE.read_bytes()))
    for key in ("codex.model", "codex.reasoning_effort", "codex.service_tier", "codex.attach_worktree_owner"):
        assert f"unknown key {key!r} is ignored" in warned
    assert "hooks." not in warned and "unknown key 'tracker" not in warned


def test_its_prompt_is_rendered_for_the_first_run_and_for_a_later_one() -> None:
    item = Item(title="Mend it", description="It is broken.", labels=("Bug", "UI"))
    first, later = (
        render(order.prompt, order.variables(), "the prompt")
        for order in (example_order(1, item), example_order(3, item))
    )
    assert first.startswith("The ticket to be worked on is `abc-123`.")
    assert "attempt" not in first
    assert "This is attempt #2:" in later  # two runs were before it
    for text in (first, later):
        assert "Title: Mend it\nCurrent status: Todo\nLabels: ['bug', 'ui']\nURL: None\n" in text
        assert "It is broken." in text and "There is none." not in text


def test_an_empty_description_is_none_at_all() -> None:
    order = example_order(1, Item(title="Mend it"))
    assert "There is none." in render(order.prompt, order.variables(), "the prompt")


def test_the_issue_has_every_field_of_the_specification() -> None:
    issue = example_order(1, Item(title="t", priority=2, depends_on=("other",))).variables()["issue"]
    assert isinstance(issue, dict)
    fields = "id identifier title description priority state branch_name url labels blocked_by created_at updated_at"
    assert set(fields.split()) <= issue.keys()
    assert (issue["priority"], issue["branch_name"]) == (2, "factory/abc-123")
    assert (issue["created_at"], issue["updated_at"]) == ("2026-11-21T10:00:00Z", None)


def test_attempt_is_none_at_first_and_then_the_number_of_runs_before(world: World) -> None:
    prompt(world, "{{ issue.identifier }} {{ attempt is none }} {{ attempt }} {{ issue.state }}")
    world.item("one", [{"exit": 1}], [{"write": {"path": "one.txt", "text": "1\n"}}])
    world.now = START
    world.tick()
    world.now += timedelta(minutes=1)
    world.tick()
    assert world.artifacts("one")["run-1/prompt.md"] == "one True None inbox"
    assert world.artifacts("one")["run-2/prompt.md"] == "one False 1 inbox"


def test_blockers_are_in_the_prompt_with_their_state(world: World) -> None:
    body = "{% for each in issue.blocked_by %}{{ each.identifier }}={{ each.state }}{% endfor %}"
    prompt(world, body)
    world.item("first")
    world.item("second", text="depends_on: [first]\n")
    world.tick(drain=True)
    assert world.artifacts("second")["run-1/prompt.md"] == "first=done"


# Values


def test_states_may_be_one_string_with_commas() -> None:
    found = policy("tracker: {kind: queue, active_states: 'Todo, In Progress ,', required_labels: 'a,b'}").tracker
    assert found.active_states == ("Todo", "In Progress")
    assert found.required_labels == ("a", "b")


def test_integers_may_be_strings() -> None:
    found = policy(
        "polling: {interval_ms: '5000'}\n"
        "agent: {max_concurrent_agents: '3', max_turns: '4', max_retry_backoff_ms: '60000'}\n"
        "codex: {turn_timeout_ms: '1', read_timeout_ms: '2', stall_timeout_ms: '-1'}\n"
        "hooks: {timeout_ms: '7000'}"
    )
    assert found.polling.interval_ms == 5000
    assert (found.agent.max_concurrent_agents, found.agent.max_turns) == (3, 4)
    assert found.agent.max_retry_backoff_ms == 60_000
    assert (found.codex.turn_timeout_ms, found.codex.read_timeout_ms, found.codex.stall_timeout_ms) == (1, 2, -1)
    assert found.hooks.timeout_s == 7


def test_every_default_is_the_specifications() -> None:
    found = Policy()
    assert found.polling.interval_ms == 30_000
    assert found.hooks.timeout_ms == 60_000
    assert (found.agent.max_concurrent_agents, found.agent.max_turns) == (10, 20)
    assert found.agent.max_retry_backoff_ms == 300_000
    assert found.agent.max_concurrent_agents_by_state == {}
    assert found.codex.command == "codex app-server"
    assert found.codex.turn_timeout_ms == 3_600_000
    assert (found.codex.read_timeout_ms, found.codex.stall_timeout_ms) == (5_000, 300_000)
    assert found.retry.initial_ms == 10_000


@pytest.mark.parametrize("value", ["0", "-1", "99999999999", "soon"])
def test_a_hook_timeout_that_cannot_be_is_an_error_with_its_line(value: str) -> None:
    with pytest.raises(InvalidFile, match=r"WORKFLOW.md:2:9: hooks.timeout_ms: should be "):
        policy(f"hooks: {{timeout_ms: {value}}}")


def test_a_blank_command_is_an_error_with_its_line() -> None:
    with pytest.raises(InvalidFile, match=r"WORKFLOW.md:2:9: codex.command: "):
        policy("codex: {command: '  '}")


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ("{' Inbox ': 2}", 2),
        ("{INBOX: 1}", 1),
        ("{inbox: 0}", None),
        ("{inbox: -3}", None),
        ("{inbox: many}", None),
        ("{inbox: true}", None),
        ("{inbox: null}", None),
        ("{inbox: [1]}", None),
        ("{inbox: 1.5}", None),
        ("{' TODO ': 1}", 1),
        ("{Todo: '2'}", 2),
        ("{Todo: 2, inbox: 1}", 1),
        ("{Nonsense: 1}", None),
        ("{Done: 1}", None),
    ],
)
def test_slots_by_state_normalise_names_and_ignore_rubbish(limits: str, most: int | None) -> None:
    assert policy(f"agent: {{max_concurrent_agents_by_state: {limits}}}").most_from(Lane.INBOX) == most


def test_the_workspace_root_may_hold_a_tilde_and_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CELLS", str(tmp_path / "cells"))
    git = tmp_path / "repo" / ".git"
    assert cells_root(git, "$CELLS").parent == tmp_path / "cells"
    assert cells_root(git, "${CELLS}/deep").parent == tmp_path / "cells/deep"
    assert cells_root(git, "~/cells").parent == Path.home() / "cells"
    monkeypatch.setenv("BLANK", " ")
    assert cells_root(git, "$NOBODY_SET_THIS") == cells_root(git, "${BLANK}") == cells_root(git, None)
    assert cells_root(git, "cells").parent == tmp_path / "repo/cells"  # beside .git: a bare name is no place of its own
    # and below it each repository has a folder of its own
    assert cells_root(git, "$CELLS") != cells_root(tmp_path / "other/.git", "$CELLS")


def test_workers_run_below_the_configured_root(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CELLS", str(tmp_path / "cells"))
    world.policy("workspace: {root: $CELLS/here}")
    world.contract("where", worker={"run": ["sh", "-c", "pwd > where.txt"]})
    world.item("one", contract="where")
    world.tick()
    assert world.read("where.txt").startswith(f"{tmp_path}/cells/here/repo-")


# Hooks


def test_after_create_runs_before_the_worker_each_time_a_cell_is_lent(world: World) -> None:
    world.policy(hook("after_create", "echo created >> trail.txt"))
    world.contract("trail", worker={"run": ["sh", "-c", "echo worked >> trail.txt; test $FACTORY_RUN = 2"]})
    world.item("one", contract="trail")
    world.now = START
    world.tick()
    assert world.last("one").failure is FailureClass.CRASH
    world.now += timedelta(minutes=1)
    world.tick()
    assert world.read("trail.txt") == "created\nworked\n"  # and nothing of the first run


def test_after_create_that_fails_costs_an_attempt_and_is_run_again(world: World) -> None:
    world.policy(hook("after_create", "echo no such mirror; exit 4"))
    world.item("one")
    world.now = START
    world.tick()
    last = world.last("one")
    assert (last.event, last.to, last.failure, last.attempt) == (Event.RELEASE, Lane.INBOX, FailureClass.CRASH, 1)
    assert last.reason == "the hook after_create ended with exit status 4"
    assert "[after_create: ended with exit status 4]\nno such mirror\n" in hooks_log(world, "one") + "\n"
    # when it is mended
    world.policy(hook("after_create", "echo all is well"))
    world.now += timedelta(minutes=1)
    world.tick()
    assert world.lane("one") == "done"
    assert "all is well" in hooks_log(world, "one", 2)


def test_before_run_that_fails_costs_an_attempt_and_the_worker_never_ran(world: World) -> None:
    world.policy(hook("before_run", "echo not today; false"))
    world.contract("loud", worker={"run": ["sh", "-c", "echo I ran; echo x > x.txt"]})
    world.item("one", contract="loud")
    world.tick()
    last = world.last("one")
    assert (world.lane("one"), last.failure, last.attempt) == ("inbox", FailureClass.CRASH, 1)
    assert last.reason == "the hook before_run ended with exit status 1"
    assert "I ran" not in world.artifacts("one")["run-1/output.log"]
    assert "not today" in hooks_log(world, "one")


def test_before_run_runs_after_after_create_and_before_the_worker(world: World) -> None:
    scripts = "hooks: {after_create: echo 1 >> n.txt, before_run: echo 2 >> n.txt, after_run: echo 4 >> n.txt}"
    world.policy(scripts)
    world.contract("trail", worker={"run": ["sh", "-c", "echo 3 >> n.txt"]})
    world.item("one", contract="trail")
    world.tick()
    assert world.read("n.txt") == "1\n2\n3\n4\n"
    shown = [line for line in hooks_log(world, "one").split("\n") if line]
    assert shown == ["[after_create: ended well]", "[before_run: ended well]", "[after_run: ended well]"]


@pytest.mark.parametrize("worker", ["exit 3", "sleep 30", "echo x > x.txt"], ids=["failed", "timed-out", "good"])
@pytest.mark.parametrize("name", ["after_run", "before_remove"])
def test_hooks_at_the_end_always_run_and_their_failure_is_ignored(world: World, name: str, worker: str) -> None:
    world.policy(hook(name, f"echo this is {name}; exit 5"))
    world.contract("short", worker={"run": ["sh", "-c", worker]}, limits={"minutes": 0.005})
    world.item("one", contract="short")
    world.tick()
    expected = {"exit 3": FailureClass.CRASH, "sleep 30": FailureClass.TIMEOUT}.get(worker)
    assert runs(world, "one")[0].failure is expected
    assert f"[{name}: ended with exit status 5]\nthis is {name}" in hooks_log(world, "one")


def test_hooks_at_the_end_also_run_when_before_run_or_after_create_failed(world: World) -> None:
    world.policy("hooks: {before_run: exit 1, before_remove: echo the end}")
    world.item("one")
    world.tick()
    assert "[before_remove: ended well]\nthe end" in hooks_log(world, "one")
    world.policy("hooks: {after_create: exit 1, before_remove: echo the end}")
    world.item("two")
    world.tick()
    assert "[before_remove: ended well]\nthe end" in hooks_log(world, "two")


@pytest.mark.parametrize("name", ["after_create", "before_run", "after_run", "before_remove"])
def test_a_hook_that_takes_too_long_is_killed(world: World, name: str) -> None:
    world.policy(hook(name, "echo begun\nsleep 30.771", "  timeout_ms: 300\n"))
    world.item("one")
    began = time.monotonic()
    world.tick()
    assert time.monotonic() - began < 15
    assert commands_with("30.771") == []
    ended = runs(world, "one")[0]
    if name in ("after_create", "before_run"):
        assert (ended.failure, ended.reason) == (FailureClass.CRASH, f"the hook {name} was stopped after 0.3 s")
    else:
        assert (world.lane("one"), ended.failure) == ("done", None)
    assert f"[{name}: was stopped after 0.3 s]\nbegun" in hooks_log(world, "one")


def test_an_interrupt_waits_for_the_hooks_at_the_end_only_for_a_moment(world: World) -> None:
    # given two workers at work, and hooks that would take half a minute each to clean up after them
    hooks = "".join(f"  {name}: |\n    echo begun\n    sleep 30.772\n" for name in ("after_run", "before_remove"))
    world.policy(f"hooks:\n{hooks}")
    for item_id in ("one", "two"):
        world.item(item_id, [{"say": "x"}, {"sleep": 60}])
    process = world.start("tick")
    heartbeats = world.root / ".git/factory/heartbeats"
    world.until(lambda: all((heartbeats / each).exists() for each in ("one", "two")))
    # when the pass is interrupted
    began = time.monotonic()
    process.terminate()
    process.communicate(timeout=60)
    # then it ends soon, leaves nothing behind, and the items are back where they were
    assert time.monotonic() - began < 20
    assert process.returncode == 130
    assert commands_with("30.772") == []
    assert (world.lane("one"), world.lane("two")) == ("inbox", "inbox")


def test_a_hook_that_prints_a_megabyte_does_not_block_and_is_cut(world: World) -> None:
    world.policy(hook("before_run", "yes 0123456789 | head -c 1000000; echo complaint >&2; echo the last line"))
    world.item("one")
    world.tick()
    assert world.lane("one") == "done"
    log = hooks_log(world, "one")
    assert len(log) < 300_000
    assert "bytes cut here" in log
    assert "complaint\nthe last line" in log


def test_hooks_run_in_the_cell_and_see_the_files_of_the_item(world: World) -> None:
    world.policy(hook("before_run", "pwd; ls; git rev-parse --abbrev-ref HEAD"))
    world.contract("where", worker={"run": ["sh", "-c", "pwd > where.txt"]})
    world.item("one", contract="where")
    world.tick()
    shown = hooks_log(world, "one")
    assert world.read("where.txt").strip() in shown
    assert "program.py" in shown and "factory/one" in shown
    assert "queue" not in shown


def test_hooks_get_no_secret_and_only_the_environment_that_the_contract_names(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIRROR", "mirror.example.org")
    monkeypatch.setenv("API_TOKEN", "very-secret-value")
    monkeypatch.setenv("OTHER", "other-value")
    world.policy(hook("before_run", "env"))
    world.contract("named", worker={"run": ["factory-scripted"], "env": ["MIRROR"], "secrets": ["API_TOKEN"]})
    world.item("one", contract="named")
    world.tick()
    assert "MIRROR=mirror.example.org" in hooks_log(world, "one")
    assert "API_TOKEN" not in hooks_log(world, "one") and "OTHER" not in hooks_log(world, "one")


@needs_bubblewrap
@pytest.mark.parametrize("name", ["after_create", "before_run", "after_run", "before_remove"])
def test_hooks_cannot_write_outside_the_cell(world: World, name: str) -> None:
    # /tmp is another one in there: what is written to it stays in the cell; all the rest is read-only
    outside = (world.root / "evil.txt", Path.home() / "evil.txt", Path("/etc/evil.txt"), Path("/var/lib/evil.txt"))
    script = "\n".join(f"echo evil > {place}" for place in outside)
    world.policy(hook(name, f"{script}\necho inside > inside.txt"))
    world.item("one")
    world.tick()
    assert world.lane("one") == "done"
    assert not [place for place in outside if place.exists()]
    assert hooks_log(world, "one").count("Read-only file system") == 3  # it was tried, and refused


@needs_bubblewrap
@pytest.mark.parametrize("network", [False, True])
def test_hooks_reach_the_network_only_when_the_contract_lets_them(world: World, network: bool) -> None:
    world.policy(hook("before_run", "grep -c : /proc/net/dev"))
    world.contract("net", worker={"run": ["factory-scripted"], "sandbox": {"network": network}})
    world.item("one", contract="net")
    world.tick()
    here = sum(":" in line for line in Path("/proc/net/dev").read_text().split("\n"))
    assert f"[before_run: ended well]\n{here if network else 1}" in hooks_log(world, "one")


def test_after_create_also_runs_for_the_checks(world: World) -> None:
    # a cell for a check is a new one too; here the hook fails on what the worker made
    world.policy(hook("after_create", "ls *.txt; test ! -e one.txt"))
    world.contract("checked", checks=[{"name": "fine", "run": ["true"], "when": "both"}])
    world.item("one", contract="checked")
    world.tick()
    last = world.last("one")
    assert (last.failure, last.attempt) == (FailureClass.CRASH, 1)
    assert last.reason == "the hook after_create ended with exit status 1"
    assert [line for line in hooks_log(world, "one").split("\n") if line.startswith("[")] == [
        "[after_create: ended well]",
        "[after_create: ended with exit status 1]",
    ]


def test_a_hook_is_held_to_the_contracts_limits(world: World) -> None:
    world.policy(hook("before_run", "sleep 9 & sleep 9 & sleep 9 & sleep 9 & wait"))
    world.contract("small", limits={"processes": 3})
    world.item("one", contract="small")
    world.tick()
    assert "the hook before_run was stopped: " in str(world.last("one").reason)
    assert "processes at once; the contract allows 3" in str(world.last("one").reason)


def test_a_place_for_cells_that_is_none_fails_the_run_and_is_left_alone(world: World, tmp_path: Path) -> None:
    place = tmp_path / "in-the-way"
    place.write_text("mine\n")
    world.policy(f"workspace: {{root: {place}}}")
    world.item("one")
    world.tick()
    assert world.last("one").failure is FailureClass.CRASH
    assert "the cell could not be used" in str(world.last("one").reason)
    assert place.read_text() == "mine\n"


# Stalls and retries


def test_silence_beyond_stall_timeout_ms_is_killed_and_tried_again(world: World) -> None:
    world.policy("codex: {stall_timeout_ms: 400}")
    world.item("one", [{"say": "begun"}, {"sleep": 30}], [{"write": {"path": "one.txt", "text": "1\n"}}])
    world.now = START
    world.tick()
    last = world.last("one")
    assert (last.event, last.failure, last.attempt) == (Event.RELEASE, FailureClass.STALL, 1)
    world.now += timedelta(minutes=1)
    world.tick()
    assert world.lane("one") == "done"


@pytest.mark.parametrize("value", ["0", "-1", "'-1'"])
def test_a_stall_timeout_that_is_not_positive_means_none(world: World, value: str) -> None:
    world.policy(f"codex: {{stall_timeout_ms: {value}}}")
    assert policy(f"codex: {{stall_timeout_ms: {value}}}").silence_s(Limits()) is None
    world.item("one", [{"sleep": 0.7}, {"write": {"path": "one.txt", "text": "1\n"}}])
    world.tick()
    assert world.lane("one") == "done"


def test_a_contracts_own_stall_minutes_count_first() -> None:
    assert Policy().silence_s(Limits()) == 300
    assert Policy().silence_s(Limits(stall_minutes=0.5)) == 30
    assert policy("codex: {stall_timeout_ms: 0}").silence_s(Limits(stall_minutes=0.5)) == 30


@pytest.mark.parametrize(("cap", "expected"), [(300_000, (10, 20, 40, 80)), (30_000, (10, 20, 30, 30))])
def test_retries_back_off_from_ten_seconds_and_are_written_down(
    world: World, cap: int, expected: tuple[int, ...]
) -> None:
    world.policy(f"agent: {{max_retry_backoff_ms: {cap}}}\nbreaker: {{failures: 100}}")
    world.contract("patient", retry={"max_attempts": 5})
    world.item("one", [{"exit": 1}], contract="patient")
    world.now = START
    for attempt, wait in enumerate(expected, 1):
        world.tick()
        last = world.last("one")
        assert (last.failure, last.attempt, last.round, last.run) == (FailureClass.CRASH, attempt, 1, attempt)
        assert last.not_before is not None and last.reason
        assert wait <= (last.not_before - world.now).total_seconds() <= wait * 1.1 + 1
        world.now = last.not_before - timedelta(seconds=2)
        assert world.tick().commits == 0
        world.now = last.not_before
    world.tick()
    assert (world.lane("one"), world.last("one").attempt) == ("blocked", 5)


# Strict prompts


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "fine\n{{ issue.title }}\n{{ issue.nothing }}",
            "the prompt, line 3: 'dict object' has no attribute 'nothing'",
        ),
        ("{{ nobody }}", "the prompt, line 1: 'nobody' is undefined"),
        ("fine\n{{ issue.title | shout }}", "the prompt, line 2: No filter named 'shout'"),
        ("fine\n\n{% if attempt %}", "the prompt, line 3: Unexpected end of template"),
    ],
)
def test_a_prompt_that_cannot_be_rendered_fails_the_run_and_names_the_line(world: World, body: str, said: str) -> None:
    prompt(world, body)
    world.item("one")
    world.tick()
    last = world.last("one")
    assert (world.lane("one"), last.failure) == ("blocked", FailureClass.CONFIG)
    assert str(last.reason).startswith(said)
    assert str(last.reason).endswith("; correct the contract, WORKFLOW.md or this machine")


def test_an_empty_prompt_is_a_small_one_of_its_own() -> None:
    assert "{{ item.title }}" in read_workflow(b"---\nbranch: main\n---\n\n").prompt
    assert read_workflow(b"Just {{ item.title }}\n").policy == Policy()


# Reload


def test_a_changed_workflow_counts_for_the_next_item_and_a_bad_one_does_not(world: World) -> None:
    world.policy("polling: {interval_ms: 600000}")
    process = world.start("run")
    try:
        world.item("one")
        world.until(lambda: (world.root / "one.txt").exists() and world.status() == "")
        assert "hooks.log" not in str(list(world.artifacts("one")))
        # when the policy gets a hook and another slot limit, the next item has it
        world.policy(hook("before_run", "echo good > hook.txt", "polling: {interval_ms: '500000'}"))
        world.item("two")
        world.until(lambda: (world.root / "two.txt").exists() and world.status() == "")
        assert world.read("hook.txt") == "good\n"
        # when it is spoilt, the last good one stays in force
        world.write("WORKFLOW.md", "---\nhooks: {timeout_ms: soon}\n---\n")
        world.git("commit", "-q", "-m", "Spoil it", "--only", "WORKFLOW.md")
        world.item("three", [{"delete": "hook.txt"}, {"write": {"path": "three.txt", "text": "3\n"}}])
        world.until(lambda: (world.root / "three.txt").exists() and world.status() == "")
        assert "[before_run: ended well]" in hooks_log(world, "three")
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    assert "WORKFLOW.md:2:9: hooks.timeout_ms: should be a valid integer" in said
    assert said.count("the last good policy stays in force") == 1  # though the branch moved on
    assert "Traceback" not in said


def test_a_tick_does_not_begin_without_a_usable_workflow(world: World) -> None:
    world.write("WORKFLOW.md", "---\ntracker: {kind: linear}\n---\n")
    world.commit("Another tracker")
    world.item("one")
    said = world.command("tick", status=3)
    assert "WORKFLOW.md:2:11: tracker.kind: should be 'queue': issues are the files in queue/." in said
    assert "template: liquid" in said and "workspace.keep: true" in said and 'found "linear"' in said
    assert world.events("one") == []


@pytest.mark.parametrize("front", ["- a\n- list", "a: [", "just words"])
def test_front_matter_that_is_no_map_is_an_error_with_its_line(world: World, front: str) -> None:
    world.write("WORKFLOW.md", f"---\n{front}\n---\n")
    world.commit("Spoil it")
    assert "WORKFLOW.md:" in world.command("tick", status=3)


def test_no_workflow_at_all_is_an_error(world: World) -> None:
    world.git("rm", "-q", "WORKFLOW.md")
    world.git("commit", "-q", "-m", "Away with it")
    said = world.command("tick", status=3)
    assert "there is no WORKFLOW.md" in said and "factory init" in said
