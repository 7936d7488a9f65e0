"""The audit's rules: each reads alone. To ask one changes nothing, and no other finds anything else for it."""

import json
import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from factory.execution.checks.reads import ReadContents
from factory.line.snapshot import SnapshotReader
from factory.line.writer import Move
from factory.model.events import Moved
from factory.model.journal import MergeCheck
from factory.model.lifecycle import Lane
from factory.model.mission.events import Closed, Opened
from factory.model.policy import MergeMode
from factory.report.audit.audit import audit
from factory.report.audit.authorship import Authorship
from factory.report.audit.content import Content
from factory.report.audit.proposals import Proposals
from factory.report.audit.reader import Reader
from factory.report.audit.rules import Violation
from factory.report.audit.ruleset import Check, Ruleset
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Transition
from factory.store.archive import Archive
from factory.store.artifacts import Artifacts
from factory.store.days import Days
from factory.store.repository.commit_walk import walk_commits
from factory.store.repository.objects import Objects, Person
from factory.store.repository.repository import Repository
from tests.forger import ANN, BOB, Forger

# What a rule has at hand, and is no memory of its own.
AT_HAND = (
    Repository
    | Objects
    | Reader
    | SnapshotReader
    | Archive
    | Artifacts
    | Days
    | ReadContents
    | Authorship
    | AuditState
    | Content
    | Proposals
)


@pytest.fixture
def falsified(forger: Forger) -> Forger:
    """A history with something wrong in it for every check there is."""
    forger.put({"artifacts/approved/run-1/prompt.md": b"Another one.\n"}, "Tidy up", forger.me)
    forger.put(forger.with_journal("approved", "main", lambda entries: entries.pop()), "Tidy up", forger.me)
    moved = forger.path("plain.yaml")
    forger.put({moved: b"title: something else\n"}, "Not what was done")
    forger.put({"notes.md": b"mine\n"}, "Notes\n\nFactory-Subject: sha256:00\n")
    forger.put({"queue/inbox/came.yaml": b"title: from nowhere\n"}, "One more", forger.me)
    forger.put({"queue/review/open.yaml": None}, "Away with it", forger.me)
    forger.put({"program.py": b"print('bye')\n"}, "Better", forger.me)
    proposal = str(forger.journal("flaky")[-1]["proposal"])
    forger.put({}, "factory: flaky\n\nFactory-Item: flaky\nFactory-Move: review -> done\n", forger.me)
    forger.verdict("free")
    checked = MergeCheck(mode=MergeMode.TIP, tree=forger.tree({"more.txt": b"more\n"}))
    forger.finish("free", forger.merge("free", of="flaky"), merged=checked)
    forger.verdict("flaky")
    _reused(forger)
    forger.finish("flaky", forger.merge("flaky"))
    forger.put({"flaky.txt": b"flaky\n"}, "Merge flaky", BOB, merged=(proposal,))
    worker = Person("worker factory-scripted", "flaky@workers.factory.invalid")
    forger.put({"flaky.txt": b"flaky too\n"}, "flaky: do it", worker, committer=ANN)
    head = forger.head
    dropped = forger.put({"queue/inbox/dropped.yaml": b"title: dropped\n"})
    forger.cut(head)
    forger.put({"notes.md": b"mine\n"}, "Merge main", merged=(dropped,))
    forger.put({"queue/inbox/stuck.yaml": b"title: twice\n"}, "Again")
    _made_anew(forger)
    forger.put({"queue/inbox/waiting.yaml": None}, "Never mind")
    forger.put({"artifacts/archive/2026.jsonl": b"{}\n"}, "To find it again")
    forger.put({"queue/leases/mine.yaml": b"owner: me\n"}, "They are mine")
    _mission(forger)
    forger.put({"notes.md": b"late\n"}, "Late", at="1999-12-31T12:00:00Z")
    _without_a_time(forger)
    return forger


def _reused(forger: Forger) -> None:
    """A check's result that is said to be that of a run which never was."""
    delivery = f"artifacts/flaky/run-{forger.journal('flaky')[-1]['run']}"
    evidence = json.loads(forger.read(f"{delivery}/evidence.json"))
    evidence["ran"][0]["reused_from"] = {"item": "nobody", "run": 1, "file": "recheck.json", "tree": "0" * 40}
    forger.put({f"{delivery}/recheck.json": json.dumps(evidence).encode()}, "Again", forger.me)


def _mission(forger: Forger) -> None:
    """A mission without a plan that is said to be proven."""
    path = forger.path("failing.yaml")
    forger.put({path: None, "queue/review/failing.yaml": forger.read(path)})
    for payload in (Moved(to=Lane.REVIEW, reason="by hand"), Opened(), Closed(reason="all of nothing")):
        forger.move("failing", Move(payload))


def _made_anew(forger: Forger) -> None:
    """As `git commit --amend` leaves a commit of the factory that follows another one."""
    forger.put({"queue/breakers/scripted.yaml": b"failures: 1\n"}, "Count", forger.me)
    forger.put({"queue/breakers/scripted.yaml": b"failures: 2\n"}, "Count", forger.me, committer=BOB)


