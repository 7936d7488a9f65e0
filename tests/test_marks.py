"""Marks: histories that only pretend to move, each named with its reason, and honest slow ones, which are not."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from factory.line.snapshot import ItemState
from factory.model.breaker import BreakerState, State
from factory.model.contract import Contract
from factory.model.failure import FailureClass
from factory.model.journal import Entry, History, SeatVerdict, fold
from factory.model.lease import Lease
from factory.model.lifecycle import Event, Lane, NotApplied, Outcome
from factory.model.mission.record import Filed, FiledAs, MissionRecord
from factory.model.questions import Question
from factory.model.verdict import Decision, Finding
from factory.report.marks.bouncing import bouncing
from factory.report.marks.dependencies import Dependencies
from factory.report.marks.mark import Mark, MarkKind
from factory.report.marks.missions import mission_mark
from factory.report.marks.obstacle import breaker_marks, obstacle_of
from factory.report.marks.reviewers import answers_in, awaited
from tests.test_plan import case, planned, snapshot

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BLOB = "0" * 40  # of what the items of these tests say
SAME = "tests/a.py: 3 is not 4"


def history(*events: Mapping[str, object]) -> History:
    """A journal of these events, one a minute."""
    told = enumerate(events, 1)
    return fold(Entry.model_validate({"seq": n, "at": NOON + timedelta(minutes=n), "actor": "f", **e}) for n, e in told)


def start(run: int, blob: str = BLOB) -> dict[str, object]:
    lease = Lease(owner="o", generation=run, expires_at=NOON, base="b", item=blob)
    return {"event": Event.START, "source": Lane.INBOX, "to": Lane.ACTIVE, "run": run, "lease": lease, "worker": "w"}


def release(run: int, reason: str = "the network was away") -> dict[str, object]:
    told = {"failure": FailureClass.NETWORK, "reason": reason, "seconds": 3.0, "run": run}
    return {"event": Event.RELEASE, "source": Lane.ACTIVE, "to": Lane.INBOX, **told}


def deliver(run: int) -> dict[str, object]:
    return {"event": Event.DELIVER, "source": Lane.ACTIVE, "to": Lane.REVIEW, "run": run, "proposal": f"{run}"}


def rework(run: int, *texts: str, **more: object) -> dict[str, object]:
    findings = tuple(Finding(id=f"F{n}", text=text, seat="human") for n, text in enumerate(texts, 1))
    told = {"findings": findings, "run": run, "reason": "it is not done", **more}
    return {"event": Event.REWORK, "source": Lane.REVIEW, "to": Lane.REWORK, **told}


def rounds(*findings: str) -> list[dict[str, object]]:
    """Rounds that were each sent back with a finding."""
    return [event for n, text in enumerate(findings, 1) for event in (start(n), deliver(n), rework(n, text))]


UNBLOCKED: dict[str, object] = {"event": Event.UNBLOCK, "source": Lane.BLOCKED, "to": Lane.REWORK}
GOING_ROUND: dict[str, tuple[list[dict[str, object]], MarkKind, str]] = {
    "sent back twice with the same finding": (
        rounds("it is ugly", SAME, SAME),
        MarkKind.BOUNCES,
        "it was sent back 2 times in a row with the same finding (tests/a.py: 3 is not 4)",
    ),
    "sent back with the same failure, which took another time and happened in another cell": (
        rounds("1 failed in 0.03s at 0x7f12 in factory-cell-ab", "1 failed in 0.15s at 0x7a00 in factory-cell-cd"),
        MarkKind.BOUNCES,
        "it was sent back 2 times in a row with the same finding",
    ),
    "sent back with the same finding among others": (
        [*rounds("a"), start(2), deliver(2), rework(2, SAME, "b"), start(3), deliver(3), rework(3, "c", SAME)],
        MarkKind.BOUNCES,
        f"it was sent back 2 times in a row with the same finding ({SAME})",
    ),
    "sent back, and after that nothing was changed at all": (
        [*rounds(SAME), start(2), rework(2, "nothing changed", source=Lane.ACTIVE, failure=FailureClass.EMPTY)],
        MarkKind.BOUNCES,
        "it was sent back 2 times in a row with the same finding",
    ),
    "released three times": (
        [*rounds("a"), start(2), release(2), start(3), release(3), start(4), release(4, "no answer")],
        MarkKind.RELEASED,
        "3 runs in a row ended without a new proposal, the last: no answer",
    ),
}
HONEST_ROUNDS: dict[str, list[dict[str, object]]] = {
    "each round with another finding": rounds("a", "b", "c", "d"),
    "the same finding came back after it was put right": rounds(SAME, "b", SAME),
    "the same number of lines, and another test": rounds("test_a failed", "test_b failed"),
    "released twice": [start(1), release(1), start(2), release(2)],
    "released twice, delivered, released twice": [
        *(event for n in (1, 2) for event in (start(n), release(n))),
        *rounds("a"),
        *(event for n in (3, 4) for event in (start(n), release(n))),
    ],
    "a person sent it back to work since": [*rounds(SAME, SAME), UNBLOCKED],
    "a person changed what it says in between": [
        *(start(1, "1" * 40), deliver(1), rework(1, SAME)),
        *(start(2), deliver(2), rework(2, SAME)),
    ],
    "a person has changed what it says since": [
        event for n in (1, 2) for event in (start(n, "1" * 40), deliver(n), rework(n, SAME))
    ],
    "what it is judged by changed twice": [
        event
        for n in (1, 2)
        for event in (start(n), deliver(n), rework(n, SAME, not_applied=NotApplied.SUBJECT_CHANGED))
    ],
}


@pytest.mark.parametrize("name", GOING_ROUND)
def test_what_goes_round_and_round_is_marked(name: str) -> None:
    events, kind, beginning = GOING_ROUND[name]
    mark = bouncing(case("one", Lane.REWORK, history(*events)))
    assert mark is not None
    assert (mark.kind, mark.reason.startswith(beginning)) == (kind, True), mark.reason


@pytest.mark.parametrize("name", HONEST_ROUNDS)
def test_what_is_only_slow_is_not(name: str) -> None:
    assert bouncing(case("one", Lane.REWORK, history(*HONEST_ROUNDS[name]))) is None


def test_a_proposal_that_nobody_has_judged_yet_may_be_the_good_one() -> None:
    events = [*rounds(SAME, SAME), start(3)]
    assert bouncing(case("one", Lane.ACTIVE, history(*events)))
    assert bouncing(case("one", Lane.REVIEW, history(*events, deliver(3)))) is None


def in_vain(item_id: str, *cases: ItemState, outcomes: Mapping[str, Outcome] | None = None) -> Mark | None:
    """The mark of an item among these that waits for others."""
    states = {each.id: each for each in cases}
    obstacles = {each.id: own for each in cases if (own := obstacle_of(each))}
    found = Dependencies(states, obstacles, (outcomes or {}).get, lambda needed: needed.startswith("archived"))
    return found.mark(item_id)


def asking(item_id: str) -> ItemState:
    asked = {"questions": (Question(id="q", text="Which?"),), "reason": "Which?"}
    return case(item_id, Lane.BLOCKED, history(start(1), {**BLOCKED, **asked}))


BLOCKED = {"event": Event.BLOCK, "source": Lane.ACTIVE, "to": Lane.BLOCKED, "run": 1, "reason": "it is too big"}
ONE = case("one", depends_on=["two"])
CHAIN = [case(f"n{n}", depends_on=[f"n{n + 1}"]) for n in range(6)]
IN_VAIN: dict[str, tuple[list[ItemState], MarkKind, str, str]] = {
    "for one on hold": (
        [ONE, case("two", hold=True)],
        *(MarkKind.HELD, "it waits for two, which is on hold", "factory hold two --off"),
    ),
    "for one that waits for one on hold": (
        [ONE, case("two", depends_on=["three"]), case("three", hold=True)],
        *(MarkKind.HELD, "it waits for two, which waits for three, which is on hold", "factory hold three --off"),
    ),
    "at the end of a long chain": (
        [case("one", depends_on=["n0"]), *CHAIN, case("n6", hold=True)],
        MarkKind.HELD,
        "it waits for n0, which waits for n1, which waits for n2, and 4 further on for n6, which is on hold",
        "factory hold n6 --off",
    ),
    "for one that was rejected": (
        [case("one", depends_on=["rejected"])],
        *(MarkKind.ENDED, "it waits for rejected, which ended as rejected: open it again", "factory retry rejected"),
    ),
    "for one that was cancelled, among others that are done": (
        [case("one", depends_on=["done", "cancelled"])],
        *(MarkKind.ENDED, "it waits for cancelled, which ended as cancelled: open it again", "factory retry cancelled"),
    ),
    "for one that was cancelled, and is archived": (
        [case("one", depends_on=["archived"])],
        MarkKind.ENDED,
        "it waits for archived, which ended as cancelled and is archived: take it out of depends_on",
        "${EDITOR:-vi} queue/inbox/one.yaml",
    ),
    "for one that there is not": (
        [ONE],
        MarkKind.MISSING,
        "it waits for two, which is not in the queue, or cannot be read: name another one in depends_on",
        "${EDITOR:-vi} queue/inbox/one.yaml",
    ),
    "for one that is blocked": (
        [ONE, case("two", Lane.BLOCKED, history(start(1), BLOCKED))],
        *(MarkKind.BLOCKED, "it waits for two, which is blocked (it is too big)", "factory retry two"),
    ),
    "for one whose worker asks": (
        [ONE, asking("two")],
        *(MarkKind.BLOCKED, "it waits for two, which is blocked (Which?)", "factory answer two"),
    ),
    "for one whose contract there is not": (
        [ONE, replace(case("two"), contract=None, problem="there is no contract 'c'")],
        *(MarkKind.INVALID, "it waits for two, which cannot be used (there is no contract 'c')", "factory check"),
    ),
    "in a circle of three": (
        [ONE, case("two", depends_on=["three"]), case("three", depends_on=["one"])],
        MarkKind.CIRCLE,
        "it depends on itself, and can never start: one -> two -> three -> one; edit depends_on",
        "${EDITOR:-vi} queue/inbox/one.yaml",
    ),
    "for one in a circle": (
        [ONE, case("two", depends_on=["three"]), case("three", Lane.REWORK, depends_on=["two"])],
        MarkKind.CIRCLE,
        "it waits for two, which depends on itself, and can never start: two -> three -> two; edit depends_on",
        "${EDITOR:-vi} queue/inbox/two.yaml",
    ),
}
ENDED = {"done": Outcome.APPLIED, "accepted": Outcome.ACCEPTED, "rejected": Outcome.REJECTED}
ENDED |= {"cancelled": Outcome.CANCELLED, "archived": Outcome.CANCELLED}
ON_ITS_WAY = {
    "for one that is at work": [ONE, case("two", Lane.ACTIVE)],
    "for one that is judged": [ONE, case("two", Lane.REVIEW)],
    "for one that will start": [ONE, case("two", depends_on=["done", "accepted"])],
    "for one that waits for one at work": [ONE, case("two", depends_on=["three"]), case("three", Lane.ACTIVE)],
    "for nothing any more: it is at work itself": [
        case("one", Lane.ACTIVE, depends_on=["two"]),
        case("two", hold=True),
    ],
    "by the will of a person: it is on hold itself": [case("one", hold=True)],
}


@pytest.mark.parametrize("name", IN_VAIN)
def test_what_waits_for_what_cannot_come_is_marked(name: str) -> None:
    cases, kind, reason, do = IN_VAIN[name]
    assert in_vain("one", *cases, outcomes=ENDED) == Mark(kind, reason, do)


@pytest.mark.parametrize("name", ON_ITS_WAY)
def test_what_waits_for_what_is_on_its_way_is_not(name: str) -> None:
    assert in_vain("one", *ON_ITS_WAY[name], outcomes=ENDED) is None


def test_a_chain_as_long_as_the_queue_is_walked_once() -> None:
    cases = [case(f"n{n}", depends_on=[f"n{n + 1}"]) for n in range(3000)]
    mark = in_vain("n0", *cases, case("n3000", hold=True))
    assert mark is not None
    assert mark.reason.endswith("and 2997 further on for n3000, which is on hold")


def test_circles_within_circles_end() -> None:
    both = [case("two", depends_on=["one", "three"]), case("three", depends_on=["two"])]
    assert in_vain("one", ONE, *both)
    assert in_vain("four", ONE, *both, case("four", depends_on=["three"]))


def opened(**more: object) -> BreakerState:
    told = {"contract": "c", "since": NOON, "until": NOON + timedelta(days=9), "failures": 5, "reason": "one: crash"}
    return BreakerState.model_validate({"state": State.OPEN, **told, **more})


def breaker_mark(breaker: BreakerState) -> Mark | None:
    known = snapshot(case("one"), breakers={"c": breaker})
    return dict(breaker_marks({entry.id: entry for entry in planned(known, "one")})).get("one")


def test_an_open_breaker_is_marked_and_one_that_tries_or_a_usage_limit_is_not() -> None:
    mark = breaker_mark(opened())
    assert mark is not None and mark.do == "${EDITOR:-vi} queue/breakers/c.yaml"
    assert mark.reason == (
        "it waits for the breaker of the contract c, which is open until 2026-11-30T12:00:00Z: one: crash; "
        "mend that, and set state: closed"
    )
    assert breaker_mark(opened(limited=True)) is None  # it is reset by itself
    assert breaker_mark(opened(state=State.HALF_OPEN)) is None
    assert breaker_mark(opened(until=NOON - timedelta(days=9))) is None


def test_so_is_the_breaker_of_the_only_agent_that_could_work_or_judge() -> None:
    agents = {name: {"kind": "command", "run": ["true"]} for name in ("solver", "critic")}
    seats = [{"name": "critic", "kind": "agent", "agent": "critic"}]
    made = {"purpose": "p", "worker": {"agent": "solver"}, "review": {"seats": seats}}
    one = replace(case("one"), contract=Contract.model_validate_json(json.dumps(made)))
    for agent in agents:
        breakers = {agent: opened(contract=None, agent=agent)}
        known = replace(snapshot(one, agents=agents), agent_breakers=breakers)
        mark = dict(breaker_marks({entry.id: entry for entry in planned(known, "one")}))["one"]
        assert mark.reason.startswith(f"it waits for the breaker of the agent {agent}, which is open")
        assert mark.do == f"${{EDITOR:-vi}} queue/breakers/agents/{agent}.yaml"


def judged(seat: str, hours: float, reviewer: str = "Ann <ann@example.org>") -> History:
    """An item that a person has approved so many hours after its delivery, which a machine had judged at once."""
    delivered = {"seq": 1, "at": NOON, "actor": "f", **deliver(1), "verdicts": (said("critic"),)}
    ended = {"event": Event.FINISH, "source": Lane.REVIEW, "to": Lane.DONE, "outcome": Outcome.APPLIED}
    told = {"at": NOON + timedelta(hours=hours), "verdicts": (said("critic"), said(seat, reviewer)), **ended}
    return fold(Entry.model_validate(each) for each in (delivered, {"seq": 2, "actor": "f", **told}))


def said(seat: str, reviewer: str = "critic (agent)") -> SeatVerdict:
    return SeatVerdict(seat=seat, decision=Decision.APPROVE, reviewer=reviewer)


def overdue(earlier: list[History], listed: list[str], hours: float) -> list[str]:
    """What is said of an item that has waited for so long for the verdict of the seat `human`."""
    answers = [answer for each in earlier for answer in answers_in(each)]
    policy = snapshot(reviewers=listed).policy
    waits = awaited(case("one", Lane.REVIEW, history(deliver(1))), ["human"], policy, answers)
    now = NOON + timedelta(minutes=1, hours=hours)
    return [each.mark().reason for each in waits if each.due < now]


def test_a_reviewer_is_silent_after_their_own_p95_and_only_where_that_is_known() -> None:
    five = [judged("human", hours) for hours in (1, 1, 1, 2, 3)]
    silent = "nobody has given the verdict of the seat human, although 95 % of 5 earlier answers came within 3 hours"
    assert overdue(five, [], 3.1) == [silent]
    assert overdue(five, [], 2.9) == []  # within it
    assert overdue(five[1:], [], 1000) == []  # four say nothing
    # the slowest of a hundred does not count, and neither do other seats or machines
    assert overdue([judged("human", 1)] * 99 + [judged("human", 99)], [], 1.1)
    assert overdue([judged("other", 1)] * 9, [], 1000) == []


def test_where_reviewers_are_listed_their_own_answers_in_any_seat_count() -> None:
    others = [judged("human", 1, "Bob <bob@example.org>")] * 9
    hers = [judged("other", 5, "Ann <ann@example.org>")] * 4 + [judged("other", 5, "Ann (by Ann <ann@example.org>)")]
    for name in ("Ann", "ann@example.org", "Ann <ann@example.org>"):
        assert overdue([*others, *hers], [name], 4.9) == []
        assert "95 % of 5 earlier answers came within 5 hours" in overdue([*others, *hers], [name], 5.1)[0]


def test_a_mission_one_of_whose_items_is_blocked_is_marked() -> None:
    filed = {key: Filed(kind=FiledAs.FEATURE, milestone="m1", blob="b") for key in ("shop.a", "shop.b")}
    mission = case("shop", Lane.ACTIVE, replace(History(), mission=MissionRecord(under_way=True, filed=filed)))
    feature = case("shop.b", Lane.BLOCKED, history(start(1), BLOCKED))
    own = obstacle_of(feature)
    assert own is not None
    reason = "its item shop.b is blocked (it is too big)"
    assert mission_mark(mission, {"shop.b": own}) == Mark(MarkKind.MISSION, reason, "factory retry shop.b")
    assert mission_mark(mission, {"other": own}) is None


def test_nobody_is_silent_within_a_quarter_of_an_hour_however_quick_they_were() -> None:
    quick = [judged("human", 0.001) for _ in range(6)]
    assert overdue(quick, [], 0.2) == []
    assert overdue(quick, [], 0.3) != []
