"""The audit says nothing of what was honest, whatever people did, wherever it looks from and however it is cloned."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.forger import Forger
from tests.histories import HUMAN, SQUASHED, bare
from tests.test_house import ROOT
from tests.world import World


def findings(root: Path, *arguments: str) -> object:
    said = World(root).command("audit", "--json", *arguments, status=None)
    return json.loads(said)["violations"]


def told(root: Path, place: Path) -> None:
    """Nothing is found in a repository, nor in a bare clone of it."""
    assert findings(root) == []
    assert findings(bare(root, place / "bare.git")) == []


def test_nothing_is_found_from_any_commit_on(forger: Forger) -> None:
    commits = forger.git("rev-list", "--first-parent", "main").split("\n")
    assert [each for commit in commits for each in forger.audit("--since", commit)] == []


def test_nothing_is_found_at_any_commit(forger: Forger) -> None:
    for commit in forger.git("rev-list", "--first-parent", "main").split("\n"):
        if forger.git("log", "-1", "--format=%s", commit).startswith("Merge "):
            continue  # nobody ever sees a merge without its finish
        forger.cut(commit)
        found = forger.audit() if "WORKFLOW.md" in forger.paths() else []
        # A person's own move to done is not known for an end before the next pass has written it down.
        assert found in ([], [("journal", commit)])


def test_a_commit_beside_the_branch_counts_from_where_it_left_it(forger: Forger) -> None:
    head = forger.head
    forger.cut("main~9")
    beside = forger.put({"queue/inbox/other.yaml": b"title: other\n"})
    forger.cut(head)
    assert forger.audit("--since", beside) == []
    deleted = forger.put({"queue/review/open.yaml": None})
    assert forger.audit("--since", beside) == [("lost", deleted)]


def test_names_and_messages_that_look_like_the_audits_own_marks_are_read(forger: Forger) -> None:
    forger.put({"\x01" + "0" * 40: b"mine\n", "\x01": b"mine\n"}, "\x01subject\n")
    deleted = forger.put({"queue/review/open.yaml": None}, "\x01")
    assert forger.audit() == [("lost", deleted)]


def test_a_shallow_clone_is_not_judged(forger: Forger, tmp_path: Path) -> None:
    source = f"file://{forger.root}"
    subprocess.run(["git", "clone", "-q", "--bare", "--depth=3", source, str(tmp_path / "shallow.git")], check=True)
    assert "git fetch --unshallow" in World(tmp_path / "shallow.git").command("audit", status=3)


def test_nothing_is_found_of_what_people_do_to_items(world: World, tmp_path: Path) -> None:
    world.contract("judged", review=HUMAN)
    for name in ("moved", "back", "deleted", "edited", "ended"):
        world.item(name, contract="judged")
    world.write("queue/inbox/batch.jsonl", '{"id": "first", "title": "do first"}\n{"title": "do second"}\n')
    world.write("queue/inbox/withdrawn.yaml", "title: never mind\nhold: true\n")
    world.commit("Items")
    world.git("rm", "-q", "queue/inbox/withdrawn.yaml")
    world.commit("Never mind")
    world.tick(drain=True)
    world.verdict("back", "approve")
    world.move("moved", "queue/blocked", commit=True)
    world.move("back", "queue/rework")
    world.git("rm", "-q", "queue/review/deleted.yaml")
    world.commit("By accident")
    world.move("ended", "queue/done")
    world.write("queue/review/edited.yaml", world.read("queue/review/edited.yaml") + "description: and well\n")
    world.tick(drain=True)
    assert world.lane("deleted") == "blocked"
    world.command("retry", "deleted")
    world.move("moved", "queue/review")
    world.tick(drain=True)
    for name in ("moved", "back", "edited"):
        if world.lane(name) == "review":
            world.verdict(name, "approve")
    world.tick(drain=True)
    assert world.lane("moved") == "done"
    world.move("moved", "queue/inbox", commit=True)
    world.tick(drain=True)
    told(world.root, tmp_path)


def test_nothing_is_found_of_a_verdict_that_was_opened_again(world: World, tmp_path: Path) -> None:
    world.contract("judged", review=HUMAN)
    world.item("one", contract="judged")
    world.tick(drain=True)
    world.verdict("one", "approve")
    world.move("one", "queue/blocked")
    world.commit("Not yet")
    world.tick(drain=True)
    world.move("one", "queue/review", commit=True)
    world.tick(drain=True)
    world.verdict("one", "approve")
    world.tick(drain=True)
    assert world.lane("one") == "done"
    world.item("one", contract="judged")
    told(world.root, tmp_path)


def test_nothing_is_found_of_a_finished_item_that_is_finished_again(world: World, tmp_path: Path) -> None:
    first, second = ([{"write": {"path": "one.txt", "text": text}}] for text in ("one\n", "two\n"))
    world.item("one", first, second)
    world.tick(drain=True)
    world.move("one", "queue/inbox", commit=True)
    world.tick(drain=True)
    assert world.events("one").count("finish") == 2
    told(world.root, tmp_path)


def test_nothing_is_found_of_contracts_that_change_while_they_are_at_work(world: World, tmp_path: Path) -> None:
    limits = {"retry": {"max_attempts": 3}, "rework": {"max_rounds": 3}}
    world.policy("retry: {initial_ms: 1}\n")
    world.contract("soft", **limits, review=HUMAN)
    world.item("failing", [{"exit": 1}], contract="soft")
    world.item("judged", contract="soft")
    world.tick()
    world.contract("soft", retry={"max_attempts": 1}, rework={"max_rounds": 1})
    world.tick(drain=True)
    told(world.root, tmp_path)


def test_nothing_is_found_of_every_way_to_apply(world: World, tmp_path: Path) -> None:
    for mode in ("squash", "branch", "none"):
        world.contract(mode, apply={"mode": mode}, review=HUMAN)
        world.item(mode, contract=mode)
    world.contract("guarded", produces={"patch": {"required": False}})
    world.item("guarded", [{"write": {"path": ".github/a.yml", "text": "a\n"}}], contract="guarded")
    world.item("nothing", [{"result": {"summary": "nothing to do"}}], contract="guarded")
    world.tick(drain=True)
    for item_id in ("squash", "branch", "none", "guarded"):
        world.verdict(item_id, "approve")
    world.tick(drain=True)
    world.tick(drain=True)
    assert {world.lane(item_id) for item_id in ("squash", "branch", "none", "guarded", "nothing")} == {"done"}
    world.git("merge", "-q", "--no-ff", "-m", "Take the branch", "factory/branch")
    told(world.root, tmp_path)
    for commit in world.git("rev-list", "--first-parent", "main").split("\n"):
        assert findings(world.root, "--since", commit) == []


def test_nothing_is_found_of_another_target(world: World, tmp_path: Path) -> None:
    world.git("branch", "release")
    world.policy("target: release\n")
    world.contract("squashed", **SQUASHED)
    world.item("one")
    world.item("two", contract="squashed")
    world.tick(drain=True)
    world.tick(drain=True)
    assert world.lane("one") == world.lane("two") == "done"
    told(world.root, tmp_path)
    for commit in world.git("rev-list", "--first-parent", "main").split("\n"):
        assert findings(world.root, "--since", commit) == []
    # but what nobody approved is found there as well
    world.git("switch", "-q", "release")
    world.git("commit", "-q", "--allow-empty", "-m", "Merge three\n\nFactory-Item: three\nFactory-Subject: sha256:0\n")
    (found,) = json.loads(world.command("audit", "--json", status=1))["violations"]
    assert (found["rule"], found["commit"]) == ("unapproved", world.git("rev-parse", "release"))


def test_nothing_is_found_when_a_reviewer_brings_the_verdict_by_a_merge(world: World, tmp_path: Path) -> None:
    world.contract("judged", review={"seats": [{"name": "human", "kind": "human", "reviewers": ["Bob"]}]})
    world.item("one", contract="judged")
    world.tick(drain=True)
    world.git("switch", "-q", "-c", "bobs")
    world.verdict("one", "approve")
    world.git("-c", "user.name=Bob", "commit", "-q", "-am", "Good")
    world.git("switch", "-q", "main")
    world.write("notes.md", "mine\n")
    world.commit("Notes")
    world.git("merge", "-q", "--no-ff", "-m", "Merge Bob's branch", "bobs")
    world.tick(drain=True)
    world.tick(drain=True)
    assert world.lane("one") == "done"
    told(world.root, tmp_path)


def test_nothing_is_found_of_breakers_and_budgets(world: World, tmp_path: Path) -> None:
    world.policy(
        "retry: {initial_ms: 1}\nbreaker: {failures: 2, window_minutes: 5, cooldown_minutes: 0.0001}\n"
        "budget: {usd_per_day: 1}\n"
    )
    for number in range(3):
        world.item(f"bad-{number}", [{"exit": 1}], text="budget: {usd: 3}\n")
    for _ in range(4):
        world.tick(drain=True)
    assert "queue/breakers/scripted.yaml" in world.git("ls-files", "queue")
    spent = {"write": {"path": "a.txt", "text": "a\n"}}, {"result": {"confidence": 0.1, "usage": {"usd": 2.0}}}
    world.contract("dear", confidence=0.5)
    world.item("dear", list(spent), contract="dear")
    world.item("later", contract="dear")
    world.tick(drain=True)
    world.tick(drain=True)
    told(world.root, tmp_path)


def test_nothing_is_found_in_this_repository(tmp_path: Path) -> None:
    if not (ROOT.parent / ".git").exists():
        pytest.skip("the tests do not run in a git checkout")
    here = subprocess.run(["git", "branch", "--show-current"], cwd=ROOT.parent, capture_output=True, text=True)
    shallow = subprocess.run(
        ["git", "rev-parse", "--is-shallow-repository"], cwd=ROOT.parent, capture_output=True, text=True
    )
    if here.stdout.strip() != "main" or shallow.stdout.strip() != "false":
        pytest.skip("what is checked out is not the whole branch on which the factory lives")
    assert findings(ROOT.parent) == []
