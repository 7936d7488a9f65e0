"""Retention: what was finished long ago leaves the tree, and everything still finds it."""

import json
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from factory.line.orchestrator import Orchestrator
from factory.line.retention import archive as retention
from factory.line.snapshot import Snapshot
from factory.model.moments import day_of, midnight
from factory.store.repository.repository import Repository
from factory.store.system import MACHINE
from tests.missions import Mission, assertion, feature, milestone
from tests.world import World, say_nothing


def the_day_before(world: World, happened: Callable[[], object]) -> None:
    """Let something happen yesterday."""
    world.now = midnight(MACHINE.now()) - timedelta(seconds=1)
    happened()
    world.now = None


def today() -> str:
    return day_of(MACHINE.now())


def ended_yesterday(world: World) -> None:
    """Three items, applied, and cancelled; and one that is still open."""
    world.item("one")
    world.item("two")
    world.item("off", text="hold: true\n")
    world.item("open", text="hold: true\n")
    world.commit("What is to be done")

    def made() -> None:
        world.tick(drain=True)
        world.command("cancel", "off")
        world.tick()

    the_day_before(world, made)


@pytest.fixture
def ended(tmp_path: Path) -> World:
    return World.after(ended_yesterday, tmp_path / "repo")


def archive(world: World) -> str:
    return world.command("archive", "--before", today())


def lines(world: World) -> list[dict[str, str]]:
    [index] = (world.root / "artifacts/archive").iterdir()
    return [json.loads(line) for line in index.read_text().splitlines()]


def test_items_and_artifacts_leave_the_tree_in_one_commit_of_the_factory(ended: World) -> None:
    before, item, journal = ended.git("rev-parse", "main"), ended.read(ended.path("one")), ended.journal("one")
    [day] = {ended.path(each).split("/")[2] for each in ("one", "two", "off")}
    assert "archived 3 items finished before" in archive(ended)
    assert ended.git("rev-list", "--count", f"{before}..main") == "1"
    assert ended.git("log", "-1", "--format=%an %(trailers:key=Factory-Archive,valueonly)").split() == [
        "factory",
        today(),
    ]
    left = ended.git("ls-files", "queue", "artifacts").split("\n")
    assert [path for path in left if not path.endswith(".gitkeep")] == [
        f"artifacts/archive/{day[:4]}.jsonl",
        "queue/inbox/open.yaml",
    ]
    assert ended.status() == ""
    assert not (ended.root / "artifacts/done").exists()
    found = {each["id"]: each for each in lines(ended)}
    assert {key: each["outcome"] for key, each in found.items()} == {
        "off": "cancelled",
        "one": "applied",
        "two": "applied",
    }
    line = found["one"]
    assert (line["day"], line["title"], line["commit"]) == (day, "do one", before)
    assert ended.git("show", f"{line['commit']}:queue/done/{day}/one.yaml") == item.rstrip("\n")
    assert ended.git("cat-file", "blob", line["item"]) == item.rstrip("\n")
    kept = ended.git("cat-file", "blob", f"{line['artifacts']}:journal.jsonl").split("\n")
    assert len(kept) == len(journal)
    assert "every commit keeps the rules" in ended.command("audit")
    assert ", 3 of them finished" in ended.command("audit", "--since", "HEAD~1")


def test_what_would_go_can_be_asked_first(ended: World) -> None:
    before = ended.git("rev-parse", "main")
    assert "would archive 3 items" in ended.command("archive", "--before", today(), "--dry-run")
    told = json.loads(ended.command("archive", "--before", today(), "--dry-run", "--json"))
    assert ([each["id"] for each in told["items"]], told["commit"]) == (["off", "one", "two"], None)
    assert ended.git("rev-parse", "main") == before


def test_only_what_was_finished_before_the_day_goes(ended: World) -> None:
    ended.item("late")
    ended.tick()
    day = ended.path("one").split("/")[2]
    assert "nothing to archive" in ended.command("archive", "--before", day)
    archive(ended)
    assert ended.lane("late") == "done"
    assert {each["id"] for each in lines(ended)} == {"off", "one", "two"}


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("tomorrow", "does not match the format '%Y-%m-%d'"),
        ("2026-02-30", "does not match"),
        ("9000-01-01", "yet to come"),
    ],
)
def test_a_date_that_is_none_or_is_yet_to_come_is_refused(ended: World, date: str, said: str) -> None:
    assert said in ended.command("archive", "--before", date, status=2)


