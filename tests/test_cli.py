"""The command line: what each command does, what it says when it cannot, and how it ends."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from factory.cli.program import COMMANDS
from factory.store import files
from tests.world import World


def bare_world(root: Path) -> World:
    """A git repository without a factory in it."""
    root.mkdir()
    world = World(root)
    world.git("init", "-q", "-b", "main")
    return world


# A new user


def test_a_new_users_way(tmp_path: Path) -> None:
    # given a repository with nothing but a commit
    world = bare_world(tmp_path / "repo")
    world.write("program.py", "print('hello')\n")
    world.commit("Start")
    # when a person lays a factory into it, gives it a worker, and adds a task
    laid = world.factory("init")
    assert "WORKFLOW.md" in laid
    steps = ["git add", "factory doctor --checks", "factory add"]
    assert steps == sorted(steps, key=laid.index)
    contract = world.root / "contracts/change.yaml"
    text = re.sub(r"  run: .*", "  run: [sh, -c, 'echo done > done.txt']", contract.read_text())
    contract.write_text(text)
    assert world.factory("check") == "all files are valid\n"
    world.git("add", "WORKFLOW.md", "contracts", "queue", "artifacts")
    world.git("commit", "-q", "-m", "Lay down the factory")
    path = world.factory("add", "Write done.txt").strip()
    assert path == "queue/inbox/write-done-txt.yaml"
    # then a tick brings it to review, and an approval to its end
    assert "review" in world.factory("tick")
    assert "write-done-txt" in world.factory("review")
    assert "decision: pending" in world.factory("review", "write-done-txt")
    world.factory("review", "write-done-txt", "--approve")
    world.factory("tick")
    assert world.lane("write-done-txt") == "done"
    assert world.read("done.txt") == "done\n"
    assert world.status() == ""
    assert "of 1 item, 1 of them finished\nevery commit keeps the rules" in world.factory("audit")


def test_the_worker_that_init_lays_down_says_what_to_do(tmp_path: Path) -> None:
    world = bare_world(tmp_path / "repo")
    world.git("commit", "-q", "--allow-empty", "-m", "Start")
    world.factory("init")
    world.commit("Lay down the factory")
    world.factory("add", "Something")
    assert "put your worker into contracts/change.yaml" in world.factory("tick")


def test_init_twice_overwrites_nothing(tmp_path: Path) -> None:
    world = bare_world(tmp_path / "repo")
    world.write("WORKFLOW.md", "mine\n")
    world.write("queue/inbox/mine.yaml", "title: mine\n")
    laid = world.factory("init").splitlines()
    assert "WORKFLOW.md" not in laid
    assert world.read("WORKFLOW.md") == "mine\n"
    before = {path: path.read_bytes() for path in world.root.rglob("*") if path.is_file() and ".git/" not in str(path)}
    assert world.factory("init") == "everything is there already\n"
    assert all(path.read_bytes() == data for path, data in before.items())


def test_init_takes_the_branch_that_is_checked_out(tmp_path: Path) -> None:
    world = bare_world(tmp_path / "repo")
    world.git("switch", "-q", "-c", "trunk")
    world.factory("init")
    world.commit("Lay down the factory")
    assert "(branch trunk)" in world.factory("status")


def test_init_in_a_linked_worktree_lays_the_files_there(tmp_path: Path) -> None:
    world = bare_world(tmp_path / "repo")
    world.git("commit", "-q", "--allow-empty", "-m", "Start")
    world.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    side = World(tmp_path / "side")
    (side.root / "below").mkdir()
    World(side.root / "below").factory("init")
    assert "branch: side" in side.read("WORKFLOW.md")
    assert (side.root / "queue/inbox/README.md").exists()
    assert world.status() == ""


# Every command, when all is well


def test_add_writes_an_item_with_all_that_was_said(world: World) -> None:
    said = world.command(
        "add", 'Fix "gcd": it recurses', "--contract", "scripted", "--priority", "2", "--label", "bug", "--label", "x",
        "--input", "program=gcd.py", "--input", "note=a=b", "--depends-on", "other",
        "--scope", "src/**", "--description", "Line one\nline two",
    )  # fmt: skip
    warned, path = said.splitlines()
    text = world.read(path)
    assert (warned, path) == (
        "warning: there is no item 'other', for which it is to wait",
        "queue/inbox/fix-gcd-it-recurses.yaml",
    )
    assert world.command("check", path) == "all files are valid\n"
    world.tick()
    found = json.loads(world.command("list", "--json"))
    assert [(row["title"], row["priority"], row["labels"]) for row in found] == [
        ('Fix "gcd": it recurses', 2, ["bug", "x"])
    ]
    assert '"note": "a=b"' in text
    assert 'scope: ["src/**"]' in text


def test_add_reads_the_description_from_standard_input(world: World) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "factory", "add", "T", "--description", "-"],
        cwd=world.root, input="ä\n- b: c\n", text=True, capture_output=True, check=True,
    )  # fmt: skip
    assert "ä" in world.read(done.stdout.strip())
    assert world.command("check") == "all files are valid\n"


def test_add_gives_every_item_an_id_of_its_own(world: World) -> None:
    paths = [world.command("add", "Same title").strip() for _ in range(3)]
    assert paths == [f"queue/inbox/same-title{suffix}.yaml" for suffix in ("", "-2", "-3")]
    world.tick()
    world.command("cancel", "same-title")
    world.tick()
    assert world.command("add", "Same title").strip() == "queue/inbox/same-title-4.yaml"


@pytest.mark.parametrize(
    "title", ["Done", "…", "日本語", "a.lock", "x" * 500, "--flag-like", "{{ 7*7 }}", "multi\nline"]
)
def test_add_takes_any_title(world: World, title: str) -> None:
    path = world.command("add", "--contract", "scripted", "--", title).strip()
    assert world.command("check") == "all files are valid\n"
    world.tick()
    assert json.loads(world.command("show", Path(path).stem, "--json"))["title"] == title


def test_status_list_show_and_log_tell_of_the_same_item(world: World) -> None:
    world.item("one", contract="reviewed", text="labels: [bug]\npriority: 3\n")
    world.item("two")
    world.tick()
    row = r"^one +review +waiting +\d+s +do one +waits for the verdict of human$"
    assert re.search(row, world.command("status"), re.M)
    assert re.search(r"^one +review +3 +\d+s +do one$", world.command("list"), re.M)
    assert "one" in world.command("list", "--lane", "review", "--label", "bug")
    assert "one" not in world.command("list", "--lane", "inbox")
    assert "one" not in world.command("list", "--label", "other")
    shown = world.command("show", "one")
    assert "queue/review/one.yaml" in shown
    assert "artifacts/one/run-1/" in shown
    look = re.search(r"^look +git diff (\w+) (\w+)$", shown, re.M)
    assert look
    assert "one.txt" in world.git("diff", "--stat", look[1], look[2])
    assert [line.split()[1] for line in world.command("log", "one").splitlines()[1:]] == ["submit", "start", "deliver"]
    # and of a finished one
    assert "applied" in world.command("show", "two")
    assert "finish" in world.command("log", "two")
    assert "1 done today" in world.command("status")


def test_json_is_json_with_times_as_rfc_3339(world: World) -> None:
    world.item("one", contract="reviewed")
    world.item("two")
    world.item("bad id")
    world.tick()
    status = json.loads(world.command("status", "--json"))
    assert status["counts"]["review"] == 1
    assert status["done_today"] == 1
    assert status["branch"] == "main"
    [row] = status["items"]
    assert row == json.loads(world.command("list", "--json"))[0]
    assert (row["id"], row["lane"], row["state"], row["run"], row["round"]) == ("one", "review", "waiting", 1, 1)
    datetime.fromisoformat(row["since"])
    assert row["since"].endswith("Z")
    log = json.loads(world.command("log", "one", "--json"))
    assert [entry["event"] for entry in log] == ["submit", "start", "deliver"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry["at"]) for entry in log)
    assert json.loads(world.command("show", "one", "--json"))["evidence"]["ran"] == []
    assert json.loads(world.command("show", "two", "--json"))["outcome"] == "applied"
    (world.root / "queue/inbox/bad id.yaml").unlink()
    assert json.loads(world.command("check", "--json")) == {"problems": [], "warnings": []}


def test_the_json_of_every_reading_command_is_there(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    for arguments in (("status",), ("list",), ("show", "one"), ("log", "one"), ("check",), ("review",)):
        json.loads(world.command(*arguments, "--json"))


def test_review_lists_shows_and_decides(world: World) -> None:
    assert world.command("review") == "nothing waits for a verdict\n"
    world.item("one", contract="reviewed")
    world.tick()
    before = world.read("queue/review/one.human.verdict.yaml")
    world.command("review", "one", "--rework", "-m", 'say "why": #1\nand how')
    after = world.read("queue/review/one.human.verdict.yaml")
    # the same edit as a person would make: nothing else is another line
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    assert [line.split(":")[0] for line in changed] == ["decision", "notes"]
    world.tick()
    assert "rework" in world.events("one")
    reworked = next(entry for entry in world.journal("one") if entry.event == "rework")
    assert reworked.findings[0].text == 'say "why": #1\nand how'


def test_a_decision_may_be_changed_before_the_tick(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    world.command("review", "one", "--approve", "-m", "fine")
    world.command("review", "one", "--reject", "-m", "no, not fine\n\nreally")
    world.tick()
    assert str(world.last("one").outcome) == "rejected"
    assert "no, not fine" in str(world.last("one").reason)


def test_hold_changes_one_line_of_the_item(world: World) -> None:
    place = world.item("one", text="# a comment\nhold: false    # not yet\n")
    world.commit("One")
    before = place.read_text().splitlines()
    world.command("hold", "one")
    changed = [(old, new) for old, new in zip(before, place.read_text().splitlines(), strict=True) if old != new]
    [(_, line)] = changed
    assert re.fullmatch(r"hold: true +# not yet", line)
    world.command("hold", "one")
    world.tick()
    assert world.lane("one") == "inbox"
    world.command("hold", "one", "--off")
    assert "# a comment" in place.read_text()
    world.tick()
    assert world.lane("one") == "done"


def test_hold_works_on_json_items_too(world: World) -> None:
    world.write("queue/inbox/one.yaml", '{"title": "t"}\n')
    world.commit("One")
    world.command("hold", "one")
    assert json.loads(world.read("queue/inbox/one.yaml")) == {"title": "t", "hold": True}


def test_retry_sends_back_what_was_judged_to_rework_and_else_to_inbox(world: World) -> None:
    world.item("asked", [{"result": {"status": "blocked", "question": "?"}}], [])
    world.item("judged", contract="reviewed")
    world.tick()
    world.verdict("judged", "escalate", "findings: [{id: F1, text: odd}]\n".replace("findings", "# findings"))
    world.tick()
    assert "queue/inbox" in world.command("retry", "asked")
    assert "moved to queue/" in world.command("retry", "judged")


def test_tick_strict_says_when_a_person_must_look(world: World) -> None:
    world.item("one", [{"result": {"status": "blocked", "question": "?"}}])
    assert "one (blocked): asks: ?" in world.command("tick", "--strict", status=1)
    world.command("tick", status=0)
    world.command("cancel", "one")
    world.command("tick", "--strict", status=0)
    world.write("queue/inbox/bad.yaml", "")
    world.command("tick", "--strict", status=1)


def test_drain_goes_on_until_nothing_can_move(world: World) -> None:
    world.policy("agent: {max_concurrent_agents: 1}")
    world.item("a", [], [{"write": {"path": "a.txt", "text": "a"}}])
    world.item("b", text="depends_on: [a]\n")
    world.command("tick", "--drain")
    assert {world.lane("a"), world.lane("b")} == {"done"}


def test_check_looks_at_what_it_is_told_from_where_one_stands(world: World) -> None:
    world.write("queue/inbox/bad.yaml", "titel: x\n")
    world.write("queue/inbox/good.yaml", "title: x\n")
    here = World(world.root / "queue/inbox")
    assert here.command("check", "good.yaml") == "all files are valid\n"
    assert "queue/inbox/bad.yaml:1:1" in here.command("check", "bad.yaml", status=1)
    assert "is not there" in here.command("check", "none.yaml", status=1)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_itself(world: World, name: str) -> None:
    said = world.command(name, "--help")
    assert said.startswith(f"Usage: factory {name}")
    assert "--help" in said


def test_help_lists_every_command_and_is_quick_to_come() -> None:
    heavy = {"pydantic", "ruamel.yaml", "jinja2", "git", "gitdb", "watchdog", "filelock"}
    script = "import sys, factory.cli.program as program; program.run(['--help']);"
    script += f"print(sorted(name for name in sys.modules if name in {heavy!r}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


# Every command, when it cannot

READERS = [("status",), ("list",), ("show", "one"), ("log", "one"), ("tick",), ("tick", "--dry-run"), ("review",)]
LEVERS = [("retry", "one"), ("hold", "one"), ("cancel", "one"), ("review", "one", "--approve"), ("add", "T")]


def complains(world: World, *arguments: str, status: int) -> str:
    """What the program says on its way out: one sentence, perhaps a next step, and no traceback."""
    said = world.factory(*arguments, status=status)
    assert "Traceback" not in said
    assert said.startswith(("factory: ", "Usage: ")) or status == 1
    return said


@pytest.mark.parametrize(
    "arguments", [*READERS[:2], *READERS[4:6], LEVERS[0], LEVERS[4], ("check",), ("init",), ("run",)]
)
def test_outside_of_a_repository_everything_ends_with_3(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    said = complains(World(tmp_path), *arguments, status=3)
    assert "not in a usable git repository" in said
    assert "next: git init" in said


@pytest.mark.parametrize("arguments", [*READERS, *LEVERS, ("run",)])
def test_without_a_workflow_everything_ends_with_3_and_names_init(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    world = bare_world(tmp_path / "repo")
    world.git("commit", "-q", "--allow-empty", "-m", "Start")
    said = world.command(*arguments, status=3)
    assert "there is no WORKFLOW.md" in said
    assert "next: factory init" in said


@pytest.mark.parametrize("arguments", [*READERS, *LEVERS, ("run",)])
def test_a_branch_without_a_commit_ends_with_3(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    world = bare_world(tmp_path / "repo")
    world.command("init")
    assert "main has no commit yet" in world.command(*arguments, status=3)


@pytest.mark.parametrize("arguments", [*READERS, *LEVERS, ("run",)])
@pytest.mark.parametrize("how", ["renamed", "mistyped"])
def test_a_branch_that_is_not_there_is_named_with_what_helps(
    world: World, how: str, arguments: tuple[str, ...]
) -> None:
    if how == "renamed":
        world.git("branch", "-m", "trunk")
    else:
        world.policy(branch="mian")
    here, named = ("trunk", "main") if how == "renamed" else ("main", "mian")
    said = world.command(*arguments, status=3)
    assert f"the branch {named}, which WORKFLOW.md names, does not exist" in said
    assert f"set `branch: {here}` in WORKFLOW.md and commit it, or git branch -m {here} {named}" in said
    said = world.command("check", status=1)
    assert f"WORKFLOW.md:2:1: branch: the branch {named}, which WORKFLOW.md names, does not exist" in said
    said = world.command("doctor", status=1)
    assert f"git branch -m {here} {named}" in said
    assert "Lay down the factory" not in said


def test_a_clone_on_another_branch_is_told_which_remote_has_the_factorys(world: World, tmp_path: Path) -> None:
    world.git("branch", "feature")
    subprocess.run(["git", "clone", "-q", "-b", "feature", world.root, tmp_path / "clone"], check=True)
    clone = World(tmp_path / "clone")
    said = clone.command("tick", status=3)
    assert "the branch main is on the remote origin and not in this clone" in said
    assert "next: git branch --track main origin/main" in said
    # the files are valid all the same, as in CI where nothing is checked out but a commit
    for _ in range(2):
        assert "git branch --track main origin/main" in clone.command("check", status=0)
        clone.git("checkout", "-q", "--detach")
    assert "git branch --track main origin/main" in clone.command("doctor", status=1)


def test_only_a_branch_without_a_commit_is_to_be_begun(tmp_path: Path) -> None:
    world = bare_world(tmp_path / "repo")
    world.command("init")
    first = "git add WORKFLOW.md contracts queue artifacts && git commit -m 'Lay down the factory'"
    for arguments in (["status"], ["tick"], ["doctor", "--checks"]):
        assert f"next: {first}\n" in world.command(*arguments, status=3)
    assert world.command("check") == "all files are valid\n"
    assert f"      {first}\n" in world.command("doctor", status=1)


@pytest.mark.parametrize("arguments", [*READERS, *LEVERS, ("run",)])
def test_a_broken_front_matter_ends_with_3_and_says_where(world: World, arguments: tuple[str, ...]) -> None:
    world.write("WORKFLOW.md", "---\nbranch: main\npolling: {interval_ms: soon}\n---\n")
    world.commit("Break it")
    assert "WORKFLOW.md:3:" in world.command(*arguments, status=3)


@pytest.mark.parametrize("arguments", [*LEVERS[:4], ("show", "one"), ("log", "one")])
def test_an_unknown_item_ends_with_2(world: World, arguments: tuple[str, ...]) -> None:
    said = world.command(*arguments, status=2)
    assert "one" in said
    assert "next: factory" in said


@pytest.mark.parametrize(
    "arguments", [("retry", "one"), ("hold", "one"), ("cancel", "one"), ("review", "one", "--approve")]
)
def test_a_finished_item_cannot_be_changed_and_that_is_said(world: World, arguments: tuple[str, ...]) -> None:
    world.item("one")
    world.tick()
    world.command(*arguments, status=2)
    assert world.status() == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("tick", "--nonsense"),
        ("add",),
        ("add", "T", "--priority", "9"),
        ("add", "T", "--input", "novalue"),
        ("add", ""),
        ("list", "--lane", "nowhere"),
        ("tick", "--max", "0"),
        ("schema", "nothing"),
        ("-C", "/no/such/folder", "status"),
        ("show",),
    ],
)
def test_wrong_usage_ends_with_2(world: World, arguments: tuple[str, ...]) -> None:
    said = world.command(*arguments, status=2)
    assert "Traceback" not in said
    assert not list((world.root / "queue/inbox").glob("*.yaml"))


def test_retry_of_what_is_not_blocked_ends_with_2(world: World) -> None:
    world.item("one", text="hold: true\n")
    world.tick()
    assert "one is not blocked, it is in inbox" in world.command("retry", "one", status=2)


def test_a_second_orchestrator_ends_with_4(world: World) -> None:
    world.item("one", [{"say": "x"}, {"sleep": 30}])
    first = world.start("tick")
    try:
        world.until(lambda: (world.root / ".git/factory/heartbeats/one").exists())
        said = complains(world, "tick", status=4)
        assert f"process {first.pid} on " in said
        assert f"process {first.pid} on " in world.command("status")
    finally:
        first.send_signal(2)
        first.communicate(timeout=20)
    assert first.returncode == 130


def test_an_unfinished_merge_is_waited_for_with_4(world: World) -> None:
    world.git("switch", "-q", "-c", "side")
    world.write("program.py", "side\n")
    world.commit("Side")
    world.git("switch", "-q", "main")
    world.write("program.py", "main\n")
    world.commit("Main")
    world.git("merge", "-q", "side", check=False)
    world.item("one")
    before = world.status()
    assert "a merge is in progress" in world.command("tick", status=4)
    assert world.status() == before


def test_a_bare_repository_can_be_worked_without_a_working_tree(world: World, tmp_path: Path) -> None:
    world.item("one")
    world.commit("One")
    world.git("clone", "-q", "--bare", str(world.root), str(tmp_path / "bare.git"))
    bare = World(tmp_path / "bare.git")
    bare.factory("tick")
    assert bare.lane("one") == "done"
    assert "1 done today" in bare.factory("status")
    assert "not checked out" in complains(bare, "add", "T", status=2)
    assert "bare repository" in complains(bare, "init", status=3)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_repository_that_cannot_be_written_is_said(world: World) -> None:
    world.item("one")
    (world.root / ".git").chmod(0o500)
    try:
        assert "Traceback" not in world.factory("tick", status=None)
    finally:
        (world.root / ".git").chmod(0o700)


@pytest.mark.parametrize("command", ["tick", "run"])
@pytest.mark.parametrize("branch", ["factory", "factory/one/more"])
def test_a_branch_that_stands_where_the_proposals_go_is_said_at_once(world: World, command: str, branch: str) -> None:
    world.item("one")
    world.git("branch", branch)
    said = complains(world, command, status=3)
    assert f"the branch '{branch}' stands where the factory keeps its proposals (factory/<id>)" in said
    assert f"next: git branch -m {branch} SOME-OTHER-NAME" in said
    assert world.read("queue/inbox/one.yaml")
    # and after that all is well
    world.git("branch", "-m", branch, "some-other-name")
    world.factory("tick")
    assert world.lane("one") == "done"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_in_a_repository_of_somebody_else_gits_own_way_out_is_said(world: World) -> None:
    os.chown(world.root, 12345, 12345)
    os.chown(world.root / ".git", 12345, 12345)
    said = complains(world, "status", status=3)
    assert f"{world.root} belongs to somebody else" in said
    assert f"next: git config --global --add safe.directory {world.root}" in said
    assert "git init" not in said
    world.git(*said.split("next: git ")[1].split())
    assert "(branch main)" in world.factory("status")


def test_any_folder_of_the_repository_will_do(world: World, tmp_path: Path) -> None:
    world.item("one")
    world.write("deep/er/file.txt", "x")
    world.commit("Deep")
    below = World(world.root / "deep/er")
    assert "starts with the next tick" in below.command("status")
    assert below.command("add", "From below").strip() == "queue/inbox/from-below.yaml"
    assert (world.root / "queue/inbox/from-below.yaml").exists()
    elsewhere = World(tmp_path)
    elsewhere.factory("-C", str(world.root), "tick")
    assert world.lane("one") == "done"
    world.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    assert "done today" in World(tmp_path / "side").command("status")


def test_only_who_judges_needs_to_have_told_git_who_they_are(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.item("one", contract="reviewed")
    world.commit("One")
    monkeypatch.setenv("HOME", str(world.root.parent))
    monkeypatch.setenv("EMAIL", "")
    world.git("config", "user.useConfigOnly", "true")
    world.factory("tick")
    world.verdict("one", "approve")
    said = world.factory("tick")
    assert world.lane("one") == "review"
    assert "git does not know whose verdict this is; git config --global user.name" in said


CONTROL = "\x1b]0;owned\x07\x1b[31mred\x9b2J\x08\u202e"


def test_what_others_wrote_never_commands_the_terminal(world: World) -> None:
    # given control characters in everything that people and workers may write
    title = json.dumps(f"do {CONTROL} it")
    runs = json.dumps({"runs": [[{"say": CONTROL}, {"result": {"status": "blocked", "question": f"why {CONTROL}"}}]]})
    world.write(
        "queue/inbox/one.yaml", f"title: {title}\ncontract: scripted\nlabels: [{json.dumps(CONTROL)}]\ninputs: {runs}\n"
    )
    world.write("queue/inbox/two.yaml", f"title: {title}\ncontract: {json.dumps(CONTROL)}\n")
    world.write("queue/inbox/three.yaml", f"{json.dumps(CONTROL)}: x\n")
    world.write(f"queue/inbox/{CONTROL.replace('/', '')}.yaml", "title: x\n")
    world.item("four", [{"exit": 1}, {"say": CONTROL}], [])
    world.item("five", [{"write": {"path": f"a{CONTROL}.txt".replace("/", ""), "text": CONTROL}}], contract="reviewed")
    # when the program speaks of it
    said = "".join(
        world.command(*arguments, status=None)
        for arguments in [
            ("check",), ("tick", "--dry-run"), ("tick",), ("status",), ("list",), ("show", "one"), ("log", "one"),
            ("show", "five"), ("log", "five"), ("review",), ("review", "five"), ("show", "four"), ("tick",),
        ]
    )  # fmt: skip
    # then none of it gets through
    for character in "\x1b\x07\x9b\x08\u202e":
        assert character not in said, repr(said[max(0, said.index(character) - 80) :][:160])
    assert "\x1b" not in world.git("log", "--format=%B", "main")


def test_a_pipe_that_closes_early_is_no_traceback(world: World) -> None:
    for number in range(300):
        world.write(f"queue/inbox/item-{number}.yaml", "titel: x\n")
    done = subprocess.run(
        f"{sys.executable} -m factory check | head -1",
        shell=True,
        cwd=world.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.stdout.count("\n") == 1


def test_a_tick_interrupted_before_it_began_ends_with_130(world: World) -> None:
    world.item("one", [{"say": "x"}, {"sleep": 30}])
    process = world.start("tick", "--drain")
    world.until(lambda: (world.root / ".git/factory/heartbeats/one").exists())
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130, output
    assert "factory: interrupted" in output


# Levers, while others act


@pytest.mark.parametrize("command", ["show", "log", "retry"])
def test_an_item_that_was_not_taken_in_yet_is_said_to_be_there(world: World, command: str) -> None:
    world.item("one")
    said = world.command(command, "one", status=2)
    assert "one lies in queue/inbox/one.yaml and has not been taken in yet; the next tick does so" in said
    assert "next: factory tick; or keep it from starting: factory hold one" in said
    assert "there is no item 'two'" in world.command(command, "two", status=2)
    world.write("queue/inbox/bad.yaml", "titel: x\n")
    assert "queue/inbox/bad.yaml:1:1: " in world.command(command, "bad", status=1)


@pytest.mark.parametrize(("first", "where"), [("retry", "queue/inbox/one.yaml"), ("cancel", "queue/done/one.yaml")])
@pytest.mark.parametrize("second", ["retry", "cancel", "hold"])
def test_a_lever_on_what_has_just_been_moved_says_where_it_is(
    world: World, first: str, where: str, second: str
) -> None:
    world.item("one", [{"result": {"status": "blocked", "question": "?"}}])
    world.tick()
    world.command(first, "one")
    text = world.read(where)
    said = world.command(second, "one", status=2)
    assert f"one has been moved to {where} already; the next tick takes that in" in said
    assert "next: factory tick" in said
    assert world.read(where) == text


LEVERS_IN_REVIEW = [("hold", "one"), ("cancel", "one"), ("review", "one", "--approve")]


@pytest.mark.parametrize("arguments", LEVERS_IN_REVIEW, ids=lambda arguments: arguments[0])
def test_a_lever_waits_until_nobody_moves_files(world: World, arguments: tuple[str, ...]) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    lock = world.root / ".git/index.lock"
    lock.write_bytes(b"")
    lever = world.start(*arguments)
    time.sleep(1.5)
    assert lever.poll() is None
    assert world.status() == ""
    lock.unlink()
    assert lever.communicate(timeout=20)[0]
    assert lever.returncode == 0
    assert world.status() != ""
    assert not lock.exists()


def test_a_lever_acts_on_what_is_there_once_it_may(world: World) -> None:
    # given a lever that waits while somebody who holds the index moves the item
    world.item("one", contract="reviewed")
    world.tick()
    index = world.root / ".git/index"
    lock = Path(f"{index}.lock")
    shutil.copy2(index, lock)
    lever = world.start("cancel", "one")
    time.sleep(1.5)
    env = {**os.environ, "GIT_INDEX_FILE": f"{index}.mine"}
    shutil.copy2(index, f"{index}.mine")
    for arguments in (("mv", "queue/review/one.yaml", "queue/blocked/one.yaml"), ("commit", "-q", "-m", "Move one")):
        subprocess.run(["git", *arguments], cwd=world.root, env=env, check=True)
    Path(f"{index}.mine").replace(index)
    lock.unlink()
    # then it takes the item from where it is by then
    output = lever.communicate(timeout=20)[0]
    assert lever.returncode == 0, output
    assert [path.parent.name for path in (world.root / "queue").rglob("one.yaml")] == ["done"]
    world.tick()
    assert world.lane("one") == "done"


def test_moving_a_file_loses_nothing_that_somebody_writes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    link, left = os.link, [b"newer", b"newest"]

    def slow(*arguments: object, **keys: object) -> None:
        link(*arguments, **keys)  # type: ignore[arg-type]
        if left:  # an editor saves: it writes beside and renames
            (tmp_path / "saved").write_bytes(left.pop(0))
            (tmp_path / "saved").replace(source)

    source.write_bytes(b"old")
    monkeypatch.setattr(os, "link", slow)
    assert files.move_new(source, target)
    assert (source.exists(), target.read_bytes()) == (False, b"newest")


def test_what_is_saved_just_before_the_old_name_goes_away_is_moved_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    rename, unlink, left = Path.rename, Path.unlink, [b"newer", b"newest"]

    def saved(*_: object) -> None:
        if left:
            (tmp_path / "saved").write_bytes(left.pop(0))
            (tmp_path / "saved").replace(source)

    def renames(self: Path, to: Path) -> Path:
        saved()
        return rename(self, to)

    def unlinks(self: Path, missing_ok: bool = False) -> None:
        saved() if self == source else None
        unlink(self, missing_ok)

    source.write_bytes(b"old")
    monkeypatch.setattr(Path, "rename", renames)
    monkeypatch.setattr(Path, "unlink", unlinks)
    assert files.move_new(source, target)
    assert target.read_bytes() == b"newest" and sorted(path.name for path in tmp_path.iterdir()) == ["b"]


def test_what_is_saved_over_the_new_name_meanwhile_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    rename = Path.rename

    def renames(self: Path, to: Path) -> Path:
        (tmp_path / "saved").write_bytes(b"a person's")
        (tmp_path / "saved").replace(target)
        return rename(self, to)

    source.write_bytes(b"ours")
    monkeypatch.setattr(Path, "rename", renames)
    assert files.move_new(source, target)
    assert target.read_bytes() == b"a person's" and sorted(path.name for path in tmp_path.iterdir()) == ["b"]


def test_moving_a_file_that_somebody_takes_away_meanwhile_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    assert not files.move_new(source, target)
    link = os.link

    def slow(*arguments: object, **keys: object) -> None:
        link(*arguments, **keys)  # type: ignore[arg-type]
        source.rename(tmp_path / "elsewhere")

    source.write_bytes(b"mine")
    monkeypatch.setattr(os, "link", slow)
    assert not files.move_new(source, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere"]


@pytest.mark.parametrize("text", ["{title: x, hold: false}\n", "{title: x,\n contract: reviewed}\n"])
def test_hold_of_an_item_that_no_line_edit_can_change_says_what_to_write(world: World, text: str) -> None:
    world.write("queue/inbox/one.yaml", text)
    world.commit("One")
    said = world.command("hold", "one", status=1)
    assert said.startswith("factory: queue/inbox/one.yaml:1:1: could not be edited; write `hold: true` into it")
    assert world.read("queue/inbox/one.yaml") == text


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "\udcff"),
        ("add", "T", "--label", "\udcff"),
        ("add", "T", "--description", "-"),
        ("show", "\udcff"),
        ("review", "one", "--rework", "-m", "\udcff"),
        ("review", "one", "--approve", "--accept", "\udcff"),
    ],
    ids=ascii,
)
def test_bytes_that_are_no_text_are_one_sentence(world: World, arguments: tuple[str, ...]) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    done = subprocess.run(
        [sys.executable, "-m", "factory", *map(os.fsencode, arguments)],
        cwd=world.root,
        input=b"\xff",
        capture_output=True,
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8:strict"},
        check=False,
    )
    assert (done.returncode, done.stderr[:9]) == (2, b"factory: "), done.stderr
    assert world.status() == ""
