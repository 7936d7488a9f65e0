"""What people do with git beside a factory, and what they set in it, is nothing that the audit finds fault with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks.measure import home_of_its_own
from tests.test_audit_honest import findings
from tests.town import Town

Deed = Callable[[Town], None]
DEEDS: list[Deed] = []


def deed(done: Deed) -> Deed:
    DEEDS.append(done)
    return done


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Town:
    place = tmp_path_factory.mktemp("town")
    with home_of_its_own(place / "home"):
        return Town.found(place / "town")


@pytest.mark.parametrize("done", DEEDS, ids=lambda done: done.__name__)
def test_nothing_is_found_of_what_people_do_with_git(done: Deed, founded: Town, tmp_path: Path) -> None:
    town = founded.moved_to(tmp_path / "town")
    before = town.ann.git("rev-parse", "HEAD")
    done(town)
    town.ann.git("push", "-q", "origin", "main")
    assert findings(town.ann.root) == []
    assert findings(town.origin) == []
    assert findings(town.ann.root, "--since", before) == []


# Pulls


@deed
def a_pull_that_merges_the_factorys_moves_onto_a_commit_of_ones_own(town: Town) -> None:
    town.work("one")
    town.code(town.ann)
    town.ann.git("pull", "-q", "--no-rebase", "--no-edit")


@deed
def a_pull_that_merges_moves_onto_a_new_item(town: Town) -> None:
    town.work("one")
    town.ann.item("two")
    town.ann.commit("An item")
    town.ann.git("pull", "-q", "--no-rebase", "--no-edit")
    town.ann.git("push", "-q")
    town.factory()
    town.ann.git("pull", "-q", "--ff-only")
    assert town.ann.lane("two") == "done"


@deed
def a_pull_that_merges_moves_onto_a_verdict(town: Town) -> None:
    town.work("one")
    town.ann.verdict("judged", "approve")
    town.ann.commit("It is good")
    town.ann.git("pull", "-q", "--no-rebase", "--no-edit")
    town.ann.git("push", "-q")
    town.factory()
    town.ann.git("pull", "-q", "--ff-only")
    assert town.ann.lane("judged") == "done"


@deed
def a_pull_that_merges_a_rejection_and_then_moves_on(town: Town) -> None:
    town.work("one")
    town.ann.verdict("refused", "reject")
    town.ann.commit("No")
    town.ann.git("pull", "-q", "--no-rebase", "--no-edit")
    town.ann.git("push", "-q")
    town.work("two")
    town.code(town.ann)
    town.ann.git("pull", "-q", "--no-rebase", "--no-edit")
    assert town.ann.lane("refused") == "done"


@deed
def pulls_again_and_again(town: Town) -> None:
    for number in range(3):
        town.work(f"item-{number}")
        town.code(town.ann, f"notes-{number}.md")
        town.ann.git("pull", "-q", "--no-rebase", "--no-edit")
        town.ann.git("push", "-q")


@deed
def a_pull_that_rebases_onto_the_factorys_moves(town: Town) -> None:
    town.work("one")
    town.code(town.ann)
    town.ann.git("pull", "-q", "--rebase")


@deed
def a_pull_that_rebases_a_verdict_and_an_item(town: Town) -> None:
    town.work("one")
    town.ann.verdict("judged", "approve")
    town.ann.item("two")
    town.ann.commit("It is good, and one more")
    town.ann.git("pull", "-q", "--rebase")
    town.ann.git("push", "-q")
    town.factory()
    town.ann.git("pull", "-q", "--ff-only")
    assert town.ann.lane("judged") == town.ann.lane("two") == "done"


@deed
def a_pull_that_rebases_moves_that_were_not_pushed_yet(town: Town) -> None:
    town.ann.item("mine", contract="reviewed")
    town.ann.tick(drain=True)
    town.code(town.ci)
    town.ci.git("push", "-q")
    town.ann.git("pull", "-q", "--rebase")


@deed
def a_pull_that_rebases_moves_onto_moves(town: Town) -> None:
    town.work("one")
    town.ann.item("mine", contract="reviewed")
    town.ann.tick(drain=True)
    town.ann.git("pull", "-q", "--rebase")


@deed
def a_pull_that_rebases_finished_work_with_its_merges(town: Town) -> None:
    town.ann.item("mine")
    town.ann.tick(drain=True)
    town.ci.item("later", text="hold: true\n")
    town.ci.commit("An item")
    town.ci.git("push", "-q")
    town.ann.git("pull", "-q", "--rebase=merges")


@deed
def a_pull_that_rebases_finished_work(town: Town) -> None:
    town.ann.item("mine")
    town.ann.tick(drain=True)
    town.ci.item("later", text="hold: true\n")
    town.ci.commit("An item")
    town.ci.git("push", "-q")
    town.ann.git("pull", "-q", "--rebase")


@deed
def a_pull_that_merges_moves_onto_moves(town: Town) -> None:
    town.work("one")
    town.ann.item("mine")
    town.ann.tick(drain=True)
    town.ann.git("pull", "-q", "--no-rebase", "--no-edit")


# Branches


@deed
def a_feature_branch_updated_and_fast_forwarded(town: Town) -> None:
    town.ann.git("switch", "-q", "-c", "feature")
    town.code(town.ann)
    town.work("one")
    town.ann.git("fetch", "-q")
    town.ann.git("merge", "-q", "--no-edit", "origin/main")
    town.ann.git("switch", "-q", "main")
    town.ann.git("merge", "-q", "--ff-only", "feature")


@deed
def a_feature_branch_updated_often_and_fast_forwarded(town: Town) -> None:
    town.ann.git("switch", "-q", "-c", "feature")
    for number in range(3):
        town.code(town.ann, f"notes-{number}.md")
        town.work(f"item-{number}")
        town.ann.git("fetch", "-q")
        town.ann.git("merge", "-q", "--no-edit", "origin/main")
    town.ann.git("switch", "-q", "main")
    town.ann.git("merge", "-q", "--ff-only", "feature")


@deed
def a_feature_branch_merged(town: Town) -> None:
    town.ann.git("switch", "-q", "-c", "feature")
    town.code(town.ann)
    town.ann.item("two")
    town.ann.commit("And an item")
    town.work("one")
    town.ann.git("switch", "-q", "main")
    town.ann.git("pull", "-q", "--ff-only")
    town.ann.git("merge", "-q", "--no-ff", "--no-edit", "feature")


@deed
def a_feature_branch_rebased_and_fast_forwarded(town: Town) -> None:
    town.ann.git("switch", "-q", "-c", "feature")
    town.code(town.ann)
    town.work("one")
    town.ann.git("fetch", "-q")
    town.ann.git("rebase", "-q", "origin/main")
    town.ann.git("switch", "-q", "main")
    town.ann.git("merge", "-q", "--ff-only", "feature")
