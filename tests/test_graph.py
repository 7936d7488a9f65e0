"""`factory graph`: what items declare of each other, what their patches show, and what should wait for what."""

import json
import random
import re
import shutil
import subprocess
from typing import Any

import pytest

from factory.report.graph.patch import touched_by
from factory.report.graph.proposals import Planned, proposals
from factory.report.graph.waiting import Waiting
from tests.world import World


def graph(world: World, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(world.command("graph", "--json", *options))
    return found


def links(world: World, kind: str) -> set[tuple[str, str, str]]:
    """(item, other, where) of the links of one kind."""
    found = (link for link in graph(world)["links"] if link["kind"] == kind)
    return {(link["item"], link["other"], ", ".join(link["paths"])) for link in found}


def writes(world: World, item_id: str, path: str, text: str, more: str = "", contract: str = "scripted") -> None:
    world.item(item_id, [{"write": {"path": path, "text": text}}], text=more, contract=contract)


def test_declared_dependencies_are_shown_and_what_holds_up_most_work_comes_first(world: World) -> None:
    world.item("base", text="hold: true\n")
    for item_id, needs in (("one", "base"), ("two", "one"), ("three", "one"), ("four", "two")):
        world.item(item_id, text=f"depends_on: [{needs}]\n")
    world.item("other", text="hold: true\n")
    world.item("alone", text="depends_on: [other]\n")
    world.commit("Seven")
    assert links(world, "depends-on") == {
        *(("one", "base", ""), ("two", "one", ""), ("three", "one", ""), ("four", "two", "")),
        ("alone", "other", ""),
    }
    first, second = graph(world)["chains"]
    assert (first["id"], first["waiting"]) == ("base", ["four", "one", "three", "two"])
    assert first["chain"] == ["base", "one", "two", "four"]
    assert (second["id"], second["waiting"]) == ("other", ["alone"])
    told = world.command("graph").splitlines()
    assert told[0] == "holds up most work"
    assert told[1] == "  base: 4 items behind it; it is on hold; factory hold base --off"
    assert told[2] == "      base -> one -> two -> four"


def test_what_finished_patches_touched_and_took_away_links_their_items(world: World) -> None:
    # given three finished items in one file, of which the last rewrites what the first has brought
    begun = "def total(lines):\n    return sum(lines)\n"
    writes(world, "first", "shop.py", begun)
    world.tick()
    writes(world, "second", "shop.py", begun + "\n\ndef count(lines):\n    return len(lines)\n")
    world.tick()
    writes(world, "third", "shop.py", begun.replace("sum(lines)", "sum(line.price for line in lines)"))
    writes(world, "apart", "other.py", "print('something else')\n")
    world.tick()
    assert {world.lane(each) for each in ("first", "second", "third", "apart")} == {"done"}
    # then each is linked to the one before it, and the last to all whose lines it took away
    assert links(world, "same-files") == {("second", "first", "shop.py"), ("third", "second", "shop.py")}
    assert links(world, "reworked") == {("third", "first", "shop.py"), ("third", "second", "shop.py")}
    found = graph(world)
    assert found["crowded"] == {"shop.py": ["first", "second", "third"]}
    assert "apart" not in {node["id"] for node in found["nodes"]}
    assert "    3  shop.py" in world.command("graph")
    # and as many finished ones are looked at as somebody asks for
    assert graph(world, "-n", "0")["links"] == []
    assert graph(world, "-n", "0")["finished"] == 0


def test_proposals_that_conflict_are_linked_as_their_journals_say(world: World) -> None:
    for item_id in ("one", "two"):
        writes(world, item_id, "program.py", f"print('{item_id}')\n", contract="reviewed")
    world.tick()
    found = {frozenset(link[:2]) for link in links(world, "conflicted")}
    assert found == {frozenset(("one", "two"))}


def test_who_will_meet_in_the_same_files_should_wait_before_they_collide(world: World) -> None:
    # given one that is judged, one that will work on the same file, and others
    writes(world, "judged", "shop/cart.py", "print('cart')\n", contract="reviewed")
    world.tick()
    world.item("next", text="hold: true\nscope: [shop/**]\ndepends_on: [far]\n")
    world.item("waits", text="hold: true\nscope: [shop/cart.py]\ndepends_on: [judged]\n")
    world.item("far", text="hold: true\nscope: [docs/**]\n")
    world.commit("Three")
    (proposal,) = graph(world)["proposals"]
    assert (proposal["item"], proposal["other"]) == ("next", "judged")
    assert proposal["depends_on"] == ["far", "judged"]
    assert (
        "  next for judged: shop/** meets shop/cart.py; put `depends_on: [far, judged]` into it; "
        "${EDITOR:-vi} queue/inbox/next.yaml" in world.command("graph")
    )
    # when a person does so
    path = world.root / "queue/inbox/next.yaml"
    path.write_text(path.read_text().replace("depends_on: [far]", "depends_on: [far, judged]"))
    world.commit("It waits")
    # then nothing is left to be proposed
    assert graph(world)["proposals"] == []


def planned(item_id: str, *about: str, needs: tuple[str, ...] = (), free: bool = True) -> Planned:
    return Planned(item_id, f"{item_id}.yaml", about, needs, can_wait=True, can_be_awaited=free)


def proposed(*items: Planned) -> list[tuple[str, str]]:
    found = proposals(items, Waiting.of({each.id: each.depends_on for each in items}))
    return [(each.item, each.other) for each in found]


def test_what_follows_from_other_proposals_is_not_proposed() -> None:
    assert proposed(planned("a", "x"), planned("b", "x"), planned("c", "x")) == [("b", "a"), ("c", "b")]
    # nor what would make a circle, nor to wait for one that only a person lets go on
    assert proposed(planned("a", "x", needs=("c",)), planned("b", "x"), planned("c", "x")) == [("b", "a")]
    assert proposed(planned("a", "x", free=False), planned("b", "x")) == []


def test_no_proposals_make_a_circle_together() -> None:
    chance = random.Random(7)
    for _ in range(60):
        ids = [f"i{n}" for n in range(8)]
        needs = {each: tuple(other for other in ids[n + 1 :] if chance.random() < 0.2) for n, each in enumerate(ids)}
        items = [planned(each, *chance.sample("xyz", 2), needs=needs[each]) for each in chance.sample(ids, 8)]
        waiting = Waiting.of(needs)
        proposals(items, waiting)
        assert not any(waiting.waits_for(each, each) for each in ids)


def test_a_circle_and_a_long_chain_end_too() -> None:
    circle = Waiting.of({"a": ["b"], "b": ["a"], "c": ["a"]})
    assert [(each.id, each.waiting) for each in circle.hold_ups()] == [("a", ("b", "c"))]
    long = Waiting.of({f"n{n}": [f"n{n - 1}"] for n in range(3000)})
    (only,) = long.hold_ups()
    assert (only.id, len(only.waiting), len(only.chain)) == ("n0", 2999, 3000)


PATCH = rb"""diff --git a/one b/two b/one b/two
index 1..2 100644
--- a/one b/two
+++ b/one b/two
@@ -1,2 +1,2 @@
-the line that goes away
-the line that only moves
+the line that only moves
+the line that comes in
diff --git "a/s\303\244\"\n.txt" "b/s\303\244\"\n.txt"
new file mode 100644
index 0..3
diff --git a/picture.png b/picture.png
index 1..2 100644
GIT binary patch
literal 1
zcmV
"""


def test_a_patch_is_read_whatever_its_files_are_called() -> None:
    found = touched_by(PATCH)
    assert found.paths == ("one b/two", 'sä"\n.txt', "picture.png")
    assert found.removed == {"one b/two": {b"the line that goes away"}}
    assert found.added == {"one b/two": {b"the line that only moves", b"the line that comes in"}}
    assert touched_by(b"") == touched_by(b"no patch at all\n@@ nor here\n+a line of nothing\n")


def test_hostile_names_stay_text(world: World) -> None:
    evil = 'x"]; evil [label=<b>\\N\x1b[31m'
    path = 'a"b\\l; c.py'
    world.write("queue/inbox/one.yaml", f"title: {json.dumps(evil)}\nhold: true\nscope: [{json.dumps(path)}]\n")
    world.write("queue/inbox/two.yaml", f"title: two\nscope: [{json.dumps(path)}]\nhold: true\ndepends_on: [one]\n")
    for number in (1, 2, 3):
        writes(world, f"w{number}", path, f"print({number}, 'is the number')\n")
        world.tick()
    drawn = world.command("graph", "--dot")
    assert "\x1b" not in drawn + world.command("graph")
    # whatever is not within quotes was written by the factory itself
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", drawn)
    assert "evil" not in bare and '"' not in bare and "c.py" not in bare
    assert '"two" -> "one"' in drawn
    assert r'"w2" -> "w1" [color=gray50, style=dashed, dir=none, label="a\"b\\l; c.py"];' in drawn
    if shutil.which("dot"):
        done = subprocess.run(["dot", "-Tcanon"], input=drawn, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    assert graph(world)["crowded"] == {path: ["w1", "w2", "w3"]}


def test_nothing_is_said_where_there_is_nothing(world: World) -> None:
    said = "no two items have to do with each other, as far as they or their patches say\n"
    assert world.command("graph") == said
    assert "excludes" in world.command("graph", "--dot", "--json", status=2)
    assert world.status() == ""


@pytest.mark.parametrize("options", [(), ("--json",), ("--dot",)])
def test_an_item_or_a_journal_that_cannot_be_read_is_left_out(world: World, options: tuple[str, ...]) -> None:
    world.item("good")
    world.tick()
    world.write("queue/inbox/bad.yaml", "title: [\n")
    journal = next((world.root / "artifacts/done").glob("*/good/journal.jsonl"))
    journal.write_text("not a line of a journal\n")
    world.commit("Two that nobody can read")
    assert "good" not in world.command("graph", *options)
