"""Shrinking: of a script that shows a failure, the shortest that still does, found by leaving things out."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.simulation.steps import Script, Step


def shrunk(script: Script, fails: Callable[[Script], bool]) -> Script:
    """The shortest script that was found to fail, too. It does; else nothing is left out."""
    while True:
        smaller = next((each for each in _smaller(script) if fails(each)), None)
        if smaller is None:
            return script
        script = smaller


def _smaller(script: Script) -> Iterator[Script]:
    """What is a little less than a script: with steps left out, many at once first; then items; then simpler steps."""
    steps = script.steps
    size = len(steps)
    while size:
        for start in range(0, len(steps), size):
            yield script.but([*steps[:start], *steps[start + size :]])
        size //= 2
    for number in range(len(script.items)):
        if len(script.items) > 1:
            yield replace(script, items=(*script.items[:number], *script.items[number + 1 :]))
    for number, step in enumerate(steps):
        for simpler in _simpler(step):
            yield script.but([*steps[:number], simpler, *steps[number + 1 :]])


def _simpler(step: Step) -> Iterator[Step]:
    if step.what == "pass" or step.what == "work":
        if step.which:
            yield replace(step, which=0)
        return
    if step.at > 0:
        yield replace(step, at=-1)
        yield replace(step, at=step.at // 2)
        yield replace(step, at=step.at - 1)
