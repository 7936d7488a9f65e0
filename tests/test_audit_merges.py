"""The audit's gallery: falsified proposals, evidence and merges, each found with its rule and its commit."""

import json
from collections.abc import Callable

import pytest

from factory.model.journal import MergeCheck
from factory.model.policy import MergeMode
from factory.report.audit.rules import Rule
from factory.store.repository.objects import Person
from tests.forger import ANN, BOB, Forger, Forgery, Gallery, assert_found_out

forgery = Gallery()


@pytest.mark.parametrize("made", forgery, ids=lambda made: made.__name__)
def test_a_falsified_history_is_found_out(forger: Forger, made: Forgery) -> None:
    assert_found_out(forger, made)


def merged(forger: Forger, item_id: str, by: Person | None = ANN) -> str:
    return forger.finish(item_id, forger.merge(item_id), by)


def another_proposal(forger: Forger, item_id: str) -> str:
    """A commit that does something else, on the same base."""
    base = json.loads(forger.read(f"artifacts/{item_id}/run-1/evidence.json"))["base"]
    before = forger.head
    forger.cut(base)
    made = forger.put({"open.txt": b"shut\n"}, "Something else", Person("worker x", "x@workers.factory.invalid"))
    forger.cut(before)
    return made


@forgery
def a_proposal_that_is_swapped_at_the_finish(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    return Rule.COVERED, forger.finish("open", forger.merge("open"), proposal=another_proposal(forger, "open"))


def delivered_otherwise(
    forger: Forger, item_id: str, change: Callable[[dict[str, object]], object], **journal: object
) -> None:
    """The item's delivery with another evidence.json, and the rest in agreement with it."""
    commit = forger.commit_of(item_id, "active -> review")

    def edit(data: bytes) -> bytes:
        evidence = json.loads(data)
        change(evidence)
        return json.dumps(evidence).encode()

    files = {**forger.with_file(f"artifacts/{item_id}/run-1/evidence.json", commit, edit)}
    files |= forger.with_journal(item_id, commit, lambda entries: entries[-1].update(journal))
    forger.again(commit, files)


@forgery
def a_proposal_that_is_swapped_at_the_delivery(forger: Forger) -> tuple[Rule, str]:
    other = another_proposal(forger, "open")
    delivered_otherwise(forger, "open", lambda evidence: evidence.update(proposal=other), proposal=other)
    forger.verdict("open")
    return Rule.PATCH, merged(forger, "open")


@forgery
def a_failed_check_that_is_turned_into_a_passed_one(forger: Forger) -> tuple[Rule, str]:
    def pass_it(evidence: dict[str, object]) -> None:
        ran = evidence["ran"]
        assert isinstance(ran, list)
        ran[0]["exit_code"] = 0

    delivered_otherwise(forger, "failing", pass_it)
    return Rule.COVERED, merged(forger, "failing", None)


@forgery
def a_failed_check_that_is_not_minded(forger: Forger) -> tuple[Rule, str]:
    forger.cut(forger.commit_of("failing", "active -> review"))
    return Rule.COVERED, merged(forger, "failing", None)


@forgery
def a_check_that_is_left_out(forger: Forger) -> tuple[Rule, str]:
    delivered_otherwise(forger, "checked", lambda evidence: evidence.update(ran=[]))
    return Rule.COVERED, merged(forger, "checked", None)


@forgery
def a_tree_that_the_checks_did_not_run_on(forger: Forger) -> tuple[Rule, str]:
    def content(evidence: dict[str, object]) -> None:
        before = forger.head
        forger.cut(f"{forger.commit_of('plain', 'active -> review')}^")
        own = {path: None for path in forger.paths() if path.startswith(("queue/", "artifacts/"))}
        evidence["tree"] = forger.tree({**own, "plain.txt": b"plain\n", "more.txt": b"more\n"})
        forger.cut(before)

    delivered_otherwise(forger, "plain", content)
    return Rule.MERGED, forger.finish("plain", forger.merge("plain", {"more.txt": b"more\n"}), None)


def proven_by_another(forger: Forger, mode: MergeMode) -> MergeCheck:
    """The claim that another content was checked than what comes in."""
    return MergeCheck(mode=mode, tree=forger.tree({"more.txt": b"more\n"}))


def merged_as(forger: Forger, item_id: str, checked: MergeCheck) -> str:
    """The finish of an approved item that says so of what was checked."""
    forger.verdict(item_id)
    return forger.finish(item_id, forger.merge(item_id), merged=checked)


@forgery
def a_batch_that_did_not_come_in_whole(forger: Forger) -> tuple[Rule, str]:
    return Rule.MERGED, merged_as(forger, "open", proven_by_another(forger, MergeMode.TIP))


@forgery
def a_batch_that_something_else_came_into(forger: Forger) -> tuple[Rule, str]:
    checked = proven_by_another(forger, MergeMode.TIP)
    torn = merged_as(forger, "open", checked)
    forger.put({"mine.txt": b"mine\n"})
    merged_as(forger, "free", checked)
    return Rule.MERGED, torn


@forgery
def a_content_that_the_journal_says_was_checked_and_the_evidence_does_not(forger: Forger) -> tuple[Rule, str]:
    return Rule.MERGED, merged_as(forger, "open", proven_by_another(forger, MergeMode.EVERY))


@forgery
def a_place_in_the_train_that_was_never_checked(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("checked", "review -> done")
    return Rule.COVERED, forger.again(commit, {forger.path("checked/run-1/recheck.json"): None})


def proven_otherwise(forger: Forger, change: Callable[[dict[str, object]], object]) -> str:
    """The finish of an item with another recheck.json."""
    path = forger.path("checked/run-1/recheck.json")
    evidence = json.loads(forger.read(path))
    change(evidence)
    return forger.again(forger.commit_of("checked", "review -> done"), {path: json.dumps(evidence).encode()})


@forgery
def a_check_of_the_train_that_is_reused_from_another_content(forger: Forger) -> tuple[Rule, str]:
    other = forger.tree({"more.txt": b"more\n"})
    return Rule.MERGED, proven_otherwise(forger, lambda evidence: evidence.update(tree=other))


@forgery
def a_check_of_the_train_that_is_left_out(forger: Forger) -> tuple[Rule, str]:
    return Rule.COVERED, proven_otherwise(forger, lambda evidence: evidence.update(ran=[]))


@forgery
def a_failed_check_of_the_train_that_is_not_minded(forger: Forger) -> tuple[Rule, str]:
    def fail(evidence: dict[str, object]) -> None:
        ran = evidence["ran"]
        assert isinstance(ran, list)
        ran[0]["exit_code"] = 1

    return Rule.COVERED, proven_otherwise(forger, fail)


@forgery
def a_mode_that_is_told_wrongly(forger: Forger) -> tuple[Rule, str]:
    return Rule.MERGED, proven_otherwise(forger, lambda evidence: evidence.update(mode="tip"))


@forgery
def a_merge_that_brings_in_more(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    return Rule.MERGED, forger.finish("open", forger.merge("open", {"more.txt": b"more\n"}))


@forgery
def a_merge_that_brings_in_something_else(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    return Rule.MERGED, forger.finish("open", forger.merge("open", {"open.txt": b"shut\n"}))


@forgery
def a_merge_on_a_target_that_was_not_checked(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    forger.put({"open-too.txt": b"since then\n"})
    return Rule.MERGED, merged(forger, "open")


@forgery
def a_merge_of_another_subject(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    return Rule.TRAILERS, forger.finish("open", forger.merge("open", subject=f"sha256:{'0' * 64}"))


@forgery
def a_merge_that_changes_the_queue(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    merge = forger.merge("open", {"queue/review/free.yaml": b"title: free\n"})
    forger.finish("open", merge)
    return Rule.TRAILERS, merge


@forgery
def a_contract_that_is_changed_between_approval_and_finish(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    kept = forger.read("contracts/judged.yaml")
    forger.put({"contracts/judged.yaml": kept.replace(b"Do what", b"Do half of what")})
    finish = merged(forger, "open")
    forger.put({"contracts/judged.yaml": kept})
    return Rule.SUBJECT, finish


@forgery
def a_contract_that_is_weakened_just_before_the_finish(forger: Forger) -> tuple[Rule, str]:
    weak = json.loads(forger.read("contracts/judged.yaml"))
    weak["review"]["seats"] = weak["review"]["seats"][:1]
    forger.put({"contracts/judged.yaml": json.dumps(weak).encode()})
    return Rule.SUBJECT, merged(forger, "open", None)


@forgery
def reviewers_that_are_let_in_just_before_the_finish(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("free", by=BOB)
    forger.put({"WORKFLOW.md": b"---\nbranch: main\nreviewers: [Bob]\n---\n"})
    return Rule.SUBJECT, merged(forger, "free", BOB)


@forgery
def a_proposal_that_a_person_merges(forger: Forger) -> tuple[Rule, str]:
    proposal = str(forger.journal("open")[-1]["proposal"])
    return Rule.UNAPPROVED, forger.put({"open.txt": b"open\n"}, "Merge open", merged=(proposal,))


@forgery
def a_proposal_that_a_person_merges_below_a_commit_of_their_own(forger: Forger) -> tuple[Rule, str]:
    before, proposal = forger.head, str(forger.journal("open")[-1]["proposal"])
    forger.cut(proposal)
    on_top = forger.put({"notes.md": b"mine\n"}, "Mine")
    forger.cut(before)
    return Rule.UNAPPROVED, forger.put({"open.txt": b"open\n"}, "Merge my branch", merged=(on_top,))


@forgery
def a_proposal_that_is_cherry_picked(forger: Forger) -> tuple[Rule, str]:
    worker = Person("worker factory-scripted", "open@workers.factory.invalid")
    return Rule.UNAPPROVED, forger.put({"open.txt": b"open\n"}, "open: do open", worker, committer=ANN)


@forgery
def content_by_the_factory_without_an_item(forger: Forger) -> tuple[Rule, str]:
    return Rule.UNAPPROVED, forger.put({"program.py": b"print('bye')\n"}, "Better", forger.me)


@forgery
def content_by_the_factory_without_a_finish(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    merge = forger.merge("open")
    forger.put({"notes.md": b"something else\n"})
    return Rule.UNAPPROVED, merge


@forgery
def a_finish_by_the_merge_of_another_item(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    forger.verdict("free")
    merge = forger.merge("open")
    return Rule.UNAPPROVED, forger.finish("free", merge)


@forgery
def two_finishes_by_one_merge(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    forger.verdict("free")
    merge = forger.merge("open")
    forger.finish("open", merge)
    return Rule.UNAPPROVED, forger.finish("free", merge)


@forgery
def a_finish_by_a_merge_that_is_nowhere(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    return Rule.MERGED, forger.finish("open", "0" * 39 + "1")


def delivered_anew(forger: Forger, name: str) -> str:
    """Another delivery that says it is the same, with a file of the run that says something else; and what it was."""
    delivered = forger.commit_of("open", "active -> review")
    forger.cut(delivered)
    forger.again(delivered, forger.with_file(f"artifacts/open/run-1/{name}", delivered, lambda data: data + b"\n"))
    return delivered


@forgery
def artifacts_that_are_made_anew_beside_the_line_and_merged_with_it(forger: Forger) -> tuple[Rule, str]:
    delivered = delivered_anew(forger, "evidence.json")
    return Rule.LOST, forger.put({}, "Merge branch 'main'", merged=(delivered,))


@forgery
def artifacts_that_are_made_anew_and_merged_after_the_finish(forger: Forger) -> tuple[Rule, str]:
    delivered = delivered_anew(forger, "output.log")
    forger.verdict("open")
    merged(forger, "open")
    return Rule.LOST, forger.put({}, "Merge branch 'main'", merged=(delivered,))


@forgery
def a_merge_that_says_it_is_of_another_item(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    return Rule.UNAPPROVED, forger.finish("open", forger.merge("open", of="free"))
