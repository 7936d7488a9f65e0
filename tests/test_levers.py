"""A person's levers: each is the same as a move by hand, and leaves nothing half done however it is committed."""

import pytest

from tests.world import World

VERDICT = "queue/review/one.human.verdict.yaml"


def in_review(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    assert world.lane("one") == "review"


def clean(world: World) -> None:
    """Nothing is left over, and the history keeps all rules."""
    assert world.status() == ""
    assert world.command("check") == "all files are valid\n"
    world.command("audit")


def blocked(world: World) -> None:
    world.item("one", [{"result": {"status": "blocked", "question": "which?"}}])
    world.tick()
    assert world.lane("one") == "blocked"


@pytest.mark.parametrize("how", [("commit", "-qam", "End it"), ("commit", "-qm", "End it"), ()])
def test_what_was_cancelled_ends_whether_and_however_it_is_committed(world: World, how: tuple[str, ...]) -> None:
    # given an item in review that a person cancels
    in_review(world)
    world.command("cancel", "one")
    # when they commit it the way people do, or leave it to the next pass
    assert world.command("check") == "all files are valid\n"
    if how:
        world.git(*how)
        assert world.command("check") == "all files are valid\n"
        assert world.path("one") == "queue/done/one.yaml"
    report = world.tick()
    # then it is done, without a word about the verdict file that nobody needs any more
    assert report.problems == ()
    assert (world.lane("one"), world.last("one").outcome) == ("done", "cancelled")
    assert "Ann" in world.last("one").actor
    clean(world)


def test_a_verdict_file_that_a_person_has_edited_is_kept_with_the_run(world: World) -> None:
    in_review(world)
    place = world.root / VERDICT
    place.write_text(place.read_text().replace("notes: |", "notes: not yet sure"))
    world.command("cancel", "one")
    assert "not yet sure" in world.read(VERDICT)
    world.git("commit", "-qam", "End it")
    assert world.tick().problems == ()
    assert "not yet sure" in world.artifacts("one")["run-1/verdict.human.yaml"]
    clean(world)


def test_what_a_lever_moved_is_staged_beside_what_the_person_staged(world: World) -> None:
    blocked(world)
    world.write("mine.txt", "mine\n")
    world.write("later.txt", "later\n")
    world.git("add", "mine.txt")
    world.command("retry", "one")
    assert world.status().split("\n") == [
        "A  mine.txt",
        "R  queue/blocked/one.yaml -> queue/inbox/one.yaml",
        "?? later.txt",
    ]


def test_a_retry_survives_a_commit_of_all_that_is_tracked(world: World) -> None:
    blocked(world)
    world.command("retry", "one")
    world.git("commit", "-qam", "Again")
    world.tick()
    assert "unblock" in world.events("one")
    clean(world)


def test_a_move_by_hand_of_which_only_the_first_half_was_committed_is_a_move(world: World) -> None:
    # given a person who moved the file with mv, and committed with -a, which leaves the new file out
    in_review(world)
    world.move("one", "queue/done")
    world.git("commit", "-qam", "End it")
    # when the next pass comes, then the item ends as if both halves had been committed
    assert world.tick().problems == ()
    assert world.last("one").outcome == "cancelled"
    clean(world)


def ended(world: World, how: str) -> None:
    in_review(world)
    if how == "rejected":
        world.command("review", "one", "--reject", "-m", "not wanted")
    else:
        world.command("cancel", "one")
    world.tick()
    assert world.last("one").outcome == how


@pytest.mark.parametrize("how", ["rejected", "cancelled"])
def test_retry_opens_what_was_rejected_or_cancelled_again(world: World, how: str) -> None:
    ended(world, how)
    assert "one: moved to queue/inbox" in world.command("retry", "one")
    world.tick()
    assert world.lane("one") == "review"
    assert world.events("one")[-3:] == ["moved", "start", "deliver"]
    clean(world)


def test_retry_of_what_was_applied_says_how_to_undo_it(world: World) -> None:
    world.item("one")
    world.tick()
    said = world.command("retry", "one", status=2)
    assert "one is done, and was applied" in said
    assert "factory revert one" in said
    assert world.status() == ""


@pytest.mark.parametrize(("lane", "then"), [("inbox", "deliver"), ("rework", "rework")])
def test_a_finished_item_that_is_moved_back_and_not_committed_is_taken_in(world: World, lane: str, then: str) -> None:
    ended(world, "cancelled")
    world.git("mv", world.path("one"), f"queue/{lane}/one.yaml")
    world.tick()
    assert world.events("one")[-3:] == ["moved", "start", then]  # rework begins with a change that is there already
    clean(world)


def test_a_copy_of_a_finished_item_is_not_passed_over_in_silence(world: World) -> None:
    ended(world, "cancelled")
    world.write("queue/inbox/one.yaml", world.read(world.path("one")))
    assert "the id 'one' is taken by queue/done/" in world.command("tick")
    assert "cancel" in world.events("one")[-1]


def test_decisions_exclude_each_other(world: World) -> None:
    in_review(world)
    before = world.read(VERDICT)
    for both in (("--approve", "--reject"), ("--reject", "--approve"), ("--rework", "--escalate", "-m", "x")):
        said = world.command("review", "one", *both, status=2)
        assert f"{both[0]} and {both[1]} exclude each other" in said
    assert "needs to know of which item" in world.command("review", "--approve", status=2)
    assert "an answer needs a decision with it" in world.command("review", "one", "-m", "fine", status=2)
    assert world.read(VERDICT) == before


@pytest.mark.parametrize("lane", ["inbox", "blocked", "review"])
def test_cancel_ends_an_item_whose_file_was_deleted(world: World, lane: str) -> None:
    # given an item whose file a person took away, and is told what to do
    world.item("one", contract="reviewed", text="hold: true\n" if lane == "inbox" else "")
    world.tick()
    if lane == "blocked":
        world.verdict("one", "escalate")
        world.tick()
    assert world.lane("one") == lane
    (world.root / world.path("one")).unlink()
    assert "factory cancel one ends it" in world.command("tick")
    # when they do
    world.command("cancel", "one")
    # then it has ended, with what it said
    world.tick()
    assert (world.lane("one"), world.last("one").outcome) == ("done", "cancelled")
    assert "title: do one" in world.git("show", f"main:{world.path('one')}")
    assert world.status() == ""
    world.command("audit")


def test_an_item_is_held_before_a_pass_has_seen_it(world: World) -> None:
    # given an item that was just added, and whose first pass would start it
    world.item("one")
    assert "one: hold is on" in world.command("hold", "one")
    assert "is taken in with the next pass, and stays on hold" in world.command("status")
    # then the pass takes it in and starts nothing, until the person lets it go on
    world.tick()
    assert (world.lane("one"), world.events("one")) == ("inbox", [])
    assert "on hold; factory hold one --off" in world.command("status")
    world.command("hold", "one", "--off")
    assert "hold is off, noted, with the next pass" in world.command("status")
    world.tick()
    assert "start" in world.events("one")


def test_the_prompt_of_an_item_is_shown_before_a_pass_has_seen_it(world: World) -> None:
    world.item("one")
    shown = world.command("prompt", "one")
    world.commit()
    assert shown == world.command("prompt", "one") != ""


def test_what_no_pass_has_seen_is_ended_by_taking_its_file_away(world: World) -> None:
    world.item("one")
    assert "next: rm queue/inbox/one.yaml" in world.command("cancel", "one", status=2)
    assert (world.root / "queue/inbox/one.yaml").is_file()


def test_an_item_that_names_what_is_not_there_is_added_with_a_warning(world: World) -> None:
    world.item("there")
    missing = ["--contract", "nope", "--depends-on", "nosuch", "--depends-on", "there"]
    assert world.command("add", "Two", *missing).splitlines() == [
        "warning: there is no contract 'nope' (contracts/nope.yaml)",
        "warning: there is no item 'nosuch', for which it is to wait",
        "queue/inbox/two.yaml",
    ]
    assert world.command("add", "Three", "--contract", "scripted", "--depends-on", "two") == "queue/inbox/three.yaml\n"