def test_what_is_archived_is_shown_told_and_compared_as_before(ended: World) -> None:
    commands = [("show", "one", "--json"), ("log", "one", "--json"), ("diff", "one"), ("logs", "one")]
    before = [ended.command(*each) for each in commands]
    archive(ended)
    after = [ended.command(*each) for each in commands]
    shown = [json.loads(each[0]) for each in (before, after)]
    assert shown[1].pop("archived") == ended.git("rev-parse", "main~1")
    assert shown[0].pop("archived") is None
    assert shown[0] == shown[1]
    assert before[1:] == after[1:]
    assert "git show " in ended.command("show", "one")


def test_what_is_archived_can_be_undone(ended: World) -> None:
    archive(ended)
    ended.command("revert", "one")
    ended.tick()
    assert (ended.lane("revert-one"), (ended.root / "one.txt").exists()) == ("done", False)


def test_what_waits_for_an_archived_item_goes_by_how_that_ended(ended: World) -> None:
    archive(ended)
    ended.item("next", text="depends_on: [one]\n")
    ended.item("never", text="depends_on: [off]\n")
    ended.tick()
    assert (ended.lane("next"), ended.lane("never")) == ("done", "inbox")
    assert "waits for off, which ended as cancelled" in ended.command("status")


def test_no_new_item_takes_the_id_of_an_archived_one(ended: World) -> None:
    archive(ended)
    said = "the id 'one' is taken by artifacts/archive/"
    ended.item("one")
    assert said in ended.command("check", status=1)
    assert said in ended.command("tick")
    ended.commit("Again")
    assert said in ended.command("check", status=1)
    assert said in ended.command("tick")
    assert ended.git("log", "-1", "--format=%s") == "Again"
    (ended.root / "queue/inbox/one.yaml").unlink()
    ended.commit("Not again")
    ended.write("queue/inbox/more.jsonl", '{"id": "two", "title": "twice"}\n')
    assert "the id 'two' is taken" in ended.command("tick")
    assert "queue/inbox/do-two" not in ended.command("add", "two", "--depends-on", "two")
    assert (ended.root / "queue/inbox/two-2.yaml").exists()
    assert "every commit keeps the rules" in ended.command("audit")


def test_no_item_is_called_like_the_folder_of_the_archive(world: World) -> None:
    world.item("archive")
    assert "the id 'archive' is the name of the folder for archived items" in world.command("check", status=1)


def test_what_a_person_has_changed_and_not_committed_stays(ended: World) -> None:
    place = ended.root / ended.path("one")
    place.write_text("title: my own words\n")
    notes = ended.write(f"artifacts/done/{ended.path('two').split('/')[2]}/two/notes.txt", "mine\n")
    said = archive(ended)
    assert "archived 1 item finished" in said
    assert "stays: one: it has uncommitted changes; git status" in said
    assert "stays: two: it has uncommitted changes; git status" in said
    assert (place.read_text(), notes.read_text()) == ("title: my own words\n", "mine\n")
    ended.git("checkout", "--", str(place))
    notes.unlink()
    assert "archived 2 items" in archive(ended)
    assert [each["id"] for each in lines(ended)] == ["off", "one", "two"]
    assert "every commit keeps the rules" in ended.command("audit")


def test_an_edit_of_the_very_moment_is_not_lost(ended: World) -> None:
    path = ended.path("one")
    repository = Repository(ended.root)
    orchestrator = Orchestrator(repository, say_nothing)
    reader = orchestrator.context.reader

    def step(snapshot: Snapshot) -> str:
        found = retention.archivable(reader, snapshot, today(), lambda: ended.write(path, "title: my own words\n"))
        return retention.archive(orchestrator.context, today(), found.items)

    with orchestrator.holding():
        orchestrator.at_head(step)
    repository.close()
    assert ended.status() == f"?? {path}"
    assert ended.read(path) == "title: my own words\n"
    assert f"{path}:1:1: the id 'one' is taken by artifacts/archive/" in ended.command("tick")
    assert ended.read(path) == "title: my own words\n"
    assert "every commit keeps the rules" in ended.command("audit")


def test_a_branch_that_is_not_checked_out_is_archived_as_well(ended: World) -> None:
    ended.git("switch", "-q", "-c", "other")
    archive(ended)
    assert ended.git("ls-tree", "-r", "--name-only", "main", "artifacts/done") == ""
    assert ended.status() == ""
    assert (ended.root / "artifacts/done").exists()


