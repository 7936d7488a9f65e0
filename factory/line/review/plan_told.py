"""A plan, told to people in plain lines: what is to be done, how it will be judged, and what it will likely cost."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from factory.line.review.comments import one_line
from factory.line.review.typical import Typical, typical_by_contract
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.evidence import Evidence, Ran, assertion_check
from factory.model.item import Budget, Item
from factory.model.layout import mission_folder
from factory.model.mission.assertions import Assertion
from factory.model.mission.held import contract_of
from factory.model.mission.plan import Feature, Milestone, Ready
from factory.model.policy import Policy
from factory.model.text import counted
from factory.store.mission_needs import missing_for_mission
from factory.store.missions import MissionFiles, read_mission

_MOST_LINES = 400  # the file that a person edits must stay one that can be read


@dataclass(frozen=True)
class _Told:
    """A mission's files, and what is known besides."""

    mission: str
    files: MissionFiles
    policy: Policy
    item: Item | None  # the mission's
    typical: Mapping[str, Typical]  # by contract
    ran: Mapping[str, Ran]  # what the checks said before any work, by the name of the check


def plan_lines(
    reader: SnapshotReader,
    snapshot: Snapshot,
    mission: str,
    item: Item | None,
    tree: str,
    evidence: Evidence | None = None,
) -> tuple[str, ...]:
    """The plan of a mission that a tree of content holds, in lines; of one that cannot be read, what is wrong."""
    try:
        files = read_mission(reader.repository.objects, tree, mission)
    except InvalidFile as error:
        return tuple(one_line(str(problem)) for problem in error.problems)
    ran = {each.name: each for each in evidence.ran} if evidence else {}
    missing = _missing(reader, snapshot, mission, item, files) if evidence else ()
    told = _Told(mission, files, snapshot.policy, item, typical_by_contract(reader, snapshot), ran)
    lines = [*missing, *_lines(told)]
    more = len(lines) - _MOST_LINES
    return (*lines[:_MOST_LINES], *([f"and {more} more lines: {mission_folder(mission)}/"] if more > 0 else []))


def _missing(
    reader: SnapshotReader, snapshot: Snapshot, mission: str, item: Item | None, files: MissionFiles
) -> Iterator[str]:
    """What it will lack on its way, so that it is there before the work is begun."""
    data = partial(reader.library.contract_bytes, snapshot.tree)
    for problem in missing_for_mission(mission, item, files, snapshot.policy, data):
        yield f"MISSING, before you approve this: {one_line(str(problem))}"


def _lines(told: _Told) -> Iterator[str]:
    plan = told.files.plan
    yield f"The plan: {one_line(plan.goal)}"
    yield from (f"  keep to: {one_line(each)}" for each in plan.constraints)
    yield from (f"  learned: {one_line(each)}" for each in plan.notes)
    yield f"  {_size(told)}"
    yield f"  written by {counted(plan.writers, 'worker')} at a time"
    yield f"  budget: {_budget(plan.budget) or 'none of its own'}{_shares(told)}"
    if plan.roles:
        yield f"  agents: {', '.join(f'{role}: {agent}' for role, agent in plan.roles.items())}"
    yield from _likely(told)
    for milestone in plan.milestones:
        yield from _milestone(told, milestone)
    for name, argv in told.files.services.checks.items():
        yield f"scrutiny runs {name}: {one_line(' '.join(argv))}"
    for name, service in told.files.services.services.items():
        ready = f"ready {_ready(service.ready)}, within {service.seconds:g} s"
        yield f"testers use {name}: {one_line(' '.join(service.run))}, {ready}"


def _size(told: _Told) -> str:
    plan, assertions = told.files.plan, told.files.assertions
    features = [feature for _, feature in plan.features()]
    base = sum(feature.infrastructure for feature in features)
    checked = sum(each.check is not None for each in assertions)
    parts = (
        counted(len(plan.milestones), "milestone"),
        counted(len(features), "feature") + (f" ({base} infrastructure)" if base else ""),
        f"{counted(len(assertions), 'assertion')} ({checked} by a check, {len(assertions) - checked} by user testing)",
    )
    return ", ".join(parts)


