"""Findings over rounds: open until they are put right, the same twice in a row for a person, and late ones marked."""

import json

from tests.world import World

LINES = "".join(f"line {number}\n" for number in range(1, 31))


def changed(number: int, text: str) -> str:
    return LINES.replace(f"line {number}\n", f"{text}\n")


def send_back(world: World, *findings: str, closes: str = "") -> None:
    """A person asks for another round with these findings."""
    place = world.root / "queue/review/one.human.verdict.yaml"
    text = place.read_text().replace("decision: pending", "decision: rework")
    text = text.replace("findings: []", f"findings: [{', '.join(findings)}]")
    place.write_text(text + (f"closes: [{closes}]\n" if closes else ""))
    world.tick()


def finding(line: int, text: str, id: str = "F1", path: str = "one.txt") -> str:
    return json.dumps({"id": id, "severity": "major", "path": path, "line": line, "text": text})


def told(world: World, run: int) -> list[dict[str, object]]:
    """What a run was told of earlier findings, as its proposal on the item's branch has it."""
    rows: list[dict[str, object]] = json.loads(world.git("show", f"factory/one:told-{run}.json"))
    return rows


def begin(world: World, *texts: str) -> None:
    """An item whose worker writes one text a round, and keeps what it was told."""
    cases = "; ".join(
        f"[ $FACTORY_RUN = {number} ] && printf %s '{text}' > one.txt" for number, text in enumerate(texts, 1)
    )
    script = f"{cases}; cp $FACTORY_EARLIER told-$FACTORY_RUN.json; true"
    seats = [{"name": "tests", "kind": "checks"}, {"name": "human", "kind": "human"}]
    world.contract("rounds", worker={"run": ["sh", "-c", script]}, review={"seats": seats}, rework={"max_rounds": 9})
    world.item("one", contract="rounds")
    world.tick()


def test_a_finding_is_open_until_the_lines_that_it_is_about_are_changed(world: World) -> None:
    begin(world, LINES, changed(3, "better"), changed(3, "better").replace("line 20\n", "fine\n"), LINES)
    send_back(world, finding(3, "three is wrong"), finding(20, "twenty is wrong", "F2"))
    # the second run is told of both, and mends one of them
    assert [(row["text"], row["state"]) for row in told(world, 2)] == [
        ("three is wrong", "open"),
        ("twenty is wrong", "open"),
    ]
    text = world.read("queue/review/one.human.verdict.yaml")
    assert "(closed, changed in round 2): one.txt:3 three is wrong" in text
    assert "(open): one.txt:20 twenty is wrong" in text
    send_back(world, finding(28, "and this", "F3"))
    assert {(row["text"], row["state"]) for row in told(world, 3)} == {
        ("three is wrong", "closed"),
        ("twenty is wrong", "open"),
        ("and this", "open"),
    }


def test_a_seat_may_say_that_a_finding_is_put_right(world: World) -> None:
    begin(world, LINES, changed(9, "nine"), changed(9, "nine") + "more\n")
    send_back(world, finding(3, "three is wrong"))
    key = str(told(world, 2)[0]["key"])
    assert told(world, 2)[0]["state"] == "open"
    send_back(world, finding(28, "another thing", "F2"), closes=key)
    rows = {row["text"]: (row["state"], row["how"]) for row in told(world, 3)}
    assert rows["three is wrong"] == ("closed", "a seat said so in round 2")
    assert rows["another thing"][0] == "open"


def test_the_same_finding_twice_in_a_row_goes_to_a_person(world: World) -> None:
    begin(world, LINES, changed(9, "nine"), LINES)
    send_back(world, finding(3, "three is wrong"))
    send_back(world, finding(4, "Three  is WRONG", "X"))
    assert world.lane("one") == "blocked"
    assert "the same finding twice in a row (X: Three  is WRONG)" in str(world.last("one").reason)


def test_a_finding_that_could_have_been_found_earlier_is_marked_late(world: World) -> None:
    begin(world, LINES, changed(3, "better"), LINES)
    send_back(world, finding(3, "three is wrong"))
    send_back(world, finding(25, "this was so all along"), finding(3, "better is not good", "F2"))
    reworked = [entry for entry in world.journal("one") if entry.event == "rework"][-1]
    found = {finding.text: finding.late for finding in reworked.findings}
    assert found == {"this was so all along": True, "better is not good": False}


def breaks_its_contract(world: World) -> None:
    """An item whose second run changes what it may not, after a person has sent the first one back."""
    ways = "[ $FACTORY_RUN = 2 ] && echo no > no.py; cp $FACTORY_FINDINGS one.txt"
    seats = [{"name": "tests", "kind": "checks"}, {"name": "human", "kind": "human"}]
    prompt = "{% for each in findings %}{{ each.id }} {{ each.text }}\n{% endfor %}"
    world.write("contracts/prompts/rounds.md", prompt)
    world.contract(
        "rounds",
        worker={"run": ["sh", "-c", ways], "prompt": "contracts/prompts/rounds.md"},
        produces={"patch": {"paths": ["*.txt"]}},
        review={"seats": seats},
        rework={"max_rounds": 9},
    )
    world.commit("A prompt")
    world.item("one", contract="rounds")
    world.tick()


def test_what_was_found_is_told_until_it_is_put_right_however_a_run_ends_meanwhile(world: World) -> None:
    breaks_its_contract(world)
    send_back(world, json.dumps({"id": "F1", "text": "say second"}))
    assert world.last("one").failure == "contract"
    prompt = world.command("prompt", "one")
    key = world.journal("one")[-3].findings[0].key
    assert prompt.splitlines() == ["B1 may not be changed; the contract allows *.txt", f"{key} say second"]
    world.tick()
    assert [each["text"] for each in json.loads(world.git("show", "factory/one:one.txt"))][1:] == ["say second"]
    send_back(world, json.dumps({"id": "F1", "text": "and third"}))
    assert [each["id"] for each in json.loads(world.git("show", "factory/one:one.txt"))] == ["F1", key]


def test_what_was_noted_is_told_until_there_is_another_delivery(world: World) -> None:
    breaks_its_contract(world)
    world.command("review", "one", "--rework", "-m", "say second")
    world.tick()
    assert world.last("one").failure == "contract"
    assert [line.partition(" ")[2] for line in world.command("prompt", "one").splitlines()][1:] == ["say second"]
    world.tick()
    world.command("review", "one", "--rework", "-m", "and third")
    world.tick()
    assert [each["text"] for each in json.loads(world.git("show", "factory/one:one.txt"))] == ["and third"]
