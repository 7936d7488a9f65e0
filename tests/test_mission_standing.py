"""Where a mission stands, and what follows: pure, step by step."""

import json
from datetime import UTC, datetime

from factory.model.contract import Contract
from factory.model.lifecycle import Outcome
from factory.model.mission.assertions import Assertion, AssertionState, Judge, Judgement
from factory.model.mission.plan import Feature, Milestone, Plan
from factory.model.mission.record import Advance, Filed, FiledAs, Issue, MissionRecord
from factory.model.mission.standing import Standing
from factory.model.mission.steps import AnswerIssues, Ask, Close, FileFeatures, FileValidators, Steer, Wait
from factory.model.roles import Role

CHECKED = Assertion(id="VAL-1", text="t", check=("true",))
TRIED = Assertion(id="VAL-2", text="t", by=Judge.USER_TESTING, paths=("a/**",), area="cart")
PLAN = Plan(
    goal="g",
    milestones=(
        Milestone(id="m1", title="t", features=(Feature(id="a", title="t", fulfills=("VAL-1", "VAL-2")),)),
        Milestone(id="m2", title="t", features=(Feature(id="b", title="t", infrastructure=True),)),
    ),
)
AT = datetime(2026, 11, 21, 10, tzinfo=UTC)


def standing(record: MissionRecord, *, stale: frozenset[str] = frozenset(), steered: bool = False) -> Standing:
    return Standing("shop", PLAN, (CHECKED, TRIED), record, stale=stale, steered=steered)


def filed(kind: FiledAs = FiledAs.FEATURE, milestone: str = "m1", **more: tuple[str, ...]) -> Filed:
    return Filed(kind=kind, milestone=milestone, blob="b", **more)


def judged(state: AssertionState = AssertionState.PASSED) -> Judgement:
    return Judgement(
        state=state, by="check", at=AT, item="shop.m1.scrutiny", run=1, commit="c" * 40, evidence="e", rests_on="r"
    )


BEGUN = MissionRecord(under_way=True).advanced(Advance(filed={"shop.a": filed()}))
BUILT = BEGUN.advanced(Advance(ended={"shop.a": Outcome.APPLIED}))
LOOKED = BUILT.advanced(
    Advance(
        filed={"shop.m1.scrutiny": filed(FiledAs.SCRUTINY)},
        ended={"shop.m1.scrutiny": Outcome.ACCEPTED},
        reviewed=("shop.a",),
        judged={"VAL-1": judged()},
    )
)
TESTED = LOOKED.advanced(
    Advance(
        filed={"shop.m1.testing": filed(FiledAs.TESTING)},
        ended={"shop.m1.testing": Outcome.ACCEPTED},
        judged={"VAL-2": judged()},
    )
)
FAILED = LOOKED.advanced(
    Advance(
        filed={"shop.m1.testing": filed(FiledAs.TESTING)},
        ended={"shop.m1.testing": Outcome.ACCEPTED},
        judged={"VAL-2": judged(AssertionState.FAILED)},
        issues={"shop.m1.testing/VAL-2": Issue(milestone="m1", text="wrong", assertion="VAL-2")},
    )
)


def test_features_come_first_and_are_waited_for() -> None:
    first = standing(MissionRecord(under_way=True)).step()
    assert isinstance(first, FileFeatures)
    assert [each.id for each in first.features] == ["a"]
    assert standing(BEGUN).step() == Wait("m1: shop.a")


def test_scrutiny_comes_before_users_and_has_the_features_and_the_checks() -> None:
    step = standing(BUILT).step()
    assert isinstance(step, FileValidators)
    [validation] = step.validations
    assert (validation.item_id, validation.reviews, validation.assertions) == (
        "shop.m1.scrutiny",
        ("shop.a",),
        (CHECKED,),
    )
    then = standing(LOOKED).step()
    assert isinstance(then, FileValidators)
    assert [each.item_id for each in then.validations] == ["shop.m1.testing"]


def test_the_next_milestone_begins_when_one_is_over_and_stale_ones_are_looked_at_at_the_very_end() -> None:
    step = standing(TESTED).step()
    assert isinstance(step, FileFeatures)
    assert step.milestone.id == "m2"
    end = TESTED.advanced(
        Advance(
            filed={"shop.b": filed(milestone="m2"), "shop.m2.scrutiny": filed(FiledAs.SCRUTINY, "m2")},
            ended={"shop.b": Outcome.APPLIED, "shop.m2.scrutiny": Outcome.ACCEPTED},
            reviewed=("shop.b",),
        )
    )
    assert isinstance(standing(end).step(), Close)
    again = standing(end, stale=frozenset({"VAL-1", "VAL-2"})).step()
    assert isinstance(again, FileValidators)
    assert [each.item_id for each in again.validations] == ["shop.m2.scrutiny-2", "shop.m2.testing"]