def _budget(budget: Budget) -> str:
    parts = ((budget.usd, "USD"), (budget.tokens, "tokens"), (budget.minutes, "minutes"))
    return ", ".join(f"{value:g} {unit}" for value, unit in parts if value is not None)


def _shares(told: _Told) -> str:
    """How much of the budget the features have of their own."""
    own = [feature.budget for _, feature in told.files.plan.features() if feature.budget != Budget()]
    usd = sum(each.usd or 0 for each in own)
    minutes = sum(each.minutes or 0 for each in own)
    shared = [f"{total:g} {unit}" for total, unit in ((usd, "USD"), (minutes, "minutes")) if total]
    return f"; {counted(len(own), 'feature')} with {', '.join(shared)} together" if shared else ""


def _likely(told: _Told) -> Iterator[str]:
    """What the features will cost, if they are like what was finished here under their contracts."""
    wanted = Counter(
        filter(
            None,
            (contract_of(told.policy, told.mission, feature, told.item) for _, feature in told.files.plan.features()),
        )
    )
    usd, seconds, priced, unknown = 0.0, 0.0, 0, 0
    for contract, count in wanted.items():
        typical = told.typical.get(contract)
        if typical is None:
            unknown += count
            yield f"  likely cost of {counted(count, 'feature')} under {contract}: no history"
            continue
        each = f"{typical.usd:.2f} USD (n={typical.priced})" if typical.usd is not None else "USD unknown"
        medians = f"{each} and {typical.seconds / 60:.1f} minutes (n={typical.count}) each, by the median"
        yield f"  likely cost of {counted(count, 'feature')} under {contract}: {medians}"
        seconds += count * typical.seconds
        usd += count * (typical.usd or 0)
        priced += typical.priced
    if unknown < wanted.total():
        rest = f", and {counted(unknown, 'feature')} without a history" if unknown else ""
        cost = f"{usd:.2f} USD" if priced else "USD unknown"
        yield f"  in all: {cost} and {seconds / 60:.1f} minutes{rest}; validation comes on top"


def _milestone(told: _Told, milestone: Milestone) -> Iterator[str]:
    yield f"{milestone.id}: {one_line(milestone.title)} (validated {counted(milestone.max_rounds, 'time')} at most)"
    assertions = {each.id: each for each in told.files.assertions}
    for feature in milestone.features:
        yield f"  {feature.id}: {one_line(feature.title)} [{one_line(_terms(told, feature))}]"
        yield from (f"    {_assertion(told, assertions[each])}" for each in feature.fulfills if each in assertions)
    for dismissed in milestone.dismissed:
        yield f"  nothing is done about {one_line(dismissed.issue)}: {one_line(dismissed.reason)}"


def _terms(told: _Told, feature: Feature) -> str:
    terms = (
        contract_of(told.policy, told.mission, feature, told.item) or "no contract",
        "infrastructure" if feature.infrastructure else "",
        f"after {', '.join(feature.depends_on)}" if feature.depends_on else "",
        f"in {', '.join(feature.scope)}" if feature.scope else "",
        f"with {', '.join(feature.skills)}" if feature.skills else "",
        _budget(feature.budget),
        f"answers {', '.join(feature.answers)}" if feature.answers else "",
    )
    return "; ".join(filter(None, terms))


def _assertion(told: _Told, each: Assertion) -> str:
    guard = "; guarded after the end" if each.guard else ""
    if each.check is None:
        return f"{each.id}: {one_line(each.text)} | a user of the program judges it{guard}"
    ran = told.ran.get(assertion_check(each.id))
    now = f"; {_now(ran)}" if ran else ""
    return f"{each.id}: {one_line(each.text)} | {one_line(' '.join(each.check))}{now}{guard}"


def _now(ran: Ran) -> str:
    """How a check ended before any work."""
    if ran.exit_code == 0:
        return "holds already"
    though = ", though it is to hold already" if ran.before_work == "may_pass" else ""
    return f"fails now, with exit status {ran.exit_code}{though}"


def _ready(ready: Ready) -> str:
    if ready.http is not None:
        return f"when {one_line(ready.http)} answers"
    return f"when `{one_line(' '.join(ready.run))}` ends well" if ready.run else "when its port answers"
