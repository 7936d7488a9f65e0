"""The audit's gallery: falsified verdicts, evidence and merges, each found with its rule and its commit."""

import json

import pytest

from factory.line.writer import Move
from factory.model.events import Finished, Moved, Rejected
from factory.model.lifecycle import Lane, Outcome
from factory.report.audit.rules import Rule
from factory.store.repository.objects import Person
from tests.forger import ANN, BOB, Forger, Forgery, Gallery, assert_found_out

forgery = Gallery()
WORKER = "factory-scripted"


@pytest.mark.parametrize("made", forgery, ids=lambda made: made.__name__)
def test_a_falsified_history_is_found_out(forger: Forger, made: Forgery) -> None:
    assert_found_out(forger, made)


def test_what_the_forger_does_honestly_is_not_found(forger: Forger) -> None:
    forger.verdict("free", by=BOB)
    forger.finish("free", forger.merge("free"), by=BOB)
    assert forger.audit() == []


def merged(forger: Forger, item_id: str, by: Person | None = ANN) -> str:
    return forger.finish(item_id, forger.merge(item_id), by)


@forgery
def a_finish_without_the_verdict_that_the_contract_asks_for(forger: Forger) -> tuple[Rule, str]:
    return Rule.COVERED, merged(forger, "open", None)


@forgery
def a_finish_whose_journal_invents_the_verdict(forger: Forger) -> tuple[Rule, str]:
    return Rule.COVERED, merged(forger, "open", ANN)


@forgery
def a_finish_that_merges_nothing_and_has_no_verdict(forger: Forger) -> tuple[Rule, str]:
    return Rule.COVERED, forger.finish("open")


@forgery
def a_finish_without_a_delivery(forger: Forger) -> tuple[Rule, str]:
    forger.put({"queue/inbox/waiting.yaml": None, "queue/review/waiting.yaml": forger.read("queue/inbox/waiting.yaml")})
    forger.move("waiting", Move(Moved(to=Lane.REVIEW, reason="moved by Ann"), actor=ANN))
    return Rule.COVERED, forger.move("waiting", Move(Finished(outcome=Outcome.ACCEPTED)))


@forgery
def another_verdict_in_the_journal_than_in_the_file(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    return Rule.COVERED, merged(forger, "open", BOB)


@forgery
def a_verdict_by_somebody_who_is_not_a_reviewer(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open", by=BOB)
    return Rule.REVIEWER, merged(forger, "open", BOB)


@forgery
def a_verdict_by_the_factory(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("free", by=forger.me)
    return Rule.REVIEWER, merged(forger, "free", forger.me)


OF_THE_WORKER = {
    "its name": Person(WORKER, "someone@example.org"),
    "in another case": Person(WORKER.upper(), "someone@example.org"),
    "with spaces": Person(f"worker   {WORKER}", "someone@example.org"),
    "as it signs": Person(f"worker {WORKER}", "free@workers.factory.invalid"),
    "its address": Person("Bob", "free@workers.factory.invalid"),
    "its name for an address": Person("Bob", WORKER),
}


@pytest.mark.parametrize("by", OF_THE_WORKER.values(), ids=OF_THE_WORKER)
def test_a_verdict_by_the_worker_itself_is_found_out(forger: Forger, by: Person) -> None:
    def made(forger: Forger) -> tuple[Rule, str]:
        forger.verdict("free", by=by)
        return Rule.REVIEWER, merged(forger, "free", by)

    assert_found_out(forger, made)


@pytest.mark.parametrize("name", [WORKER, f"Worker {WORKER}", WORKER.title(), "x <free@workers.factory.invalid>"])
def test_a_verdict_in_the_name_of_the_worker_is_found_out(forger: Forger, name: str) -> None:
    def made(forger: Forger) -> tuple[Rule, str]:
        forger.verdict("free", reviewer=json.dumps(name))
        return Rule.REVIEWER, merged(forger, "free")

    assert_found_out(forger, made)


@forgery
def a_verdict_of_another_subject(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open", subject=f"sha256:{'0' * 64}")
    return Rule.SUBJECT, merged(forger, "open")


@forgery
def a_verdict_of_another_item_used_again(forger: Forger) -> tuple[Rule, str]:
    forger.put({"queue/review/open.human.verdict.yaml": forger.read(forger.path("approved/run-1/verdict.human.yaml"))})
    return Rule.SUBJECT, merged(forger, "open")


@forgery
def a_verdict_of_an_earlier_round_used_again(forger: Forger) -> tuple[Rule, str]:
    forger.cut(forger.commit_of("again", "active -> review"))
    earlier = forger.read("artifacts/again/run-1/verdict.human.yaml").replace(b"decision: rework", b"decision: approve")
    forger.put({"queue/review/again.human.verdict.yaml": earlier})
    return Rule.SUBJECT, merged(forger, "again")


@forgery
def a_finish_under_another_subject(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    merge = forger.merge("open", subject=f"sha256:{'0' * 64}")
    return Rule.SUBJECT, forger.finish("open", merge, subject=f"sha256:{'0' * 64}")


@forgery
def a_rejection_that_is_ignored(forger: Forger) -> tuple[Rule, str]:
    forger.cut_before(forger.commit_of("rejected", "review -> done"))
    return Rule.COVERED, forger.finish("rejected")


@forgery
def a_rejection_that_nobody_gave(forger: Forger) -> tuple[Rule, str]:
    return Rule.COVERED, forger.move("open", Move(Rejected()))


@forgery
def an_item_on_hold_that_is_applied(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    forger.put({"queue/review/open.yaml": forger.read("queue/review/open.yaml") + b"hold: true\n"})
    return Rule.COVERED, merged(forger, "open")


@forgery
def a_patch_that_is_swapped_after_the_approval(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    patch = forger.read("artifacts/open/run-1/patch.diff").replace(b"+open", b"+shut")
    swapped = forger.put({"artifacts/open/run-1/patch.diff": patch}, by=forger.me)
    merged(forger, "open")
    return Rule.ARTIFACTS, swapped


@forgery
def a_patch_that_is_swapped_at_the_delivery(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("open", "active -> review")
    path = "artifacts/open/run-1/patch.diff"
    files = forger.with_file(path, commit, lambda data: data.replace(b"+open", b"+shut"))
    return Rule.SUBJECT, forger.again(commit, files)


@forgery
def a_result_that_is_swapped_at_the_delivery(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("open", "active -> review")
    path = "artifacts/open/run-1/result.json"
    return Rule.SUBJECT, forger.again(commit, forger.with_file(path, commit, lambda data: data.replace(b"ok", b"OK")))
