"""What people do with git beside a factory, and what they set in it, is nothing that the audit finds fault with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks.measure import home_of_its_own
from tests.test_audit_honest import findings
from tests.town import Town
from tests.world import World

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
def a_pull_that_rebases_a_start_onto_a_hold(town: Town) -> None:
    place = town.ci.item("mine", [{"exit": 75}])
    town.ci.commit("An item")
    town.ci.git("push", "-q")
    town.ann.git("pull", "-q", "--ff-only")
    town.ann.tick()
    assert [entry.event for entry in town.ann.journal("mine")][-2:] == ["start", "release"]
    place.write_text(place.read_text() + "hold: true\n")
    town.ci.commit("Not yet")
    town.ci.git("push", "-q")
    town.ann.git("pull", "-q", "--rebase")
    assert "hold: true" in town.ann.git("show", "HEAD~1:queue/active/mine.yaml")


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


@deed
def a_pull_of_moves_merged_with_what_one_had_pushed_before(town: Town) -> None:
    town.work("one", contract="reviewed")
    town.ann.item("mine")
    town.ann.tick(drain=True)
    town.ann.git("pull", "-q", "--no-rebase", "--no-edit")
    town.ann.git("push", "-q")
    town.ci.verdict("one", "approve")
    town.ci.tick(drain=True)
    town.ci.git("pull", "-q", "--no-rebase", "--no-edit")
    assert town.ci.lane("one") == town.ci.lane("mine") == "done"
    town.ci.git("push", "-q")
    town.ann.git("pull", "-q", "--ff-only")


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


@deed
def a_branch_of_a_branch_and_an_octopus(town: Town) -> None:
    town.ann.git("switch", "-q", "-c", "one")
    town.code(town.ann, "one.md")
    town.ann.git("switch", "-q", "-c", "two")
    town.code(town.ann, "two.md")
    town.ann.git("switch", "-q", "-c", "three", "main")
    town.code(town.ann, "three.md")
    town.work("item")
    town.ann.git("switch", "-q", "main")
    town.ann.git("pull", "-q", "--ff-only")
    town.ann.git("merge", "-q", "--no-edit", "two", "three")


@deed
def branches_merged_into_one_another(town: Town) -> None:
    for name in ("one", "two"):
        town.ann.git("switch", "-q", "-c", name, "main")
        town.code(town.ann, f"{name}.md")
    town.work("item")
    town.ann.git("fetch", "-q")
    town.ann.git("merge", "-q", "--no-edit", "one")
    town.ann.git("switch", "-q", "one")
    town.ann.git("merge", "-q", "--no-edit", "origin/main")
    town.ann.git("merge", "-q", "--no-edit", "two")
    town.ann.git("switch", "-q", "main")
    town.ann.git("merge", "-q", "--ff-only", "one")


@deed
def a_branch_squashed(town: Town) -> None:
    town.ann.git("switch", "-q", "-c", "feature")
    town.code(town.ann)
    town.code(town.ann, "more.md")
    town.work("one")
    town.ann.git("switch", "-q", "main")
    town.ann.git("pull", "-q", "--ff-only")
    town.ann.git("merge", "-q", "--squash", "feature")
    town.ann.commit("The feature")


@deed
def a_branch_squashed_that_was_updated_from_main(town: Town) -> None:
    town.ann.git("switch", "-q", "-c", "feature")
    town.code(town.ann)
    town.work("one")
    town.ann.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
    town.ann.git("switch", "-q", "main")
    town.ann.git("pull", "-q", "--ff-only")
    town.ann.git("merge", "-q", "--squash", "feature")
    town.ann.git("commit", "-q", "--no-edit")


@deed
def an_old_branch_merged_for_its_history_alone(town: Town) -> None:
    town.ann.git("switch", "-q", "-c", "tried")
    town.code(town.ann)
    town.work("one")
    town.ann.git("switch", "-q", "main")
    town.ann.git("pull", "-q", "--ff-only")
    town.ann.git("merge", "-q", "-s", "ours", "--no-edit", "tried")


@deed
def an_item_edited_on_a_branch_while_the_factory_moved_it(town: Town) -> None:
    town.ann.git("switch", "-q", "-c", "feature")
    path = "queue/inbox/first.yaml"
    town.ann.write(path, town.ann.read(path).replace("hold: true", "hold: false"))
    town.ann.commit("Go on with it")
    town.work("one")
    town.ann.git("fetch", "-q")
    town.ann.git("merge", "-q", "--no-edit", "origin/main")
    town.ann.git("switch", "-q", "main")
    town.ann.git("merge", "-q", "--ff-only", "feature")
    town.ann.git("push", "-q")
    town.factory()
    town.ann.git("pull", "-q", "--ff-only")
    assert town.ann.lane("first") == "done"


@deed
def an_item_moved_on_a_branch(town: Town) -> None:
    town.ann.git("switch", "-q", "-c", "feature")
    town.ann.move("judged", "queue/blocked", commit=True)
    town.work("one")
    town.ann.git("switch", "-q", "main")
    town.ann.git("merge", "-q", "--no-edit", "feature")
    town.ann.git("pull", "-q", "--no-rebase", "--no-edit")
    town.ann.git("push", "-q")
    town.factory()
    town.ann.git("pull", "-q", "--ff-only")
    assert town.ann.last("judged").event == "moved"


@deed
def a_new_item_taken_back_on_a_branch(town: Town) -> None:
    town.ann.git("switch", "-q", "-c", "feature")
    town.ann.git("rm", "-q", "queue/inbox/second.yaml")
    town.ann.git("commit", "-q", "-m", "Never mind")
    town.work("one")
    town.ann.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
    town.ann.git("switch", "-q", "main")
    town.ann.git("merge", "-q", "--ff-only", "feature")


# Picks and reverts


@deed
def a_commit_picked_from_a_branch(town: Town) -> None:
    town.ann.git("switch", "-q", "-c", "feature")
    town.code(town.ann)
    town.work("one")
    town.ann.git("switch", "-q", "main")
    town.ann.git("pull", "-q", "--ff-only")
    town.ann.git("cherry-pick", "-x", "feature")


@deed
def an_item_and_a_verdict_picked_from_a_branch(town: Town) -> None:
    town.ann.git("switch", "-q", "-c", "feature")
    town.ann.item("two")
    town.ann.commit("An item")
    town.ann.verdict("judged", "approve")
    town.ann.commit("It is good")
    town.work("one")
    town.ann.git("switch", "-q", "main")
    town.ann.git("pull", "-q", "--ff-only")
    town.ann.git("cherry-pick", "feature~1", "feature")
    town.ann.git("push", "-q")
    town.factory()
    town.ann.git("pull", "-q", "--ff-only")
    assert town.ann.lane("judged") == town.ann.lane("two") == "done"


@deed
def a_merge_of_the_factory_reverted(town: Town) -> None:
    town.work("one")
    town.ann.git("pull", "-q", "--ff-only")
    merge = town.ann.git("log", "-1", "--format=%H", "--grep=^Merge one")
    town.ann.git("revert", "--no-edit", "-m", "1", merge)


def released(town: Town, contract: str = "scripted") -> None:
    """The factory merges to a branch besides its own, and Ann has both."""
    town.ci.git("branch", "release")
    town.ci.policy("target: release\n")
    town.work("one", contract=contract)
    town.ci.git("push", "-q", "origin", "release")
    town.ann.git("pull", "-q", "--ff-only")


@deed
def what_was_squashed_to_another_branch_picked_to_main(town: Town) -> None:
    released(town, "squashed")
    town.ann.git("cherry-pick", "origin/release")
    assert (town.ann.root / "one.txt").exists()


@deed
def a_release_merged_back_into_main(town: Town) -> None:
    released(town)
    town.ann.git("merge", "-q", "--no-edit", "origin/release")


@deed
def main_merged_into_the_release(town: Town) -> None:
    released(town)
    town.ann.git("switch", "-q", "release")
    town.ann.git("merge", "-q", "--no-edit", "main")
    town.ann.git("push", "-q", "origin", "release")
    town.ann.git("switch", "-q", "main")


@deed
def a_release_rebased_with_what_the_factory_had_merged(town: Town) -> None:
    town.ci.git("branch", "release")
    town.ci.policy("target: release\n")
    town.work("one")
    town.ann.git("pull", "-q", "--ff-only")
    town.ann.git("switch", "-q", "-c", "release", "origin/main")
    town.code(town.ann)
    town.ann.git("push", "-q", "origin", "release")
    town.ann.git("switch", "-q", "main")
    town.ci.git("switch", "-q", "release")
    town.ci.git("pull", "-q", "--rebase", "origin", "release")
    town.ci.git("push", "-q", "origin", "release")
    town.ann.git("fetch", "-q")
    town.ann.git("branch", "-f", "release", "origin/release")


# Proposals that a person merges


def branched(town: Town, path: str = "") -> None:
    """An item whose branch is left for a person, who has it."""
    town.work("left", contract="branched", path=path)
    town.ci.git("push", "-q", "origin", "factory/left")
    town.ann.git("pull", "-q", "--ff-only")
    town.ann.git("switch", "-q", "factory/left")


def landed(town: Town, *how: str) -> None:
    town.ann.git("switch", "-q", "main")
    town.ann.git("merge", "-q", "--no-edit", *how, "factory/left")


@deed
def a_branch_of_the_factory_merged_after_its_finish(town: Town) -> None:
    branched(town)
    landed(town, "--no-ff")


@deed
def a_branch_of_the_factory_rebased_and_merged_after_its_finish(town: Town) -> None:
    branched(town)
    town.code(town.ci)
    town.ci.git("push", "-q")
    town.ann.git("fetch", "-q")
    town.ann.git("rebase", "-q", "origin/main")
    town.ann.git("branch", "-f", "main", "origin/main")
    landed(town, "--no-ff")


@deed
def a_branch_of_the_factory_rebased_over_changes_around_it(town: Town) -> None:
    town.work("left", contract="branched", path="code.py")
    branched_lines = town.ann.read("code.py").replace("line 3\n", "line three\n")
    town.ci.git("push", "-q", "origin", "factory/left")
    town.ann.git("pull", "-q", "--ff-only")
    town.code(town.ann, "other.py", branched_lines)
    town.ann.git("switch", "-q", "factory/left")
    town.ann.git("rebase", "-q", "main")
    landed(town, "--ff-only")


@deed
def a_branch_of_the_factory_picked_after_its_finish(town: Town) -> None:
    branched(town)
    town.ann.git("switch", "-q", "main")
    town.code(town.ann)
    town.ann.git("cherry-pick", "factory/left")


# Other histories


def elsewhere(town: Town, *names: str) -> World:
    """Another repository, in which another factory works."""
    other = World(town.place / "other")
    if not other.root.exists():
        other = World.create(other.root)
        other.git("commit", "-q", "--amend", "-m", "Another beginning")  # two worlds of a test begin with the same
    for name in names:
        other.item(name)
    other.commit("Items")
    other.tick(drain=True)
    town.ann.git("fetch", "-q", str(other.root), "main:refs/other")
    return other


def grafted(town: Town) -> None:
    """Ann makes the other repository a folder of hers."""
    town.ann.git("merge", "-q", "-s", "ours", "--no-commit", "--allow-unrelated-histories", "refs/other")
    town.ann.git("read-tree", "--prefix=vendor/other/", "-u", "refs/other")
    town.ann.git("commit", "-q", "-m", "Add the other as a folder")


@deed
def another_factory_merged_as_a_subtree(town: Town) -> None:
    elsewhere(town, "one")
    grafted(town)
    town.ann.git("push", "-q")
    town.work("one")
    town.ann.git("pull", "-q", "--no-rebase", "--no-edit")


@deed
def another_factory_merged_as_a_subtree_again_and_again(town: Town) -> None:
    elsewhere(town, "one")
    grafted(town)
    elsewhere(town, "two")
    town.ann.git("merge", "-q", "--no-edit", "-X", "subtree=vendor/other", "refs/other")
    elsewhere(town, "three")
    town.ann.git("merge", "-q", "--no-edit", "-X", "subtree=vendor/other", "refs/other")


@deed
def another_factory_merged_as_a_squashed_subtree(town: Town) -> None:
    elsewhere(town, "one")
    town.ann.git("read-tree", "--prefix=vendor/other/", "-u", "refs/other")
    town.ann.git("commit", "-q", "-m", "Squashed 'vendor/other/' content")


@deed
def a_project_without_a_factory_merged(town: Town) -> None:
    other = World(town.place / "plain")
    other.root.mkdir()
    other.git("init", "-q", "-b", "main")
    other.write("library/a.py", "a = 1\n")
    other.commit("A library")
    town.ann.git("fetch", "-q", str(other.root), "main:refs/other")
    town.ann.git("merge", "-q", "--no-edit", "--allow-unrelated-histories", "refs/other")


# Attributes, settings and substitutions


def attributes(town: Town, text: str, *settings: str) -> None:
    """Attributes and settings of everybody, before the factory goes on."""
    for world in (town.ci, town.ann):
        for setting in settings:
            world.git("config", *setting.split("=", 1))
    town.ann.write(".gitattributes", text)
    town.ann.commit("Attributes")
    town.ann.git("push", "-q")
    town.work("one", "two", path="code.py")
    town.ann.git("pull", "-q", "--ff-only")
    assert "\n-line 1\n" in town.ann.artifacts("two")["run-1/patch.diff"]


@deed
def text_without_a_difference(town: Town) -> None:
    attributes(town, "* -diff\n")


@deed
def text_with_a_difference_of_its_own(town: Town) -> None:
    attributes(town, "* diff=mine\n", "diff.mine.textconv=tr a-z A-Z <", "diff.mine.xfuncname=^x")


@deed
def merges_by_union(town: Town) -> None:
    attributes(town, "* merge=union\n")


@deed
def merges_by_a_driver(town: Town) -> None:
    attributes(town, "* merge=mine\n", "merge.mine.driver=true")


@deed
def text_in_another_encoding_and_with_other_line_ends(town: Town) -> None:
    attributes(town, "* text eol=crlf\n", "core.autocrlf=true")


@deed
def settings_of_differences(town: Town) -> None:
    settings = ("diff.suppressBlankEmpty=true", "diff.noprefix=true", "diff.renames=copies", "diff.algorithm=patience")
    attributes(town, "\n", *settings)


@deed
def attributes_of_one_clone_alone(town: Town) -> None:
    for world in (town.ci, town.ann):
        place = world.root / ".git/info/attributes"
        place.parent.mkdir(exist_ok=True)
        place.write_text("* -diff merge=union\n")
    town.work("one", "two", path="code.py")
    town.ann.git("pull", "-q", "--ff-only")


@deed
def a_mailmap(town: Town) -> None:
    town.ann.write(
        ".mailmap", "Somebody <somebody@example.org> factory <factory@vm>\nBob <bob@x.org> <ann@example.org>\n"
    )
    town.ann.commit("Names")
    town.ann.git("push", "-q")
    town.work("one")
    town.ann.git("pull", "-q", "--ff-only")


@deed
def a_replaced_commit_and_a_graft(town: Town) -> None:
    town.work("one")
    town.ann.git("pull", "-q", "--ff-only")
    town.ann.git("replace", "HEAD~1", "HEAD~3")
    (town.ann.root / ".git/info").mkdir(exist_ok=True)
    (town.ann.root / ".git/info/grafts").write_text(f"{town.ann.git('rev-parse', 'HEAD~2')}\n")


@deed
def signed_off_and_noted(town: Town) -> None:
    town.work("one")
    town.ann.git("pull", "-q", "--ff-only")
    town.code(town.ann)
    town.ann.git("commit", "-q", "--amend", "--no-edit", "--signoff")
    town.ann.git("notes", "add", "-m", "Factory-Item: one", "HEAD~1")
    town.ann.git("tag", "-a", "-m", "Factory-Move: one", "v1")


@deed
def messages_that_speak_of_the_factory(town: Town) -> None:
    town.work("one")
    town.ann.git("pull", "-q", "--ff-only")
    text = (
        "factory: tell of trailers\n\nThe factory's commits say:\n\n    Factory-Item: one\n\n> Factory-Move: a -> b\n"
    )
    town.ann.git("commit", "-q", "--allow-empty", "-m", text)
