"""The handoff: what a worker left undone or came across becomes an item, or is dismissed with a reason."""

from factory.model.failure import FailureClass
from tests.world import World

LEFT: list[dict[str, object]] = [
    {"write": {"path": "one.txt", "text": "1\n"}},
    {
        "result": {
            "handoff": {
                "left_undone": ["the tests for Windows"],
                "issues": [{"severity": "major", "text": "parse() accepts {{ anything }}: $(rm -rf /)\n--force"}],
            }
        }
    },
]


def answer(world: World, key: str, said: str) -> None:
    place = world.root / "queue/review/one.human.verdict.yaml"
    place.write_text(place.read_text().replace(f"  {key}: open", f"  {key}: {said}"))


def inbox(world: World) -> list[str]:
    paths = world.git("ls-tree", "-r", "--name-only", "main", "queue/inbox").split("\n")
    return [path.rpartition("/")[2] for path in paths if path.endswith(".yaml")]


def test_an_approval_that_is_silent_about_a_loose_end_is_refused(world: World) -> None:
    world.item("one", LEFT, contract="reviewed")
    world.tick()
    text = world.read("queue/review/one.human.verdict.yaml")
    assert "  # the tests for Windows\n  U1: open" in text
    world.verdict("one", "approve")
    said = world.command("tick")
    assert "of U1 (the tests for Windows) nothing is said; write `item`, or a reason of at least 20" in said
    assert world.lane("one") == "review"
    # and so is one whose reason is none
    answer(world, "U1", "no")
    answer(world, "I1", "item")
    assert "of U1 (the tests for Windows) 'no' is no reason" in world.command("tick")
    assert world.lane("one") == "review"


def test_what_is_to_be_done_becomes_an_item_and_what_is_dismissed_does_not(world: World) -> None:
    world.item("one", LEFT, contract="reviewed")
    world.tick()
    answer(world, "U1", "nobody here uses Windows any more")
    answer(world, "I1", "item")
    world.verdict("one", "approve")
    world.policy("agent: {max_concurrent_agents: 1}")
    world.command("tick", "--max", "1")
    assert world.lane("one") == "done"
    # then the issue is an item of the same contract, linked to where it came from, and its text is only text
    text = world.git("show", f"main:{world.path('one-i1')}")
    assert 'discovered_from: "one"' in text
    assert 'contract: "reviewed"' in text
    assert "parse() accepts {{ anything }}: $(rm -rf /) --force" in text
    assert "hold" not in text
    assert "one-u1" not in world.git("ls-tree", "-r", "--name-only", "main", "queue")


def test_where_no_person_reads_it_every_loose_end_waits_as_an_item_for_one(world: World) -> None:
    world.item("one", LEFT)
    world.tick()
    assert world.lane("one") == "done"
    assert inbox(world) == ["one-i1.yaml", "one-u1.yaml"]
    assert "hold: true" in world.read("queue/inbox/one-u1.yaml")
    assert "on hold" in world.command("status")
    assert world.status() == ""


def test_ids_that_are_taken_are_not_taken_again(world: World) -> None:
    world.item("one-u1", text="hold: true\n")
    world.item("one", LEFT)
    world.tick()
    assert inbox(world) == ["one-i1.yaml", "one-u1-2.yaml", "one-u1.yaml"]


def test_two_items_that_finish_together_under_almost_one_id_leave_an_item_each(world: World) -> None:
    # given two items whose ids differ in the last characters alone, and both leave the same undone
    world.contract("kept", review={"seats": [{"name": "human", "kind": "human"}]}, apply={"mode": "none"})
    long = "a" * 70
    for item_id, left in ((f"{long}-x", "the docs"), (f"{long}-y", "the tests")):
        steps: list[dict[str, object]] = [
            {"write": {"path": item_id, "text": "x"}},
            {"result": {"handoff": {"left_undone": [left]}}},
        ]
        world.item(item_id, steps, contract="kept")
    world.tick()
    # when they are approved in one pass
    for item_id in (f"{long}-x", f"{long}-y"):
        place = world.verdict(item_id, "approve")
        place.write_text(place.read_text().replace("  U1: open", "  U1: item"))
    world.tick()
    # then each of them has become an item of what it left
    assert [world.lane(f"{long}-{each}") for each in "xy"] == ["done", "done"]
    titles = world.git("grep", "-h", '^title: "', "main", "--", "queue").split("\n")
    assert sorted(titles) == ['title: "the docs"', 'title: "the tests"']


def test_an_answer_about_something_that_was_not_left_is_refused(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    world.verdict("one", "approve", "handoff: {U7: item}\n")
    assert "the worker left nothing that is called 'U7'" in world.command("tick")
    assert world.lane("one") == "review"


def test_a_flood_of_loose_ends_breaks_the_contract_and_makes_no_item(world: World) -> None:
    flood: list[dict[str, object]] = [LEFT[0], {"result": {"handoff": {"left_undone": ["more"] * 21}}}]
    world.item("one", flood)
    world.tick()
    assert (world.lane("one"), world.last("one").failure) == ("rework", FailureClass.CONTRACT)
    assert "handoff.left_undone" in str(world.last("one").reason)
    assert inbox(world) == []
