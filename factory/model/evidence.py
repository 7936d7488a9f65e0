"""The evidence: what the factory itself ran and saw."""

from typing import Literal

from factory.model.base import Argv, Format
from factory.model.verdict import Finding

TAIL_LINES = 40


class Ran(Format):
    """One command that the factory ran in a clean checkout."""

    name: str
    run: Argv
    exit_code: int | None  # None: it could not be started, or was stopped at its deadline
    seconds: float
    problem: str = ""
    criterion: str | None = None  # the acceptance criterion that it answers
    tail: str = ""

    @property
    def passed(self) -> bool:
        """Exit status 0, and nothing in the way."""
        return self.exit_code == 0 and not self.problem

    def finding(self, number: int) -> Finding:
        """What a worker is told about a failure."""
        how = self.problem or f"ended with exit status {self.exit_code}"
        about = f"acceptance {self.criterion}" if self.criterion else f"check {self.name}"
        text = f"{about}: `{' '.join(self.run)}` {how}"
        return Finding(id=f"C{number}", severity="major", text=f"{text}\n{self.tail}".rstrip())


class Evidence(Format):
    """`evidence.json`: the checks' outcomes, and the exact content they were run on."""

    base: str
    proposal: str
    target: str
    tree: str  # the content of the proposal merged with `target`; empty when they conflict
    conflicts: tuple[str, ...] = ()
    ran: tuple[Ran, ...] = ()

    @property
    def passed(self) -> bool:
        """Merges cleanly and every command passed."""
        return not self.conflicts and all(ran.passed for ran in self.ran)

    def answers(self) -> dict[str, Literal["pass", "fail"]]:
        """What the acceptance checks say of their criteria."""
        return {ran.criterion: "pass" if ran.passed else "fail" for ran in self.ran if ran.criterion}

    def findings(self) -> tuple[Finding, ...]:
        """What a worker must put right."""
        conflicts = tuple(
            Finding(
                id=f"M{number}", severity="major", path=path, text="conflicts with what the target branch holds now"
            )
            for number, path in enumerate(self.conflicts, 1)
        )
        failed = [ran for ran in self.ran if not ran.passed]
        return conflicts + tuple(ran.finding(number) for number, ran in enumerate(failed, 1))
