"""The audit's gallery of missions whose target is another branch: each step is taken again on the commit it names."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.line.writer import Move
from factory.model.mission.events import Closed
from factory.report.audit.rules import Rule
from tests.benchmarks.measure import home_of_its_own
from tests.forger import Forger, Forgery, Gallery, assert_found_out
from tests.histories import bare
from tests.missions import Mission, assertion, feature, milestone
from tests.test_audit_missions import Line, inner, judgement, step, told
from tests.world import World

forgery = Gallery()
TABLE = {
    "shop.b": {"write": {"b.txt": "done", "a.txt": "broken"}},
    "shop.fix-1": {"write": {"a.txt": "done again"}},
}


def carried_out(root: Path) -> World:
    """A mission to its end on the branch `product`: an assertion failed there, and was put right."""
    world = World.create(root)
    world.git("branch", "product")
    mission = Mission(world, TABLE)
    world.policy("target: product\nlimits: {review: 100}")
    world.git("branch", "-f", "product", "main")
    mission.plan(
        [assertion("VAL-1", "a.txt"), assertion("VAL-2", "b.txt")],
        milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2", depends_on=["a"])),
    )
    mission.drain()
    mission.is_done()
    return world


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("elsewhere")
    with home_of_its_own(place / "home"):
        return bare(carried_out(place / "world").root, place / "honest.git")


@pytest.fixture
def forger(tmp_path: Path, honest: Path) -> Forger:
    """Somebody who has the history of the mission, and may write anything into it."""
    shutil.copytree(honest, tmp_path / "forged.git")
    return Forger(tmp_path / "forged.git")


def steps(forger: Forger) -> list[Line]:
    """The lines of the mission's journal that say what followed."""
    return [line for line in forger.journal("shop") if line["event"] in ("advance", "close")]


def test_each_step_names_the_commit_that_it_looked_at_and_nothing_is_said_of_the_honest_history(
    forger: Forger,
) -> None:
    named = [str(line["target"]) for line in steps(forger)]
    on_product = forger.git("rev-list", "--first-parent", "product").split()
    assert set(named) <= set(on_product)
    assert named == sorted(named, key=on_product.index, reverse=True), "no step looks at an older one"
    assert forger.audit() == []


def test_where_the_target_is_the_same_branch_no_step_names_a_commit(world: World) -> None:
    mission = Mission(world)
    mission.plan([assertion("VAL-1", "a.txt")], milestone("m1", feature("a", "VAL-1")))
    mission.drain()
    mission.is_done()
    assert not any(entry.target for entry in world.journal("shop"))


@pytest.mark.parametrize("made", forgery, ids=lambda made: made.__name__)
def test_a_falsified_mission_is_found_out(forger: Forger, made: Forgery) -> None:
    def forged(forger: Forger) -> tuple[Rule, str]:
        found = made(forger)
        forget_on_product(forger)
        return found

    assert_found_out(forger, forged)


def forget_on_product(forger: Forger) -> None:
    """Take from the product what no journal names any more, since the history was cut."""
    for commit in forger.git("rev-list", "--first-parent", "product").split():
        names = subprocess.run(
            ["git", "grep", "-q", f'"applied":"{commit}"', "main", "--", "artifacts"], cwd=forger.root
        )
        if names.returncode == 0:
            forger.git("update-ref", "refs/heads/product", commit)
            return


def named(commit: object) -> Callable[[Line], object]:
    """A line that names another commit."""
    return lambda line: line.update(target=commit)


@forgery
def a_step_that_names_no_commit(forger: Forger) -> tuple[Rule, str]:
    return Rule.MISSION, told(forger, "ended: shop.m1.scrutiny;", lambda line: line.pop("target"))


@forgery
def a_step_on_a_commit_that_is_on_another_branch(forger: Forger) -> tuple[Rule, str]:
    return Rule.MISSION, told(forger, "ended: shop.m1.scrutiny;", named(forger.head))


@forgery
def a_step_on_a_commit_that_is_older_than_the_one_before(forger: Forger) -> tuple[Rule, str]:
    first = steps(forger)[0]["target"]
    return Rule.MISSION, told(forger, "m1: filed shop.m1.scrutiny", named(first))


@forgery
def an_end_of_an_item_told_on_a_commit_without_what_it_brought_in(forger: Forger) -> tuple[Rule, str]:
    first = steps(forger)[0]["target"]
    return Rule.MISSION, told(forger, "ended: shop.a", named(first))


@forgery
def a_pass_of_an_assertion_that_failed(forger: Forger) -> tuple[Rule, str]:
    return Rule.MISSION, told(
        forger, "ended: shop.m1.scrutiny;", lambda line: inner(line, "judged", "VAL-1").update(state="passed")
    )


@forgery
def a_pass_that_is_said_to_rest_on_something_else(forger: Forger) -> tuple[Rule, str]:
    fresh = judgement(forger, "VAL-2", "ended: shop.m1.scrutiny;", rests_on="sha256:" + "0" * 64)
    told_so = json.loads(fresh.model_dump_json())
    return Rule.MISSION, told(
        forger, "ended: shop.m1.scrutiny;", lambda line: inner(line, "judged").update({"VAL-2": told_so})
    )


@forgery
def an_end_before_everything_is_proven(forger: Forger) -> tuple[Rule, str]:
    commit = step(forger, "ended: shop.m1.scrutiny;")
    target = str(forger.journal("shop", commit)[-1]["target"])
    forger.cut(commit)
    return Rule.MISSION, forger.move("shop", Move(Closed(reason="all 2 assertions passed", target=target)))


@forgery
def a_follow_up_that_does_not_follow_from_the_plan(forger: Forger) -> tuple[Rule, str]:
    commit = step(forger, "m1: filed shop.fix-1")
    return Rule.MISSION, forger.again(commit, {"queue/inbox/shop.fix-1.yaml": b"title: Something else\n"})
