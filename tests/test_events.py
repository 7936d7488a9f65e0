"""Events: one type for each, one line in the journal, and the same object for whoever is told."""

from datetime import UTC, datetime, timedelta

import pytest

from factory.cli.news import in_words
from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.model.agent import AgentIdentity
from factory.model.events import (
    Blocked,
    Cancelled,
    Delivered,
    Finished,
    Happening,
    Moved,
    Payload,
    Recorded,
    Rejected,
    Released,
    RunSummary,
    SentBack,
    Started,
    Submitted,
    TookIn,
    Unblocked,
    entry_of,
)
from factory.model.failure import FailureClass
from factory.model.journal import Entry, Phase, SeatVerdict
from factory.model.journal_lines import read
from factory.model.lease import Lease
from factory.model.lifecycle import RULES, Event, Lane, NotApplied, Outcome
from factory.model.mission.events import Advanced, Closed, Opened, Paused, Resumed
from factory.model.mission.record import Filed, FiledAs, Issue
from factory.model.result import Usage
from factory.model.verdict import Decision, Finding
from factory.store.repository.repository import Repository
from tests.world import World

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
LEASE = Lease(owner="host:1", generation=1, expires_at=AT + timedelta(minutes=5), base="b" * 40, item="c" * 40)
ONE_SECOND = RunSummary(seconds=1.0)
WORK = RunSummary(seconds=1.5, usage=Usage(usd=0.25), sandbox="bubblewrap")
FOUND = (Finding(id="F1", severity="minor", text="wrong"),)
SAID = (SeatVerdict(seat="human", decision=Decision.REWORK, reviewer="Ann"),)
COST = '"usage":{"usd":0.25},"seconds":1.5,"sandbox":"bubblewrap"'
FINDING = '"findings":[{"id":"F1","severity":"minor","text":"wrong"}]'
VERDICT = '"verdicts":[{"seat":"human","decision":"rework","reviewer":"Ann"}]'

# What stood in journals before there was a type for each event: whoever reads them, and compares, finds the same bytes.
LINES: list[tuple[Payload, Lane | None, str]] = [
    (Submitted(), None, '"event":"submit","to":"inbox","actor":"Ann"'),
    (
        Started(lease=LEASE, worker="w"),
        Lane.INBOX,
        '"event":"start","from":"inbox","to":"active","actor":"Ann","worker":"w","lease":{"owner":"host:1","generation":1,'
        f'"expires_at":"2026-11-21T10:05:00Z","base":"{"b" * 40}","item":"{"c" * 40}"}}',
    ),
    (
        Released(to=Lane.INBOX, reason="r", failure=FailureClass.CRASH, attempt=1, not_before=AT, summary=WORK),
        Lane.ACTIVE,
        '"event":"release","from":"active","to":"inbox","actor":"Ann","reason":"r","failure":"crash","attempt":1,'
        f'"not_before":"2026-11-21T10:00:00Z",{COST}',
    ),
    (
        Delivered(
            subject="s", proposal="p", closed={"k": "how"}, loose_ends={"L1": "left"}, summary=RunSummary(seconds=1.0)
        ),
        Lane.ACTIVE,
        '"event":"deliver","from":"active","to":"review","actor":"Ann","subject":"s","proposal":"p",'
        '"closed":{"k":"how"},"loose_ends":{"L1":"left"},"seconds":1.0',
    ),
    (
        Blocked(reason="r", failure=FailureClass.CONFIG, subject="s", not_applied=NotApplied.COMMAND_FAILED),
        Lane.REVIEW,
        '"event":"block","from":"review","to":"blocked","actor":"Ann","reason":"r","failure":"config","subject":"s",'
        '"not_applied":"command-failed"',
    ),
    (
        SentBack(reason="r", findings=FOUND, verdicts=SAID, proposal="p"),
        Lane.REVIEW,
        f'"event":"rework","from":"review","to":"rework","actor":"Ann","reason":"r","proposal":"p",{FINDING},{VERDICT}',
    ),
    (
        Finished(outcome=Outcome.APPLIED, reason="r", subject="s", proposal="p", applied="a"),
        Lane.REVIEW,
        '"event":"finish","from":"review","to":"done","actor":"Ann","reason":"r","subject":"s","proposal":"p",'
        '"outcome":"applied","applied":"a"',
    ),
    (
        Rejected(reason="r", verdicts=SAID),
        Lane.REVIEW,
        f'"event":"reject","from":"review","to":"done","actor":"Ann","reason":"r",{VERDICT},"outcome":"rejected"',
    ),
    (
        Cancelled(reason="r"),
        Lane.INBOX,
        '"event":"cancel","from":"inbox","to":"done","actor":"Ann","reason":"r","outcome":"cancelled"',
    ),
    (
        Unblocked(to=Lane.REWORK, reason="r"),
        Lane.BLOCKED,
        '"event":"unblock","from":"blocked","to":"rework","actor":"Ann","reason":"r"',
    ),
    (
        Moved(to=Lane.REVIEW, reason="r"),
        Lane.BLOCKED,
        '"event":"moved","from":"blocked","to":"review","actor":"Ann","reason":"r"',
    ),
    (
        Opened(reason="r", subject="s", proposal="p", applied="a"),
        Lane.REVIEW,
        '"event":"open","from":"review","to":"active","actor":"Ann","reason":"r","subject":"s","proposal":"p",'
        '"applied":"a"',
    ),
    (
        Advanced(
            reason="r",
            filed={"m.a": Filed(kind=FiledAs.FEATURE, milestone="m1", blob="d")},
            ended={"m.b": Outcome.APPLIED},
            issues={"m.b/U1": Issue(milestone="m1", text="left", loose=True)},
        ),
        Lane.ACTIVE,
        '"event":"advance","from":"active","to":"active","actor":"Ann","reason":"r",'
        '"filed":{"m.a":{"kind":"feature","milestone":"m1","blob":"d"}},"ended":{"m.b":"applied"},'
        '"issues":{"m.b/U1":{"milestone":"m1","text":"left","loose":true}}',
    ),
    (
        Paused(reason="r"),
        Lane.ACTIVE,
        '"event":"pause","from":"active","to":"blocked","actor":"Ann","reason":"r"',
    ),
    (
        Resumed(reason="r", answers={"Q1": "yes"}),
        Lane.BLOCKED,
        '"event":"resume","from":"blocked","to":"active","actor":"Ann","reason":"r","answers":{"Q1":"yes"}',
    ),
    (
        Closed(reason="r"),
        Lane.ACTIVE,
        '"event":"close","from":"active","to":"done","actor":"Ann","reason":"r","outcome":"applied"',
    ),
]


