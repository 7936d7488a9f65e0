"""The gate: evidence and verdicts in, one event out."""

from dataclasses import replace
from itertools import permutations

import pytest

from factory.model.contract import Contract
from factory.model.evidence import Evidence, Ran
from factory.model.gate import Vote, conclude, decide, guarded, seats_needed, touches, unanswered
from factory.model.item import Item, Validator
from factory.model.lifecycle import Event
from factory.model.policy import Policy
from factory.model.verdict import Decision, Finding, Verdict

CHECKS = {"name": "tests", "kind": "checks"}
ANN = {"name": "ann", "kind": "human"}
BOB = {"name": "bob", "kind": "human"}
SUBJECT = "sha256:" + "0" * 64


def contract(*seats: dict[str, str], quorum: str | int = "all") -> Contract:
    return Contract.model_validate_json(
        Contract.model_validate(
            {"purpose": "p", "worker": {"run": ("true",)}, "review": {"seats": seats, "quorum": quorum}}, strict=False
        ).model_dump_json()
    )


def evidence(*, passed: bool = True, conflicts: tuple[str, ...] = ()) -> Evidence:
    ran = Ran(name="unit", run=("pytest",), exit_code=0 if passed else 1, seconds=1.0, tail="1 failed")
    return Evidence(base="b", proposal="p", target="t", tree="x", ran=(ran,), conflicts=conflicts)


def read_vote(seat: str, decision: str, notes: str | None = None, *findings: Finding) -> Vote:
    verdict = Verdict(subject=SUBJECT, decision=Decision(decision), notes=notes, findings=findings)
    return Vote(seat, verdict, f"{seat} <{seat}@example.org>", f"queue/review/x.{seat}.verdict.yaml")


TABLE: list[tuple[str, list[dict[str, str]], str | int, dict[str, str], Event | None]] = [
    ("checks alone are enough when they are the only seat", [CHECKS], "all", {}, Event.FINISH),
    ("a human seat is waited for", [CHECKS, ANN], "all", {}, None),
    ("the human approves", [CHECKS, ANN], "all", {"ann": "approve"}, Event.FINISH),
    ("a human alone is waited for", [ANN], "all", {}, None),
    ("all means both", [ANN, BOB], "all", {"ann": "approve"}, None),
    ("both approve", [ANN, BOB], "all", {"ann": "approve", "bob": "approve"}, Event.FINISH),
    ("one of two is enough for a quorum of 1", [ANN, BOB], 1, {"bob": "approve"}, Event.FINISH),
    ("nobody is not enough for a quorum of 1", [ANN, BOB], 1, {}, None),
    ("checks count towards a quorum", [CHECKS, ANN, BOB], 2, {"ann": "approve"}, Event.FINISH),
    ("two of three are missing one", [CHECKS, ANN, BOB], 3, {"ann": "approve"}, None),
    ("one rework sends it back", [CHECKS, ANN, BOB], "all", {"ann": "rework"}, Event.REWORK),
    ("rework beats approve", [ANN, BOB], "all", {"ann": "approve", "bob": "rework"}, Event.REWORK),
    ("rework beats a quorum that is met", [ANN, BOB], 1, {"ann": "approve", "bob": "rework"}, Event.REWORK),
    ("reject beats approve", [ANN, BOB], "all", {"ann": "approve", "bob": "reject"}, Event.REJECT),
    ("reject beats a quorum that is met", [ANN, BOB], 1, {"ann": "approve", "bob": "reject"}, Event.REJECT),
    ("reject beats rework", [ANN, BOB], "all", {"ann": "rework", "bob": "reject"}, Event.REJECT),
    ("reject beats escalate", [ANN, BOB], "all", {"ann": "escalate", "bob": "reject"}, Event.REJECT),
    ("escalate blocks", [ANN], "all", {"ann": "escalate"}, Event.BLOCK),
    ("escalate beats rework", [ANN, BOB], "all", {"ann": "escalate", "bob": "rework"}, Event.BLOCK),
    ("escalate beats approve", [ANN, BOB], 1, {"ann": "escalate", "bob": "approve"}, Event.BLOCK),
]


@pytest.mark.parametrize(("what", "seats", "quorum", "said", "event"), TABLE, ids=[row[0] for row in TABLE])
def test_what_follows_from_the_verdicts(
    what: str, seats: list[dict[str, str]], quorum: str | int, said: dict[str, str], event: Event | None
) -> None:
    judged = contract(*seats, quorum=quorum)
    for votes in permutations(read_vote(seat, decision) for seat, decision in said.items()):
        ruling = decide(judged, judged.review.seats, evidence(), votes)
        assert ruling.event is event, what
        # the same question has the same answer
        assert decide(judged, judged.review.seats, evidence(), votes) == ruling


