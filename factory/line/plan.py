"""The plan: for every waiting item, whether it may start now, and if not, why not."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from factory.line.breaker import Trials
from factory.line.budget import day_used_up
from factory.line.gate import unanswered
from factory.line.survey import Case, Survey, Surveyor
from factory.model.contract import Contract, SeatKind
from factory.model.dependencies import circles, in_a_circle
from factory.model.errors import UnusableError
from factory.model.item import Item
from factory.model.journal import rfc3339
from factory.model.lifecycle import Lane, Outcome
from factory.model.policy import Policy
from factory.store.repository.repository import Arrival
from factory.work.sandbox import sandbox

_UNMET = frozenset({Outcome.REJECTED, Outcome.CANCELLED})
_NEVER = 5  # sorts after every priority
_FOR_THE_OLDEST = 5  # of so many starts one


@dataclass(frozen=True)
class Outlook:
    """What will become of a waiting item in this pass."""

    id: str
    start: bool
    reason: str = ""
    until: datetime | None = None  # when waiting ends by itself
    crowded: bool = False  # whether only others are in its way: no slot is free, or a lane is full


# The outcome of a finished item; None when it is not finished.
OutcomeOf = Callable[[str], Outcome | None]


def unfit(item: Item, contract: Contract, policy: Policy) -> str:
    """Why this item can never pass under this contract and policy; empty when it can."""
    name = contract.worker.agent
    agent = policy.agents.get(name) if name else None
    if name and agent is None:
        return f"its contract's worker is the agent {name!r}, which WORKFLOW.md does not name under 'agents'"
    if agent and agent.run is None:
        return f"the agent {name!r} is of kind {agent.kind!r}; only agents of kind 'command' can be run yet"
    for seat in contract.review.seats:
        reviewer = policy.agents.get(seat.agent) if seat.agent else None
        if (seat.agent, seat.run) == (name, contract.worker.run):
            return f"its contract's seat {seat.name!r} is the worker itself, and nobody approves their own work"
        if seat.agent and (reviewer is None or reviewer.run is None):
            return f"its contract's seat {seat.name!r} needs the agent {seat.agent!r} of kind 'command' in WORKFLOW.md"
        if contract.review.distinct_models and reviewer and agent:
            if reviewer.model is None or agent.model is None:
                return "its contract wants distinct models, and WORKFLOW.md does not say which model each agent has"
            if reviewer.model == agent.model:
                return (
                    f"its contract wants distinct models, and the seat {seat.name!r} has the worker's, {agent.model!r}"
                )
    open_criteria = unanswered(item)
    if open_criteria and all(seat.kind is SeatKind.CHECKS for seat in contract.review.seats):
        return f"nobody can answer {', '.join(open_criteria)}: give it a check, or the contract a human seat"
    return ""


def plan(survey: Survey, arrivals: dict[str, Arrival], outcome_of: OutcomeOf, unready: str = "") -> list[Outlook]:
    """The outlook of every item in inbox and rework, in the order in which they would start.

    `unready` says why this machine can run nothing at all under the present policy.
    """
    waiting = survey.in_lane(Lane.REWORK) + survey.in_lane(Lane.INBOX)
    started: list[str] = []
    circled = circles({case.id: case.item.depends_on for case in waiting if case.item})
    at_work = Counter(case.came_from for case in survey.in_lane(Lane.ACTIVE))
    trials = Trials(survey)
    day, tomorrow = day_used_up(survey)
    found: list[Outlook] = []
    for case in _in_turn(waiting, arrivals, lambda: survey.begun_today + len(started)):
        outlook = _alone(case, survey, outcome_of, circled)
        until = None
        if outlook.start:
            crowd = _held_back(survey, case.lane, at_work)
            held = unready or crowd
            if not held:
                held, until = (day, tomorrow) if day else trials.held_back(case)
            if held:
                outlook = Outlook(case.id, False, held, until, crowded=held == crowd)
        if outlook.start:
            at_work[case.lane] += 1
            started.append(case.id)
            trials.start(case)
        found.append(outlook)
    return found


def outlooks(surveyor: Surveyor, survey: Survey) -> list[Outlook]:
    """The plan for what a survey found."""
    return plan(
        survey, surveyor.arrivals(survey), lambda item_id: surveyor.outcome_of(survey.tree, item_id), _unready(survey)
    )


def _unready(survey: Survey) -> str:
    if survey.policy.sandbox != "required":
        return ""
    try:
        sandbox(survey.policy.sandbox)
    except UnusableError as error:
        return f"waits: {error.message}; {error.hint}"
    return ""


def _in_turn(waiting: list[Case], arrivals: dict[str, Arrival], begun: Callable[[], int]) -> Iterator[Case]:
    """Each once, the most urgent first; but one start in so many is for who waits longest, so that nobody starves."""
    urgent = iter(sorted(waiting, key=lambda case: (_urgency(case), _since(case, arrivals), case.id)))
    longest = iter(sorted(waiting, key=lambda case: (_since(case, arrivals), _urgency(case), case.id)))
    taken: set[str] = set()
    for _ in waiting:
        line = longest if begun() % _FOR_THE_OLDEST == _FOR_THE_OLDEST - 1 else urgent
        case = next(each for each in line if each.id not in taken)
        taken.add(case.id)
        yield case


def _urgency(case: Case) -> int:
    return (case.item.priority if case.item else None) or _NEVER


def _since(case: Case, arrivals: dict[str, Arrival]) -> float:
    """Since when an item has waited, in seconds since 1970."""
    arrival = arrivals.get(case.placed.path)
    return case.history.entries[0].at.timestamp() if case.history.entries else float(arrival.at if arrival else 0)


def _held_back(survey: Survey, lane: Lane, at_work: Counter[Lane]) -> str:
    """Why nothing more of a lane may start beside those at work; empty when it may."""
    policy, busy = survey.policy, at_work.total()
    most = policy.agent.max_concurrent_agents
    if busy >= most:
        return f"waits for a slot: {busy} are at work, agent.max_concurrent_agents is {most}"
    of_lane = policy.agent.most_from(lane)
    if of_lane is not None and at_work[lane] >= of_lane:
        return f"waits for a slot: {at_work[lane]} from {lane} are at work, which is as many as may be"
    if lane is Lane.REWORK:
        return ""  # finishing what was begun empties the lanes behind it
    limits = policy.limits
    for full, limit in ((Lane.REVIEW, limits.review), (Lane.REWORK, limits.rework), (Lane.BLOCKED, limits.blocked)):
        held = len(survey.in_lane(full)) + (busy if full is Lane.REVIEW else 0)  # those at work are on their way there
        if held >= limit:
            return f"waits because the lane {full} is full ({held} of {limit})"
    return ""


def _alone(case: Case, survey: Survey, outcome_of: OutcomeOf, circled: Mapping[str, tuple[str, ...]]) -> Outlook:
    """Whether an item could start if there were nobody else."""
    if case.item is None or case.contract is None:
        return Outlook(case.id, False, case.problem)
    if case.item.hold:
        return Outlook(case.id, False, f"on hold; factory hold {case.id} --off")
    missing = set(survey.policy.tracker.required_labels) - set(case.item.labels)
    if missing:
        return Outlook(case.id, False, f"lacks the required label {', '.join(sorted(missing))}")
    not_before = case.history.not_before
    if not_before and not_before > survey.now:
        attempt = f"attempt {case.history.attempts + 1}"
        return Outlook(case.id, False, f"waits until {rfc3339(not_before)} for {attempt}", not_before)
    if case.id in circled:
        return Outlook(case.id, False, f"{in_a_circle(circled[case.id])}; edit depends_on")
    for needed in case.item.depends_on:
        outcome = outcome_of(needed)
        if outcome is None:
            there = survey.cases.get(needed)
            where = f"is in {there.lane}" if there else "is not in the queue, or cannot be read"
            return Outlook(case.id, False, f"waits for {needed}, which {where}")
        if outcome in _UNMET:
            return Outlook(case.id, False, f"waits for {needed}, which ended as {outcome}; edit depends_on")
    return Outlook(case.id, True)
