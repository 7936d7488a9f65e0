"""A simulation: a script, played with the whole orchestrator on a simulated machine; and what was wrong."""

import traceback
from collections.abc import Callable, Sequence

from tests.simulation.clone import Played, Simulation, Violation
from tests.simulation.machine import CLONES, Machine, simulated
from tests.simulation.steps import Script, Step

_MOST_TO_MEET = 6  # rounds of two clones


def play(script: Script, tell: Callable[[str], None] = lambda _: None) -> Played:
    """Play a script on a simulated machine."""
    with simulated(script) as machine:
        return played_on(machine, script, tell)


def played_on(machine: Machine, script: Script, tell: Callable[[str], None] = lambda _: None) -> Played:
    """Play a script on a machine that has what it begins with."""
    clones = range(len(CLONES) if script.clones else 1)
    return played_in(*(Simulation(script, machine, tell, clone) for clone in clones))


def played_in(first: Simulation, *others: Simulation) -> Played:
    """Play the script of some clones, and then the rest until nothing moves.

    What went wrong is told in what is returned, which is about all of them.
    """
    sides, played = (first, *others), first.played
    for side in others:
        side.played = played
    for side in sides:
        side.beside = [each for each in sides if each is not side]
    try:
        for step in first.script.steps:
            sides[step.clone].do(step)
        for side in sides:
            side.do_the_rest()
        if others:
            _come_together(sides)
        for side in sides:
            played.violations += side.look_at_the_end()
    except Violation as error:
        played.violations.append(str(error))
    except Exception as error:  # whatever it is, it is one to be told of with the seed
        played.violations.append("".join(traceback.format_exception(error)))
    finally:
        for side in sides:
            side.die()
    played.checks = sum(side.tally.checks for side in sides)
    played.operations = first.machine.operations
    return played


def _come_together(sides: Sequence[Simulation]) -> None:
    """Bring all that is in one clone to the other, until both hold the same and nothing moves in either."""
    before: set[str] = set()
    for _ in range(_MOST_TO_MEET):
        for side in sides:
            side.put_in_order()
            side.come_to_rest()
            for what in ("pull", "push"):
                side.do(Step(what, clone=side.clone))
        heads = {side.head() for side in sides}
        if len(heads) == 1 and heads == before:
            return
        before = heads
    raise Violation("the clones do not come together")