@pytest.mark.parametrize("said", [{}, {"ann": "approve"}, {"ann": "reject"}, {"ann": "rework"}])
def test_failed_checks_send_back_whatever_people_say(said: dict[str, str]) -> None:
    judged = contract(CHECKS, ANN)
    votes = tuple(read_vote(seat, decision) for seat, decision in said.items())
    ruling = decide(judged, judged.review.seats, evidence(passed=False), votes)
    assert ruling.event is Event.REWORK
    assert ruling.reason == "failed: unit"
    assert "exit status 1" in ruling.findings[0].text
    assert "1 failed" in ruling.findings[0].text


def test_failed_checks_send_back_even_where_no_seat_is_of_kind_checks() -> None:
    judged = contract(ANN)
    assert (
        decide(judged, judged.review.seats, evidence(passed=False), (read_vote("ann", "approve"),)).event
        is Event.REWORK
    )


def test_a_conflict_sends_back_with_the_paths() -> None:
    judged = contract(CHECKS)
    ruling = decide(judged, judged.review.seats, evidence(conflicts=("a.py",)), ())
    assert (ruling.event, ruling.reason) == (Event.REWORK, "conflicts in a.py")
    assert ruling.findings[0].path == "a.py"


def test_the_ruling_names_who_approved_and_who_is_waited_for() -> None:
    judged = contract(CHECKS, ANN, BOB)
    ruling = decide(judged, judged.review.seats, evidence(), (read_vote("ann", "approve"),))
    assert ruling.reason == "waits for the verdict of bob"
    ruling = decide(judged, judged.review.seats, evidence(), (read_vote("ann", "approve"), read_vote("bob", "approve")))
    assert ruling.reason == "approved by ann <ann@example.org> (ann), bob <bob@example.org> (bob)"
    assert [(verdict.seat, verdict.decision) for verdict in ruling.verdicts] == [("ann", "approve"), ("bob", "approve")]


def test_notes_and_findings_of_a_rework_become_the_workers_findings() -> None:
    judged = contract(CHECKS, ANN, BOB)
    said = (
        read_vote("ann", "rework", "look again\n", Finding(id="F1", text="off by one")),
        read_vote("bob", "rework", "and again"),
    )
    ruling = decide(judged, judged.review.seats, evidence(), said)
    assert [finding.text for finding in ruling.findings] == ["off by one", "look again", "and again"]
    assert len({finding.id for finding in ruling.findings}) == 3


@pytest.mark.parametrize(
    ("path", "protected"),
    [
        ("contracts/a.yaml", True),
        ("contracts/prompts/a.md", True),
        ("WORKFLOW.md", True),
        (".github/workflows/ci.yml", True),
        ("src/contracts/a.yaml", False),
        ("docs/WORKFLOW.md", False),
        ("contracts.py", False),
    ],
)
def test_a_protected_path_forces_a_human_seat(path: str, protected: bool) -> None:
    patterns = ("contracts/**", "WORKFLOW.md", ".github/**")
    judged = contract(CHECKS, quorum=1)
    needs_person = touches(("other.txt", path), patterns)
    assert needs_person is protected
    seats = seats_needed(judged, ("other.txt", path), patterns)
    assert [seat.name for seat in seats] == (["tests", "human"] if protected else ["tests"])
    # and no quorum gets round it
    ruling = decide(judged, seats, evidence(), (), touches((path,), patterns))
    assert ruling.event is (None if protected else Event.FINISH)
    approved = (read_vote("human", "approve"),)
    assert decide(judged, seats, evidence(), approved, touches((path,), patterns)).event is Event.FINISH


def test_a_contract_that_has_a_human_seat_gets_no_second_one() -> None:
    judged = contract(CHECKS, ANN)
    assert seats_needed(judged, ("WORKFLOW.md",), ("WORKFLOW.md",)) == judged.review.seats


def test_a_quorum_cannot_be_met_without_a_human_when_a_protected_file_is_changed() -> None:
    # given a quorum of one out of checks and two people
    judged = contract(CHECKS, ANN, BOB, quorum=1)
    seats = seats_needed(judged, ("WORKFLOW.md",), ("WORKFLOW.md",))
    # then the checks alone carry nothing protected through
    assert decide(judged, seats, evidence(), (), needs_person=True).event is None
    assert decide(judged, seats, evidence(), (read_vote("ann", "approve"),), needs_person=True).event is Event.FINISH


