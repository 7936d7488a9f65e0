"""The audit's gallery: falsified lanes, artifacts and limits, each found with its rule and its commit."""

from datetime import timedelta

import pytest

from factory.line.writer import Move
from factory.model.events import Cancelled, Released, RunSummary, SentBack, Started
from factory.model.failure import FailureClass
from factory.model.lease import Lease
from factory.model.lifecycle import Lane
from factory.model.result import Usage
from factory.report.audit.rules import Rule
from factory.store.system import MACHINE
from tests.forger import ANN, Forger, Forgery, Gallery, assert_found_out

forgery = Gallery()


@pytest.mark.parametrize("made", forgery, ids=lambda made: made.__name__)
def test_a_falsified_history_is_found_out(forger: Forger, made: Forgery) -> None:
    assert_found_out(forger, made)


def start(forger: Forger, item_id: str, run: int) -> str:
    expires = MACHINE.now() + timedelta(minutes=5)
    lease = Lease(owner="forger", generation=run, expires_at=expires, base=forger.head, item="0" * 40)
    return forger.move(item_id, Move(Started(lease=lease, worker="factory-scripted"), run=run))


@forgery
def a_cancel_that_nobody_asked_for(forger: Forger) -> tuple[Rule, str]:
    return Rule.LEGAL_MOVE, forger.move("open", Move(Cancelled(reason="moved by Ann"), actor=ANN))


@forgery
def an_item_on_hold_is_started(forger: Forger) -> tuple[Rule, str]:
    return Rule.LEGAL_MOVE, start(forger, "waiting", 1)


@forgery
def an_item_is_deleted(forger: Forger) -> tuple[Rule, str]:
    return Rule.LOST, forger.put({"queue/review/open.yaml": None})


@forgery
def a_finished_item_is_deleted(forger: Forger) -> tuple[Rule, str]:
    deleted = forger.put({forger.path("approved.yaml"): None})
    forger.put({"notes.md": b"something else\n"})
    return Rule.LOST, deleted


@forgery
def an_item_lies_in_two_lanes(forger: Forger) -> tuple[Rule, str]:
    return Rule.ONE_LANE, forger.put({"queue/blocked/open.yaml": forger.read("queue/review/open.yaml")})


@forgery
def a_finished_item_lies_in_the_inbox_as_well(forger: Forger) -> tuple[Rule, str]:
    return Rule.ONE_LANE, forger.put({"queue/inbox/approved.yaml": forger.read(forger.path("approved.yaml"))})


@forgery
def the_factory_changes_what_an_item_says(forger: Forger) -> tuple[Rule, str]:
    path = "queue/review/flaky.yaml"
    files = {path: forger.read(path).replace(b"do flaky", b"do less")}
    return Rule.PURE_RENAME, forger.again(forger.commit_of("flaky", "active -> review"), files)


@forgery
def a_person_moves_past_review(forger: Forger) -> tuple[Rule, str]:
    item = forger.read("queue/review/open.yaml")
    moved = forger.put({"queue/review/open.yaml": None, "queue/done/2026-01-01/open.yaml": item})
    forger.put({"notes.md": b"something else\n"})
    return Rule.JOURNAL, moved


@forgery
def a_person_moves_past_review_and_writes_the_journal(forger: Forger) -> tuple[Rule, str]:
    item, journal = forger.read("queue/review/open.yaml"), "artifacts/open/journal.jsonl"
    line = {"seq": 4, "at": "2026-01-01T00:00:00Z", "event": "finish", "from": "review", "to": "done", "run": 1}
    line |= {"actor": str(forger.me), "outcome": "accepted"}
    files = forger.with_journal("open", "main", lambda entries: entries.append(line))
    done = {"queue/review/open.yaml": None, "queue/done/2026-01-01/open.yaml": item}
    moved = {journal: None, journal.replace("artifacts", "artifacts/done/2026-01-01"): files[journal]}
    return Rule.APPEND_ONLY, forger.put({**done, **moved})


@forgery
def an_artifact_is_edited(forger: Forger) -> tuple[Rule, str]:
    return Rule.ARTIFACTS, forger.put({forger.path("approved/run-1/output.log"): b"all is well\n"}, by=forger.me)


@forgery
def an_artifact_is_edited_by_a_person(forger: Forger) -> tuple[Rule, str]:
    return Rule.ARTIFACTS, forger.put({forger.path("approved/run-1/output.log"): b"all is well\n"})


@forgery
def a_manifest_is_edited(forger: Forger) -> tuple[Rule, str]:
    return Rule.ARTIFACTS, forger.put({forger.path("approved/run-1/manifest.json"): b"{}"}, by=forger.me)


@forgery
def a_run_is_taken_away(forger: Forger) -> tuple[Rule, str]:
    run = {path: None for path in forger.paths() if "/approved/run-1/" in path}
    return Rule.ARTIFACTS, forger.put(run, by=forger.me)


@forgery
def a_kept_verdict_is_edited(forger: Forger) -> tuple[Rule, str]:
    path = forger.path("rejected/run-1/verdict.human.yaml")
    return Rule.ARTIFACTS, forger.put({path: forger.read(path).replace(b"reject", b"rework")}, by=forger.me)


@forgery
def a_file_is_slipped_into_a_run(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("open", "active -> review")
    return Rule.DIGESTS, forger.again(commit, {"artifacts/open/run-1/files/proof.txt": b"it works\n"})


@forgery
def a_file_of_a_run_is_not_what_its_manifest_says(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("open", "active -> review")
    return Rule.DIGESTS, forger.again(commit, {"artifacts/open/run-1/output.log": b"all is well\n"})


@forgery
def a_run_comes_without_a_manifest(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("open", "active -> review")
    return Rule.DIGESTS, forger.again(commit, {"artifacts/open/run-1/manifest.json": None})


@forgery
def more_rounds_than_the_contract_allows(forger: Forger) -> tuple[Rule, str]:
    forger.cut(forger.commit_of("again", "active -> review"))
    return Rule.ROUNDS, forger.move("again", Move(SentBack(reason="and again")))


@forgery
def more_attempts_than_the_contract_allows(forger: Forger) -> tuple[Rule, str]:
    forger.cut(forger.commit_of("checked", "inbox -> active"))
    failed = Move(Released(to=Lane.INBOX, failure=FailureClass.CRASH, attempt=1, reason="exit 1"))
    forger.move("checked", failed)
    start(forger, "checked", 2)
    return Rule.ATTEMPTS, forger.move("checked", failed)


def costly(forger: Forger, budget: bytes) -> tuple[Rule, str]:
    forger.put({"queue/inbox/dear.yaml": b"title: dear\ncontract: scripted\n" + budget})
    start(forger, "dear", 1)
    work = RunSummary(usage=Usage(usd=2.0), seconds=61.0)
    forger.move("dear", Move(Released(to=Lane.INBOX, reason="stopped", summary=work)))
    return Rule.BUDGET, start(forger, "dear", 2)


@forgery
def a_start_over_the_budget_in_money(forger: Forger) -> tuple[Rule, str]:
    return costly(forger, b"budget: {usd: 2}\n")


@forgery
def a_start_over_the_budget_in_minutes(forger: Forger) -> tuple[Rule, str]:
    return costly(forger, b"budget: {minutes: 1}\n")


@forgery
def a_start_over_the_budget_of_the_day(forger: Forger) -> tuple[Rule, str]:
    forger.put({"WORKFLOW.md": b"---\nbranch: main\nbudget: {usd_per_day: 1.5}\n---\n"})
    return costly(forger, b"")
