"""The audit's gallery: what merges, rewrites and substitutions hide, each found with its rule and its commit."""

import re
from pathlib import Path

import pytest

from factory.line.writer import Move
from factory.model.events import Blocked, SentBack
from factory.model.failure import FailureClass
from factory.report.audit.rules import Rule
from factory.store.repository.objects import Person
from tests.forger import BOB, Forger, Forgery, Gallery, assert_found_out
from tests.world import World

forgery = Gallery()


@pytest.mark.parametrize("made", forgery, ids=lambda made: made.__name__)
def test_a_falsified_history_is_found_out(forger: Forger, made: Forgery) -> None:
    assert_found_out(forger, made)


# Merges


@forgery
def an_old_state_merged_over_the_present_one(forger: Forger) -> tuple[Rule, str]:
    head = forger.head
    forger.cut(forger.commit_of("again", "active -> review", 0))
    return Rule.LOST, forger.put({}, "Merge main", merged=(head,))


@forgery
def an_old_state_with_a_commit_merged_over_the_present_one(forger: Forger) -> tuple[Rule, str]:
    head = forger.head
    forger.cut(forger.commit_of("again", "active -> review", 0))
    forger.put({"notes.md": b"mine\n"})
    return Rule.LOST, forger.put({}, "Merge main", merged=(head,))


@forgery
def the_present_state_merged_with_an_old_one_that_wins(forger: Forger) -> tuple[Rule, str]:
    head = forger.head
    forger.cut(forger.commit_of("again", "active -> review", 0))
    old = forger.put({"notes.md": b"mine\n"})
    forger.cut(head)
    return Rule.LOST, forger.put({}, "Merge my branch", tree=old, merged=(old,))


@forgery
def a_merge_that_drops_a_new_item(forger: Forger) -> tuple[Rule, str]:
    head = forger.head
    on_main = forger.put({"queue/inbox/new.yaml": b"title: new\n"})
    forger.cut(head)
    forger.put({"notes.md": b"mine\n"})
    return Rule.LOST, forger.put({}, "Merge main", merged=(on_main,))


@forgery
def a_merge_that_drops_one_run(forger: Forger) -> tuple[Rule, str]:
    head = forger.head
    dropped = forger.commit_of("open", "active -> review")
    forger.cut_before(dropped)
    forger.put({"notes.md": b"mine\n"})
    run = {path: None for path in forger.paths(rev=head) if "/open/run-1/" in path}
    return Rule.ARTIFACTS, forger.put({"notes.md": b"mine\n", **run}, "Merge main", tree=head, merged=(head,))


# Substitutions


def merged_by_bob(forger: Forger, by: Person = BOB) -> str:
    proposal = str(forger.journal("open")[-1]["proposal"])
    return forger.put({"open.txt": b"open\n"}, "Merge open", by, merged=(proposal,))


@forgery
def a_mailmap_hides_whose_a_merged_proposal_is(forger: Forger) -> tuple[Rule, str]:
    forger.put({".mailmap": b"Bob <bob@example.org> <open@workers.factory.invalid>\n"})
    forger.git("config", "mailmap.blob", "main:.mailmap")
    forger.git("config", "log.mailmap", "true")
    return Rule.UNAPPROVED, merged_by_bob(forger)


@forgery
def a_replacement_hides_a_merge(forger: Forger) -> tuple[Rule, str]:
    honest = forger.head
    merge = merged_by_bob(forger)
    forger.git("replace", merge, honest)
    return Rule.UNAPPROVED, merge


@forgery
def a_graft_hides_a_parent(forger: Forger) -> tuple[Rule, str]:
    honest = forger.head
    merge = merged_by_bob(forger)
    (forger.root / "info").mkdir(exist_ok=True)
    (forger.root / "info/grafts").write_text(f"{merge} {honest}\n")
    return Rule.UNAPPROVED, merge


@forgery
def an_attribute_hides_what_a_swapped_proposal_changes(forger: Forger) -> tuple[Rule, str]:
    (forger.root / "info").mkdir(exist_ok=True)
    (forger.root / "info/attributes").write_text("* -diff\n")
    forger.verdict("open")
    return Rule.MERGED, forger.finish("open", forger.merge("open", {"open.txt": b"shut\n"}))


# Trailers

SPELLINGS = {
    "in small letters": "factory-item: open\nfactory-move: review -> done",
    "in capitals": "FACTORY-MOVE: review -> done",
    "with a space": "Factory-Move : review -> done",
    "without one": "Factory-Move:review -> done",
    "with the ends of lines of elsewhere": "Factory-Item: open\r\nFactory-Move: review -> done\r",
    "before others": "Factory-Move: review -> done\n\nSigned-off-by: Ann <ann@example.org>",
    "among words": "This is what I did.\nFactory-Move: review -> done\nAnd that is all.",
    "after a line of spaces": "   \nFactory-Move: review -> done",
}