@pytest.mark.parametrize(("payload", "source", "line"), LINES, ids=lambda each: type(each).__name__)
def test_an_event_is_written_as_it_always_was(payload: Payload, source: Lane | None, line: str) -> None:
    entry = entry_of(payload, seq=1, at=AT, source=source, actor="Ann")
    assert entry.line().decode() == '{"seq":1,"at":"2026-11-21T10:00:00Z",' + line + "}\n"
    assert read(entry.line(), "journal.jsonl").entries == (entry,)


def test_there_is_one_type_for_each_event_and_it_goes_where_the_event_goes() -> None:
    assert sorted(payload.event for payload, _, _ in LINES) == sorted(Event)
    for payload, source, _ in LINES:
        assert payload.to in RULES[payload.event].targets
        assert source in RULES[payload.event].sources


def test_phases_and_who_worked_are_read_and_written_and_left_out_when_unknown() -> None:
    phase = Phase.between("worker", AT, AT + timedelta(seconds=2))
    work = RunSummary(seconds=2.0, phases=(phase,), agent=AgentIdentity(model="m", session="1"))
    entry = entry_of(Released(to=Lane.INBOX, reason="r", summary=work), seq=1, at=AT, source=Lane.ACTIVE, actor="Ann")
    told = '"phases":[{"name":"worker","at":"2026-11-21T10:00:00Z","seconds":2.0}],"agent":{"model":"m","session":"1"}}'
    assert told in entry.line().decode()
    assert Entry.model_validate_json(entry.line()) == entry
    assert Phase.between("waiting", AT, AT - timedelta(seconds=1)).seconds == 0.0  # the clocks of two machines


def test_waiting_and_applying_are_phases_of_the_journal_and_the_audit_accepts_them(world: World) -> None:
    world.now = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1)
    submitted = world.now
    world.item("one", [{"exit": 3}], [{"write": {"path": "one.txt", "text": "one\n"}}])
    world.policy("retry: {initial_ms: 1}")
    world.tick()
    world.now += timedelta(minutes=2)
    world.tick()
    first, second = (entry for entry in world.journal("one") if entry.event is Event.START)
    assert [phase.name for phase in (*first.phases, *second.phases)] == ["waiting", "waiting"]
    assert first.phases[0].at <= submitted
    assert (second.phases[0].at, second.phases[0].seconds) == (submitted, 120.0)
    assert [(phase.name, phase.at) for phase in world.last("one").phases] == [("apply", world.now)]
    world.command("audit")


def test_whoever_is_told_gets_the_line_that_stands_in_the_journal(world: World) -> None:
    told: list[Happening] = []
    world.item("one")
    repository = Repository(world.root)
    try:
        orchestrator = Orchestrator(repository, told.append)
        with orchestrator.holding():
            tick(orchestrator)
    finally:
        repository.close()
    moves = [each.entry for each in told if isinstance(each, Recorded) and each.item_id == "one"]
    assert [entry.line() for entry in moves] == [entry.line() for entry in world.journal("one")[1:]]
    assert TookIn(("queue/inbox/one.yaml",), "take in queue/inbox/one.yaml") in told
    assert [in_words(Recorded("one", entry))[1] for entry in moves] == [
        "inbox -> active (run 1)",
        "active -> review (run 1)",
        "review -> applied (run 1): all checks passed",
    ]
