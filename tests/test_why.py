"""`factory why`: an item's story in words and in order, and what would move it now."""

import json
from typing import Any

from tests.world import World


def why(world: World, item_id: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(world.command("why", item_id, "--json"))
    return told


def story(world: World, item_id: str) -> list[str]:
    return [chapter["said"] for chapter in why(world, item_id)["story"]]


def test_it_tells_what_happened_in_order_and_what_would_move_it(world: World) -> None:
    rounds: list[list[dict[str, object]]] = [[{"write": {"path": "a.txt", "text": f"{n}\n"}}] for n in (1, 2)]
    world.item("one", *rounds, contract="reviewed")
    world.tick()
    path = world.verdict("one", "rework")
    path.write_text(path.read_text().replace("notes: |", "notes: the title is missing"))
    world.tick()
    person = f"{world.git('config', 'user.name')} <{world.git('config', 'user.email')}>"
    assert story(world, "one") == [
        "came into the inbox",
        "run 1, by factory-scripted: delivered what is to be judged",
        f"was sent back to be done again: {person} (human): the title is missing",
        "run 2, by factory-scripted: delivered what is to be judged",
    ]
    told = why(world, "one")
    assert (told["lane"], told["state"], told["do"]) == ("review", "waiting", "factory review one")
    assert told["moves"] == "somebody judges it: waits for the verdict of human"
    # and for people
    shown = world.command("why", "one").splitlines()
    assert shown[0] == "one  waiting in review  do one"
    assert shown[2].endswith("Z  run 1, by factory-scripted: delivered what is to be judged")
    assert shown[-2:] == ["moves  somebody judges it: waits for the verdict of human", "do     factory review one"]


def test_of_a_finished_item_it_tells_how_it_ended(world: World) -> None:
    world.item("good")
    world.item("bad", contract="reviewed")
    world.tick()
    world.command("cancel", "bad")
    world.tick()
    told = why(world, "good")
    assert (told["lane"], told["state"], told["do"]) == ("done", "applied", None)
    assert told["story"][-1]["said"].startswith(f"was applied as {world.last('good').applied[:10]}")  # type: ignore[index]
    assert why(world, "bad")["do"] == "factory retry bad"
    assert "was cancelled" in story(world, "bad")[-1]


def test_a_long_story_is_told_by_its_beginning_and_its_end(world: World) -> None:
    world.contract("patient", retry={"max_attempts": 99})
    world.policy("retry: {initial_ms: 1}\nagent: {max_retry_backoff_ms: 1}\nbreaker: {failures: 99}\n")
    world.item("flaky", [{"say": "no luck"}, {"exit": 1}], contract="patient")
    for number in range(6):
        world.tick()
        (world.root / world.path("flaky")).write_text(world.read(world.path("flaky")) + f"# {number}\n")
        world.move("flaky", "queue/blocked", commit=True)
        world.tick()
        world.move("flaky", "queue/inbox", commit=True)
    told = why(world, "flaky")
    assert len(told["story"]) == 10
    assert told["left_out"] == len(world.journal("flaky")) - sum(chapter["lines"] for chapter in told["story"])
    assert told["left_out"] > 0
    assert f"… {told['left_out']} lines of its journal in between (factory log flaky)" in world.command("why", "flaky")


def test_runs_in_a_row_that_came_to_nothing_are_one_chapter(world: World) -> None:
    world.contract("patient", retry={"max_attempts": 9})
    world.policy("retry: {initial_ms: 1}\nagent: {max_retry_backoff_ms: 1}\nbreaker: {failures: 99}\n")
    crash: list[dict[str, object]] = [{"say": "no luck"}, {"exit": 1}]
    world.item("flaky", crash, crash, crash, [{"write": {"path": "a.txt", "text": "a\n"}}], contract="patient")
    world.tick(drain=True)
    _came, failed, delivered, _ = story(world, "flaky")
    assert failed == "3 runs in a row came to nothing, the last: the worker ended with exit status 1: no luck"
    assert delivered == "run 4, by factory-scripted: delivered what is to be judged"


def test_an_item_that_only_has_to_wait_is_told_so_without_a_command(world: World) -> None:
    world.item("first", contract="reviewed")
    world.item("next", text="depends_on: [first]\n")
    world.item("held", text="hold: true\n")
    world.commit("Three")
    world.tick()
    told = why(world, "next")
    assert (told["moves"], told["do"], told["marks"]) == ("waits for first, which is in review", None, [])
    assert [chapter["said"] for chapter in told["story"]] == ["came into the inbox"]
    assert why(world, "held")["do"] == "factory hold held --off"
    assert "there is no item 'nobody'" in world.command("why", "nobody", status=2)


def test_what_others_say_cannot_command_a_terminal(world: World) -> None:
    world.item("one", [{"result": {"status": "blocked", "question": "\x1b[31mred\x1b]0;t\x07?"}}])
    world.item("two", text="depends_on: [one]\n")
    world.tick()
    for command in (("why", "one"), ("why", "two"), ("show", "two"), ("status",), ("graph",)):
        told = world.command(*command)
        assert "red" in told and "\x1b" not in told
