"""Where a mission stands, and what follows: pure, from its plan, its assertions and its record."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, count

from factory.model.lifecycle import Outcome
from factory.model.mission.assertions import Assertion, AssertionState
from factory.model.mission.plan import STEER, Feature, Milestone, Plan
from factory.model.mission.record import Filed, FiledAs, Issue, MissionRecord
from factory.model.mission.steps import (
    AnswerIssues,
    Ask,
    Close,
    FileFeatures,
    FileValidators,
    FollowUp,
    Steer,
    Step,
    Validation,
    Wait,
)
from factory.model.questions import MOST_QUESTIONS, Option, Question
from factory.model.result import Usage
from factory.model.text import counted

SHORTEST_DISMISSAL = 20  # characters
MOST_FAILURES = 3  # of one assertion: at first, and after each of two follow-ups
FIX, AGAIN = "fix", "again"  # options of what people are asked

_DONE = frozenset({Outcome.APPLIED, Outcome.ACCEPTED})
_UNPROVEN = frozenset({AssertionState.UNREAD, AssertionState.FAILED, AssertionState.BLOCKED})


def feature_item(mission: str, feature: str) -> str:
    """The id of the item that a feature becomes."""
    return f"{mission}.{feature}"


@dataclass(frozen=True)
class Standing:
    """A mission as it is now."""

    mission: str
    plan: Plan
    assertions: tuple[Assertion, ...]
    record: MissionRecord
    stale: frozenset[str] = frozenset()  # assertions that passed, and what they rest on has changed
    spent: Usage = field(default_factory=Usage)  # by the mission and all its items
    seconds: float = 0.0  # of their workers
    steered: bool = False  # whether there is somebody to answer issues by changes of the plan
    taken: Callable[[str], bool] = field(default=lambda _: False)  # whether there is an item of an id

    @cached_property
    def known(self) -> Mapping[str, Assertion]:
        """The assertions, by id."""
        return {assertion.id: assertion for assertion in self.assertions}

    def state_of(self, assertion: str) -> AssertionState:
        """What is known of an assertion."""
        judgement = self.record.judged.get(assertion)
        if judgement is None:
            return AssertionState.UNREAD
        passed = judgement.state is AssertionState.PASSED
        return AssertionState.STALE if passed and assertion in self.stale else judgement.state

    def counts(self) -> Mapping[AssertionState, int]:
        """How many assertions are in each state."""
        states = [self.state_of(each.id) for each in self.assertions]
        return {state: states.count(state) for state in AssertionState}

    @property
    def milestone(self) -> Milestone | None:
        """The one whose turn it is; None when all are over."""
        return next((each for each in self.plan.milestones if not self._is_over(each)), None)

    def step(self) -> Step:
        """What follows."""
        used = next(self._used_up(), "")
        if used:
            asked = sum(1 for _ in _question_ids("budget", self.record.said))
            return Ask(f"its budget is used up: {used}", (_of_budget(self.mission, used, asked),))
        milestone = self.milestone
        if milestone is not None:
            return self._step_of(milestone)
        waiting = [key for key in self.record.filed if key not in self.record.ended]
        if waiting:  # of a milestone that the plan has no more
            return Wait(", ".join(waiting[:3]))
        last = self.plan.milestones[-1]
        stale = [each for each in self.assertions if self.state_of(each.id) is not AssertionState.PASSED]
        return FileValidators(last, tuple(self._validations(last, stale, ()))) if stale else Close()

    def _used_up(self) -> Iterator[str]:
        budget = self.plan.budget
        if budget.usd is not None and self.spent.spent >= budget.usd:
            yield f"{self.spent.spent:.2f} of {budget.usd:.2f} USD"
        if budget.tokens is not None and self.spent.tokens >= budget.tokens:
            yield f"{self.spent.tokens} of {budget.tokens} tokens"
        if budget.minutes is not None and self.seconds / 60 >= budget.minutes:
            yield f"{self.seconds / 60:.1f} of {budget.minutes:g} minutes"

    def _is_over(self, milestone: Milestone) -> bool:
        proven = all(self.state_of(each.id) not in _UNPROVEN for each in self._judged_in(milestone))
        return proven and not any(True for _ in self._not_over(milestone))

    def _not_over(self, milestone: Milestone) -> Iterator[object]:
        """What of a milestone's items and issues is not over."""
        yield from (each for each in milestone.features if not self._is_filed(each))
        yield from self._open_in(milestone)
        yield from self.unanswered(milestone)
        yield from self._unreviewed(milestone)

    def _step_of(self, milestone: Milestone) -> Step:
        new = tuple(each for each in milestone.features if not self._is_filed(each))
        other = next((key for each in new if self.taken(key := feature_item(self.mission, each.id))), "")
        if other:
            what = f"{milestone.id}: there is an item {other}, and the mission did not make it"
            return Ask(what, (self._way_out(milestone, what),))
        if new:
            return FileFeatures(milestone, new)
        waiting = sorted(self._open_in(milestone))
        if waiting:
            return Wait(f"{milestone.id}: {', '.join(waiting[:3])}{' …' if len(waiting) > 3 else ''}")
        issues = self.unanswered(milestone)
        unproven = [each for each in self._judged_in(milestone) if self.state_of(each.id) in _UNPROVEN]
        too_much = self._too_much(milestone, unproven)
        if too_much and (unproven or any(not each.loose for each in issues.values())):
            said = next((each.text for each in issues.values()), "")
            return Ask(f"{too_much}: {said}".rstrip(": "), (self._way_out(milestone, too_much),))
        # What workers left waits until all else has been looked at: whoever answers is asked once.
        to_look_at = bool(unproven or self._unreviewed(milestone))
        if issues and not (to_look_at and all(each.loose for each in issues.values())):
            return self._steer(milestone, issues) or self._answer(milestone, issues)
        return FileValidators(milestone, self._next_validations(milestone, unproven))

    def _is_filed(self, feature: Feature) -> bool:
        return feature_item(self.mission, feature.id) in self.record.filed

    def dropped(self, not_begun: Iterable[str]) -> list[str]:
        """The items of features that the plan had once, and nobody has begun. Follow-ups are none of the plan's."""
        planned = {feature_item(self.mission, each.id) for _, each in self.plan.features()}
        filed = self.record.filed
        return [each for each in not_begun if each not in planned and filed[each].kind is FiledAs.FEATURE]

    def filed_for(self, milestone: Milestone, *kinds: FiledAs) -> dict[str, Filed]:
        """The items of some kinds that were made for a milestone, by id."""
        return {
            key: each
            for key, each in self.record.filed.items()
            if each.milestone == milestone.id and each.kind in kinds
        }

    def _open_in(self, milestone: Milestone) -> list[str]:
        """The items of a milestone that are not at their end."""
        return [key for key in self.filed_for(milestone, *FiledAs) if key not in self.record.ended]

    def _judged_in(self, milestone: Milestone) -> list[Assertion]:
        """The assertions that a milestone's features fulfil."""
        keys = dict.fromkeys(key for feature in milestone.features for key in feature.fulfills)
        return [self.known[key] for key in keys if key in self.known]

    def _unreviewed(self, milestone: Milestone) -> list[str]:
        """The features that are done, and that nobody has looked at since."""
        features = self.filed_for(milestone, FiledAs.FEATURE, FiledAs.FOLLOW_UP)
        done = [key for key in features if self.record.ended.get(key) in _DONE]
        return [key for key in done if key not in self.record.reviewed]

    def unanswered(self, milestone: Milestone) -> dict[str, Issue]:
        """What has to be answered before a milestone is over; no reason puts a failed assertion right."""
        followed = {issue for filed in self.record.filed.values() if filed.builds for issue in filed.answers}
        planned = {issue for feature in milestone.features for issue in feature.answers}
        own = {key: issue for key, issue in self.record.issues.items() if issue.milestone == milestone.id}
        dismissed = {key for key, issue in own.items() if key in self.record.dismissed and not issue.assertion}
        return {key: issue for key, issue in own.items() if key not in followed | planned | dismissed}

    def _too_much(self, milestone: Milestone, unproven: Iterable[Assertion]) -> str:
        """What has been tried so often that a person decides; empty while nothing has."""
        failures = self.record.failures
        worn = next((each.id for each in unproven if (failures.get(each.id) or 0) >= MOST_FAILURES), "")
        if worn:
            return f"{worn} has failed {counted(MOST_FAILURES, 'time')}"
        rounds = self.record.unproven.get(milestone.id) or 0
        return (
            f"{milestone.id} is not proven after {counted(rounds, 'round')}" if rounds >= milestone.max_rounds else ""
        )

    def _steer(self, milestone: Milestone, issues: Mapping[str, Issue]) -> Steer | None:
        """The issues for steer, if there is one, and it was not asked about them before."""
        asked = {issue for each in self.filed_for(milestone, FiledAs.STEER).values() for issue in each.answers}
        new = {key: issue for key, issue in issues.items() if key not in asked}
        return Steer(milestone, self._free(milestone, STEER), new) if self.steered and new else None

    def _answer(self, milestone: Milestone, issues: Mapping[str, Issue]) -> Step:
        """A follow-up for what failed or was found; a person says what becomes of what workers left undone."""
        planned = {each.issue: each.reason for each in milestone.dismissed}
        soft = [key for key, issue in issues.items() if not issue.assertion]
        dismissed = {key: planned[key] for key in soft if key in planned}
        dismissed |= {key: said for key in soft if len(said := self._said_of(key)) >= SHORTEST_DISMISSAL}
        rest = {key: issue for key, issue in issues.items() if key not in dismissed}
        asked = {key: issue for key, issue in rest.items() if issue.loose and self._said_of(key) != FIX}
        follow_ups = self._follow_ups({key: issue for key, issue in rest.items() if key not in asked})
        if asked and not dismissed and not follow_ups:
            return Ask(
                f"{milestone.id}: {counted(len(asked), 'issue')} of its handoffs has nobody's answer",
                tuple(self._question(key, issue) for key, issue in list(asked.items())[:MOST_QUESTIONS]),
            )
        return AnswerIssues(milestone, dismissed, follow_ups)

    def _follow_ups(self, issues: Mapping[str, Issue]) -> tuple[FollowUp, ...]:
        first = sum(each.kind is FiledAs.FOLLOW_UP for each in self.record.filed.values()) + 1
        planned = {feature_item(self.mission, each.id) for _, each in self.plan.features()}
        names = (f"{self.mission}.fix-{number}" for number in count(first))
        free = (key for key in names if key not in planned and self._is_free(key))
        return tuple(FollowUp(next(free), key, issue) for key, issue in issues.items())

    def _said_of(self, issue: str) -> str:
        """What a person decided of an issue last; empty where nobody was asked."""
        answers = [self.record.said[key] for key in _question_ids(issue, self.record.said)]
        return answers[-1].strip() if answers else ""

    def _question(self, issue_id: str, issue: Issue) -> Question:
        asked = sum(1 for _ in _question_ids(issue_id, self.record.said))
        return Question(
            id=_question_id(issue_id, asked),
            text=f"{issue_id}: {issue.text}".strip(),
            options=(Option(id=FIX, text="a follow-up is made of it"),),
            takes=FIX,
            why=f"Any other answer is why nothing is done about it, in {SHORTEST_DISMISSAL} characters at least.",
        )

    def _way_out(self, milestone: Milestone, what: str) -> Question:
        asked = sum(1 for _ in _question_ids(what, self.record.said))
        return Question(
            id=_question_id(f"{milestone.id} {what}", asked),
            text=f"{what}. Go on, or change the plan first, or cancel {self.mission}?",
            options=(Option(id=AGAIN, text="as many rounds once more, with the plan as it is then"),),
            why="The plan may be edited before this is answered: an assertion, a feature, a limit.",
        )

    def _next_validations(self, milestone: Milestone, unproven: list[Assertion]) -> tuple[Validation, ...]:
        """Scrutiny first: users try what has stood up to it."""
        unreviewed = self._unreviewed(milestone)
        checks = [each for each in unproven if each.check is not None]
        if unreviewed or checks:
            return tuple(self._validations(milestone, checks, unreviewed))
        return tuple(self._validations(milestone, unproven, ()))

    def _validations(
        self, milestone: Milestone, assertions: Iterable[Assertion], reviews: Iterable[str]
    ) -> Iterator[Validation]:
        reviews, checks = tuple(reviews), list[Assertion]()
        by_area: dict[str, list[Assertion]] = {}
        for assertion in assertions:
            (checks if assertion.check else by_area.setdefault(assertion.area, [])).append(assertion)
        if checks or reviews:
            yield Validation(self._free(milestone, "scrutiny"), FiledAs.SCRUTINY, tuple(checks), reviews)
        many = len({each.area for each in self.assertions if not each.check}) > 1
        for area, found in by_area.items():
            name = f"testing.{area}" if many else "testing"
            yield Validation(self._free(milestone, name), FiledAs.TESTING, tuple(found))

    def _free(self, milestone: Milestone, name: str) -> str:
        base = f"{self.mission}.{milestone.id}.{name}"
        names = chain([base], (f"{base}-{number}" for number in count(2)))
        return next(filter(self._is_free, names))

    def _is_free(self, item_id: str) -> bool:
        return item_id not in self.record.filed and not self.taken(item_id)


def _of_budget(mission: str, used: str, number: int) -> Question:
    return Question(
        id=_question_id("budget", number),
        text=f"{used} are used up. Raise the plan's budget before this is answered, or cancel {mission}.",
        options=(Option(id=AGAIN, text="it goes on as far as the plan's budget reaches"),),
    )


def _question_id(about: str, number: int) -> str:
    return "q-" + hashlib.sha256(f"{number} {about}".encode()).hexdigest()[:8]


def _question_ids(about: str, said: Mapping[str, str]) -> Iterator[str]:
    """The questions about one thing that were answered, in turn."""
    number = 0
    while (key := _question_id(about, number)) in said:
        yield key
        number += 1
