"""The merge train: what is approved is checked as it will be once all ahead of it has landed, and lands when proven."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.model.contract import Contract
from factory.model.lifecycle import NotApplied
from tests.noted import commits, evidence, meanwhile, note, noting, runs, waits_for
from tests.test_audit_honest import findings
from tests.world import World

__all__ = ["note"]

MODES = pytest.mark.parametrize("mode", ["every", "tip"])


# Names no file, or a person would be asked of each that it names.
LOOK = "for n in $(ls); do if test $(expr length $n) -gt 30; then echo $n; exit 1; fi; done"


def gated(world: World, note: Path, mode: str, more: str = "", script: str = LOOK, **keys: object) -> None:
    """A contract whose check is met when no file has a very long name; nothing contains it, so that it can note."""
    world.policy(f"sandbox: off\ncanary: off\nmerge: {{mode: {mode}}}\n{more}")
    gate = {"name": "gate", "run": noting(note, script, "$(ls)"), **keys}
    world.contract("gated", checks=[gate])


@MODES
def test_what_only_checks_judge_is_checked_once_and_lands_in_order(world: World, note: Path, mode: str) -> None:
    gated(world, note, mode)
    names = [f"i{number}" for number in range(6)]
    for name in names:
        world.item(name, contract="gated")
    world.commit("Items")
    world.tick(drain=True)
    assert [world.lane(name) for name in names] == ["done"] * 6
    # each check saw what the target then was, and none was run that was not needed
    assert len(runs(note)) <= (6 if mode == "every" else 3)
    assert world.git("for-each-ref", "refs/factory") == ""
    landed = world.git("log", "--reverse", "--first-parent", "--format=%s", "main").split("\n")
    delivered = [line.split()[1] for line in landed if "active -> review" in line]
    assert [line.split(":")[0].removeprefix("Merge ") for line in landed if line.startswith("Merge ")] == delivered
    assert findings(world.root) == []


@MODES
def test_the_journal_and_the_evidence_say_which_content_was_checked_in_which_mode(
    world: World, note: Path, mode: str
) -> None:
    gated(world, note, mode, more="agent: {max_concurrent_agents: 4}\n")
    for name in ("one", "two", "three"):
        world.item(name, contract="gated")
    world.commit("Items")
    world.tick(drain=True)
    contents = {
        name: world.git("rev-parse", f"{world.last(name).applied}^{{tree}}") for name in ("one", "two", "three")
    }
    assert len(set(contents.values())) == 3
    for name in contents:
        merged, found = world.last(name).merged, evidence(world, name, "recheck")
        assert merged is not None
        assert (merged.mode, found["mode"]) == (mode, mode)
        assert merged.tree == (found["proven"] or found["tree"])
        assert mode == "tip" or not found["proven"]
        assert evidence(world, name, "evidence")["ran"] == []
        assert evidence(world, name, "evidence")["pending"] == ["gate"]


@MODES
def test_who_breaks_it_goes_to_rework_with_that_evidence_and_all_others_land(
    world: World, note: Path, mode: str
) -> None:
    gated(world, note, mode)
    names = [f"i{number}" for number in range(8)]
    for name in names:
        path = f"{name}{'x' * 30 if name in ('i2', 'i5') else ''}.txt"
        world.item(name, [{"write": {"path": path, "text": "x\n"}}], contract="gated")
    world.commit("Items")
    world.tick()
    lanes = {name: world.lane(name) for name in names}
    assert lanes == {name: "rework" if name in ("i2", "i5") else "done" for name in names}
    for name in ("i2", "i5"):
        last = world.last(name)
        assert (last.reason, last.not_applied) == ("failed: gate", NotApplied.CHECK_FAILED)
        assert f"{name}xxx" in last.findings[0].text
        assert [each["exit_code"] for each in evidence(world, name, "recheck")["ran"]] == [1]
    assert findings(world.root) == []


def test_what_breaks_only_together_with_what_is_ahead_is_told_what_of_theirs_it_breaks(
    world: World, note: Path
) -> None:
    # given an item whose own criterion fails once another one has come in behind it
    world.policy("sandbox: off\ncanary: off\nmerge: {mode: tip}\nagent: {max_concurrent_agents: 1}\n")
    late = {"name": "late", "run": ["true"], "when": "train"}
    world.contract("judged", checks=[late], review={"seats": [{"name": "human", "kind": "human"}]})
    check = 'acceptance: [{id: A1, text: alone, check: [sh, -c, "! test -e second.txt"]}]\n'
    world.item("first", contract="judged", text=f"priority: 1\n{check}")
    world.item("second", contract="judged", text="priority: 2\n")
    world.commit("Items")
    world.tick(drain=True)
    for name in ("first", "second"):
        world.verdict(name, "approve")
    world.tick()
    assert (world.lane("first"), world.lane("second")) == ("done", "rework")
    assert "first/acceptance/A1" in world.last("second").findings[0].text


@MODES
def test_a_conflict_takes_one_out_and_not_the_train(world: World, note: Path, mode: str) -> None:
    gated(world, note, mode)
    for name, text in (("one", "1\n"), ("two", "2\n")):
        world.item(name, [{"write": {"path": "same.txt", "text": text}}], contract="gated")
    world.item("three", contract="gated")
    world.commit("Items")
    world.tick()
    assert sorted(world.lane(name) for name in ("one", "two")) == ["done", "rework"]
    assert world.lane("three") == "done"
    lost = next(name for name in ("one", "two") if world.lane(name) == "rework")
    assert world.last(lost).not_applied is NotApplied.CONFLICT


def under_check(world: World, note: Path, mode: str, act: Callable[[], object]) -> None:
    """Three items of which the first is under check when a person does something; then all goes on."""
    release = note.parent / "release"
    gated(world, note, mode, script=waits_for(release))
    names, most = ("one", "two", "three"), 3 if mode == "every" else 1
    for name in names:
        world.item(name, contract="gated")
    world.commit("Items")

    def waiting() -> bool:
        return all(world.lane(name) == "review" for name in names) and len(runs(note)) >= most

    meanwhile(world, waiting, act, release)


@MODES
def test_a_commit_of_a_persons_comes_first_and_the_train_is_checked_on_it(world: World, note: Path, mode: str) -> None:
    def commit() -> None:
        world.write("mine.txt", "mine\n")
        commits(world, "mine.txt")

    under_check(world, note, mode, commit)
    assert [world.lane(name) for name in ("one", "two", "three")] == ["done"] * 3
    order = world.git("log", "--reverse", "--first-parent", "--format=%s", "main").split("\n")
    first = next(number for number, line in enumerate(order) if line.startswith("Merge "))
    assert "Mine" in order[:first]
    assert all("mine.txt" in seen for seen in runs(note)[-1:])
    assert findings(world.root) == []


@MODES
def test_a_hold_in_the_middle_of_a_train_beats_it_and_the_rest_lands(world: World, note: Path, mode: str) -> None:
    def hold() -> None:
        path = world.path("two")
        world.write(path, world.read(path) + "hold: true\n")
        world.git("commit", "-q", "-m", "Held", "--", path)

    under_check(world, note, mode, hold)
    assert (world.lane("one"), world.lane("three")) == ("done", "done")
    assert world.lane("two") != "done"
    assert findings(world.root) == []


@MODES
def test_a_cancel_in_the_middle_of_a_train_beats_it_and_the_rest_lands(world: World, note: Path, mode: str) -> None:
    under_check(world, note, mode, lambda: world.command("cancel", "one"))
    assert [world.lane(name) for name in ("one", "two", "three")] == ["done"] * 3
    assert (world.last("one").outcome, world.last("two").outcome) == ("cancelled", "applied")
    assert not (world.root / "one.txt").exists()
    assert findings(world.root) == []


def test_what_a_person_judges_is_checked_at_delivery_and_that_run_is_used_again(world: World, note: Path) -> None:
    gated(world, note, "every")
    world.contract(
        "judged",
        checks=[{"name": "gate", "run": noting(note, "true")}],
        review={"seats": [{"name": "human", "kind": "human"}]},
    )
    world.item("one", contract="judged")
    world.item("two", contract="judged")
    world.commit("Items")
    world.tick()
    assert len(runs(note)) == 2
    world.verdict("one", "approve")
    world.verdict("two", "approve")
    world.tick()
    assert (world.lane("one"), world.lane("two")) == ("done", "done")
    # the first landed on what it was checked on; the second on that
    assert len(runs(note)) == 3


def test_a_check_may_be_left_to_the_train_though_a_person_judges_and_the_verdict_file_says_so(
    world: World, note: Path
) -> None:
    world.policy("sandbox: off\ncanary: off\n")
    check = {"name": "gate", "run": noting(note, "true"), "when": "train"}
    world.contract("judged", checks=[check], review={"seats": [{"name": "human", "kind": "human"}]})
    world.item("one", contract="judged")
    world.commit("Items")
    world.tick()
    assert runs(note) == []
    assert "gate: runs once this is approved" in world.read("queue/review/one.human.verdict.yaml")
    world.verdict("one", "approve")
    world.tick()
    assert (world.lane("one"), len(runs(note))) == ("done", 1)
    assert findings(world.root) == []


@MODES
@pytest.mark.parametrize("when", [{}, {"when": "train"}], ids=["by itself", "in the train"])
def test_where_a_canary_asks_for_a_person_the_train_waits_for_them_and_runs_nothing_again(
    world: World, note: Path, mode: str, when: dict[str, str]
) -> None:
    world.policy(f"sandbox: off\ncanary: person\nmerge: {{mode: {mode}}}\n")
    world.contract("silent", checks=[{"name": "gate", "run": noting(note, "true"), **when}])
    world.item("one", contract="silent")
    world.commit("Items")
    world.tick(drain=True)
    assert world.lane("one") == "review"
    asked = len(runs(note))
    assert asked <= 4  # once for itself, and what the canary needs
    world.tick()
    world.verdict("one", "approve")
    world.tick()
    assert world.lane("one") == "done"
    assert findings(world.root) == []


def test_a_check_of_the_delivery_alone_is_not_run_again_before_the_merge(world: World, note: Path) -> None:
    gated(world, note, "every", when="delivery")
    for name in ("one", "two"):
        world.item(name, contract="gated")
    world.commit("Items")
    world.tick(drain=True)
    assert (world.lane("one"), world.lane("two")) == ("done", "done")
    assert len(runs(note)) == 2
    assert findings(world.root) == []


def test_where_nothing_is_merged_every_check_is_of_the_delivery(world: World, note: Path) -> None:
    gated(world, note, "every")
    gate = {"name": "gate", "run": noting(note, "true")}
    world.contract("kept", checks=[gate], apply={"mode": "none"})
    world.contract("free", checks=[gate], produces={"patch": {"required": False}})
    world.item("one", contract="kept")
    world.item("two", [{"result": {"summary": "nothing to do"}}], contract="free")
    world.commit("Items")
    world.tick(drain=True)
    assert (world.lane("one"), world.lane("two"), len(runs(note))) == ("done", "done", 2)


def test_a_check_that_waits_for_a_merge_that_never_comes_is_refused() -> None:
    kept = {"purpose": "p", "worker": {"run": ["true"]}, "checks": [{"name": "c", "run": ["true"], "when": "train"}]}
    with pytest.raises(ValueError, match="cannot wait for a merge"):
        Contract.model_validate_json(json.dumps({**kept, "apply": {"mode": "none"}}))


def test_no_more_are_under_check_at_once_than_the_policy_allows(world: World, note: Path) -> None:
    names = [f"i{number}" for number in range(4)]
    release = note.parent / "release"
    script = waits_for(release)
    gated(world, note, "every", more="agent: {max_concurrent_checks: 2}\n", script=script)
    for name in names:
        world.item(name, contract="gated")
    world.commit("Items")
    living = world.start("tick")
    world.until(lambda: all(world.lane(name) == "review" for name in names) and len(runs(note)) == 2)
    time.sleep(0.5)
    assert len(runs(note)) == 2
    release.touch()
    living.communicate()
    assert ([world.lane(name) for name in names], len(runs(note))) == (["done"] * 4, 4)


@MODES
def test_a_persons_changes_in_the_way_of_one_keep_that_one_and_no_other(world: World, note: Path, mode: str) -> None:
    gated(world, note, mode)
    world.item("one", [{"write": {"path": "program.py", "text": "changed\n"}}], contract="gated")
    world.item("two", contract="gated")
    world.commit("Items")
    world.write("program.py", "mine\n")
    world.tick(drain=True)
    assert (world.lane("one"), world.lane("two")) == ("review", "done")
    assert world.read("program.py") == "mine\n"
    assert "uncommitted changes in program.py" in world.factory("status")
    world.git("checkout", "-q", "program.py")
    world.tick()
    assert world.lane("one") == "done"


@MODES
def test_after_a_kill_in_the_middle_of_a_train_the_next_tick_goes_on(world: World, note: Path, mode: str) -> None:
    release = note.parent / "release"
    gated(world, note, mode, script=waits_for(release))
    for name in ("one", "two"):
        world.item(name, contract="gated")
    world.commit("Items")
    living = world.start("tick")
    world.until(lambda: len(runs(note)) >= 1)
    living.kill()
    living.communicate()
    release.touch()
    world.tick(drain=True)
    assert (world.lane("one"), world.lane("two")) == ("done", "done")
    assert findings(world.root) == []


@MODES
def test_items_with_the_very_same_text_land_each_for_itself(world: World, note: Path, mode: str) -> None:
    gated(world, note, mode)
    world.contract("judged", review={"seats": [{"name": "human", "kind": "human"}]})
    same = [{"write": {"path": "same.txt", "text": "same\n"}}]
    for name in ("one", "two"):
        world.item(name, same, contract="judged")
        path = f"queue/inbox/{name}.yaml"
        world.write(path, world.read(path).replace(f"do {name}", "do the same"))
    world.item("three", contract="judged")
    world.commit("Items")
    world.tick(drain=True)
    for name in ("one", "two", "three"):
        world.verdict(name, "approve")
    world.tick(drain=True)
    for name in ("one", "two", "three"):
        assert world.events(name) == ["submit", "start", "deliver", "finish"]
    assert findings(world.root) == []


@MODES
def test_what_changes_the_rules_lands_alone_and_those_behind_are_judged_by_the_new_ones(
    world: World, note: Path, mode: str
) -> None:
    gated(world, note, mode, more="agent: {max_concurrent_agents: 1}\n")
    late = {"name": "late", "run": ["true"], "when": "train"}
    human = {"seats": [{"name": "human", "kind": "human"}]}
    text = world.contract("judged", checks=[late], review=human).read_text().replace("Do what", "Do half of what")
    rules = [{"write": {"path": "contracts/judged.yaml", "text": text}}]
    world.contract("own", checks=[late], review=human)
    world.item("a-rule", rules, contract="own", text="priority: 1\n")
    for name in ("one", "two"):
        world.item(name, contract="judged")
    world.commit("Items")
    world.tick(drain=True)
    for name in ("a-rule", "one", "two"):
        world.verdict(name, "approve")
    world.tick()
    assert world.lane("a-rule") == "done"
    for name in ("one", "two"):
        assert world.last(name).not_applied is NotApplied.SUBJECT_CHANGED
    assert findings(world.root) == []


@MODES
def test_what_a_person_approved_and_no_check_can_prove_is_blocked_with_their_verdict(
    world: World, note: Path, mode: str
) -> None:
    gated(world, note, mode)
    check = {"name": "gate", "run": ["no-such-program"], "when": "train"}
    world.contract("judged", checks=[check], review={"seats": [{"name": "human", "kind": "human"}]})
    world.item("one", contract="judged")
    world.commit("Items")
    world.tick(drain=True)
    world.verdict("one", "approve")
    world.tick()
    last = world.last("one")
    assert (world.lane("one"), last.not_applied, len(last.verdicts)) == ("blocked", NotApplied.UNPROVABLE, 1)
    assert findings(world.root) == []


def test_a_fix_of_what_a_person_has_deleted_meanwhile_is_a_conflict_though_artifacts_hold_a_copy(world: World) -> None:
    # given a file of many lines, which one worker left a copy of among its artifacts, and another one has mended
    lines = "".join(f"line {number}\n" for number in range(30))
    world.write("src/foo.txt", lines)
    world.contract("copies", produces={"files": [{"path": "foo.txt"}]})
    world.item("copy", [{"out": {"path": "foo.txt", "text": lines}}], contract="copies")
    mended = lines.replace("line 7", "mended")
    world.item("fix", [{"write": {"path": "src/foo.txt", "text": mended}}], contract="reviewed")
    world.commit("A file and items")
    world.tick(drain=True)
    # when a person deletes the file, and approves the fix
    world.git("rm", "-q", "src/foo.txt")
    world.git("commit", "-q", "-m", "Gone")
    if world.lane("fix") == "review":
        world.verdict("fix", "approve")
    world.tick()
    # then the fix has not vanished: it is a conflict
    assert world.lane("fix") == "rework" or any(entry.failure == "conflict" for entry in world.journal("fix"))
    world.command("audit")