@pytest.mark.parametrize("spelt", SPELLINGS.values(), ids=SPELLINGS)
def test_a_forged_trailer_is_found_however_it_is_spelt(forger: Forger, spelt: str) -> None:
    assert_found_out(forger, lambda forger: (Rule.FORGED, forger.put({"notes.md": b"mine\n"}, f"Notes\n\n{spelt}\n")))


@forgery
def a_forged_trailer_on_a_commit_beside_the_line(forger: Forger) -> tuple[Rule, str]:
    head = forger.head
    beside = forger.put({"notes.md": b"mine\n"}, "Notes\n\nFactory-Item: open\nFactory-Move: review -> done\n")
    forger.cut(head)
    forger.put({"notes.md": b"mine\n"}, "Merge my notes", merged=(beside,))
    return Rule.FORGED, beside


# What nobody asked for


@forgery
def a_rework_that_nobody_asked_for(forger: Forger) -> tuple[Rule, str]:
    return Rule.REASON, forger.move("open", Move(SentBack(reason="not good enough")))


@forgery
def a_rework_that_an_approval_speaks_against(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    return Rule.REASON, forger.move("open", Move(SentBack(reason="not good enough")))


@forgery
def a_review_given_to_a_person_without_a_reason(forger: Forger) -> tuple[Rule, str]:
    return Rule.REASON, forger.move("open", Move(Blocked(reason="escalated by Bob")))


@forgery
def a_waiting_item_given_to_a_person_without_a_reason(forger: Forger) -> tuple[Rule, str]:
    return Rule.REASON, forger.move("waiting", Move(Blocked(reason="not now")))


@forgery
def a_waiting_item_whose_budget_is_not_used_up(forger: Forger) -> tuple[Rule, str]:
    payload = Blocked(reason="its budget is used up", failure=FailureClass.BUDGET)
    return Rule.REASON, forger.move("waiting", Move(payload))


@forgery
def a_waiting_item_whose_contract_needs_no_credential(forger: Forger) -> tuple[Rule, str]:
    payload = Blocked(reason="the credential is missing", failure=FailureClass.AUTH)
    return Rule.REASON, forger.move("waiting", Move(payload))


@forgery
def a_run_that_failed_without_a_trace(forger: Forger) -> tuple[Rule, str]:
    forger.cut(forger.commit_of("checked", "inbox -> active"))
    payload = Blocked(reason="the worker refused", failure=FailureClass.REFUSAL)
    return Rule.REASON, forger.move("checked", Move(payload))


@forgery
def a_run_sent_back_without_a_trace(forger: Forger) -> tuple[Rule, str]:
    forger.cut(forger.commit_of("checked", "inbox -> active"))
    payload = SentBack(reason="nothing was changed", failure=FailureClass.EMPTY)
    return Rule.REASON, forger.move("checked", Move(payload))


# Items and finishes


@forgery
def an_item_brought_back_with_another_text(forger: Forger) -> tuple[Rule, str]:
    text = forger.read("queue/review/open.yaml")
    forger.put({"queue/review/open.yaml": None})
    other = {"queue/blocked/open.yaml": text.replace(b"do open", b"do nothing")}
    return Rule.PURE_RENAME, forger.put(other, "factory: bring back open, which a commit deleted", forger.me)


@forgery
def a_finished_item_that_says_something_else(forger: Forger) -> tuple[Rule, str]:
    path = forger.path("approved.yaml")
    return Rule.PURE_RENAME, forger.put({path: forger.read(path).replace(b"do approved", b"do more")})


@forgery
def a_finished_item_that_says_something_else_on_its_way_back(forger: Forger) -> tuple[Rule, str]:
    path = forger.path("approved.yaml")
    text = forger.read(path)
    forger.put({path: None, "queue/inbox/approved.yaml": text})
    return Rule.PURE_RENAME, forger.put({path: text + b"# better\n", "queue/inbox/approved.yaml": None})


@forgery
def a_finished_item_laid_under_another_day(forger: Forger) -> tuple[Rule, str]:
    path = forger.path("approved.yaml")
    return Rule.PURE_RENAME, forger.put({path: None, "queue/done/2020-01-01/approved.yaml": forger.read(path)})


@forgery
def an_approved_change_that_is_not_brought_in(forger: Forger) -> tuple[Rule, str]:
    forger.verdict("open")
    return Rule.MERGED, forger.finish("open")


# Dates


def dated(forger: Forger, item_id: str, year: int) -> str:
    commit = forger.commit_of(item_id, "active -> review")
    at = f"{year}-12-31T12:00:00Z"
    files = forger.with_journal(item_id, commit, lambda entries: entries[-1].update(at=at))
    text = forger.git("log", "-1", "--format=%B", commit)
    forger.cut_before(commit)
    return forger.put(files, text, forger.me, tree=commit, at=at)


@forgery
def a_move_dated_in_another_century(forger: Forger) -> tuple[Rule, str]:
    return Rule.DATES, dated(forger, "flaky", 1999)


@forgery
def a_move_dated_in_a_time_to_come(forger: Forger) -> tuple[Rule, str]:
    return Rule.DATES, dated(forger, "flaky", 2098)


@forgery
def a_commit_of_no_possible_time(forger: Forger) -> tuple[Rule, str]:
    who = "Ann <ann@example.org> 99999999999999999999 +0000"
    text = (
        f"tree {forger.git('rev-parse', 'main^{tree}')}\nparent {forger.head}\nauthor {who}\ncommitter {who}\n\nOld\n"
    )
    commit = forger.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=text.encode())
    forger.cut(commit)
    return Rule.DATES, commit


