"""The evidence: what the factory itself ran and saw."""

from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator

from factory.model.base import Argv, ExitStatus, Format, Ordinal, Said, Seconds
from factory.model.policy import MergeMode
from factory.model.text import last_line
from factory.model.verdict import Finding

BeforeWork = Literal["must_fail", "may_pass"]  # how what is only to hold some day may end already

TAIL_LINES = 40
_LONGEST_TAIL = 16_000  # characters; secrets may have been masked by longer names


def assertion_check(assertion: str) -> str:
    """What the evidence calls the check of one of a plan's assertions."""
    return f"assertions/{assertion}"


def _end(text: str) -> str:
    return text[-_LONGEST_TAIL:]


class CheckKey(NamedTuple):
    """What decides how a check ends. One of two runs with the same key need not have been."""

    read: str  # what it reads: the id of the whole content, or the digest of what its `reads` name in it
    argv: Argv
    environment: str
    contract: str  # the digest of the contract's text


class ReusedRun(Format):
    """The run whose result was reused."""

    item: str
    run: Ordinal
    file: Literal["evidence.json", "recheck.json"]  # that it left: of its delivery, or of the merge train
    tree: str  # the content that it ran on

    @property
    def told(self) -> str:
        """Which run that is, in words."""
        where = "the delivery" if self.file == "evidence.json" else "the merge train"
        return f"run {self.run} of {self.item}, {where}"


class Ran(Format):
    """One command that the factory ran in a clean checkout."""

    name: str
    run: Argv
    exit_code: ExitStatus | None  # None: it could not be started, or was stopped at its deadline
    seconds: Seconds
    problem: Said = ""
    criterion: str | None = None  # the acceptance criterion that it answers
    claimed: ExitStatus | None = None  # the exit status that the worker says it had
    before: ExitStatus | None = None  # the exit status without the change, where a check has to fail before
    before_work: BeforeWork | None = None  # of an assertion's check, run when its plan is proposed

    tree: str = ""  # the content it was run on, where that is another than the evidence's: `checks_from`
    reused: bool = False  # an earlier run ended so: on the very same content, `on` another, or `reused_from`
    read: str = ""  # what it reads, as a key has it; empty where nobody else could reuse the result
    reused_from: ReusedRun | None = None  # the run whose result this is; None: its own, or one on the same content
    on: str = ""  # the content that it ran on itself, where that is another one with the same at what it reads
    missed: tuple[str, ...] = ()  # what it was seen to read and its `reads` do not name: nobody reuses its result
    tail: Annotated[str, AfterValidator(_end)] = ""

    @property
    def is_as_claimed(self) -> bool:
        """Whether it ended as the worker claims; true of what nobody made a claim about."""
        return self.claimed is None or (self.exit_code == self.claimed and not self.problem)

    @property
    def judges(self) -> bool:
        """Whether it is a check of what is proposed: not a claim, and not what is only to be true some day."""
        return self.claimed is None and self.before_work is None

    @property
    def passed(self) -> bool:
        """Exit status 0, nothing in the way, and not so without the change as well; of a claim, that it is so.

        Of what is run before any work, that it could be run, and fails if it must.
        """
        if self.claimed is not None:
            return self.is_as_claimed
        if self.before_work is not None:
            can_fail = self.before_work == "may_pass" or self.exit_code != 0
            return self.exit_code is not None and not self.problem and can_fail
        return self.exit_code == 0 and not self.problem and self.before != 0

    @property
    def proves_nothing(self) -> bool:
        """Whether it is refused since it holds already: it passes before the work that it is to prove."""
        return self.before_work == "must_fail" and self.exit_code == 0 and not self.problem

    @property
    def whose(self) -> str:
        """Where else it ran, in words; empty when it ran on the very content."""
        if self.reused_from:
            return f"reused from {self.reused_from.told}, which ran on {self.reused_from.tree[:10]}"
        return f"ran on {self.on[:10]}, which has the same at what it reads" if self.on else ""

    @property
    def last_line(self) -> str:
        """What it printed last: of tests most often how many ran, which may be fewer than there are."""
        return last_line(self.tail)

    def finding(self, number: int) -> Finding:
        """What a worker is told about a failure."""
        how = self.problem or f"ended with exit status {self.exit_code}"
        if self.before == 0 and self.exit_code == 0:
            how = "passes without the change as well, and so proves nothing"
        about = f"acceptance {self.criterion}" if self.criterion else f"check {self.name}"
        if self.claimed is not None:
            how, about = f"{how}; the worker says {self.claimed}", "claim"
        text = f"{about}: `{' '.join(self.run)}` {how}"
        return Finding(id=f"C{number}", severity="major", text=f"{text}\n{self.tail}".rstrip())


class Evidence(Format):
    """`evidence.json`: the checks' outcomes, and the exact content they were run on."""

    base: str
    proposal: str
    target: str
    tree: str  # the content of the proposal merged with `target`; empty when they conflict
    environment: str = ""  # the digest of what besides the files decides how a command ends
    contract: str = ""  # the digest of the contract's text; empty in evidence from before this was written down
    conflicts: tuple[str, ...] = ()
    ran: tuple[Ran, ...] = ()
    # Changed files with which a check or a seat could be made to say yes, and the word of its argv that names each;
    # None in evidence from before this was looked at.
    instruments: dict[str, str] | None = None
    silent: tuple[str, ...] = ()  # the checks that are known to pass without the product, and so prove nothing
    pending: tuple[str, ...] = ()  # the checks that are run on what is about to be merged, and not before
    mode: MergeMode | None = None  # by which the merge train proved it; None of a delivery
    bounded: tuple[str, ...] = ()  # changed paths that no person need look at: the plan, where steer kept within bounds
    proven: str = ""  # the content that was checked for it, where that is of a whole batch: `merge.mode: tip`

    @property
    def passed(self) -> bool:
        """Merges cleanly and every command passed."""
        return not self.conflicts and all(ran.passed for ran in self.ran)

    def key(self, ran: Ran) -> CheckKey:
        """What decided how one of its commands ended."""
        return CheckKey(ran.read, ran.run, self.environment, self.contract)

    def ran_on(self, ran: Ran) -> str:
        """The content that one of its commands ran on, here or where its result is from."""
        return ran.reused_from.tree if ran.reused_from else ran.on or ran.tree or self.proven or self.tree

    def is_reusable(self, ran: Ran) -> bool:
        """Whether others may reuse the result of one of its commands: it ran here, passed, and read no more."""
        own = ran.reused_from is None and ran.judges and ran.criterion is None
        return own and ran.passed and not ran.missed and bool(ran.read and self.environment and self.contract)

    def broken_claims(self) -> tuple[Ran, ...]:
        """The commands that did not end as the worker says."""
        return tuple(ran for ran in self.ran if not ran.is_as_claimed)

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