def test_what_failed_is_put_before_steer_once_and_then_followed_up() -> None:
    asked = standing(FAILED, steered=True).step()
    assert isinstance(asked, Steer)
    assert list(asked.issues) == ["shop.m1.testing/VAL-2"]
    issue = ("shop.m1.testing/VAL-2",)
    nothing = Advance(
        filed={"shop.m1.steer": filed(FiledAs.STEER, answers=issue)}, ended={"shop.m1.steer": Outcome.APPLIED}
    )
    step = standing(FAILED.advanced(nothing), steered=True).step()
    assert isinstance(step, AnswerIssues)
    assert [(each.item_id, each.issue_id) for each in step.follow_ups] == [("shop.fix-1", *issue)]


def test_a_milestone_that_needs_more_than_its_rounds_is_a_persons() -> None:
    record, last = FAILED, ""
    for number in (1, 2):
        step = standing(record).step()
        assert isinstance(step, AnswerIssues), step
        fix, name = step.follow_ups[0], f"shop.m1.testing-{number + 1}"
        follow_up = filed(FiledAs.FOLLOW_UP, answers=(fix.issue_id,))
        record = record.advanced(Advance(filed={fix.item_id: follow_up}))
        record = record.advanced(Advance(ended={fix.item_id: Outcome.APPLIED}, reviewed=(fix.item_id,)))
        last = f"{name}/VAL-2"
        record = record.advanced(Advance(filed={name: filed(FiledAs.TESTING)}))
        record = record.advanced(
            Advance(
                ended={name: Outcome.ACCEPTED},
                judged={"VAL-2": judged(AssertionState.FAILED)},
                issues={last: Issue(milestone="m1", text="wrong", assertion="VAL-2")},
            )
        )
    step = standing(record).step()
    assert isinstance(step, Ask)
    assert "VAL-2 has failed 3 times" in step.reason
    resumed = record.resumed({step.questions[0].id: "again"})
    assert isinstance(standing(resumed).step(), AnswerIssues)
    assert standing(record, steered=True).step() == step  # and none of whoever steers


def test_what_nobody_can_try_is_tried_again_and_then_a_persons() -> None:
    record = LOOKED
    for number in ("", "-2", "-3"):
        step = standing(record).step()
        assert isinstance(step, FileValidators)
        name = f"shop.m1.testing{number}"
        assert [each.item_id for each in step.validations] == [name]
        blocked = judged(AssertionState.BLOCKED).model_copy(update={"item": name})
        record = record.advanced(Advance(filed={name: filed(FiledAs.TESTING)}))
        record = record.advanced(Advance(ended={name: Outcome.ACCEPTED}, judged={"VAL-2": blocked}))
    step = standing(record).step()
    assert isinstance(step, Ask)
    assert "m1 is not proven after 3 rounds" in step.reason


def test_no_reason_puts_a_failed_assertion_right() -> None:
    issue = "shop.m1.testing/VAL-2"
    step = standing(FAILED.advanced(Advance(dismissed={issue: "it is too hard for all of us"}))).step()
    assert isinstance(step, AnswerIssues)
    assert [each.issue_id for each in step.follow_ups] == [issue]


def test_what_is_no_part_of_the_plan_any_more_is_waited_for_all_the_same() -> None:
    gone = TESTED.advanced(Advance(filed={"shop.m0.scrutiny": filed(FiledAs.SCRUTINY, "m0")}))
    over = gone.advanced(
        Advance(
            filed={"shop.b": filed(milestone="m2"), "shop.m2.scrutiny": filed(FiledAs.SCRUTINY, "m2")},
            ended={"shop.b": Outcome.APPLIED, "shop.m2.scrutiny": Outcome.ACCEPTED},
            reviewed=("shop.b",),
        )
    )
    assert standing(over).step() == Wait("shop.m0.scrutiny")


def test_what_a_worker_left_is_asked_about_until_there_is_an_answer_that_says_enough() -> None:
    left = TESTED.advanced(Advance(issues={"shop.a/U1": Issue(milestone="m1", text="no docs", loose=True)}))
    step = standing(left).step()
    assert isinstance(step, Ask)
    short = standing(left.resumed({step.questions[0].id: "not now"})).step()
    assert isinstance(short, Ask)
    assert short.questions[0].id != step.questions[0].id
    assert "20 characters" in short.questions[0].why
    enough = standing(left.resumed({step.questions[0].id: "nobody will ever read them"})).step()
    assert isinstance(enough, AnswerIssues)
    assert enough.dismissed == {"shop.a/U1": "nobody will ever read them"}
    fixed = standing(left.resumed({step.questions[0].id: "fix"})).step()
    assert isinstance(fixed, AnswerIssues)
    assert [each.issue_id for each in fixed.follow_ups] == ["shop.a/U1"]


def test_a_plans_roles_come_before_those_of_the_policy() -> None:
    seats = [{"name": "critic", "kind": "agent", "role": "review"}]
    contract = Contract.model_validate_json(
        json.dumps({"purpose": "p", "worker": {"role": "work"}, "review": {"seats": seats}})
    )
    cast = contract.cast({Role.WORK: "solver", Role.REVIEW: "judge"})
    assert (cast.worker.agent, cast.worker.role) == ("solver", None)
    assert [(seat.agent, seat.role) for seat in cast.review.seats] == [("judge", None)]
    assert contract.cast({}) == contract
