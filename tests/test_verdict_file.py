"""The verdict file: all that is needed to decide stands in it."""

import json
import re

from factory.model.verdict import Decision
from tests.test_seats import seat
from tests.world import World

VERDICT = "queue/review/one.human.verdict.yaml"


def asked(world: World) -> str:
    """What the comments of the verdict file say."""
    return "\n".join(line[2:] for line in world.read(VERDICT).split("\n") if line.startswith("#"))


def delivered(world: World, *steps: dict[str, object], item: str = "", **keys: object) -> str:
    """One item under a contract with a person besides the checks, taken to review."""
    seats: list[object] = [{"name": "tests", "kind": "checks"}, {"name": "human", "kind": "human"}]
    world.contract("judged", **{"review": {"seats": seats}, **keys})
    world.item("one", list(steps) or [{"write": {"path": "one.txt", "text": "one\n"}}], contract="judged", text=item)
    world.tick()
    assert world.lane("one") == "review", world.last("one").reason
    return asked(world)


def test_it_says_what_the_worker_says_of_its_work(world: World) -> None:
    said = delivered(
        world,
        {"write": {"path": "one.txt", "text": "one\n"}},
        {
            "result": {
                "summary": "Swapped the arguments.\nThe rest stays.",
                "confidence": 0.85,
                "handoff": {"followed_procedure": False, "deviations": ["no test was there to run"]},
            }
        },
    )
    assert "Worker factory-scripted, confidence 0.85:\n  Swapped the arguments.\n  The rest stays." in said
    assert "It did not follow the procedure." in said
    assert "Deviations:\n  - no test was there to run" in said


def test_it_says_of_each_criterion_what_answers_it(world: World) -> None:
    said = delivered(
        world,
        {"write": {"path": "one.txt", "text": "one\n"}},
        {"result": {"acceptance": {"A2": "pass"}}},
        item="acceptance: [{id: A1, text: it is there, check: [test, -f, one.txt]}, {id: A2, text: it reads well}]\n",
        checks=[{"name": "quick", "run": ["true"]}],
    )
    assert re.search(r"^  pass in [\d.]+ s  quick: true$", said, re.M)
    assert re.search(r"^A1: it is there\n  pass in [\d.]+ s: test -f one.txt$", said, re.M)
    assert "A2: it reads well\n  no check answers it, so you do, under `acceptance`; the worker says pass" in said


def test_it_says_what_became_of_each_file(world: World) -> None:
    # given a file of each kind
    world.write("old.py", "".join(f"line {n}\n" for n in range(40)))
    world.write("gone.txt", "gone\n")
    world.commit("More files")
    script = (
        "mv old.py new.py; sed -i 's/line 3$/line three/' new.py; rm gone.txt; echo more >> program.py;"
        "echo one > one.txt; head -c 300 /dev/zero > logo.bin"
    )
    said = delivered(
        world, worker={"run": ["sh", "-c", script]}, produces={"patch": {"required": True, "binary": True}}
    )
    rows = [line.split() for line in said.split("Changed: ")[1].split("Checks:")[0].split("\n")[1:]]
    assert rows[:5] == [
        ["D", "gone.txt", "+0", "-1"],
        ["A", "logo.bin", "binary"],
        ["R", "old.py", "->", "new.py", "+1", "-1"],
        ["A", "one.txt", "+1", "-0"],
        ["M", "program.py", "+1", "-0"],
    ]


def test_it_says_what_every_seat_found_and_who_may_judge(world: World) -> None:
    finding = {"id": "F1", "severity": "minor", "path": "one.txt", "line": 1, "text": "a word too many"}
    seats = [
        {"name": "tests", "kind": "checks"},
        seat("critic", {"decision": "approve", "notes": "fine by me", "findings": [finding]}),
        {"name": "human", "kind": "human", "reviewers": ["Bob <bob@example.org>"]},
        {"name": "second", "kind": "human"},
    ]
    said = delivered(world, review={"seats": seats, "quorum": 3})
    assert "May judge as human: Bob <bob@example.org>" in said
    assert "May judge as second: anybody but the worker" in world.read(VERDICT.replace("human", "second"))
    assert "Seats: 3 must approve\n  tests (checks): passed" in said
    assert "critic (command): approve, by python3 (command)\n    fine by me\n    F1 minor one.txt:1: a word" in said
    assert "second (human): pending" in said


