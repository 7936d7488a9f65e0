"""Untold: whom the factory failed to tell what WORKFLOW.md says people are told, and what it would need for that."""

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from factory.line.policy_problems import at
from factory.model.errors import Problem
from factory.model.globs import matches
from factory.model.moments import rfc3339
from factory.model.notify import NotifyRule, zone_of
from factory.model.policy import Policy
from factory.model.text import counted, printable
from factory.report.diagnosis import Diagnosis, Health
from factory.store import yaml
from factory.store.notices import read_notices

_ABOUT = "notify"


def untold(state: Path, policy: Policy) -> tuple[str, ...]:
    """The ways of telling that failed last, as people are told of them."""
    targets = {rule.target for rule in policy.notify}
    failures = read_notices(state).failures if targets else ()
    return tuple(
        printable(f"notify: {each.to} was not told, {_times(each.count)} at {rfc3339(each.at)}: {each.reason}")
        for each in failures
        if each.target in targets
    )


def _times(count: int) -> str:
    return "last" if count == 1 else f"{counted(count, 'time')} in a row, last"


def of_notify(
    root: Path, source: yaml.Source | None, policy: Policy, problems: list[Problem], warnings: list[str]
) -> None:
    """Add what is wrong with `notify` in the front matter of a policy, and what only may be."""
    for number, rule in enumerate(policy.notify):
        assert source is not None  # without one there are no rules
        if zone_of(rule.timezone) is None:
            said = f"{rule.timezone!r} is no time zone that this machine knows, so that quiet hours are in UTC"
            problems.append(at(source, (_ABOUT, number, "timezone"), said))
        for place, word in enumerate(rule.run or ()):
            if (root / word).is_file() and not Path(word).is_absolute() and not matches(word, policy.guarded):
                said = f"{word} runs in no sandbox, and is not protected: name it under 'protected', or move it away"
                warnings.append(str(at(source, (_ABOUT, number, "run", place), said)))


def of_telling(state: Path, root: Path, policy: Policy) -> Iterator[Diagnosis]:
    """Whether what WORKFLOW.md names to tell people by is there, and has gone well."""
    if not policy.notify:
        return
    lacking = [sign for rule in policy.notify for sign in _lacking(rule, root)]
    yield from dict.fromkeys(lacking)
    failed = untold(state, policy)
    for said in failed:
        yield Diagnosis(_ABOUT, Health.BAD, said.removeprefix(f"{_ABOUT}: "), "mend it; the next notice tries again")
    if not lacking and not failed:
        waiting = len(read_notices(state).waiting)
        waits = f"; {counted(waiting, 'notice')} to be told" if waiting else ""
        yield Diagnosis(_ABOUT, Health.GOOD, f"{counted(len(policy.notify), 'rule')}{waits}")


def _lacking(rule: NotifyRule, root: Path) -> Iterator[Diagnosis]:
    if rule.apprise and find_spec("apprise") is None:
        yield Diagnosis(_ABOUT, Health.BAD, "Apprise is not installed", "pip install 'git-factory[notify]'")
    for name in rule.variables:
        if name not in os.environ:
            yield Diagnosis(_ABOUT, Health.NOTE, f"{name} is not set here", f"export {name}=… where the factory runs")
    program = rule.run[0] if rule.run else ""
    if program and shutil.which(root / program if "/" in program else program) is None:
        yield Diagnosis(_ABOUT, Health.BAD, f"there is no program {program!r}", f"install {program}")
