"""The rules of a plan: what is wrong with a mission's files beside one another and beside the repository. Pure."""

import math
import re
from collections.abc import Callable, Iterator, Mapping

from factory.model.base import Argv
from factory.model.dependencies import circles, in_a_circle
from factory.model.item import Budget
from factory.model.layout import (
    assertions_path,
    contract_path,
    mission_folder,
    mission_skill_path,
    services_path,
    skill_path,
)
from factory.model.mission.held import Flaw, Held, Key, contract_of
from factory.model.mission.plan import RESERVED, SCRUTINY, TESTING

_LONGEST_ID = 80  # of an item
_ISSUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#-]{0,199}")
_UNITS: Mapping[str, tuple[Callable[[Budget], float | None], str]] = {
    "usd": (lambda budget: budget.usd, "USD"),
    "tokens": (lambda budget: budget.tokens, "tokens"),
    "minutes": (lambda budget: budget.minutes, "minutes"),
}


def flaws(held: Held) -> Iterator[Flaw]:
    """Everything that keeps a mission's plan from being carried out."""
    yield from _of_assertions(held)
    yield from _of_coverage(held)
    yield from _of_ids(held)
    yield from _of_names(held)
    yield from _of_dependencies(held)
    yield from _of_budgets(held)
    yield from _of_issues(held)
    yield from _of_services(held)
    yield from _of_files(held)


def _of_assertions(held: Held) -> Iterator[Flaw]:
    """Whether each one can be judged by exactly one."""
    for number, each in enumerate(held.assertions):
        if each.check is None and each.by is None:
            yield held.in_assertions((number,), f"nobody judges {each.id}: give it a `check`, or `by: user-testing`")
        if each.check is not None and each.by is not None:
            yield held.in_assertions((number, "by"), f"{each.id} has a `check` as well; one of the two judges it")
        if each.by is not None and not each.paths:
            text = f"{each.id} names no `paths`, so that nobody would know when a pass of it is stale"
            yield held.in_assertions((number, "by"), text)
        if each.by is not None and not held.services.services:
            text = f"{each.id} is for user testing, and {services_path(held.id)} has no service that a user could try"
            yield held.in_assertions((number, "by"), text)
        for key, said in (("holds_already", each.holds_already), ("reads", each.reads is not None)):
            if said and each.check is None:
                yield held.in_assertions((number, key), f"{each.id} has no `check` that this could be about")


def _of_coverage(held: Held) -> Iterator[Flaw]:
    """Whether each assertion is fulfilled by one feature, and each feature fulfils something."""
    known = {each.id for each in held.assertions}
    by: dict[str, str] = {}
    for placed in held.features:
        feature = placed.feature
        if feature.infrastructure and feature.fulfills:
            text = f"the feature {feature.id!r} fulfills {feature.fulfills[0]}; infrastructure fulfills nothing"
            yield held.in_plan((*placed.key, "infrastructure"), text)
        if not (feature.infrastructure or feature.fulfills or feature.answers):
            text = f"the feature {feature.id!r} fulfills nothing, and is not marked `infrastructure: true`"
            yield held.in_plan(placed.key, text)
        for place, assertion in enumerate(feature.fulfills):
            key = (*placed.key, "fulfills", place)
            if assertion not in known:
                yield held.in_plan(key, f"there is no assertion {assertion!r} in {assertions_path(held.id)}")
            elif assertion in by:
                yield held.in_plan(key, f"{assertion} is fulfilled by the feature {by[assertion]!r} already")
            by.setdefault(assertion, feature.id)
    for number, each in enumerate(held.assertions):
        if each.id not in by:
            yield held.in_assertions((number, "id"), f"no feature fulfills {each.id}")


def _of_ids(held: Held) -> Iterator[Flaw]:
    """Whether everything can be told apart, and its items can be called by it."""
    assertions: list[tuple[Key, str]] = [((number, "id"), each.id) for number, each in enumerate(held.assertions)]
    milestones: list[tuple[Key, str]] = [
        (("milestones", number, "id"), each.id) for number, each in enumerate(held.plan.milestones)
    ]
    features: list[tuple[Key, str]] = [((*each.key, "id"), each.feature.id) for each in held.features]
    for key, name in _again(assertions):
        yield held.in_assertions(key, f"there is an assertion {name!r} already")
    for what, named in (("milestone", milestones), ("feature", features)):
        for key, name in _again(named):
            yield held.in_plan(key, f"there is a {what} {name!r} already")
        for key, name in named:
            if name in RESERVED:
                yield held.in_plan(key, f"no {what} can be called {name!r}: the items of a validator are")
    areas = [each.area for each in held.assertions if each.by is not None]
    last = f"{TESTING}.{max(areas, key=len)}" if areas else SCRUTINY
    items = [(key, f"{held.id}.{name}") for key, name in features]
    items += [(key, f"{held.id}.{name}.{last}-99") for key, name in milestones]
    for key, item in items:
        if len(item) > _LONGEST_ID:
            text = f"its items would be called {item}, of {len(item)} characters; at most {_LONGEST_ID} are allowed"
            yield held.in_plan(key, text)


def _again(named: list[tuple[Key, str]]) -> Iterator[tuple[Key, str]]:
    seen: set[str] = set()
    for key, name in named:
        if name in seen:
            yield key, name
        seen.add(name)


