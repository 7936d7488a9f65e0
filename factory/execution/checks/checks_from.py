"""Where checks come from: what a proposal's checks run, and whether that comes from the proposal itself."""

from collections.abc import Iterable, Iterator, Mapping

from factory.execution.prompts.prompt import TemplateProblem, render_argv
from factory.execution.request import RunRequest
from factory.model.base import Argv
from factory.model.contract import Contract, Yardstick
from factory.model.globs import matches
from factory.model.instruments import named
from factory.model.product import is_yardstick
from factory.model.shadows import shadows
from factory.store.repository.objects import Objects
from factory.store.repository.trees import TreeEditor, diff

_FROM_BASE = "checks_from"


def content_for_checks(objects: Objects, merged: str, target: str, contract: Contract, argvs: Iterable[Argv]) -> str:
    """The content that checks run on: the merged one, with the target's own files where the contract says so."""
    if contract.checks_from == "proposal":
        return merged
    changes = list(diff(objects, target, merged))
    kept = from_base(contract, argvs, [change.path for change in changes])
    editor = TreeEditor(objects, merged)
    for change in sorted(
        (change for change in changes if change.path in kept), key=lambda change: change.old is not None
    ):
        if change.old is None:
            editor.remove(change.path)  # first, so that a folder makes room for the file that it stands for
        else:
            editor.put(change.path, change.old)
    return editor.write()


def from_base(contract: Contract, argvs: Iterable[Argv], paths: Iterable[str]) -> tuple[str, ...]:
    """Those of the paths that the contract's checks find as the target has them."""
    rule, paths = contract.checks_from, tuple(paths)
    if isinstance(rule, Yardstick):
        return tuple(path for path in paths if matches(path, rule.base))
    if rule == "proposal":
        return ()
    told = named(argvs, paths)
    return tuple(path for path in paths if path in told or is_yardstick(path))


def instruments_among(
    contract: Contract, checks: Iterable[Argv], seats: Iterable[Argv], changed: Iterable[str], made: Mapping[str, bool]
) -> dict[str, str]:
    """The changed files that only a person may let through, as they decide what checks and seats say, and why each.

    `made` says of each that the proposal itself changes whether it is new.
    """
    checks, seats, changed = tuple(checks), tuple(seats), tuple(changed)
    prompts = {seat.prompt: f"the prompt of {seat.name}" for seat in contract.review.seats if seat.prompt}
    found = {path: prompts[path] for path in changed if path in prompts}
    found |= dict.fromkeys(from_base(contract, checks, changed), _FROM_BASE)  # no check has run them
    return found | shadows((*checks, *seats), made) | named((*checks, *seats), changed)


def seat_argvs(request: RunRequest) -> Iterator[Argv]:
    """What the machine seats run, as far as it is known before they are asked."""
    unknown: Mapping[str, str] = {"subject": "", "prompt": "", "model": ""}
    policy = request.policy
    for seat in request.contract.review.seats:
        named = (seat.agent, *policy.agents_of(seat.role))
        agents = [agent for agent in map(policy.agent_named, named) if agent]
        for argv in filter(None, (seat.run, *(agent.run for agent in agents))):
            try:
                yield render_argv(argv, {**request.variables(), **unknown}, f"review.seats.{seat.name}")
            except TemplateProblem:
                yield argv  # the seat itself will say so
