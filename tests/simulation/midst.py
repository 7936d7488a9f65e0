"""What happens in the midst of a pass: a person who comes in between, a crash, a disk that fails."""

import errno
import os
from collections.abc import Callable
from random import Random

from tests.simulation.disk.inodes import Crash
from tests.simulation.person import Person
from tests.simulation.steps import Step

POWER_CUT = "power-cut"
CRASHES = ("kill", POWER_CUT)
_REFUSALS = (1, 1, 1, 2, 4, 6)  # operations on the disk, one after the other
_REFUSED = {"no-space": errno.ENOSPC, "io-error": errno.EIO}


class Midst:
    """Called before each operation of a pass on the disk: lets happen what is to happen in its midst.

    Before it raises Crash, `cut` is told whether the machine's power goes.
    """

    def __init__(self, person: Person, step: Step | None, cut: Callable[[bool], None]) -> None:
        self._person = person
        self._step = step
        self._cut = cut
        self._count = 0
        self.refused = 0  # operations on the disk
        self._since = step.since if step else ""
        self._begun = False
        self._chance = Random(step.which if step else 0)

    def __call__(self, operation: str, path: str) -> None:
        if self._since in path:
            self._since = ""
        self._count += not self._since
        step = self._step
        if self._person.at_work and self._chance.random() < 0.5:
            self._person.go_on()
        if step is None or self._since or self._count < step.at or (self._begun and step.what not in _REFUSED):
            return
        self._begun = True
        if step.what in CRASHES:
            self._cut(step.what == POWER_CUT)
            raise Crash
        if step.what not in _REFUSED:
            self._person.begin(step)
        # No disk keeps a lock from being taken or let go of: that is between processes alone.
        elif self.refused < _REFUSALS[step.which // 4 % len(_REFUSALS)] and operation != "flock":
            self.refused += 1
            raise OSError(_REFUSED[step.what], os.strerror(_REFUSED[step.what]), path)

    @property
    def left(self) -> Step | None:
        """What has not happened, since the pass was over before."""
        return None if self._begun else self._step