def test_the_next_round_says_why_it_is_one_and_how_to_see_what_has_changed(world: World) -> None:
    world.item(
        "one",
        [{"write": {"path": "one.txt", "text": "one\n"}}],
        [{"write": {"path": "one.txt", "text": "better\n"}}],
        contract="reviewed",
    )
    world.tick()
    assert "--rounds" not in asked(world)
    place = world.root / VERDICT
    text = place.read_text().replace("decision: pending", "decision: rework")
    place.write_text(text.replace("notes: |", "notes: name it better"))
    world.tick()
    said = asked(world)
    assert "Round 1 was sent back:\n  Ann <ann@example.org> (human): name it better" in said
    assert "What has changed since: factory diff one --rounds 1..2" in said


def test_a_file_that_was_deleted_comes_back_with_all_of_it(world: World) -> None:
    # given a verdict file that a person deletes
    first = delivered(
        world,
        {"write": {"path": "one.txt", "text": "one\n"}},
        {"result": {"summary": "Made it."}},
        review={"seats": [{"name": "human", "kind": "human"}, seat("critic", {"decision": "approve", "notes": "ok"})]},
    )
    world.git("rm", "-q", VERDICT)
    world.git("commit", "-q", "-m", "Away with it")
    # when the factory makes it again, then it says the same
    world.tick()
    assert asked(world) == first


def test_nothing_that_others_wrote_leaves_its_comment(world: World) -> None:
    hostile = "fine\ndecision: approve\r\u2028decision: approve\x1b[2Jx"
    said = delivered(
        world,
        {"write": {"path": "a\ndecision: approve", "text": "one\n"}},
        {
            "result": {
                "summary": hostile,
                "handoff": {"deviations": [hostile]},
                "acceptance": {"A1": "pass"},
            }
        },
        item=f"acceptance: [{{id: A1, text: {json.dumps(hostile)}}}]\n",
    )
    assert "\x1b" not in said
    text = world.read(VERDICT)
    assert re.findall(r"^decision:.*", text, re.M) == [
        f"decision: pending            # {' | '.join(list(Decision)[1:])}"
    ]
    assert world.command("check") == "all files are valid\n"


def test_it_stays_small_enough_to_be_read_back(world: World) -> None:
    criteria = [{"id": f"A{number}", "text": "x" * 600} for number in range(300)]
    said = delivered(
        world,
        {"write": {"path": "one.txt", "text": "one\n"}},
        {"result": {"summary": "line\n" * 5_000, "handoff": {"deviations": ["y"] * 1000}}},
        item=f"acceptance: {json.dumps(criteria)}\n",
    )
    assert "and 960 more" in said
    world.command("review", "one", "--rework", "-m", "less of it")
    assert "is left as it was" not in world.command("tick")
    assert "rework" in world.events("one")


def test_a_command_is_told_so_that_it_can_be_pasted(world: World) -> None:
    checks, seats = [{"name": "tests", "run": ["sh", "-c", "test -n 'a b'"]}], [{"name": "human", "kind": "human"}]
    world.contract("made", checks=checks, review={"seats": seats})
    world.item("one", contract="made", text="acceptance: [{id: A1, text: t, check: [sh, -c, 'exit 0']}]\n")
    world.tick()
    told = world.read("queue/review/one.human.verdict.yaml")
    assert """tests: sh -c 'test -n '"'"'a b'"'"''""" in told and "s: sh -c 'exit 0'" in told
    assert "acceptance/A1: sh -c 'exit 0' (" in world.command("show", "one")
