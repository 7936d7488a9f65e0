"""The errors a person can act on, and the problems found in the files a person writes."""

from dataclasses import dataclass
from typing import ClassVar


class FactoryError(Exception):
    """One sentence saying what is wrong and where; `hint` is the next command to run."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def told_by(error: FactoryError | OSError) -> str:
    """What an error says, without the command that would help."""
    return error.message if isinstance(error, FactoryError) else str(error)


class UsageError(FactoryError):
    """The command was asked for something that is not there."""

    exit_code = 2


class OutOfTurn(UsageError):
    """An orchestrator was asked for a pass, or a step, while it holds no lock or is in the midst of another one."""


class UnusableError(FactoryError):
    """The policy or the repository cannot be used."""

    exit_code = 3


class BusyError(FactoryError):
    """Somebody else is at work; nothing was done."""

    exit_code = 4


class StopRequested(Exception):
    """Who is at work was asked to stop, and nothing is half done."""


class NothingButCommits(FactoryError):
    """A fault makes pass after pass commit something that it takes back again."""


class MachineError(FactoryError):
    """The machine, or git on it, failed at this moment; the same may go well the next time."""


class IllegalMove(FactoryError):
    """The table of moves has no such move."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in one file, at a place a person can jump to. Lines and columns count from 1."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


class TooLarge(FactoryError):
    """Something of more bytes than are read."""

    def __init__(self, size: int, most: int, beginning: bytes = b"") -> None:
        super().__init__(f"is {size} bytes long; at most {most} are read")
        self.beginning = beginning  # as far as it was read


class InvalidFile(FactoryError):
    """A file that does not say what its kind must say; it stays where it is."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(map(str, problems)), "factory check")
        self.problems = problems


class InvalidPolicy(UnusableError):
    """WORKFLOW.md, mostly as it is committed, does not say what it must say."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(map(str, problems)), "correct it, factory check, git commit WORKFLOW.md")
        self.problems = problems
