"""Slots: how many checks and machine seats run at once, and that nobody else waits for one that hangs."""

import threading
from pathlib import Path

import pytest

from factory.execution.control import Control, PhaseLog, Slots
from factory.store.system import MACHINE
from tests.test_seats import seat
from tests.witness import Background, wait_for
from tests.world import World

# Notes that it is there, and waits until it has seen so many others at the same time, or there never are.
COUNT = """
import os, sys, time
from pathlib import Path
here = Path({here!r})
mine = here / f"{{os.getpid()}}-{{time.monotonic_ns()}}"
mine.touch()
time.sleep(0.4)
with (here.parent / "most").open("a") as told:
    told.write(f"{{len(list(here.iterdir()))}}\\n")
mine.unlink()
"""
HANG = "while not __import__('pathlib').Path({gate!r}).exists(): __import__('time').sleep(0.05)"

HANGING = ["judging", "checking slow", "checking tried"]


def control() -> Control:
    return Control(threading.Event(), phases=PhaseLog(MACHINE), system=MACHINE)


def counting(world: World) -> tuple[str, Path]:
    """A program that writes down how many of its kind are there at once, and the file in which it does."""
    here = world.root.parent / "there"
    here.mkdir()
    return COUNT.format(here=str(here)), here.parent / "most"


def doing(world: World, item_id: str) -> str:
    """What its run says that is being done."""
    place = world.root / ".git/factory/heartbeats" / item_id
    return place.read_text() if place.exists() else ""


def most_of(place: Path) -> int:
    return max(int(line) for line in place.read_text().split())


def test_who_comes_first_is_served_first_and_no_more_than_may_be_at_once() -> None:
    slots, order, at_once, most = Slots(), list[int](), 0, 0
    lock, gate = threading.Lock(), threading.Event()

    def work(number: int) -> None:
        nonlocal at_once, most
        with slots.one_of(1, control()):
            with lock:
                order.append(number)
                at_once += 1
                most = max(most, at_once)
            gate.wait(5)
            with lock:
                at_once -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for number, thread in enumerate(threads):
        thread.start()
        wait_for(lambda number=number: len(slots._line) + len(order) == number + 1)
    gate.set()
    for thread in threads:
        thread.join(10)
    assert (order, most) == ([0, 1, 2, 3, 4], 1)


def test_what_is_asked_to_end_waits_for_no_slot() -> None:
    slots, asked = Slots(), control()
    asked.stop.set()
    with slots.one_of(1, control()), slots.one_of(1, asked):
        pass
    with slots.one_of(1, control()):
        pass  # and takes none away


def test_who_waits_says_so_and_shows_that_it_lives() -> None:
    slots, said, signs = Slots(), list[str](), list[int]()
    mine = Control(threading.Event(), lambda: signs.append(1), said.append, phases=PhaseLog(MACHINE), system=MACHINE)

    def wait() -> None:
        with slots.one_of(1, mine):
            pass

    with slots.one_of(1, control()):
        thread = threading.Thread(target=wait)
        thread.start()
        wait_for(lambda: len(signs) > 1)
    thread.join(10)
    assert said == ["waiting for a slot"]


@pytest.mark.parametrize(("bound", "most"), [(1, 1), (3, 3)])
def test_checks_of_deliveries_share_one_bound(world: World, bound: int, most: int) -> None:
    program, told = counting(world)
    world.policy(f"agent: {{max_concurrent_agents: 4, max_concurrent_checks: {bound}}}\ncanary: 'off'\nsandbox: 'off'")
    world.contract(
        "checked",
        checks=[{"name": "count", "run": ["python3", "-c", program], "when": "both"}],
        review={"seats": [{"name": "tests", "kind": "checks"}, {"name": "human", "kind": "human"}]},
    )
    for number in range(4):
        world.item(f"i{number}", contract="checked")
    world.tick()
    assert [world.lane(f"i{number}") for number in range(4)] == ["review"] * 4
    assert most_of(told) <= most
    assert most_of(told) > 1 or bound == 1


def test_canaries_and_the_train_share_the_bound_of_checks(world: World) -> None:
    program, told = counting(world)
    world.policy("agent: {max_concurrent_agents: 4, max_concurrent_checks: 1}\nsandbox: 'off'")
    for name in ("one", "two"):
        check = {"name": "count", "run": ["python3", "-c", f"{program}\n# {name}"], "when": "both"}
        world.contract(name, checks=[check], review={"seats": [{"name": "tests", "kind": "checks"}]})
        world.item(f"of-{name}", contract=name)
        world.item(f"and-{name}", contract=name)
    world.tick(drain=True)
    assert [world.lane(f"{how}-{name}") for name in ("one", "two") for how in ("of", "and")] == ["done"] * 4
    assert most_of(told) == 1


@pytest.mark.parametrize("bound", [1, 2])
def test_machine_seats_have_a_bound_of_their_own(world: World, bound: int) -> None:
    program, told = counting(world)
    world.policy(f"agent: {{max_concurrent_agents: 4, max_concurrent_reviews: {bound}}}\nsandbox: 'off'")
    seats = [seat(name, before=program) for name in ("a", "b", "c")]
    world.contract("judged", review={"seats": [{"name": "tests", "kind": "checks"}, *seats]})
    world.item("one", contract="judged")
    world.item("two", contract="judged")
    world.tick(drain=True)
    assert (world.lane("one"), world.lane("two")) == ("done", "done")
    assert most_of(told) == bound


def test_an_item_is_merged_while_seats_checks_and_a_canary_of_others_hang(world: World) -> None:
    gate = world.root.parent / "gate"
    hang = HANG.format(gate=str(gate))
    human = {"name": "human", "kind": "human"}
    checks = {"name": "tests", "kind": "checks"}
    world.policy("sandbox: 'off'")
    world.contract("hanging-seat", review={"seats": [checks, seat("critic", before=hang)]})
    slow = {"name": "slow", "run": ["python3", "-c", hang], "when": "both"}
    world.contract("hanging-check", checks=[slow], review={"seats": [checks, human]})
    gone = "__import__('pathlib').Path('program' + '.py').read_text() == ''"  # what a check names is no product
    canary = hang.replace("while", f"while {gone} and", 1)
    tried = {"name": "tried", "run": ["python3", "-c", canary], "when": "both"}
    world.contract("hanging-canary", checks=[tried], review={"seats": [checks, human]})
    quick = {"name": "quick", "run": ["python3", "-c", "pass"]}
    world.contract("quick", checks=[quick], review={"seats": [checks]})
    for name in ("seat", "check", "canary"):
        world.item(f"of-{name}", contract=f"hanging-{name}")
    world.commit("Those that hang")
    running = Background(world, "run")
    try:
        wait_for(lambda: all(world.lane(f"of-{name}") == "active" for name in ("seat", "check", "canary")))
        wait_for(lambda: [doing(world, f"of-{name}") for name in ("seat", "check", "canary")] == HANGING, seconds=60)
        world.item("free", contract="quick")
        wait_for(lambda: world.events("free")[-1:] == ["finish"], seconds=60)
        assert world.git("show", "main:free.txt") == "free"
        assert [world.lane(f"of-{name}") for name in ("seat", "check", "canary")] == ["active"] * 3
        gate.touch()
        wait_for(lambda: world.lane("of-seat") == "done", seconds=60)
    finally:
        gate.touch()
        running.signal(2)
        running.end()
