"""The executor: what carries runs out, here or on another machine. It is given requests, and gives outcomes."""

from collections.abc import Collection
from concurrent.futures import Future
from typing import Protocol

from factory.execution.control import Control
from factory.execution.outcome import RunOutcome
from factory.execution.request import RunRequest


class Executor(Protocol):
    """Carries out run requests, several at a time, in the shape of `concurrent.futures`."""

    @property
    def kinds(self) -> Collection[str]:
        """The kinds of agents that it can run."""

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        """Begin a run. A failure is a value of its outcome; an exception of the future means that it was lost.

        It may happen in any clone: what its work brought is taken over into this one with the outcome. It ends soon
        after `control.stop` is set, calls `control.alive` at every sign of life, and hands on output. The request is
        its own, to do with as it likes. What comes back goes through `RunOutcome.checked`, and is held against the
        request: whatever is wrong with it, or an exception here, is a crash of this run alone. So is one that ends as
        stopped and was not asked to.
        """

    def shutdown(self) -> None:
        """Wait for what was begun, and let go of everything. Nothing is submitted any more.

        What has not ended when it returns, or raises, is waited for some seconds, and then is lost.
        """
