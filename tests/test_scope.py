"""Scopes: items that are about the same paths are not under way at the same time."""

import itertools
import json
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from factory.line.dispatch.schedule import ScheduleEntry
from factory.model import scope
from factory.model.globs import matches
from factory.model.journal import Entry, History
from factory.model.lifecycle import Event, Lane
from factory.model.scope import ScopeIndex
from tests.test_plan import NOW, case, planned, reason, snapshot, starting
from tests.world import World


def overlap(one: str, other: str) -> bool:
    index = ScopeIndex()
    index.add([other], "other")
    return any(index.overlaps([one]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.py", "a.py"),
        ("shop/**", "shop/cart/lines.py"),
        ("shop", "shop/cart/**"),
        ("shop/", "shop/cart.py"),
        ("./shop/cart.py", "shop/*.py"),
        ("**/cart.py", "shop/cart.py"),
        ("shop/*/cart.py", "shop/v?/cart.py"),
        ("shop/a*.py", "shop/*b.py"),
        ("shop/*", "shop/cart/lines.py"),
        ("**", "a.py"),
        (".", "a.py"),
        ("shop/../lib/a.py", "lib/a.py"),
        ("*/cart.py", "shop/**"),
    ],
)
def test_two_scopes_overlap_when_one_path_may_be_in_both(one: str, other: str) -> None:
    assert overlap(one, other)
    assert overlap(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.py", "b.py"),
        ("shop/**", "shopping/cart.py"),
        ("shop/cart/**", "shop/bill/**"),
        ("shop/*.py", "shop/*.md"),
        ("shop/a*.py", "shop/b*.py"),
        ("shop/*/cart.py", "lib/v?/cart.py"),
        ("shop/*/cart.py", "shop/v1/bill.py"),
        ("*/cart.py", "shop/bill.py"),
    ],
)
def test_scopes_that_no_path_can_share_do_not_overlap(one: str, other: str) -> None:
    assert not overlap(one, other)
    assert not overlap(other, one)


def test_no_path_is_in_two_scopes_that_do_not_overlap() -> None:
    names = ["a", "ab", "b.py", "ab.py"]
    paths = ["/".join(each) for size in (1, 2, 3) for each in itertools.product(names, repeat=size)]
    parts = ["a", "a*", "*b", "?", "a?", "*.py", "**"]
    patterns = ["/".join(each) for size in (1, 2, 3) for each in itertools.product(parts, repeat=size)]
    covered = {pattern: {path for path in paths if matches(path, [pattern])} for pattern in patterns}
    index = ScopeIndex()
    for pattern in patterns:
        index.add([pattern], pattern)
    for pattern in patterns:
        told = {each.item_id for each in index.overlaps([pattern])}
        assert {other for other in patterns if covered[pattern] & covered[other]} <= told


@pytest.mark.parametrize("lane", [Lane.ACTIVE, Lane.REVIEW])
def test_an_item_waits_for_one_under_way_whose_scope_overlaps(lane: Lane) -> None:
    known = snapshot(case("first", lane, scope=["shop/**"]), case("second", scope=["shop/cart.py"]), case("free"))
    found = {entry.id: entry for entry in planned(known, "second", "free")}
    said = f"waits for first, which is in {lane}: its scope shop/** overlaps shop/cart.py"
    assert found["second"] == ScheduleEntry("second", False, said)
    assert found["free"].start


@pytest.mark.parametrize("other", [[], ["lib/**"]])
def test_without_a_scope_or_with_another_one_nobody_waits(other: list[str]) -> None:
    known = snapshot(case("first", Lane.ACTIVE, scope=["shop/**"]), case("second", scope=other))
    assert starting(planned(known)) == ["second"]
    known = snapshot(case("first", Lane.ACTIVE, scope=other), case("second", scope=["shop/**"]))
    assert starting(planned(known)) == ["second"]


def test_of_two_that_wait_the_one_whose_turn_it_is_starts() -> None:
    known = snapshot(case("late", priority=1, scope=["a/**"]), case("early", scope=["a/b.py"]))
    first, second = planned(known, "early", "late")
    assert first == ScheduleEntry("late", True)
    assert second == ScheduleEntry("early", False, "waits for late, which starts first: its scope a/** overlaps a/b.py")


@pytest.mark.parametrize(
    "other",
    [
        case("other", Lane.BLOCKED, scope=["a/**"]),
        case("other", Lane.REVIEW, scope=["a/**"], hold=True),
        case("other", Lane.REWORK, scope=["a/**"], hold=True),
        case("other", Lane.REWORK, scope=["a/**"], depends_on=["one"]),
        case("other", Lane.INBOX, scope=["a/**"], hold=True),
        case("other", Lane.INBOX, History(not_before=NOW + timedelta(hours=1)), scope=["a/**"]),
    ],
    ids=["blocked", "held in review", "held in rework", "waiting for it", "held", "released"],
)
def test_nobody_waits_for_what_goes_on_by_a_person_alone_or_has_been_released(other: object) -> None:
    assert isinstance(other, type(case("x")))
    assert starting(planned(snapshot(other, case("one", scope=["a/**"])))) == ["one"]


def test_what_a_person_holds_while_it_is_at_work_is_still_at_work() -> None:
    known = snapshot(case("first", Lane.ACTIVE, scope=["a"], hold=True), case("second", scope=["a"]))
    assert starting(planned(known)) == []


