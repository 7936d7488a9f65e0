"""The audit's gallery: falsified journals and trailers, each found with its rule and its commit."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.report.audit.rules import EXPLAINED, Rule
from tests.forger import BOB, Forger, Forgery, Gallery, assert_found_out
from tests.test_house import ROOT
from tests.world import World

forgery = Gallery()


@pytest.mark.parametrize("made", forgery, ids=lambda made: made.__name__)
def test_a_falsified_history_is_found_out(forger: Forger, made: Forgery) -> None:
    assert_found_out(forger, made)


def test_an_honest_history_is_not(forger: Forger) -> None:
    assert forger.audit() == []


def tidied(forger: Forger, change: Callable[[list[dict[str, object]]], object]) -> tuple[Rule, str]:
    files = forger.with_journal("approved", "main", change)
    return Rule.APPEND_ONLY, forger.put(files, "Tidy up", forger.me)


@forgery
def a_journal_line_is_edited(forger: Forger) -> tuple[Rule, str]:
    return tidied(forger, lambda entries: entries[-1].update(reason="approved by Eve"))


@forgery
def a_journal_line_is_edited_by_a_person(forger: Forger) -> tuple[Rule, str]:
    files = forger.with_journal("open", "main", lambda entries: entries[1].update(reason="mine"))
    return Rule.APPEND_ONLY, forger.put(files)


@forgery
def a_journal_line_is_dropped(forger: Forger) -> tuple[Rule, str]:
    return tidied(forger, lambda entries: entries.pop(1))


@forgery
def the_last_journal_line_is_dropped(forger: Forger) -> tuple[Rule, str]:
    return tidied(forger, lambda entries: entries.pop())


@forgery
def two_journal_lines_change_places(forger: Forger) -> tuple[Rule, str]:
    return tidied(forger, lambda entries: entries.insert(1, entries.pop(2)))


@forgery
def a_journal_is_taken_away(forger: Forger) -> tuple[Rule, str]:
    return Rule.APPEND_ONLY, forger.put({forger.path("open/journal.jsonl"): None}, "Tidy up", forger.me)


@forgery
def a_line_has_another_number(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("flaky", "active -> review")
    files = forger.with_journal("flaky", commit, lambda entries: entries[-1].update(seq=9))
    return Rule.JOURNAL, forger.again(commit, files)


@forgery
def a_line_cannot_be_read(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("flaky", "active -> review")
    files = forger.with_journal("flaky", commit, lambda entries: entries[-1].update(event="bribe"))
    return Rule.JOURNAL, forger.again(commit, files)


@forgery
def a_person_appends_a_line(forger: Forger) -> tuple[Rule, str]:
    line = {"seq": 5, "at": "2026-01-01T00:00:00Z", "event": "block", "from": "review", "to": "blocked", "actor": "Ann"}
    return Rule.APPEND_ONLY, forger.put(forger.with_journal("open", "main", lambda entries: entries.append(line)))


@forgery
def a_person_uses_the_trailers(forger: Forger) -> tuple[Rule, str]:
    files = {"queue/inbox/waiting.yaml": None, "queue/blocked/waiting.yaml": forger.read("queue/inbox/waiting.yaml")}
    text = "factory: waiting inbox -> blocked\n\nFactory-Item: waiting\nFactory-Move: inbox -> blocked\n"
    return Rule.FORGED, forger.put(files, text)


@forgery
def a_person_uses_one_trailer_for_nothing(forger: Forger) -> tuple[Rule, str]:
    return Rule.FORGED, forger.put({"notes.md": b"mine\n"}, "Notes\n\nFactory-Subject: sha256:00\n")


@forgery
def a_move_of_the_factory_is_signed_by_a_person(forger: Forger) -> tuple[Rule, str]:
    return Rule.FORGED, forger.again(forger.commit_of("flaky", "active -> review"), by=BOB)


@forgery
def a_move_of_the_factory_is_committed_by_a_person(forger: Forger) -> tuple[Rule, str]:
    commit, me = forger.commit_of("flaky", "active -> review"), forger.me
    text = forger.git("log", "-1", "--format=%B", commit)
    forger.cut_before(commit)
    return Rule.FORGED, forger.put({}, text, me, committer=BOB, tree=commit)


@forgery
def the_factory_says_a_move_that_was_not_made(forger: Forger) -> tuple[Rule, str]:
    text = "factory: open review -> done\n\nFactory-Item: open\nFactory-Move: review -> done\n"
    return Rule.TRAILERS, forger.put({}, text, forger.me)


@forgery
def the_factory_moves_and_does_not_say_so(forger: Forger) -> tuple[Rule, str]:
    files = {"queue/review/open.yaml": None, "queue/done/2026-01-01/open.yaml": forger.read("queue/review/open.yaml")}
    return Rule.TRAILERS, forger.put(files, "Nothing much", forger.me)


@forgery
def a_trailer_says_another_move(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("open", "active -> review")
    return Rule.TRAILERS, forger.again(commit, message=lambda text: text.replace("Move: active", "Move: rework"))


@forgery
def a_trailer_says_another_run(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("open", "active -> review")
    return Rule.TRAILERS, forger.again(commit, message=lambda text: text.replace("Run: 1", "Run: 2"))


@forgery
def a_trailer_says_another_item(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("open", "active -> review")
    return Rule.TRAILERS, forger.again(commit, message=lambda text: text.replace("Item: open", "Item: plain"))


@forgery
def a_trailer_says_two_items(forger: Forger) -> tuple[Rule, str]:
    commit, two = forger.commit_of("open", "active -> review"), "Item: open\nFactory-Item: plain"
    return Rule.TRAILERS, forger.again(commit, message=lambda text: text.replace("Item: open", two))


@forgery
def a_trailer_says_somebody_else_did_it(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("open", "active -> review")
    return Rule.TRAILERS, forger.again(commit, message=lambda text: re.sub("Actor: .*", f"Actor: {BOB}", text))


@forgery
def a_line_says_somebody_else_did_it(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("open", "active -> review")
    files = forger.with_journal("open", commit, lambda entries: entries[-1].update(actor=str(BOB)))
    return Rule.JOURNAL, forger.again(commit, files, lambda text: re.sub("Actor: .*", f"Actor: {BOB}", text))


@forgery
def a_line_is_dated_back(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("flaky", "active -> review")
    files = forger.with_journal("flaky", commit, lambda entries: entries[-1].update(at="2020-01-01T00:00:00Z"))
    return Rule.JOURNAL, forger.again(commit, files)


@forgery
def a_move_changes_another_item_in_passing(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("flaky", "active -> review")
    return Rule.TRAILERS, forger.again(commit, forger.with_journal("open", commit, lambda entries: entries.append({})))


@forgery
def a_move_changes_the_policy_in_passing(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("flaky", "active -> review")
    return Rule.TRAILERS, forger.again(commit, {"WORKFLOW.md": b"---\nbranch: main\nprotected: []\n---\n"})


@forgery
def several_moves_are_squashed_into_one_commit(forger: Forger) -> tuple[Rule, str]:
    first, last = (forger.commit_of("flaky", move) for move in ("inbox -> active", "active -> review"))
    text, me = forger.git("log", "-1", "--format=%B", last), forger.me
    at = forger.git("log", "-1", "--format=%ct +0000", last)
    forger.cut_before(first)
    return Rule.TRAILERS, forger.put({}, text, me, tree=last, at=at)


@forgery
def a_person_squashes_several_moves(forger: Forger) -> tuple[Rule, str]:
    last = forger.commit_of("flaky", "active -> review")
    forger.cut_before(forger.commit_of("flaky", "inbox -> active"))
    return Rule.APPEND_ONLY, forger.put({}, "Less noise", tree=last)


@forgery
def a_move_is_not_in_the_table(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("open", "active -> review")
    files = forger.with_journal("open", commit, lambda entries: entries[-1].update(event="unblock"))
    return Rule.LEGAL_MOVE, forger.again(commit, files)


@forgery
def a_move_begins_where_the_item_was_not(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("free", "active -> review")
    files = forger.with_journal("free", commit, lambda entries: entries[-1].update({"from": "rework"}))
    return Rule.JOURNAL, forger.again(commit, files, lambda text: text.replace("Move: active", "Move: rework"))


@forgery
def a_run_has_the_number_of_an_earlier_one(forger: Forger) -> tuple[Rule, str]:
    commit = forger.commit_of("flaky", "inbox -> active")
    files = forger.with_journal("flaky", commit, lambda entries: entries[-1].update(run=1))
    return Rule.JOURNAL, forger.again(commit, files, lambda text: text.replace("Run: 2", "Run: 1"))


def test_every_rule_is_explained_in_the_docs_in_the_same_words(forger: Forger) -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*?) \|$", (ROOT.parent / "docs/audit.md").read_text(), re.MULTILINE)
    assert rows == [(str(rule), EXPLAINED[rule]) for rule in Rule]
    for rule in Rule:
        assert forger.world.command("audit", "--explain", str(rule)).strip() == EXPLAINED[rule]


def test_a_clone_that_lacks_what_files_hold_is_refused_like_a_shallow_one(world: World, tmp_path: Path) -> None:
    world.git("config", "uploadpack.allowFilter", "true")
    world.git("clone", "-q", "--filter=blob:none", world.root.as_uri(), str(tmp_path / "partial"))
    said = World(tmp_path / "partial").command("audit", status=3)
    assert "git clone it without --filter" in said


def _as_checkout_leaves_it(world: World, place: Path) -> World:
    """A pull request into main as CI checks it out: its merge, detached, and no branch of this clone's own."""
    base = world.git("rev-parse", "main")
    world.git("switch", "-q", "-c", "request")
    path = world.git("ls-files", "artifacts/**/journal.jsonl").split("\n")[0]
    world.write(path, world.read(path).replace("ann@example.org", "eve@example.org"))
    world.commit("Tidy up")
    world.git("switch", "-q", "--detach", "main")
    world.git("merge", "-q", "--no-ff", "-m", "Merge request into main", "request")
    world.git("update-ref", "refs/pull/1/merge", "HEAD")
    world.git("switch", "-q", "main")
    assert world.git("rev-parse", "main") == base
    clone = World(place)
    place.mkdir()
    clone.git("init", "-q")
    clone.git("remote", "add", "origin", str(world.root))
    clone.git("fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/pull/1/merge:refs/pull/1/merge")
    clone.git("checkout", "-q", "--detach", "refs/pull/1/merge")
    return clone


@pytest.mark.parametrize("with_branch", [False, True])
def test_a_pull_request_that_edits_a_journal_is_found(world: World, tmp_path: Path, with_branch: bool) -> None:
    world.item("one")
    world.tick()
    clone = _as_checkout_leaves_it(world, tmp_path / "clone")
    if with_branch:
        clone.git("branch", "-q", "main", "origin/main")
    said = clone.command("audit", "--since", "origin/main", "--until", "HEAD", status=1)
    assert "append-only" in said
    assert re.search(r"^HEAD: \d+ commits", said, re.M)
    told = json.loads(clone.command("audit", "--until", "HEAD", "--json", status=1))
    assert (told["branch"], told["head"]) == (None, clone.git("rev-parse", "HEAD"))
    # and what it is to be merged into is as it was
    clone.command("audit", "--until", "origin/main", status=0)
    assert "there is no commit 'nowhere'" in clone.command("audit", "--until", "nowhere", status=2)
