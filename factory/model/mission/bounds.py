"""Bounds: what of a plan its steer may change while no person looks. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory.model.mission.plan import Feature, Plan

_FREE: Mapping[str, tuple[()]] = {"milestones": (), "notes": ()}
MOST_ADDED = 20  # features, in one change


@dataclass(frozen=True)
class Steering:
    """The mission whose plan is changed, and what of it is settled."""

    mission: str
    begun: tuple[str, ...] = ()  # features that somebody has worked on, or that a person has changed
    failed: tuple[str, ...] = ()  # issues that are failed assertions, which no reason puts right
    issues: tuple[str, ...] = ()  # all there are: what has not been found yet is answered by nothing


def beyond_bounds(old: Plan, new: Plan, steering: Steering) -> str:
    """In what a change of a plan is a person's to decide; empty when it only adds, reorders or drops features."""
    return next(_beyond(old, new, steering), "")


def _beyond(old: Plan, new: Plan, steering: Steering) -> Iterator[str]:
    if old.model_copy(update=_FREE) != new.model_copy(update=_FREE) or not set(old.notes) <= set(new.notes):
        yield "it changes more than milestones, and takes more than notes"
    frames = [
        [each.model_copy(update={"features": (), "dismissed": ()}) for each in plan.milestones] for plan in (old, new)
    ]
    if frames[0] != frames[1]:
        yield "it changes what a milestone is, and not only its features"
    before, after = _by_id(old), _by_id(new)
    for name in steering.begun:
        if name in before and before[name] != after.get(name):
            yield f"it changes the feature {name}, which has begun"
    kept = {key for _, feature in after.values() for key in feature.fulfills}
    lost = [key for _, feature in before.values() for key in feature.fulfills if key not in kept]
    if lost:
        yield f"nothing would fulfil {lost[0]} any more"
    added = [each for each in after if each not in before]
    if len(added) > MOST_ADDED:
        yield f"it adds {len(added)} features; at most {MOST_ADDED} at once"
    for name, (_, feature) in before.items():
        terms = after[name][1] if name in after else feature
        if (terms.contract, terms.budget) != (feature.contract, feature.budget):
            yield f"it changes the contract or the budget of the feature {name}"
    early = [issue for _, feature in after.values() for issue in feature.answers if issue not in steering.issues]
    if early:
        yield f"it answers {early[0]}, which nobody has found"
    known = {feature.contract for _, feature in before.values()}
    others = [name for name in after if after[name][1].contract not in known]
    if others:
        yield f"the feature {others[0]} has a contract that no other one had"
    yield from _dismissals(old, new, steering)


def _dismissals(old: Plan, new: Plan, steering: Steering) -> Iterator[str]:
    before, after = _dismissed(old), _dismissed(new)
    if any(after.get(issue) != reason for issue, reason in before.items()):
        yield "it takes back what was dismissed"
    hard = [issue for issue in after if issue in steering.failed and issue not in before]
    early = [issue for issue in after if issue not in steering.issues]
    if early:
        yield f"it dismisses {early[0]}, which nobody has found"
    if hard:
        yield f"it dismisses {hard[0]}, which is a failed assertion"


def _by_id(plan: Plan) -> Mapping[str, tuple[str, Feature]]:
    """Each feature, with the milestone that it is in."""
    return {feature.id: (milestone.id, feature) for milestone, feature in plan.features()}


def _dismissed(plan: Plan) -> Mapping[str, str]:
    """Why nothing is done about issues, by issue."""
    return {each.issue: each.reason for milestone in plan.milestones for each in milestone.dismissed}