def test_a_clone_has_all_that_is_archived_and_a_shallow_one_says_what_it_lacks(ended: World, tmp_path: Path) -> None:
    archive(ended)
    whole, shallow = World(tmp_path / "whole"), World(tmp_path / "shallow")
    for clone, how in ((whole, ()), (shallow, ("--depth=1",))):
        subprocess.run(["git", "clone", "-q", *how, f"file://{ended.root}", str(clone.root)], check=True)
    assert "all checks passed" in whole.command("log", "one")
    assert "git fetch --unshallow" in shallow.command("log", "one", status=None)
    shallow.item("next", text="depends_on: [one]\n")  # the index alone says how that ended
    shallow.tick()
    assert shallow.lane("next") == "done"


def test_an_archive_commit_that_is_not_pushed_goes_along_with_what_another_clone_has_pushed(
    ended: World, tmp_path: Path
) -> None:
    remote, other = tmp_path / "remote.git", World(tmp_path / "other")
    subprocess.run(["git", "clone", "-q", "--bare", str(ended.root), str(remote)], check=True)
    subprocess.run(["git", "clone", "-q", remote.as_uri(), str(other.root)], check=True)
    ended.git("remote", "add", "origin", str(remote))
    other.item("elsewhere")
    other.command("tick", "--push")
    archive(ended)
    ended.item("here")
    ended.command("tick", "--push")
    assert (ended.lane("here"), ended.lane("elsewhere")) == ("done", "done")
    assert {each["id"] for each in lines(ended)} == {"off", "one", "two"}
    assert not [path for path in ended.git("ls-files", "queue/done").split("\n") if path.endswith("/one.yaml")]
    other.command("sync")
    assert "all checks passed" in other.command("log", "one")
    assert "every commit keeps the rules" in other.command("audit")


def test_what_was_cancelled_is_not_opened_again_once_it_is_archived(ended: World) -> None:
    archive(ended)
    assert "off is archived, and what is archived stays so" in ended.command("retry", "off", status=2)
    assert "one is done (artifacts/archive/" in ended.command("cancel", "one", status=2)


def test_it_waits_for_nobody_who_holds_the_lock(ended: World) -> None:
    repository = Repository(ended.root)
    orchestrator = Orchestrator(repository, say_nothing)
    with orchestrator.holding():
        assert "another orchestrator is at work" in ended.command("archive", "--before", today(), status=4)
    repository.close()


def test_the_status_says_when_it_is_due(ended: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "factory archive" not in ended.command("status")
    monkeypatch.setattr(retention, "FINISHED_MOST", 3)
    day = ended.path("one").split("/")[2]
    said = f"3 finished items lie in the tree, the oldest of {day}; factory archive --before DATE"
    ended.item("more", text="hold: true\n")
    assert said in ended.command("status")
    assert said in json.loads(ended.command("status", "--json"))["overdue"]
    archive(ended)
    assert said not in ended.command("status")


def test_an_open_mission_keeps_its_features_and_one_at_its_end_is_found_with_all_of_them(world: World) -> None:
    mission = Mission(world)
    watched = assertion("VAL-1", "a.txt", guard=True, paths=["a.txt"])

    def half() -> None:
        mission.plan(
            [watched, assertion("VAL-2", "b.txt")],
            milestone("m1", feature("a", "VAL-1")),
            milestone("m2", feature("b", "VAL-2")),
        )
        mission.world.tick()
        for _ in range(20):
            if "shop.m1.scrutiny" in world.git("ls-files", "queue/done"):
                break
            world.tick()

    the_day_before(world, half)
    assert world.lane("shop") != "done"
    said = archive(world)
    assert "stays: shop.a: its mission shop has not ended" in said
    assert "nothing to archive" in said
    the_day_before(world, mission.drain)
    mission.is_done()
    shown = [world.command(*words) for words in (("mission", "show", "shop"), ("blame", "VAL-1"))]
    archive(world)
    assert world.git("ls-files", "queue/done", "artifacts/done").split("\n") == ["queue/done/.gitkeep"]
    assert [world.command(*words) for words in (("mission", "show", "shop"), ("blame", "VAL-1"))] == shown
    world.write("a.txt", "broken\n")
    world.commit("By hand")
    world.tick(drain=True)
    assert world.lane("shop.guard") == "done"  # what is guarded is looked at all the same
    assert "every commit keeps the rules" in world.command("audit")
