"""The smaller commands: what they list, show, say while they wait, and offer to a shell."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.world import World


def finished(world: World) -> None:
    """One item of each end, and one that is open."""
    world.item("kept", contract="reviewed", text="labels: [bug]\n")
    world.item("dropped", contract="reviewed")
    world.item("open", text="hold: true\n")
    world.tick()
    world.command("review", "kept", "--approve", "-m", "fine")
    world.command("cancel", "dropped")
    world.tick()


def test_the_journal_says_who_and_why_in_columns_of_their_own(world: World) -> None:
    finished(world)
    said = world.command("log", "kept")
    assert said.split("\n")[0].split() == ["AT", "EVENT", "MOVE", "RUN", "BY", "WHY"]
    assert re.search(r"^\S+Z +submit +- -> inbox +- +Ann *$", said, re.M)
    assert re.search(
        r"^\S+Z +finish +review -> done +1 +factory +approved by Ann <ann@example.org> \(human\)$", said, re.M
    )


@pytest.mark.parametrize("committed", [True, False])
def test_who_brought_an_item_submitted_it_even_if_it_never_began(world: World, committed: bool) -> None:
    world.item("one", text="hold: true\n")
    if committed:
        world.commit("One")
    world.tick()
    world.git("config", "user.name", "Bob")
    world.command("cancel", "one")
    world.tick()
    submitted, cancelled = world.journal("one")
    assert (submitted.event, submitted.actor) == ("submit", "Ann <ann@example.org>")
    assert (cancelled.event, cancelled.actor.split(" <")[0]) == ("cancel", "Bob")
    world.command("audit")


def test_what_has_ended_is_listed_when_it_is_asked_for(world: World) -> None:
    finished(world)
    assert [line.split()[:2] for line in world.command("list").split("\n")[1:-1]] == [["open", "inbox"]]
    ended = [line.split()[:2] for line in world.command("list", "--done").split("\n")[1:-1]]
    assert sorted(ended) == [["dropped", "cancelled"], ["kept", "applied"]]
    assert len(json.loads(world.command("list", "--all", "--json"))) == 3
    assert [row["id"] for row in json.loads(world.command("list", "--lane", "done", "--label", "bug", "--json"))] == [
        "kept"
    ]
    assert "excludes" in world.command("list", "--done", "--lane", "inbox", status=2)


def test_a_finished_item_is_shown_with_checks_changes_and_its_merge(world: World) -> None:
    world.contract("checked", checks=[{"name": "quick", "run": ["test", "-f", "one.txt"]}])
    world.item("one", contract="checked")
    world.tick()
    merge = world.last("one").applied
    said = world.command("show", "one")
    assert f"merged     {merge}" in said
    assert re.search(r"^check +pass +quick: test -f one.txt", said, re.M)
    assert re.search(r"^file +A +one.txt +\+1 -0$", said, re.M)
    assert "factory diff one" in said
    shown = json.loads(world.command("show", "one", "--json"))
    assert shown["applied"] == merge
    assert [(change["kind"], change["path"]) for change in shown["changes"]] == [("A", "one.txt")]


def test_a_tick_in_a_pipe_says_what_it_waits_for(world: World) -> None:
    world.policy('canary: "off"')  # it would run the check twice more
    world.contract("slow", checks=[{"name": "long", "run": ["sleep", "4"]}])
    world.item("one", contract="slow")
    said = world.factory("tick")
    assert re.search(r"waiting for one \(checking long, \d+ s\)", said)
    assert said.count("waiting for") <= 2


def test_a_tick_that_a_persons_merge_keeps_waiting_says_so_once(world: World) -> None:
    # given a run that ends while a person is in the middle of a merge
    world.item("one", [{"say": "begun"}, {"sleep": 2}, {"write": {"path": "one.txt", "text": "one\n"}}])
    process = world.start("tick")
    world.until(lambda: (world.root / ".git/factory/heartbeats/one").exists())
    merging = world.write(".git/MERGE_HEAD", world.git("rev-parse", "HEAD") + "\n")
    world.until(lambda: not (world.root / ".git/factory/heartbeats/one").exists())
    time.sleep(2.5)
    merging.unlink()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert output.count("waits: a merge is in progress") == 1
    assert world.lane("one") == "done"


def test_a_tick_tells_programs_what_it_came_to(world: World) -> None:
    world.item("one", contract="reviewed")
    done = subprocess.run(
        [sys.executable, "-m", "factory", "tick", "--json"], cwd=world.root, capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    assert told["moved"] == ["main"]
    assert (told["commits"], told["counts"]["review"], told["problems"]) == (3, 1, [])
    assert [(row["id"], row["state"]) for row in told["items"]] == [("one", "waiting")]
    assert "active -> review" in done.stderr
    world.write("queue/inbox/two.yaml", "title: two\n")
    planned = json.loads(world.command("tick", "--dry-run", "--json"))
    assert planned["edits"] == ["queue/inbox/two.yaml"]


def test_an_item_is_added_with_what_done_means(world: World) -> None:
    said = world.command(
        "add", "Fix gcd", "--acceptance", "gcd(35, 21) is 7 => python -m pytest -q 'a b.py'",
        "--acceptance", "it reads well", "--json",
    )  # fmt: skip
    told = json.loads(said)
    assert told == {"id": "fix-gcd", "path": "queue/inbox/fix-gcd.yaml"}
    assert world.command("check") == "all files are valid\n"
    assert (
        'acceptance: [{"id": "A1", "text": "gcd(35, 21) is 7", "check": ["python", "-m", "pytest", "-q", "a b.py"]}'
        in (world.read(told["path"]))
    )
    for bad in ("x => ", "x => 'a", " "):
        assert "Traceback" not in world.command("add", "Other", "--acceptance", bad, status=2)


def completed(world: World, *words: str) -> list[str]:
    """What a shell offers for the last of these words."""
    env = {
        **os.environ,
        "_FACTORY_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["factory", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [sys.executable, "-m", "factory"], cwd=world.root, env=env, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_a_shell_completes_commands_and_ids(world: World) -> None:
    finished(world)
    assert completed(world, "st") == ["status"]
    assert {"init", "diff", "review"} <= set(completed(world, ""))
    assert "--help" in completed(world, "--h")
    assert completed(world, "show", "") == ["open", "dropped", "kept"]
    assert completed(world, "log", "ke") == ["kept"]
    assert completed(world, "hold", "") == ["open"]
    assert completed(world, "review", "") == []
    assert completed(world, "-C", str(world.root), "cancel", "o") == ["open"]
    world.root = world.root.parent
    assert completed(world, "show", "") == []


def test_one_of_a_thing_is_said_as_one(world: World) -> None:
    world.write("queue/inbox/many.jsonl", '{"title": "a", "hold": true}\n')
    said = world.factory("tick")
    assert "take in 1 item of queue/inbox/many.jsonl" in said
    world.write("queue/inbox/bad.yaml", "title: [\n")
    assert "1 problem;" in world.command("status")
    world.item("one", text="hold: true\n")
    assert re.search(r"^1 commit; ", world.factory("tick"), re.M)


def test_the_branches_to_push_are_named_also_before_this_clone_has_them(world: World, tmp_path: Path) -> None:
    assert world.command("status", "--branches") == "main\n"
    world.git("branch", "trunk")
    world.policy("target: trunk")
    assert json.loads(world.command("status", "--branches", "--json")) == ["main", "trunk"]
    subprocess.run(["git", "clone", "-q", "-b", "trunk", world.root, tmp_path / "clone"], check=True)
    assert World(tmp_path / "clone").command("status", "--branches") == "main\ntrunk\n"


def test_a_tick_says_which_branches_it_moved_where_that_is_not_the_one_in_front_of_you(world: World) -> None:
    world.item("one")
    assert "moved" not in world.command("tick", "--drain")
    world.git("branch", "trunk")
    world.policy("target: trunk")
    world.item("two")
    assert "moved: main, trunk\n" in world.command("tick", "--drain")
    world.git("switch", "-q", "-c", "feature")
    world.item("three", text="hold: true\n")
    assert "moved: main\n" in world.command("tick", "--drain")


def test_what_a_criterion_will_run_is_shown_because_quotes_are_split_away(world: World) -> None:
    said = world.command(
        "add", "Load", "--acceptance", "it loads => node -e require('./index.js')", "--acceptance", "x"
    )
    assert said == 'queue/inbox/load.yaml\nA1 runs ["node", "-e", "require(./index.js)"]\n'
    kept = world.command("add", "Load", "--acceptance", "it loads => node -e \"require('./index.js')\"")
    assert kept.endswith('A1 runs ["node", "-e", "require(\'./index.js\')"]\n')


def test_outside_of_a_repository_the_message_is_ours_and_not_gits(tmp_path: Path) -> None:
    said = World(tmp_path).command("status", status=3)
    assert said == (
        f"factory: {tmp_path} is not in a usable git repository: there is none here or above\n  next: git init\n"
    )
