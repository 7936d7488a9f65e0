"""Steps: work that can be left off between any two things it does to files, and how it fails."""

from collections.abc import Generator
from typing import NamedTuple, TypeVar

T = TypeVar("T")
# Each `yield` says what has just been done. Whoever closes one between two steps has killed it with SIGKILL.
Steps = Generator[str, None, T]


class Failure(Exception):
    """Git ends here: its exit status, and what it says on its standard error and has said on its output."""

    def __init__(self, message: str, status: int = 128, said: bytes = b"") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.said = said


def fatal(message: str) -> Failure:
    """What git's `die` does."""
    return Failure(f"fatal: {message}\n")


class Done(NamedTuple):
    """A command that has ended: its exit status and what it said."""

    status: int = 0
    out: bytes = b""
    err: bytes = b""


def run(steps: Steps[T]) -> T:
    """Go through all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found


def ended(steps: Steps[Done]) -> Steps[Done]:
    """The same steps; a failure is an ending like any other."""
    try:
        return (yield from steps)
    except Failure as failure:
        return Done(failure.status, failure.said, failure.message.encode(errors="surrogateescape"))