def _of_names(held: Held) -> Iterator[Flaw]:
    """Whether the contracts, skills and agents are there that it names."""
    beside = held.beside
    for role, agent in held.plan.roles.items():
        if agent not in beside.policy.agents:
            yield held.in_plan(("roles", role.value), f"WORKFLOW.md names no agent {agent!r} under 'agents'")
    for placed in held.features:
        feature, key = placed.feature, (*placed.key, "contract")
        name = contract_of(beside.policy, held.id, feature, beside.item)
        if name is None:
            text = f"the feature {feature.id!r} names no contract, and no route in WORKFLOW.md takes it"
            yield held.in_plan(placed.key, text)
        elif name not in beside.contracts:
            routed = "" if feature.contract else "; a route in WORKFLOW.md names it"
            yield held.in_plan(key, f"there is no contract {name!r} that can be used ({contract_path(name)}){routed}")
        elif beside.contracts[name] and (beside.item.mission if beside.item else None):
            text = f"the feature {feature.id!r} is a mission, and {held.id} is one within another already: two levels"
            yield held.in_plan(key, f"{text} are all there are")
        for place, skill in enumerate(feature.skills):
            if skill not in beside.skills:
                text = f"there is no skill {skill!r}: neither {mission_skill_path(held.id, skill)} nor"
                yield held.in_plan((*placed.key, "skills", place), f"{text} {skill_path(skill)} is there")


def _of_dependencies(held: Held) -> Iterator[Flaw]:
    """Whether each feature can begin some day."""
    where = {placed.feature.id: placed.number for placed in reversed(held.features)}
    needs = {placed.feature.id: placed.feature.depends_on for placed in held.features}
    round_about = circles(needs)
    for placed in held.features:
        feature = placed.feature
        for place, needed in enumerate(feature.depends_on):
            key = (*placed.key, "depends_on", place)
            if needed not in where:
                yield held.in_plan(key, f"there is no feature {needed!r} in this plan")
            elif where[needed] > placed.number:
                later = held.plan.milestones[where[needed]].id
                text = f"{needed!r} is of the later milestone {later!r}, which begins when {placed.milestone.id!r} ends"
                yield held.in_plan(key, text)
            elif feature.id in round_about and needed == round_about[feature.id][1]:
                yield held.in_plan(key, in_a_circle(round_about[feature.id]))


def _of_budgets(held: Held) -> Iterator[Flaw]:
    """Whether the shares fit into the whole."""
    for unit, (of, word) in _UNITS.items():
        item = held.beside.item
        whole, own = of(held.plan.budget), of(item.budget) if item else None
        if whole is not None and own is not None and whole > own:
            text = f"the plan takes {whole:g} {word}, and the item of the mission has {own:g}"
            yield held.in_plan(("budget", unit), text)
        most, whose = (whole, "the plan") if whole is not None else (own, "the item of the mission")
        shares = [of(placed.feature.budget) or 0.0 for placed in held.features]
        if most is not None and round(math.fsum(shares), 6) > most:
            over = next(n for n in range(len(shares)) if round(math.fsum(shares[: n + 1]), 6) > most)
            text = f"the features take {math.fsum(shares):g} {word} together, and {whose} has {most:g}"
            yield held.in_plan((*held.features[over].key, "budget", unit), text)


def _of_issues(held: Held) -> Iterator[Flaw]:
    """Whether what is answered and dismissed can be an issue."""
    answered = [
        ((*each.key, "answers", n), name) for each in held.features for n, name in enumerate(each.feature.answers)
    ]
    dismissed: list[tuple[Key, str]] = [
        (("milestones", number, "dismissed", place, "issue"), each.issue)
        for number, milestone in enumerate(held.plan.milestones)
        for place, each in enumerate(milestone.dismissed)
    ]
    for key, name in (*answered, *dismissed):
        if not _ISSUE.fullmatch(name):
            yield held.in_plan(key, f"{name[:40]!r} cannot be the id of an issue")


def _of_services(held: Held) -> Iterator[Flaw]:
    """Whether it is known of each service when it can be used."""
    for name, service in held.services.services.items():
        ready = service.ready
        ways = [way for way, said in (("http", ready.http), ("tcp", ready.tcp), ("run", ready.run)) if said]
        if len(ways) != 1:
            text = f"needs exactly one of 'http', 'tcp' and 'run'; it has {' and '.join(ways) or 'none'}"
            yield held.in_services(("services", name, "ready"), text)


def _of_files(held: Held) -> Iterator[Flaw]:
    """Whether the mission's own files are there that its commands name."""
    of_assertions: list[tuple[Key, Argv]] = [
        ((number, "check"), each.check) for number, each in enumerate(held.assertions) if each.check
    ]
    services = held.services
    of_services: list[tuple[Key, Argv]] = [(("checks", name), run) for name, run in services.checks.items()]
    for name, service in services.services.items():
        of_services.append((("services", name, "run"), service.run))
        of_services.append((("services", name, "ready", "run"), service.ready.run or ()))
    for at, commands in ((held.in_assertions, of_assertions), (held.in_services, of_services)):
        for key, argv in commands:
            for place, word in enumerate(argv):
                missing = _missing(held, word)
                if missing:
                    yield at((*key, place), f"{missing} is not there")


def _missing(held: Held, word: str) -> str:
    """The file or folder of the mission that a word of an argv names, and that is not there."""
    path = word.partition("::")[0].rstrip("/")  # a test in a file
    if not path.startswith(f"{mission_folder(held.id)}/") or path in held.beside.paths:
        return ""
    return "" if any(each.startswith(f"{path}/") for each in held.beside.paths) else path
