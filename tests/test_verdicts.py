"""Verdicts: believed when they hold, refused with line and reason when they do not."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.model.lifecycle import Outcome
from tests.world import World

VERDICT = "queue/review/one.human.verdict.yaml"
ASKED = "acceptance: [{id: A1, text: it reads well}, {id: A2, text: it is short}]\n"


def delivered(world: World) -> None:
    world.item("one", contract="reviewed", text=ASKED)
    world.tick()


@pytest.fixture
def judged(tmp_path: Path) -> World:
    """A world in which the item `one`, with two criteria that only a person can answer, waits for a verdict."""
    return World.after(delivered, tmp_path / "repo")


def edit(world: World, *changes: tuple[str, str]) -> None:
    text = world.read(VERDICT)
    for old, new in changes:
        assert re.search(old, text), f"{old} is not in {text}"
        text = re.sub(old, lambda _, new=new: new, text, count=1)  # type: ignore[misc]
    world.write(VERDICT, text)


APPROVE = ("decision: pending", "decision: approve")
REWORK = ("decision: pending", "decision: rework")
PASSED = ("A1: unread, A2: unread", "A1: pass, A2: pass")


def test_a_verdict_file_says_enough_to_decide(judged: World) -> None:
    text = judged.read(VERDICT)
    assert "# Round 1 of one: do one" in text
    assert "artifacts/one/run-1/" in text
    assert "# Changed: one.txt" in text
    assert "# A1: it reads well" in text
    assert re.search(r"^subject: sha256:[0-9a-f]{64} ", text, re.M)
    assert re.search(r"^decision: pending +# approve \| rework \| reject \| escalate$", text, re.M)
    assert "acceptance: {A1: unread, A2: unread}" in text


REFUSED: list[tuple[str, list[tuple[str, str]], str, str]] = [
    ("stale", [APPROVE, PASSED, (r"sha256:[0-9a-f]{8}", "sha256:00000000")], "subject", "stale: it judges"),
    ("given by the worker", [APPROVE, PASSED, (r"reviewer: *", "reviewer: factory-scripted ")], "reviewer", "own work"),
    ("given by the factory", [APPROVE, PASSED, (r"reviewer: *", "reviewer: factory ")], "reviewer", "own work"),
    (
        "given by the factory's identity",
        [APPROVE, PASSED, (r"reviewer: *", "reviewer: Factory <factory@host> ")],
        "reviewer",
        "own work",
    ),
    ("approved with nothing read", [APPROVE], "acceptance", "A1 is 'unread'"),
    ("approved with one unread", [APPROVE, ("A1: unread", "A1: pass")], "acceptance", "A2 is 'unread'"),
    (
        "approved with one failed",
        [APPROVE, ("A1: unread, A2: unread", "A1: pass, A2: fail")],
        "acceptance",
        "A2 is 'fail'",
    ),
    ("approved with the answers deleted", [APPROVE, (r"acceptance: \{.*?\}", "acceptance: {}")], "acceptance", "A1 is"),
    (
        "approved with a criterion that is not there",
        [APPROVE, ("A1: unread, A2: unread", "A1: pass, A2: pass, A9: pass")],
        "acceptance",
        "approved, but the item has no criterion 'A9'",
    ),
    (
        "reworked with a criterion that is not there",
        [REWORK, (r"notes: \|", "notes: again"), ("A2: unread", "a2: fail")],
        "acceptance",
        "the item has no criterion 'a2'",
    ),
    ("rework without a word", [REWORK], "decision", "rework needs a finding or a note"),
    ("unknown decision", [("decision: pending", "decision: approved")], "decision", "decision"),
    ("unknown key", [APPROVE, PASSED, ("notes: ", "nodes: ")], "nodes", "did you mean 'notes'"),
    ("unknown answer", [APPROVE, ("A1: unread", "A1: yes")], "acceptance", "A1"),
    ("no YAML", [APPROVE, (r"acceptance: \{", "acceptance: {{")], "", "is not YAML"),
    ("no subject", [APPROVE, PASSED, (r"subject: .*\n", "")], "", "the key 'subject' is missing"),
]


@pytest.mark.parametrize("committed", [False, True], ids=["saved", "committed"])
@pytest.mark.parametrize(("what", "changes", "key", "said"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_verdict_that_does_not_hold_is_refused_with_line_and_reason(
    judged: World, what: str, changes: list[tuple[str, str]], key: str, said: str, committed: bool
) -> None:
    # given a verdict that somebody wrote
    edit(judged, *changes)
    written = judged.read(VERDICT)
    line = next((n for n, each in enumerate(written.split("\n"), 1) if key and each.startswith(key)), None)
    if committed:
        judged.commit("My verdict")
    # when the factory looks at it
    for output in (judged.command("tick"), judged.command("status")):
        # then both say where and why
        assert "Traceback" not in output
        found = re.search(rf"{re.escape(VERDICT)}:(\d+):(\d+): [^\n]*{re.escape(said)}", output)
        assert found, output
        assert line is None or int(found[1]) == line
    # and the item waits, with the file as it was written
    assert judged.lane("one") == "review"
    assert judged.read(VERDICT) == written
    assert not (judged.root / "one.txt").exists()
    # and it is not believed later either
    head = judged.git("rev-parse", "main")
    judged.tick()
    assert judged.git("rev-parse", "main") == head


@pytest.mark.parametrize(("what", "changes", "key", "said"), REFUSED, ids=[row[0] for row in REFUSED])
def test_check_says_before_a_tick_what_the_tick_would_refuse(
    judged: World, what: str, changes: list[tuple[str, str]], key: str, said: str
) -> None:
    edit(judged, *changes)
    output = judged.command("check", status=1)
    assert re.search(rf"{re.escape(VERDICT)}:\d+:\d+: [^\n]*{re.escape(said)}", output), output


def test_a_refused_verdict_counts_once_it_is_mended(judged: World) -> None:
    edit(judged, APPROVE)
    judged.tick()
    assert judged.lane("one") == "review"
    edit(judged, ("A1: unread, A2: unread", "A1: pass, A2: pass"))
    assert judged.tick().problems == ()
    assert judged.lane("one") == "done"


@pytest.mark.parametrize("written", ["Approve", "APPROVE", '" approve "'])
def test_a_decision_means_the_same_however_it_is_written(judged: World, written: str) -> None:
    edit(judged, ("decision: pending", f"decision: {written}"), ("A1: unread, A2: unread", "A1: Pass, A2: PASS"))
    judged.tick()
    assert judged.last("one").outcome is Outcome.APPLIED


@pytest.mark.parametrize("by", ["saved", "committed", "command"])
def test_the_reviewer_is_who_brought_the_edit(judged: World, by: str) -> None:
    judged.git("config", "user.name", "Bob")
    judged.git("config", "user.email", "bob@example.org")
    if by == "command":
        judged.command("review", "one", "--approve", "--accept", "A1", "--accept", "A2", "-m", "well done")
    else:
        edit(judged, APPROVE, PASSED)
    if by == "committed":
        judged.commit("Approve one")
        judged.git("config", "user.name", "Somebody Else")
    judged.tick()
    last = judged.last("one")
    assert last.outcome is Outcome.APPLIED
    assert [(verdict.seat, verdict.decision, verdict.reviewer) for verdict in last.verdicts] == [
        ("human", "approve", "Bob <bob@example.org>")
    ]


def test_a_saved_verdict_is_committed_as_the_reviewers_own(judged: World) -> None:
    judged.git("config", "user.name", "Bob")
    edit(judged, APPROVE, PASSED)
    judged.tick()
    authors = judged.git("log", "--format=%an|%cn|%s", "--diff-filter=M", "--", VERDICT)
    assert authors == "Bob|factory|factory: take in queue/review/one.human.verdict.yaml"


def test_only_the_named_reviewers_may_decide(world: World) -> None:
    world.policy("reviewers: [Bob <bob@example.org>, carol@example.org]")
    world.item("one", contract="reviewed")
    world.tick()
    world.verdict("one", "approve")
    assert "is not among the reviewers who may give it" in world.command("tick")
    assert world.lane("one") == "review"
    world.git("config", "user.email", "carol@example.org")
    world.git("config", "user.name", "Carol")
    place = world.root / VERDICT
    place.write_text(place.read_text() + "# looked again\n")
    world.tick()
    assert world.lane("one") == "done"


def test_a_reviewers_name_written_into_the_file_does_not_make_its_author_a_reviewer(world: World) -> None:
    # given that only Bob may decide
    world.policy("reviewers: [Bob <bob@example.org>]")
    world.item("one", contract="reviewed")
    world.tick()
    # when Ann writes Bob's name into the file
    edit(world, APPROVE, (r"reviewer: *", "reviewer: Bob <bob@example.org> "))
    said = world.command("tick")
    # then that is not Bob's verdict
    assert world.lane("one") == "review", said
    assert f"{VERDICT}:" in said


@pytest.mark.parametrize("name", ["Bob <bob@example.org> and friends", "Bobby", "x bob@example.org.evil.com"])
def test_a_name_that_only_contains_a_reviewers_is_not_on_the_list(world: World, name: str) -> None:
    world.policy("reviewers: [bob@example.org, Bob]")
    world.item("one", contract="reviewed")
    world.tick()
    edit(world, APPROVE, (r"reviewer: *", f'reviewer: "{name}" '))
    world.tick()
    assert world.lane("one") == "review"


@pytest.mark.parametrize("by", ["saved", "committed"])
def test_the_record_says_who_brought_a_verdict_that_names_another(judged: World, by: str) -> None:
    # given a verdict in which Ann writes that Bob decided
    edit(judged, APPROVE, PASSED, (r"reviewer: *", "reviewer: Bob <bob@example.org> "))
    if by == "committed":
        judged.commit("For Bob")
    judged.tick()
    # then both stand in the record
    [vote] = judged.last("one").verdicts
    assert vote.reviewer == "Bob <bob@example.org> (by Ann <ann@example.org>)"
    assert "Bob <bob@example.org> (by Ann <ann@example.org>)" in str(judged.last("one").reason)


@pytest.mark.parametrize("name", ["Ann", "ann@example.org", "ann <ANN@example.org>"])
def test_a_reviewer_who_writes_their_own_name_is_recorded_as_git_knows_them(judged: World, name: str) -> None:
    edit(judged, APPROVE, PASSED, (r"reviewer: *", f"reviewer: {name} "))
    judged.tick()
    assert [vote.reviewer for vote in judged.last("one").verdicts] == ["Ann <ann@example.org>"]


@pytest.mark.parametrize(("name", "good"), [("Bob", True), ("Bob <b@example.org>", True), ("Eve", False)])
def test_who_is_named_must_be_on_the_list_as_well(world: World, name: str, good: bool) -> None:
    world.policy("reviewers: [ann@example.org, Bob]")
    world.item("one", contract="reviewed")
    world.tick()
    edit(world, APPROVE, (r"reviewer: *", f"reviewer: {name} "))
    said = world.command("tick")
    assert world.lane("one") == ("done" if good else "review")
    assert ("'Eve' is not among the reviewers who may give it" in said) is not good


REFUSED_AT_ONCE: list[tuple[tuple[str, ...], str, str]] = [
    (("--approve",), "A1 is 'unread'", "factory review one --approve --accept A1 --accept A2"),
    (("--approve", "--accept", "A1"), "A2 is 'unread'", "factory review one --approve --accept A1 --accept A2"),
    (("--approve", "--accept", "A1", "--accept", "A2", "--accept", "A9"), "no criterion 'A9'", "factory review one"),
    (("--rework",), "rework needs a finding or a note", "factory review one"),
]


@pytest.mark.parametrize(("arguments", "said", "hint"), REFUSED_AT_ONCE, ids=lambda each: " ".join(each)[:40])
def test_the_command_refuses_at_once_what_the_tick_would_refuse(
    judged: World, arguments: tuple[str, ...], said: str, hint: str
) -> None:
    before = judged.read(VERDICT)
    output = judged.command("review", "one", *arguments, status=2)
    assert said in output
    assert output.rstrip().endswith(f"next: {hint}")
    assert judged.read(VERDICT) == before
    assert judged.status() == ""


def test_the_command_refuses_at_once_who_may_not_decide(world: World) -> None:
    world.policy("reviewers: [Bob]")
    world.item("one", contract="reviewed")
    world.tick()
    assert "is not among the reviewers" in world.command("review", "one", "--approve", status=2)
    assert world.status() == ""


def test_an_approval_that_says_fail_of_what_a_check_passed_is_refused(world: World) -> None:
    world.item("one", contract="reviewed", text="acceptance: [{id: A1, text: it runs, check: ['true']}]\n")
    world.tick()
    edit(world, APPROVE, (r"acceptance: \{\}", "acceptance: {A1: fail}"))
    assert "approved, but A1 is 'fail'; an approval needs 'pass'" in world.command("tick")
    assert world.lane("one") == "review"


@pytest.mark.parametrize("by_whom", ["with the approval", "in a commit of its own"])
def test_what_is_merged_does_not_hang_on_a_file_that_can_be_edited(world: World, by_whom: str) -> None:
    # given an approved proposal, and evidence edited to name the content of something else
    world.item("one", contract="reviewed")
    world.tick()
    world.write("evil.txt", "evil\n")
    world.git("add", "evil.txt")
    evil = world.git("write-tree")
    world.git("rm", "-q", "-f", "evil.txt")
    place = world.root / "artifacts/one/run-1/evidence.json"
    found = json.loads(place.read_text())
    place.write_text(json.dumps({**found, "tree": evil}))
    if by_whom == "in a commit of its own":
        world.commit("Better evidence")
    world.verdict("one", "approve")
    world.commit("Approved")
    # when it is merged
    world.tick(drain=True)
    # then what is merged is the proposal
    assert world.lane("one") == "done"
    assert world.git("ls-tree", "-r", "--name-only", "main", "evil.txt") == ""
    assert world.read("one.txt") == "one\n"


CHANGES: list[tuple[str, Callable[[World], object]]] = [
    ("item", lambda world: append(world, "queue/review/one.yaml", "description: more\n")),
    ("contract", lambda world: append(world, "contracts/reviewed.yaml", "confidence: 0.1\n")),
    ("policy", lambda world: world.policy("protected: [secret/**]")),
]


def append(world: World, path: str, text: str) -> None:
    world.write(path, world.read(path) + text)
    world.commit(f"Change {path}")


@pytest.mark.parametrize(("what", "change"), CHANGES, ids=[row[0] for row in CHANGES])
def test_what_changed_after_delivery_goes_back_with_that_reason(
    judged: World, what: str, change: Callable[[World], object]
) -> None:
    # given an approval of what was delivered
    edit(judged, APPROVE, PASSED)
    # when the item, its contract or the policy is another one by now
    change(judged)
    judged.tick()
    # then the approval does not carry it
    reworked = next(entry for entry in judged.journal("one") if entry.event == "rework")
    assert "what was judged has changed" in str(reworked.reason)
    assert not (judged.root / "one.txt").exists()


def test_what_changed_after_delivery_can_be_approved_once_it_has_been_delivered_anew(judged: World) -> None:
    append(judged, "contracts/reviewed.yaml", "confidence: 0.1\n")
    judged.tick(drain=True)
    assert judged.lane("one") == "review"
    edit(judged, APPROVE, PASSED)
    judged.tick()
    assert judged.lane("one") == "done"


@pytest.mark.parametrize("decision", ["approve", "rework", "reject", "escalate"])
@pytest.mark.parametrize(("what", "change"), CHANGES, ids=[row[0] for row in CHANGES])
def test_a_verdict_on_what_has_changed_since_is_refused_at_once(
    judged: World, what: str, change: Callable[[World], object], decision: str
) -> None:
    change(judged)
    before = judged.read(VERDICT)
    said = judged.command("review", "one", f"--{decision}", "-m", "because", status=2)
    assert "the item, its contract or the policy is another one than at its delivery" in said
    assert "factory cancel one" in said and judged.read(VERDICT) == before


def works_once(world: World) -> None:
    """An item whose worker leaves what it finds as it is, once it has worked on it."""
    ways = "[ $FACTORY_RUN = 1 ] && echo one > one.txt; true"
    seats = [{"name": "tests", "kind": "checks"}, {"name": "human", "kind": "human"}]
    world.contract("once", worker={"run": ["sh", "-c", ways]}, review={"seats": seats})
    world.item("one", contract="once")
    world.tick()


def test_another_purpose_throws_no_work_away(world: World) -> None:
    works_once(world)
    # when the contract has other words, and the item a key that is not what it asks for
    append(world, "queue/review/one.yaml", "priority: 1\n")
    world.write("contracts/once.yaml", world.read("contracts/once.yaml").replace("Do what", "Do all that"))
    world.write("WORKFLOW.md", world.read("WORKFLOW.md") + "{% for each in findings %}{{ each.text }}{% endfor %}\n")
    world.commit("Other words")
    world.tick(drain=True)
    # then its worker begins with what it had proposed, is told so, and that is judged again
    assert world.events("one")[-3:] == ["rework", "start", "deliver"]
    told = world.artifacts("one")["run-2/prompt.md"]
    assert "nothing was wrong with the work: it is judged again; leave it as it is where it still fits" in told
    world.command("review", "one", "--approve")
    world.tick()
    assert world.lane("one") == "done" and world.read("one.txt") == "one\n"
    assert world.command("audit")


def test_who_is_asked_for_something_else_begins_with_the_target(world: World) -> None:
    works_once(world)
    append(world, "queue/review/one.yaml", "description: and more\n")
    world.tick(drain=True)
    told, *_ = (entry.findings for entry in world.journal("one") if entry.event == "rework")
    assert "do what it says now" in told[0].text
    assert "nothing was changed" in str(world.last("one").reason)


def test_what_may_not_be_changed_any_more_is_not_begun_with(world: World) -> None:
    works_once(world)
    contract = json.loads(world.read("contracts/once.yaml"))
    contract["worker"]["frozen"] = ["one.txt"]
    world.write("contracts/once.yaml", json.dumps(contract))
    world.commit("Frozen")
    world.tick()
    said = world.command("tick")
    assert "one: begins anew: one.txt, which run 1 changed, may not be changed any more" in said


@pytest.mark.parametrize(
    "text", ["polling: {interval_ms: 5}", "agent: {max_concurrent_agents: 3}", "limits: {review: 9}"]
)
def test_a_change_of_the_policy_that_governs_no_review_leaves_verdicts_alone(judged: World, text: str) -> None:
    judged.policy(text)
    edit(judged, APPROVE, PASSED)
    judged.tick()
    assert judged.lane("one") == "done"


def test_a_changed_prompt_leaves_verdicts_alone(judged: World) -> None:
    append(judged, "WORKFLOW.md", "and be quick\n")
    edit(judged, APPROVE, PASSED)
    judged.tick()
    assert judged.lane("one") == "done"


def test_a_verdict_on_an_earlier_proposal_is_stale_for_the_next(world: World) -> None:
    # given a worker whose second proposal is another one, and a reviewer who kept the first one's file
    runs = [[{"write": {"path": "one.txt", "text": text}}] for text in ("first\n", "second\n")]
    world.item("one", *runs, contract="reviewed")
    world.tick()
    old = world.read(VERDICT).replace("decision: pending", "decision: approve")
    edit(world, REWORK, (r"notes: \|", "notes: again"))
    world.tick()
    # when that file is put in the new one's place
    world.write(VERDICT, old)
    said = world.command("tick")
    # then it approves nothing
    line = old.split("\nsubject:")[0].count("\n") + 2
    assert f"{VERDICT}:{line}:1: stale: it judges" in said
    assert world.lane("one") == "review"
    assert not (world.root / "one.txt").exists()


def test_two_seats_get_a_file_each_and_both_must_approve(world: World) -> None:
    seats = [{"name": "ann", "kind": "human"}, {"name": "bob", "kind": "human"}]
    world.contract("both", review={"seats": seats})
    world.item("one", contract="both")
    world.tick()
    world.verdict("one", "approve", seat="ann")
    world.tick()
    assert world.lane("one") == "review"
    assert "waits for the verdict of bob" in world.command("status")
    world.git("config", "user.email", "bob@example.org")
    world.verdict("one", "approve", seat="bob")
    world.tick()
    assert world.lane("one") == "done"


def test_a_verdict_that_says_pending_is_not_taken_in(judged: World) -> None:
    edit(judged, (r"notes: \|", "notes: still thinking"))
    assert judged.tick().commits == 0
    assert "still thinking" in judged.read(VERDICT)


def test_a_deleted_verdict_file_can_be_had_again(judged: World) -> None:
    (judged.root / VERDICT).unlink()
    judged.commit("Oops")
    judged.tick()
    edit(judged, APPROVE, PASSED)
    judged.tick()
    assert judged.lane("one") == "done"


def test_a_deleted_verdict_file_is_named_by_all_who_look(judged: World) -> None:
    path = next((judged.root / "queue/review").glob("*.verdict.yaml")).relative_to(judged.root)
    (judged.root / path).unlink()
    for said in (judged.command("tick"), judged.command("status"), judged.command("check", status=1)):
        assert f"{path}:1:1: was deleted; git checkout -- {path} brings it back\n" in said


@pytest.mark.parametrize("decision", ["--approve", "--escalate"])
def test_a_verdict_on_a_text_that_is_about_to_change_is_refused_at_once(world: World, decision: str) -> None:
    # given an item in review, and a word of it that a person has changed since
    world.item("one", contract="reviewed")
    world.tick()
    path = "queue/review/one.yaml"
    before = world.read(path)
    world.write(path, before.replace("title: do one", "title: do something else"))
    # when somebody decides
    said = world.command("review", "one", decision, status=2)
    # then they hear why that would be void, and what to do
    assert f"{path} has an uncommitted edit, and what was judged is the text before it" in said
    assert f"next: factory tick takes the edit in, git checkout -- {path} undoes it" in said
    assert "decision: pending" in world.read("queue/review/one.human.verdict.yaml")
    # and what changes nothing of what is judged is in nobody's way
    world.write(path, before + "# looked at\n")
    world.command("review", "one", "--approve")
    world.tick(drain=True)
    assert world.lane("one") == "done"


def test_a_worker_that_says_nothing_is_not_quoted(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    text = world.read("queue/review/one.human.verdict.yaml")
    assert "# Worker factory-scripted says nothing of its work.\n" in text
    assert "confidence" not in text


def test_the_json_of_status_names_the_refusal(judged: World) -> None:
    edit(judged, APPROVE)
    judged.tick()
    found = json.loads(judged.command("status", "--json"))["problems"]
    assert [(each["path"], each["line"] > 1) for each in found] == [(VERDICT, True)] * 2


TWO = {"seats": [{"name": "first", "kind": "human"}, {"name": "second", "kind": "human"}]}


@pytest.mark.parametrize("quorum", ["all", 2])
@pytest.mark.parametrize("committed", [False, True], ids=["saved", "committed"])
def test_one_person_in_two_seats_counts_once(world: World, quorum: object, committed: bool) -> None:
    # given two seats, and one person who approves in both, once under another name
    world.contract("judged", review={**TWO, "quorum": quorum})
    world.item("one", contract="judged")
    world.tick()
    world.verdict("one", "approve", seat="first")
    if committed:
        world.commit()
    else:
        world.tick()
    world.git("config", "user.name", "Ann Other")
    world.verdict("one", "approve", seat="second")
    if committed:
        world.commit()
    # when the factory counts
    world.tick()
    # then it is not finished, and who looks is told what is missing
    assert world.lane("one") == "review"
    said = world.command("status")
    assert "waits for the verdict of second; second needs somebody else" in said.replace("\n", " ")
    # and goes on once somebody else has judged
    world.git("config", "user.email", "bob@example.org")
    place = world.root / "queue/review/one.second.verdict.yaml"
    place.write_text(place.read_text() + "# Bob, too\n")
    world.tick()
    assert world.lane("one") == "done"
    world.command("audit")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (r"sha256:[0-9a-f]{8}", "sha256:00000000"),
        ("reviewer:.*", "reviewer: factory"),
        ("decision: .*", "decision: maybe"),
    ],
    ids=["of another subject", "in the name of the factory", "unreadable"],
)
def test_a_verdict_that_did_not_count_is_kept_where_the_quorum_was_met_without_it(
    world: World, before: str, after: str
) -> None:
    # given an item that one of two has approved, while what the other wrote does not count
    world.contract("judged", review={**TWO, "quorum": 1})
    world.item("one", contract="judged")
    world.tick()
    place = world.verdict("one", "approve", seat="second")
    refused = re.sub(before, after, place.read_text())
    assert refused != place.read_text()
    place.write_text(refused)
    world.verdict("one", "approve", seat="first")
    world.commit()
    # when it is finished
    world.tick()
    # then its journal names the verdict that counted, the other is there to be read, and nothing is wrong with that
    assert [each.seat for each in world.journal("one")[-1].verdicts] == ["first"]
    assert world.artifacts("one")["run-1/verdict.second.yaml"] == refused.rstrip("\n")
    world.command("audit")


def test_a_no_of_one_person_counts_in_whatever_seat(world: World) -> None:
    world.contract("judged", review={**TWO, "quorum": 1})
    world.item("one", contract="judged")
    world.tick()
    place = world.root / "queue/review/one.second.verdict.yaml"
    place.write_text(place.read_text().replace("decision: pending", "decision: reject"))
    world.verdict("one", "approve", seat="first")
    world.tick()
    assert world.journal("one")[-1].outcome is Outcome.REJECTED


@pytest.mark.parametrize("entry", ["bob@example.org", "Bob <BOB@example.org>"])
def test_an_address_among_the_reviewers_is_nobodys_display_name(world: World, entry: str) -> None:
    world.policy(f"reviewers: ['{entry}']")
    world.item("one", contract="reviewed")
    world.tick()
    world.verdict("one", "approve")
    for name in ("bob@example.org", "Bob", "Bob <bob@example.org>", "bob@example.org <ann@example.org>"):
        world.git("config", "user.name", name)
        assert "is not among the reviewers" in world.command("tick")
        assert world.lane("one") == "review"
    # and whoever has the address may be called anything
    world.git("config", "user.name", "Robert")
    world.git("config", "user.email", "bob@example.org")
    world.tick()
    assert world.lane("one") == "done"


def _in_a_container(monkeypatch: pytest.MonkeyPatch, world: World, told: str) -> None:
    """No configuration says who works here, and the environment does, in one of git's ways."""
    if told == "global":
        place = world.write("../elsewhere.gitconfig", "[user]\n\tname = Eve\n\temail = eve@example.org\n").resolve()
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(place))
        return
    monkeypatch.setenv("HOME", str(world.root.parent))
    world.git("config", "user.useConfigOnly", "true")
    monkeypatch.setenv(f"GIT_{told}_NAME", "Eve")
    monkeypatch.setenv(f"GIT_{told}_EMAIL", "eve@example.org")


@pytest.mark.parametrize("told", ["AUTHOR", "COMMITTER", "global"])
def test_a_verdict_is_theirs_whom_gits_variables_name(world: World, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    _in_a_container(monkeypatch, world, told)
    # what else is in git's environment stays without effect
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    world.command("review", "one", "--approve", "-m", "fine")
    world.command("tick")
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert "Eve <eve@example.org>" in str(world.last("one").reason)
    assert "Eve <eve@example.org>" in world.git("log", "--format=%an <%ae>", "main")
    assert "factory <factory@" in world.git("log", "-1", "--format=%cn <%ce>", "main")
    world.command("audit", status=0)