def test_only_criteria_without_a_check_are_unanswered() -> None:
    item = Item.model_validate_json(
        '{"title": "t", "acceptance": [{"id": "A1", "text": "x", "check": ["true"]}, {"id": "A2", "text": "y"}]}'
    )
    assert unanswered(item) == ("A2",)


CRITIC = {"name": "critic", "kind": "command"}
CRITIC_SEAT: dict[str, object] = {**CRITIC, "run": ("true",)}


def machine_judged(quorum: str | int = "all", *more: dict[str, object]) -> Contract:
    review = {"seats": (CRITIC_SEAT, *more), "quorum": quorum}
    return Contract.model_validate({"purpose": "p", "worker": {"run": ("true",)}, "review": review}, strict=False)


def test_a_machines_verdict_that_does_not_count_blocks_since_nobody_would_bring_it() -> None:
    judged = machine_judged()
    ruling = decide(judged, judged.review.seats, evidence(), (), lost={"critic": "there is none"})
    assert ruling.event is Event.BLOCK
    assert ruling.reason == "the verdict of critic does not count: there is none"


def test_a_verdict_that_was_lost_is_not_missed_where_the_quorum_is_met_or_somebody_said_no() -> None:
    judged = machine_judged(1, {"name": "ann", "kind": "human"})
    lost = {"critic": "there is none"}
    assert (
        decide(judged, judged.review.seats, evidence(), (read_vote("ann", "approve"),), lost=lost).event is Event.FINISH
    )
    assert (
        decide(judged, judged.review.seats, evidence(), (read_vote("ann", "reject"),), lost=lost).event is Event.REJECT
    )


def test_one_person_in_two_seats_counts_once() -> None:
    judged = contract(ANN, BOB)
    both = tuple(replace(read_vote(seat, "approve"), person="ann@example.org") for seat in ("ann", "bob"))
    ruling = decide(judged, judged.review.seats, evidence(), both)
    assert ruling.event is None
    assert ruling.reason == (
        "waits for the verdict of bob; bob needs somebody else: bob <bob@example.org> gave the verdict of ann"
    )
    two = (both[0], replace(both[1], person="bob@example.org"))
    assert decide(judged, judged.review.seats, evidence(), two).event is Event.FINISH
    # machines are nobody twice
    machines = tuple(replace(each, person="") for each in both)
    assert decide(judged, judged.review.seats, evidence(), machines).event is Event.FINISH


def test_what_a_seat_says_is_put_right_is_kept_when_it_is_sent_back() -> None:
    judged = contract(ANN, BOB)
    closing = read_vote("ann", "approve")
    closing = replace(closing, verdict=closing.verdict.model_copy(update={"closes": ("ann-F1-1",)}))
    ruling = decide(judged, judged.review.seats, evidence(), (closing, read_vote("bob", "rework")))
    assert (ruling.event, ruling.closes) == (Event.REWORK, ("ann-F1-1",))


@pytest.mark.parametrize(
    ("canary", "silent", "patterns"),
    [
        ("report", (), ("contracts/**", "tests/test_it.py")),
        ("report", ("unit",), ("contracts/**", "tests/test_it.py")),
        ("person", (), ("contracts/**", "tests/test_it.py")),
        ("person", ("unit",), ("**",)),
    ],
)
def test_what_a_person_must_see_is_what_is_protected_and_what_judges_and_all_of_it_where_checks_prove_nothing(
    canary: str, silent: tuple[str, ...], patterns: tuple[str, ...]
) -> None:
    policy = Policy.model_validate({"branch": "main", "protected": ("contracts/**",), "canary": canary})
    judged = evidence().model_copy(update={"silent": silent, "instruments": {"tests/test_it.py": "unit runs it"}})
    found = guarded(policy, judged)
    assert found == patterns if patterns == ("**",) else set(patterns) <= set(found)
    assert touches(("src/any.py",), found) == (patterns == ("**",))


def test_a_validator_that_is_at_its_end_says_where_what_it_found_is_told() -> None:
    def said(validator: Validator, *votes: Vote, passed: bool = True) -> str:
        names = [CHECKS, *({"name": vote.seat, "kind": "human"} for vote in votes)]
        decided = conclude(validator, contract(*names).review.seats, evidence(passed=passed), votes)
        assert decided.event is Event.FINISH
        return decided.reason

    assert said(Validator.SCRUTINY) == "nothing was found"
    assert said(Validator.SCRUTINY, read_vote("ann", "rework")) == "found by ann"
    assert said(Validator.SCRUTINY, passed=False) == "found: unit failed"
    assert said(Validator.TESTING) == "its report says what was found"  # a failed assertion may be among that
