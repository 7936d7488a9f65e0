"""Leases between clones that push each pass: renewed while they work, given up in time, taken over after it.

Whose clock is wrong by ten minutes does no harm, on either side, fast or slow.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.line.collect import late
from factory.line.leases.hold import Hold
from factory.line.tick import tick
from factory.line.watch import watch
from factory.model.errors import StopRequested
from factory.model.journal import fold
from factory.model.lease import GRACE, LEASE, RENEWED, STOPPED, Lease, Renewal
from factory.model.lifecycle import Event, Lane
from tests.synced import BEGINNING, Clone, Machine, Time, clones_of
from tests.world import World

MINUTE = timedelta(minutes=1)
WRONG = [(0, 0), (10, 0), (-10, 0), (0, 10), (0, -10)]  # minutes: of the holder's clock, and of the other's
LEASES = "queue/leases"


@pytest.fixture
def waiting(world: World) -> World:
    """Two items that nobody has begun."""
    world.policy("agent: {max_concurrent_agents: 1}\n")
    world.item("one", text="priority: 1\n")
    world.commit("An item")
    return world


def assert_quiet(world: World) -> None:
    assert json.loads(world.command("audit", "--json"))["violations"] == []


def renewals(world: World) -> list[str]:
    return world.git("log", "--format=%H", "--grep=^factory: renew", "main").split()


def minutes_until(time: Time, happened: Callable[[], bool], clone: Clone, most: int = 90) -> int:
    """In which minute it comes about, of which a clone makes a pass each."""
    for minute in range(1, most):
        time.go_on(minutes=1)
        clone.pass_()
        if happened():
            return minute
    raise AssertionError("it did not come about")


# What a lease says


def test_a_lease_lasts_ten_minutes_where_renewals_are_seen_and_as_long_as_a_run_may_where_they_are_not(
    waiting: World,
) -> None:
    with clones_of(waiting, 0) as (_, [clone]):
        clone.pass_()
        lease = clone.world.last("one").lease
    assert lease is not None
    assert (lease.owner, lease.generation, lease.renewable) == (clone.owner, 1, True)
    assert lease.expires_at == BEGINNING + LEASE
    assert lease.held_until == BEGINNING + LEASE + GRACE


def test_a_clone_that_does_not_push_each_pass_keeps_the_long_lease_and_renews_nothing(waiting: World) -> None:
    with clones_of(waiting, 0, 0, synced=False) as (time, [first, second]):
        first.pass_()
        lease = first.world.last("one").lease
        assert lease is not None and not lease.renewable
        assert lease.expires_at > BEGINNING + 4 * LEASE and lease.held_until == lease.expires_at
        while BEGINNING + time.passed + MINUTE < lease.expires_at:
            time.go_on(minutes=1)
            first.pass_()
            second.pass_()
            assert first.world.last("one").event is Event.START
        assert not renewals(first.world)
        first.workers.end("one")
        first.pass_()
        assert first.world.lane("one") == "done"
        assert_quiet(first.world)


def lease_of(run: int = 1, owner: str = "a:1", minutes: float = 10, *, renewable: bool = True) -> Lease:
    ends = BEGINNING + timedelta(minutes=minutes)
    return Lease(owner=owner, generation=run, expires_at=ends, base="", item="", renewable=renewable)


def test_others_come_after_the_grace_and_not_before() -> None:
    lease = lease_of()
    assert lease.holds(BEGINNING + LEASE + GRACE)
    assert not lease.holds(BEGINNING + LEASE + GRACE + timedelta(seconds=1))


@pytest.mark.parametrize(
    "other",
    [
        Renewal(owner="a:1", expires_at=BEGINNING + 3 * LEASE, runs={"one": 2}),
        Renewal(owner="a:1", expires_at=BEGINNING + 3 * LEASE, runs={"two": 1}),
        Renewal(owner="b:1", expires_at=BEGINNING + 3 * LEASE, runs={"one": 1}),
        Renewal(owner="a:1", expires_at=BEGINNING, runs={"one": 1}),
        None,
    ],
    ids=["another run", "another item", "another clone", "an earlier one", "none"],
)
def test_what_is_no_renewal_of_a_lease_leaves_it_as_it_is(other: Renewal | None) -> None:
    assert lease_of().renewed("one", other) == lease_of()


def test_a_renewal_moves_the_end_of_the_lease_that_it_names_and_of_none_that_needs_no_renewal() -> None:
    renewal = Renewal(owner="a:1", expires_at=BEGINNING + 3 * LEASE, runs={"one": 1, "two": 7})
    assert lease_of().renewed("one", renewal).expires_at == BEGINNING + 3 * LEASE
    assert lease_of(7).renewed("two", renewal).expires_at == BEGINNING + 3 * LEASE
    assert lease_of(renewable=False).renewed("one", renewal).expires_at == BEGINNING + LEASE


# The clock by which a run is given up


@given(
    holder=st.floats(-30, 30),
    ahead=st.floats(-60, (GRACE - MINUTE) / MINUTE),
    stop_takes=st.floats(0, 1),
)
def test_the_inequality(holder: float, ahead: float, stop_takes: float) -> None:
    """In minutes: whoever is not more than the grace ahead of the holder comes when that has stopped."""
    other = holder + ahead
    written = BEGINNING + timedelta(minutes=holder) + LEASE  # what the lease says
    stopped = STOPPED + timedelta(minutes=stop_takes)
    here_then = BEGINNING + stopped + timedelta(minutes=other)  # the other's clock, the moment all has stopped
    lease = Lease(owner="a:1", generation=1, expires_at=written, base="", item="", renewable=True)
    assert lease.holds(here_then - timedelta(seconds=1))


def test_a_run_is_asked_to_end_by_the_monotonic_clock_alone_whatever_the_time_of_day_becomes() -> None:
    time = Time()
    machine = Machine(time, timedelta())
    hold = Hold(machine, machine.monotonic())
    assert hold.due_in_s == RENEWED.total_seconds()
    time.go_on(minutes=5)
    assert hold.due_in_s == 0 and not hold.is_set()
    hold.renewed(machine.monotonic())
    time.go_on(minutes=8.9)
    assert not hold.is_set() and not hold.ran_out
    time.go_on(minutes=0.2)
    assert hold.is_set() and hold.ran_out and hold.due_in_s is None
    hold.renewed(machine.monotonic())  # too late: it is ending
    assert hold.is_set()


def test_a_hold_that_needs_no_renewal_ends_when_it_is_asked_to_and_not_before() -> None:
    time = Time()
    hold = Hold(Machine(time, timedelta()))
    time.go_on(days=30)
    assert not hold.is_set() and hold.due_in_s is None
    hold.set()
    assert hold.is_set() and not hold.ran_out


# Renewals


def test_all_runs_of_a_clone_are_renewed_in_one_commit_at_most_every_five_minutes(world: World) -> None:
    for name in ("one", "two", "three"):
        world.item(name)
    world.commit("Items")
    with clones_of(world, 0) as (time, [clone]):
        clone.pass_()
        before = {name: clone.world.journal(name) for name in ("one", "two", "three")}
        for _ in range(60):
            time.go_on(minutes=1)
            clone.pass_()
        commits = renewals(clone.world)
        assert len(commits) == 60 // 5
        for commit in commits:
            changed = clone.world.git("diff-tree", "-r", "--name-only", "--no-commit-id", commit).split("\n")
            assert len(changed) == 1 and changed[0].startswith(f"{LEASES}/")
        # a renewal after the first changes the one line that says until when
        assert clone.world.git("diff", "--numstat", f"{commits[0]}^", commits[0]).startswith("1\t1\t")
        # and what the items went through is told by their moves alone
        assert {name: clone.world.journal(name) for name in before} == before
        for name in before:
            clone.workers.end(name)
        clone.pass_()
        assert {clone.world.lane(name) for name in before} <= {"review", "done"}
        assert_quiet(clone.world)


@pytest.mark.parametrize(("holders", "others"), WRONG)
def test_what_is_renewed_is_left_to_its_clone_however_long_it_takes(
    waiting: World, holders: float, others: float
) -> None:
    with clones_of(waiting, holders, others) as (time, [first, second]):
        first.pass_()
        for _ in range(25):
            time.go_on(minutes=2.5)
            second.pass_()
            first.pass_()
            assert first.world.last("one").event is Event.START
        first.workers.end("one")
        first.pass_()
        assert first.world.events("one") == ["submit", "start", "deliver", "finish"]
        assert first.world.journal("one")[2].owner == first.owner
        assert_quiet(first.world)


def test_the_status_of_another_clone_says_until_when_an_item_is_left_to_whoever_has_it(waiting: World) -> None:
    with clones_of(waiting, 0, 0) as (time, [first, second]):
        first.pass_()
        time.go_on(minutes=6)
        first.pass_()
        second.pass_()
        row = second.orchestrator.present().items["one"].history.lease
        assert row is not None and row.expires_at == BEGINNING + 6 * MINUTE + LEASE


def test_what_clones_wrote_that_are_gone_goes_with_another_ones_renewal(world: World) -> None:
    world.item("one", text="priority: 1\n")
    world.item("two", text="priority: 2\n")
    world.commit("Items")
    with clones_of(world, 0, 0) as (time, [first, second]):
        first.pass_(most=1)
        second.pass_()
        time.go_on(minutes=6)
        first.pass_()
        second.pass_()
        names = second.world.git("ls-files", LEASES).split("\n")
        assert len(names) == 2
        for _ in range(40):  # the first is gone
            time.go_on(minutes=1)
            second.pass_()
        (left,) = second.world.git("ls-files", LEASES).split("\n")
        assert f'owner: "{second.owner}"' in second.world.read(left)
        assert_quiet(second.world)


def test_a_person_may_not_write_what_clones_say_and_what_cannot_be_read_renews_nothing(waiting: World) -> None:
    with clones_of(waiting, 0) as (time, [clone]):
        clone.pass_()
        time.go_on(minutes=6)
        clone.pass_()
        (path,) = clone.world.git("ls-files", LEASES).split("\n")
        clone.world.write(path, clone.world.read(path).replace("2026", "2036"))
        report = clone.pass_()
        assert report is not None
        assert f"{path}:1:1: is written by the factory alone; git checkout -- {path}" in map(str, report.problems)
        clone.world.write(path, "owner: me\n")
        clone.world.commit("Mine")
        report = clone.pass_()
        assert report is not None and any(each.path == path for each in report.problems)
        assert path in clone.world.command("check", status=1)
        lease = clone.orchestrator.present().items["one"].history.lease
        assert lease is not None and lease.expires_at == BEGINNING + LEASE


# Passes by the clock


def test_a_tick_renews_as_long_as_its_runs_are_under_way(waiting: World) -> None:
    with clones_of(waiting, 0) as (time, [clone]):
        ends = timedelta(minutes=31)

        def wait(_runs: object) -> None:
            if time.passed > ends and clone.workers.under_way:
                clone.workers.end("one")

        tick(clone.orchestrator, waiting=wait)
        assert clone.world.lane("one") == "done"
        assert len(renewals(clone.world)) == 6
        assert_quiet(clone.world)


def test_a_watching_orchestrator_renews_however_seldom_it_looks(world: World) -> None:
    world.policy("polling: {interval_ms: 36000000}\n")
    world.item("one")
    world.commit("An item")
    with clones_of(world, 0) as (time, [clone]):

        def after_pass(_report: object) -> None:
            if time.passed > timedelta(minutes=31):
                clone.orchestrator.stop()

        with pytest.raises(StopRequested):
            watch(clone.orchestrator, after_pass)
        assert clone.world.lane("one") == "active"
        assert len(renewals(clone.world)) == 7


def test_a_tick_whose_remote_is_away_goes_on_until_its_lease_is_nearly_over_and_stops_its_runs_then(
    waiting: World,
) -> None:
    with clones_of(waiting, 0) as (time, [clone]):

        def wait(_runs: object) -> None:
            clone.cut_off = timedelta(minutes=6) < time.passed < timedelta(minutes=15)
            if clone.workers.under_way and not clone.cut_off and time.passed > timedelta(minutes=15):
                raise AssertionError("it was to be stopped")

        def shown(happening: object) -> None:
            clone.told.append(happening)  # type: ignore[arg-type]
            if "took no renewal" in str(happening):
                stopped_at.append(time.passed)

        stopped_at: list[timedelta] = []
        clone.orchestrator.context.tell = shown
        look = clone.workers.look
        context = clone.orchestrator.context
        waits = context.wakeup.wait

        def waited(seconds: float | None = None) -> bool:
            look()
            clone.cut_off = timedelta(minutes=6) < time.passed < timedelta(minutes=14.2)
            return waits(seconds)

        context.wakeup.wait = waited  # type: ignore[method-assign]
        tick(clone.orchestrator, waiting=wait)
        assert clone.world.events("one") == ["submit", "start", "release"]
        # the last renewal was taken after five minutes
        assert [each // MINUTE for each in stopped_at] == [5 + STOPPED // MINUTE]


# Giving up in time


@pytest.mark.parametrize(("holders", "others"), WRONG)
def test_a_clone_that_cannot_renew_has_stopped_before_anybody_takes_over(
    waiting: World, holders: float, others: float
) -> None:
    with clones_of(waiting, holders, others) as (time, [first, second]):
        first.pass_()
        for _ in range(6):  # renewed once, in the sixth minute
            time.go_on(minutes=1)
            first.pass_()
        first.cut_off = True
        stopped: list[int] = []

        def taken() -> bool:
            first.pass_()
            if not first.workers.under_way:
                stopped.append(time.passed // MINUTE)
            return second.world.last("one").event is Event.START and second.world.last("one").run == 2

        minutes_until(time, taken, second)
        assert stopped[0] == 5 + 9  # minutes of the true time, by its own monotonic clock
        assert time.passed // MINUTE > stopped[0]
        assert time.passed // MINUTE == 5 + 25 + 1 + holders - others
        said = [text for text in first.noticed() if "is stopped" in text]
        assert said == ["run 1 is stopped: the remote took no renewal of its lease for 9 minutes"]
        assert_quiet(second.world)


def test_a_run_that_was_stopped_costs_nothing_and_leaves_what_it_had_done(waiting: World) -> None:
    with clones_of(waiting, 0) as (time, [clone]):
        clone.pass_()
        clone.cut_off = True
        for _ in range(12):
            time.go_on(minutes=1)
            clone.pass_()
        assert not clone.workers.under_way
        assert clone.world.last("one").event is Event.START, "nothing moves that the remote has not taken"
        clone.cut_off = False
        clone.pass_(may_start=False)
        last = clone.world.last("one")
        assert (last.event, last.to, last.failure, last.attempt) == (Event.RELEASE, Lane.INBOX, None, None)
        assert last.reason == "the run was stopped: its lease could not be renewed"
        assert clone.world.artifacts("one")["run-1/patch.diff"] == "half of it"
        clone.pass_()
        assert (clone.world.last("one").run, clone.world.last("one").round) == (2, 1)
        assert_quiet(clone.world)


def test_what_was_ready_before_the_remote_came_back_counts_where_nobody_has_taken_it_over(waiting: World) -> None:
    with clones_of(waiting, 0, 0) as (time, [first, second]):
        first.pass_()
        first.cut_off = True
        time.go_on(minutes=3)
        first.workers.end("one")
        for _ in range(20):
            time.go_on(minutes=1)
            first.pass_()
            second.pass_()
        first.cut_off = False
        first.pass_()
        assert first.world.events("one") == ["submit", "start", "deliver", "finish"]
        assert_quiet(first.world)


# Taking over


@pytest.mark.parametrize(("holders", "others"), WRONG)
def test_what_a_killed_clone_had_is_taken_over_after_lease_and_grace_by_the_clock_of_who_comes(
    waiting: World, holders: float, others: float
) -> None:
    with clones_of(waiting, holders, others) as (time, [first, second]):
        first.pass_()

        def taken() -> bool:
            return second.world.last("one").run == 2

        assert minutes_until(time, taken, second) == 25 + 1 + holders - others
        released = second.world.journal("one")[-2]
        assert (released.event, released.owner) == (Event.RELEASE, second.owner)
        second.workers.end("one")
        second.pass_()
        assert second.world.lane("one") == "done"
        assert_quiet(second.world)


def test_what_was_taken_over_may_start_anywhere(waiting: World) -> None:
    with clones_of(waiting, 0, 0, 0) as (time, [first, second, third]):
        first.pass_()
        time.go_on(minutes=26)
        second.pass_(may_start=False)
        assert second.world.last("one").event is Event.RELEASE
        third.pass_()
        last = third.world.last("one")
        assert last.lease is not None and (last.lease.owner, last.lease.generation) == (third.owner, 2)
        second.pass_()
        assert second.world.last("one").event is Event.START
        assert_quiet(third.world)


def test_a_clone_takes_its_own_claims_back_at_once_after_a_crash(waiting: World) -> None:
    with clones_of(waiting, 0, 0) as (time, [first, second]):
        first.pass_()
        time.go_on(minutes=1)
        first.die_and_begin_again()
        first.pass_()
        assert first.world.events("one") == ["submit", "start", "release", "start"]
        assert first.world.journal("one")[2].owner == first.owner
        second.pass_()
        assert second.world.last("one").run == 2
        assert_quiet(second.world)


# Late results


def late_of(world: World, run: int, owner: str) -> dict[str, str]:
    """What was kept of a run that came too late, by name."""
    folder = f"run-{run}/late-{owner.rpartition(':')[2]}/"
    return {name.removeprefix(folder): text for name, text in world.artifacts("one").items() if name.startswith(folder)}


def test_a_result_that_comes_after_another_clone_has_finished_the_item_is_kept_and_moves_nothing(
    waiting: World,
) -> None:
    with clones_of(waiting, 0, 0) as (time, [first, second]):
        first.pass_()
        first.workers.end("one")
        first.cut_off = True
        time.go_on(minutes=26)
        second.pass_()
        second.workers.end("one")
        second.pass_()
        finished = second.world.journal("one")
        assert [str(entry.event) for entry in finished] == ["submit", "start", "release", "start", "deliver", "finish"]
        first.cut_off = False
        first.pass_()
        # then the item is as it was, the older result lies beside, and it is not taken twice
        assert first.world.journal("one") == finished
        kept = late_of(first.world, 1, first.owner)
        assert {"patch.diff", "manifest.json", "evidence.json"} <= kept.keys()
        assert "+one" in kept["patch.diff"]
        assert first.world.git("log", "--format=%s", "main").count("Merge one") == 1
        assert first.orchestrator.context.runs.running == {}
        head = first.world.git("rev-parse", "main")
        first.pass_()
        assert first.world.git("rev-parse", "main") == head
        assert_quiet(first.world)


def test_a_result_that_comes_while_another_clone_works_on_the_item_touches_neither_its_run_nor_its_files(
    waiting: World,
) -> None:
    with clones_of(waiting, 0, 0) as (time, [first, second]):
        first.pass_()
        first.workers.end("one")
        first.cut_off = True
        time.go_on(minutes=26)
        second.pass_()
        first.cut_off = False
        first.pass_()
        assert first.world.last("one").lease is not None
        assert first.world.lane("one") == "active"
        assert "patch.diff" in late_of(first.world, 1, first.owner)
        second.pass_()
        second.workers.end("one")
        second.pass_()
        assert second.world.events("one") == ["submit", "start", "release", "start", "deliver", "finish"]
        names = second.world.artifacts("one")
        assert "run-2/patch.diff" in names and "run-1/patch.diff" not in names
        assert_quiet(second.world)


def test_a_run_that_is_still_under_way_when_another_clone_has_taken_over_is_stopped_and_what_it_did_is_kept(
    waiting: World,
) -> None:
    """As where a machine slept: its monotonic clock stood still, and it knows nothing of the time that went by."""
    with clones_of(waiting, 0, 0) as (time, [first, second]):
        first.pass_()
        begun = first.orchestrator.context.runs.running["one"]
        time.go_on(minutes=26)
        second.pass_()
        begun.hold.renewed(first.orchestrator.context.system.monotonic())
        first.pass_()
        assert begun.was_asked
        first.pass_()
        assert late_of(first.world, 1, first.owner)["patch.diff"] == "half of it"
        assert first.world.last("one").run == 2
        assert_quiet(first.world)


def test_of_a_late_run_so_much_is_kept_as_there_is_room_for(waiting: World) -> None:
    found = late._some({"big": b"x" * 3_000_000, "small": b"y", "medium": b"z" * 1_999_998})
    assert found.keys() == {"small", "medium"}


# Which run a journal means


def test_a_run_is_that_of_its_own_claim_and_of_no_other_of_the_same_number(waiting: World) -> None:
    with clones_of(waiting, 0) as (_, [clone]):
        clone.pass_()
        running = clone.orchestrator.context.runs.running["one"]
        history = clone.orchestrator.present().items["one"].history
        entry = history.entries[-1]
        assert running.is_of(history, clone.owner) and entry.lease is not None
        others: dict[str, dict[str, object]] = {
            "another clone's": {"lease": entry.lease.model_copy(update={"owner": "b:1"})},
            "another generation": {"lease": entry.lease.model_copy(update={"generation": 2})},
            "another base": {"lease": entry.lease.model_copy(update={"base": "0" * 40})},
            "claimed again": {"at": entry.at + timedelta(seconds=1)},
            "moved by a person": {"lease": None},
        }
        before = clone.world.journal("one")[:-1]
        for what, difference in others.items():
            other = fold([*before, entry.model_copy(update=difference)])
            assert not running.is_of(other, clone.owner), what


# All of it by chance


def assert_each_item_is_worked_on_once(clones: list[Clone]) -> None:
    """Whoever is asked to end has ended: workers look at that all the time."""
    for clone in clones:
        clone.workers.look()
    at_work = [item_id for clone in clones for item_id in clone.workers.under_way]
    assert len(at_work) == len(set(at_work)), f"two clones work on one item: {at_work}"


@pytest.mark.parametrize(("seed", "wrong"), [(1, (10, 0, 0)), (2, (-10, 0, 0)), (3, (5, -5, 0))])
def test_three_clones_that_die_lose_the_remote_and_have_wrong_clocks_never_work_on_one_item_at_a_time(
    world: World, seed: int, wrong: tuple[float, ...]
) -> None:
    chance = Random(seed)
    for name in ("one", "two"):
        world.item(name)
    world.commit("Items")
    with clones_of(world, *wrong) as (time, clones):
        for _ in range(40):
            time.go_on(minutes=chance.choice((1, 2, 4)))
            assert_each_item_is_worked_on_once(clones)
            clone = chance.choice(clones)
            if chance.random() < 0.08:
                clone.die_and_begin_again()
            if chance.random() < 0.1 and clone.workers.under_way:
                clone.workers.end(min(clone.workers.under_way))
            clone.cut_off = chance.random() < (0.9 if clone.cut_off else 0.1)
            clone.pass_()
            assert_each_item_is_worked_on_once(clones)
        for clone in clones * 3:  # what is left comes to its end
            clone.cut_off = False
            time.go_on(minutes=9)
            clone.pass_()
            for item_id in list(clone.workers.under_way):
                clone.workers.end(item_id)
            clone.pass_()
        last = clones[-1].world
        for name in ("one", "two"):
            assert last.events(name).count("finish") <= 1
            assert last.events(name).count("deliver") <= 1 + last.events(name).count("rework")
            claims = [entry.lease for entry in last.journal(name) if entry.lease]
            assert [lease.generation for lease in claims] == list(range(1, len(claims) + 1))
        assert_quiet(last)