# What a person makes anew, with the advice that undoes it


def undone(world: World, rule: str) -> None:
    """The audit finds what was done, and what it advises brings everything back."""
    said = world.command("audit", status=1)
    commands = re.findall(r"(git (?:reset|rebase) [^;\n]*?) undoes it", said)
    assert rule in said and len(commands) == 1, said
    world.git(*commands[0].split()[1:])
    assert "every commit keeps the rules" in world.command("audit")


def delivered(world: World) -> None:
    world.item("one", contract="reviewed")
    world.commit("An item")
    world.tick(drain=True)
    world.write("mine.txt", "mine\n")
    world.git("add", "mine.txt")


@pytest.fixture
def worked(tmp_path: Path) -> World:
    """A factory that has just delivered something for review."""
    return World.after(delivered, tmp_path / "repo")


@pytest.mark.parametrize("how", [["--no-edit"], ["-m", "Mine"], ["--no-edit", "--reset-author"]], ids=" ".join)
def test_amending_a_commit_of_the_factory_is_found_with_what_undoes_it(worked: World, how: list[str]) -> None:
    worked.git("commit", "-q", "--amend", *how)
    undone(worked, "forged" if "-m" not in how else "trailers")
    assert worked.status() == "A  mine.txt"


def test_amending_a_commit_of_the_factory_without_a_change_is_found_with_what_undoes_it(worked: World) -> None:
    worked.git("commit", "-q", "-m", "Mine")
    worked.git("reset", "-q", "--hard", "HEAD~1")
    worked.git("commit", "-q", "--amend", "--no-edit")
    undone(worked, "forged")


@pytest.mark.parametrize("back", [1, 2])
def test_committing_moves_of_the_factory_as_ones_own_is_found_with_what_undoes_it(worked: World, back: int) -> None:
    worked.git("reset", "-q", "--soft", f"HEAD~{back}")
    worked.git("commit", "-q", "-m", "Mine")
    undone(worked, "append-only")
    assert worked.status() == "A  mine.txt"


def test_what_was_amended_below_other_commits_is_undone_by_a_rebase(worked: World) -> None:
    worked.git("commit", "-q", "--amend", "--no-edit")
    worked.write("more.txt", "more\n")
    worked.commit("More")
    undone(worked, "forged")
    assert worked.read("more.txt") == "more\n"


def test_a_target_that_a_clone_has_only_as_its_remotes_is_looked_at(world: World, tmp_path: Path) -> None:
    world.git("branch", "release")
    world.policy("target: release\n")
    world.item("one")
    world.commit("An item")
    world.tick(drain=True)
    world.git("clone", "-q", str(world.root), str(tmp_path / "clone"))
    clone = World(tmp_path / "clone")
    assert "every commit keeps the rules" in clone.command("audit")
    # when somebody brings in what no finish names
    world.git("switch", "-q", "release")
    text = "Merge two\n\nFactory-Item: two\nFactory-Subject: sha256:0\n"
    world.git("commit", "-q", "--allow-empty", "-m", text)
    clone.git("fetch", "-q")
    assert "unapproved" in clone.command("audit", status=1)
    # and a clone without the branch cannot say that all is well
    clone.git("update-ref", "-d", "refs/remotes/origin/release")
    assert "git fetch origin release:refs/remotes/origin/release" in clone.command("audit", status=3)
