"""`tick --drain` goes on until nothing can move, waits for what comes due soon, and says when work is left."""

from tests.world import World

CRASH: list[dict[str, object]] = [{"exit": 139}]
WORK: list[dict[str, object]] = [{"write": {"path": "one.txt", "text": "1\n"}}]


def test_a_drain_waits_for_a_second_attempt_that_comes_due_soon(world: World) -> None:
    world.policy("retry: {initial_ms: 2000}")
    world.item("one", CRASH, WORK)
    world.command("tick", "--drain", "--strict")
    assert world.lane("one") == "done"


def test_a_drain_does_not_wait_longer_than_its_patience_and_strict_says_that_work_is_left(world: World) -> None:
    world.policy("retry: {initial_ms: 3600000}\nagent: {max_retry_backoff_ms: 3600000}")
    world.item("one", CRASH, WORK)
    assert "one (inbox): waits until" in world.command("tick", "--drain", "--strict", status=1)
    assert world.lane("one") == "inbox"
    # and without --strict that is no failure
    world.command("tick", "--drain", "--patience", "0", status=0)


def test_what_a_person_keeps_waiting_is_no_work_left(world: World) -> None:
    world.item("held", text="hold: true\n")
    world.item("judged", contract="reviewed")
    world.command("tick", "--drain", "--strict", status=0)
    assert (world.lane("held"), world.lane("judged")) == ("inbox", "review")
