"""The report of a mission: what it has come to, by whom and at what cost; and who made an assertion pass."""

import json
from pathlib import Path

import pytest

from factory.model.product import changed_lines, share_of_yardsticks
from tests.missions import Mission, assertion, feature, milestone
from tests.world import World

TABLE = {
    "shop.a": {
        "write": {"a.txt": "done", "tests/test_a.py": "1\n2\n3\n"},
        "handoff": {"left_undone": ["the *docs* of <a>\n# as a heading"]},
    },
    "shop.b": {"write": {"b.txt": "done BUG"}},
    "shop.fix-1": {"write": {"b.txt": "done and right"}},
}
REASON = "nobody reads the docs of a, ever"


def carried_out(world: World) -> None:
    """A mission in which something was dismissed, and something was found and put right."""
    mission = Mission(world, TABLE)
    mission.plan(
        [assertion("VAL-1", "a.txt"), assertion("VAL-2", "b.txt", guard=True)],
        milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2")),
        budget={"usd": 40},
    )
    mission.drain()
    world.command("answer", "shop", REASON)
    mission.drain()


@pytest.fixture
def ended(tmp_path: Path) -> World:
    """A world in which this mission is at its end."""
    return World.after(carried_out, tmp_path / "repo")


def test_the_report_comes_with_the_end_of_a_mission_and_tells_all_of_it(ended: World) -> None:
    report = ended.artifacts("shop")["run-1/report.md"]
    assert report.startswith("# The mission shop: do shop\n\nGoal: A shop\n")
    assert "- Used: 0.00 of 40 USD; " in report
    assert "| plan | factory-scripted | - | 1 |" in report
    assert "| work | python3 | - | 3 |" in report
    assert (
        "- **m1** The milestone m1: 2 features, 1 follow-up in 1 round; validated by scrutiny 3, testing 0." in report
    )
    assert "- `shop.fix-1` (applied) answers shop.m1.scrutiny/b.F1: there is a BUG in it" in report
    assert "3 of 7 changed lines (43 %) are of tests" in report
    judged = next(entry for entry in reversed(ended.journal("shop")) if "VAL-2" in entry.judged).judged["VAL-2"]
    assert "**VAL-2** passed, guarded: b.txt is done. By check in run 1 of `shop.m1.scrutiny-3` at " in report
    assert f"on `{judged.commit}`; evidence `{judged.evidence}`" in report
    assert ended.command("mission", "report", "shop") == f"{report}\n"
    told = json.loads(ended.command("mission", "report", "shop", "--json"))
    assert told["report"] == ended.read(told["path"]) == f"{report}\n"
    assert f"report     {told['path']}\n" in ended.command("mission", "show", "shop")
    ended.command("audit")


def test_what_others_wrote_is_text_in_a_report_and_neither_heading_nor_markup(ended: World) -> None:
    report = ended.artifacts("shop")["run-1/report.md"]
    assert f"- shop.a/U1 (the \\*docs\\* of \\<a\\> \\# as a heading): {REASON}" in report
    assert "\n# as a heading" not in report


def test_a_report_that_says_something_else_than_was_done_is_found(ended: World) -> None:
    path = ended.git("ls-files", "artifacts/done/*/shop/run-1/report.md")
    ended.write(path, ended.read(path).replace("VAL-2** passed", "VAL-2** failed"))
    name, email = ended.git("log", "-1", "--format=%cn%n%ce").split("\n")
    ended.git("-c", f"user.name={name}", "-c", f"user.email={email}", "commit", "-qa", "--amend", "--no-edit")
    said = ended.command("audit", status=1)
    assert "report.md" in said
    assert "is not what follows from the plan of its mission" in said


def test_a_mission_under_way_has_a_report_of_what_was_done_so_far(world: World) -> None:
    mission = Mission(world)
    mission.plan([assertion("VAL-1", "a.txt")], milestone("m1", feature("a", "VAL-1")))
    world.tick()
    assert "**VAL-1** unread: a.txt is done." in world.command("mission", "report", "shop")
    assert json.loads(world.command("mission", "report", "shop", "--json"))["path"] is None
    assert json.loads(world.command("mission", "show", "shop", "--json"))["report"] is None


def test_lines_are_counted_by_the_file_that_they_are_of() -> None:
    patch = (
        b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n-one\n+two\n same\n"
        b"diff --git a/tests/test_a.py b/tests/test_a.py\nnew file mode 100644\n--- /dev/null\n"
        b"+++ b/tests/test_a.py\n@@ -0,0 +1,2 @@\n+--- a line\n++++ another\n"
        b"diff --git a/gone.py b/gone.py\ndeleted file mode 100644\n--- a/gone.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    )
    assert changed_lines(patch) == {"a.py": 2, "tests/test_a.py": 2, "gone.py": 1}
    assert share_of_yardsticks(changed_lines(patch)) == (2, 5)


def test_blame_leads_from_an_assertion_to_who_judged_it_who_made_it_and_what_was_said_of_that(ended: World) -> None:
    found = json.loads(ended.command("blame", "VAL-2", "--json"))
    assert (found["mission"], found["assertion"]["state"]) == ("shop", "passed")
    assert [path.rpartition("/")[2] for path in found["evidence"]] == ["VAL-2.log"]
    assert (found["judged_in"]["item"], found["judged_in"]["purpose"]) == ("shop.m1.scrutiny-3", "scrutiny")
    (made,) = found["made_by"]
    assert (made["item"], made["run"], made["worker"], made["outcome"]) == ("shop.b", 1, "python3", "applied")
    assert made["applied"] == ended.last("shop.b").applied
    assert any(path.endswith("shop.b/run-1/prompt.md") for path in made["files"])
    (said,) = made["verdicts"]
    assert (said["seat"], said["decision"], said["reviewer"]) == ("b", "rework", "python3 (command)")
    assert "there is a BUG in it" in ended.read(said["path"])
    (touched,) = found["touched_by"]
    assert (touched["item"], touched["purpose"]) == ("shop.fix-1", "follow-up")
    for path in (*found["evidence"], *made["files"]):
        assert (ended.root / path).is_file()
    shown = ended.command("blame", "VAL-2", "--mission", "shop")
    assert "judged in  shop.m1.scrutiny-3  scrutiny, run 1, accepted" in shown
    assert f"merged as {made['applied']}" in shown
    assert "rework by python3 (command) (b)" in shown


def test_blame_says_when_nobody_has_judged_and_when_there_is_no_such_assertion(world: World) -> None:
    mission = Mission(world)
    mission.plan([assertion("VAL-1", "a.txt")], milestone("m1", feature("a", "VAL-1")))
    assert "judged     by nobody yet" in world.command("blame", "VAL-1")
    assert "no mission has an assertion 'VAL-2'" in world.command("blame", "VAL-2", status=2)
    assert "shop has no assertion 'VAL-2'" in world.command("blame", "VAL-2", "--mission", "shop", status=2)
    assert "there is no mission 'other'" in world.command("blame", "VAL-1", "--mission", "other", status=2)