def _without_a_time(forger: Forger) -> None:
    who = "Ann <ann@example.org> 99999999999999999999 +0000"
    tree = forger.git("rev-parse", "main^{tree}")
    text = f"tree {tree}\nparent {forger.head}\nauthor {who}\ncommitter {who}\n\nOld\n".encode()
    forger.cut(forger.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=text))


Found = list[list[Violation]]  # by check, in the order of the ruleset's; and last, what only shows at the end
Ask = Callable[[Ruleset, Check, Transition], Iterable[Violation]]


@contextmanager
def opened(root: Path) -> Iterator[tuple[Repository, AuditState, str]]:
    with closing(Repository(root)) as repository:
        head = repository.head("main")
        assert head is not None
        state = AuditState(repository, Authorship.in_history(repository, head))
        with closing(state.reader):
            yield repository, state, head


def once(rules: Ruleset, check: Check, transition: Transition) -> Iterable[Violation]:
    return check(transition)


def walked(root: Path, ask: Ask = once) -> Found:
    """What is found when every check is asked like this."""
    with opened(root) as (repository, state, head):
        rules = Ruleset(state)
        found: Found = [[] for _ in rules.checks]
        for step in walk_commits(repository, head, None, rules.look):
            transition = state.transition(step)
            for number, check in enumerate(rules.checks):
                found[number].extend(ask(rules, check, transition))
            rules.advance(transition)
            state.advance(transition)
        return [*found, list(rules.rest(head, 0))]


def memory(rules: Ruleset, state: AuditState) -> bytes:
    """Everything that the state and the rules know, to the last value."""
    owners = [state, *rules.remembering, *(getattr(check, "__self__", rules) for check in rules.checks)]
    known = [(name, value) for owner in owners if owner is not rules for name, value in vars(owner).items()]
    return pickle.dumps([(name, value) for name, value in known if not isinstance(value, AT_HAND)])


def test_every_check_finds_something_in_the_falsified_history(falsified: Forger) -> None:
    with opened(falsified.root) as (_, state, _head):
        names = [getattr(check, "__qualname__", "") for check in Ruleset(state).checks]
    *found, at_the_end = walked(falsified.root)
    assert {name for name, each in zip(names, found, strict=True) if not each} == set()
    assert at_the_end


def test_the_walk_finds_what_its_checks_find(falsified: Forger) -> None:
    with opened(falsified.root) as (repository, _, head):
        told = audit(repository, head).violations
    found = [each for by_check in walked(falsified.root) for each in by_check]
    plain = {(each.rule, each.commit, each.path) for each in found}
    assert {(each.rule, each.commit, each.path) for each in told} == plain
    assert len(told) == len(found)


@pytest.mark.parametrize("honest", [True, False])
def test_to_ask_a_check_twice_finds_the_same_and_changes_nothing(
    request: pytest.FixtureRequest, honest_history: Path, honest: bool
) -> None:
    root = honest_history if honest else request.getfixturevalue("falsified").root

    def twice(rules: Ruleset, check: Check, transition: Transition) -> Iterable[Violation]:
        state = rules.state
        before = memory(rules, state), pickle.dumps(transition)
        found = list(check(transition))
        assert list(check(transition)) == found
        assert (memory(rules, state), pickle.dumps(transition)) == before
        return found

    assert any(walked(root, twice)) is not honest


def test_to_meet_a_commit_changes_nothing_before_the_state_goes_on_to_it(falsified: Forger) -> None:
    with opened(falsified.root) as (repository, state, head):
        rules = Ruleset(state)
        for step in walk_commits(repository, head, None, rules.look):
            before = memory(rules, state)
            transition = state.transition(step)
            assert state.transition(step) == transition
            assert memory(rules, state) == before
            rules.advance(transition)
            state.advance(transition)
            assert memory(rules, state) != before


def test_a_check_that_is_left_out_changes_no_finding_of_the_others(falsified: Forger) -> None:
    whole = walked(falsified.root)

    def without(left_out: int) -> Ask:
        return lambda rules, check, transition: () if check == rules.checks[left_out] else check(transition)

    for left_out in range(len(whole) - 1):
        found = walked(falsified.root, without(left_out))
        assert found == [each if number != left_out else [] for number, each in enumerate(whole)]


def test_what_is_not_read_of_a_checks_findings_changes_no_later_one(falsified: Forger) -> None:
    whole = walked(falsified.root)

    def first(rules: Ruleset, check: Check, transition: Transition) -> Iterable[Violation]:
        found = next(check(transition), None)
        return [found] if found else []

    for each, read in zip(whole, walked(falsified.root, first), strict=True):
        assert read == [found for found in each if found in read]
        assert {found.commit for found in read} == {found.commit for found in each}


def test_the_end_finds_the_same_when_no_check_was_asked_at_all(falsified: Forger) -> None:
    whole = walked(falsified.root)
    assert walked(falsified.root, lambda *_: ()) == [*([] for _ in whole[:-1]), whole[-1]]