def test_two_in_rework_do_not_wait_for_each_other_but_go_one_after_the_other() -> None:
    known = snapshot(
        case("one", Lane.REWORK, scope=["a"]), case("two", Lane.REWORK, scope=["a"]), case("new", scope=["a"])
    )
    found = {entry.id: entry for entry in planned(known, "new")}
    assert starting([*found.values()]) == ["one"]
    assert found["two"].reason == "waits for one, which starts first: its scope a is the same"
    assert not found["new"].start
    busy = snapshot(case("one", Lane.REVIEW, scope=["a"]), case("two", Lane.REWORK, scope=["a"]))
    assert starting(planned(busy)) == []


def test_what_is_to_be_tried_again_in_rework_keeps_its_scope() -> None:
    later = History(not_before=NOW + timedelta(hours=1))
    known = snapshot(case("first", Lane.REWORK, later, scope=["a"]), case("second", scope=["a"]))
    assert planned(known)[-1].reason == "waits for first, which is in rework: its scope a is the same"


def came(second: int) -> History:
    """That of an item that came into the queue at this time, and has a proposal."""
    submitted = Entry(seq=1, at=NOW + timedelta(seconds=second), event=Event.SUBMIT, to=Lane.INBOX, actor="factory")
    return History((submitted,))


def test_a_wide_scope_is_overtaken_once_and_not_by_ever_more_narrow_ones() -> None:
    # given one that waits for an earlier one under way: those of other paths go on
    wide = case("wide", history=came(1), scope=["a/**", "b/**"])
    narrow = case("narrow", history=came(2), scope=["b/x.py"])
    more = case("more", history=came(3), scope=["b/y.py"])
    known = snapshot(case("first", Lane.ACTIVE, came(0), scope=["a/x.py"]), wide, narrow)
    assert starting(planned(known)) == ["narrow"]
    # when the earlier one is done, and all that it waits for came later, no further one goes ahead of it
    at_work = replace(narrow, placed=replace(narrow.placed, lane=Lane.ACTIVE))
    found = {entry.id: entry for entry in planned(snapshot(at_work, wide, more))}
    assert found["more"].reason == "waits for wide, which has been overtaken once: its scope b/** overlaps b/y.py"
    assert starting([*found.values()]) == []
    assert starting(planned(snapshot(wide, more))) == ["wide"]


def test_when_all_is_over_nobody_is_left_waiting() -> None:
    scopes = [["a/**"], ["a/x.py", "b/**"], ["b/*.py"], ["**"], ["c"], ["c/d"], ["b/y.py"], []]
    open_items = {
        f"i{number}": case(f"i{number}", history=came(number), scope=each) for number, each in enumerate(scopes)
    }
    done: list[str] = []
    for _ in scopes:
        starts = starting(planned(snapshot(*open_items.values())))
        assert starts or not open_items
        done += starts
        for item_id in starts:
            del open_items[item_id]
    assert sorted(done) == [f"i{number}" for number in range(len(scopes))]


def test_ten_thousand_that_wait_are_planned_without_a_look_at_each_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    look = scope._overlap

    def counted(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
        nonlocal looks
        looks += 1
        return look(one, other)

    monkeypatch.setattr(scope, "_overlap", counted)
    under_way = [case(f"w{n}", Lane.REVIEW, came(20_000 + n), scope=[f"src/p{n}/**"]) for n in range(40)]
    scopes = ([f"src/p{n % 40}/m{n}.py", f"tests/test_{n}.py"] for n in range(10_000))
    waiting = [case(f"i{n}", history=came(n), scope=each) for n, each in enumerate(scopes)]
    known = snapshot(*under_way, *waiting, limits={"review": 1000})
    assert starting(planned(known)) == []
    assert looks < 10 * len(waiting)


def test_status_and_a_dry_run_say_who_waits_for_whom_and_it_starts_once_that_one_is_merged(world: World) -> None:
    world.item("first", text="scope: [src/**]\n", contract="reviewed")
    world.item("second", text="scope: [src/a.py]\n", contract="reviewed")
    world.commit("Two")
    world.tick(drain=True)
    assert (world.lane("first"), world.lane("second")) == ("review", "inbox")
    assert reason(world, "second") == "waits for first, which is in review: its scope src/** overlaps src/a.py"
    # a scope says when an item runs, not what is judged: a person may widen it without making a verdict stale
    place = world.root / "queue/review/first.yaml"
    place.write_text(place.read_text().replace("src/**", "src/*"))
    world.command("review", "first", "--approve")
    world.tick(drain=True)
    assert (world.lane("first"), world.lane("second")) == ("done", "review")
    world.command("audit")


def test_what_is_blocked_lets_others_start(world: World) -> None:
    world.item("first", [{"result": {"status": "blocked", "question": "which?"}}], text="scope: [a]\n")
    world.item("second", text="scope: [a]\n")
    world.commit("Two")
    world.tick(drain=True)
    assert (world.lane("first"), world.lane("second")) == ("blocked", "done")


def test_a_pattern_of_many_wildcards_is_held_against_a_long_name_at_once() -> None:
    assert not overlap("x/" + "*a" * 12 + "b", "x/" + "a" * 100)
    assert overlap("x/" + "*a" * 12 + "*b", "x/" + "a" * 100 + "b")


@pytest.mark.parametrize("seed", range(200))
def test_a_part_covers_the_names_that_its_pattern_matches(seed: int) -> None:
    chance = random.Random(seed)
    part = "".join(chance.choice("ab*?") for _ in range(chance.randint(1, 6)))
    name = "".join(chance.choice("ab") for _ in range(chance.randint(1, 6)))
    if "**" not in part and set(part) & set("*?"):
        assert overlap(part, name) == matches(name, (part,))


def test_an_item_of_endless_scopes_is_no_item(world: World) -> None:
    world.item("one", text=f"scope: {json.dumps([f'a{number}*' for number in range(51)])}\n")
    assert any("at most 50" in problem.message for problem in world.tick().problems)
