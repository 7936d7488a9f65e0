"""Reasons: whether what sent an item back, or to a person, follows from what is committed."""

from collections.abc import Iterator

from pydantic import ValidationError

from factory.line.dispatch.budget import used_up
from factory.line.intake.answers_file import read_answers
from factory.line.review.rounds import repeated
from factory.line.snapshot import ItemState
from factory.model.contract import Contract
from factory.model.errors import InvalidFile
from factory.model.failure import Cost, FailureClass
from factory.model.layout import answers_path
from factory.model.lifecycle import Event, Lane, NotApplied
from factory.model.policy import Policy
from factory.model.result import Result, Status
from factory.model.run_layout import MANIFEST, RESULT, is_answers, parse_run_path, run_path
from factory.report.audit.judgement import Judgement, subject_found
from factory.report.audit.record import Effective
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Line
from factory.store.queue import Placed
from factory.store.repository.commit_walk import CommitDiff

# What keeps an approved item from being applied and is known to the machine alone.
_AT_APPLY = frozenset({NotApplied.UNPROVABLE, NotApplied.COMMAND_FAILED, NotApplied.COMMAND_UNKNOWN})


def unfounded(state: AuditState, line: Line, step: CommitDiff, lane: Lane | None) -> Iterator[str]:
    """What is wrong with why an item, which lay in a lane before, was sent back or to a person."""
    entry = line.entry
    if entry.answers:
        yield from _unasked(state, line, moved=lane is entry.to)
    returned = lane is Lane.BLOCKED  # its file had been deleted, and was brought back there
    if entry.event not in (Event.REWORK, Event.BLOCK) or returned:
        return
    reason = _Reason(state, line, step)
    match entry.source:
        case Lane.REVIEW:
            follows = reason.of_review()
        case Lane.ACTIVE:
            follows = reason.of_run()
        case _:
            follows = reason.of_waiting()
    if not follows:
        how = "sent back" if entry.event is Event.REWORK else "given to a person"
        yield f"was {how}, and by what is committed {reason.instead}"


def _unasked(state: AuditState, line: Line, *, moved: bool) -> Iterator[str]:
    """What is wrong with the answers that sent an item back to work; `moved`: a person has moved it besides."""
    record, entry = line
    path, history = answers_path(record.id), record.history
    opened, author = state.verdicts.get(path, ("", None))
    kept = next((oid for name, oid in record.run.items() if oid == opened and _holds_answers(name, entry.run)), "")
    if not kept:
        yield "was answered, and by what is committed nobody has answered"
        return
    try:
        given = read_answers(path, state.reader.blob(kept), history)
    except InvalidFile as error:
        yield f"was answered by what does not count: {error.problems[0].message}"
        return
    if given != entry.answers or (entry.actor != str(author) and not moved):
        yield "was answered, and its journal tells of other answers, or of another person, than the file"


def _holds_answers(below: str, run: int) -> bool:
    number, name = parse_run_path(below) or (0, "")
    return number == run and is_answers(name)


class _Reason:
    """One item at the commit that sent it on."""

    def __init__(self, state: AuditState, line: Line, step: CommitDiff) -> None:
        self._state = state
        self._reader = state.reader
        self._line = line
        self._record, self._entry = line
        self._step = step
        self.instead = "nothing asked for it"

    def _case(self) -> ItemState:
        record = self._record
        return ItemState(Placed(record.id, Lane.INBOX, "", ""), self._reader.item(record), record.history)

    def _last_round(self, effective: Effective) -> bool:
        return (
            effective.contract is not None
            and self._record.history.rounds_spent + 1 >= effective.contract.rework.max_rounds
        )

    def of_review(self) -> bool:
        """Whether the gate sends it there."""
        record, entry = self._record, self._entry
        judgement = Judgement(self._state, self._line, self._step)
        delivered, item, contract = judgement.delivered, judgement.item, judgement.effective.contract
        evidence = judgement.evidence() if delivered else None
        if delivered is None or item is None or contract is None or evidence is None:
            self.instead = "there is no delivery, item or contract that it could be judged by"
            return False
        event, again = Event.REWORK, False  # what was judged may be another one now
        if not any(subject_found(self._reader, record, delivered, judgement.effective)):
            decision = judgement.assessed(delivered, item, contract, evidence).decision
            self.instead = f"it {decision.reason or 'could not be'}"
            if decision.verdicts != entry.verdicts:
                return False
            event, again = decision.event or Event.MOVED, bool(repeated(self._case(), decision.findings))
        if entry.event is event:
            return True
        if event is Event.REWORK:
            return entry.event is Event.BLOCK and (again or self._last_round(judgement.effective))
        return event is Event.FINISH and entry.not_applied in _AT_APPLY

    def of_run(self) -> bool:
        """Whether its run ended so."""
        record, entry = self._record, self._entry
        effective = record.started or self._state.effective(record, self._step.tree_before)
        name = f"/{record.id}/{run_path(entry.run, MANIFEST)}"
        if not any(change.new and not change.old and change.path.endswith(name) for change in self._step.changes):
            self.instead = "its run left nothing"
            return False
        back = entry.event is Event.REWORK
        if entry.failure is None:
            return self._by_result(effective, back=back)
        match entry.failure.cost:
            case Cost.ROUND:
                item = self._reader.item(record)
                return back or self._last_round(effective) or bool(item and item.reverts)
            case Cost.PERSON:
                return not back
        most = effective.contract.retry.max_attempts if effective.contract else 0
        return not back and record.history.attempts + 1 >= most

    def _by_result(self, effective: Effective, *, back: bool) -> bool:
        """Whether the worker itself asks for it, or is not sure enough."""
        oid = self._record.run.get(run_path(self._entry.run, RESULT))
        try:
            result = Result.model_validate_json(self._reader.blob(oid)) if oid else None
        except ValidationError:
            result = None
        if result is None or effective.contract is None:
            return False
        if result.status is Status.BLOCKED:
            self.instead = "its worker asked for something else"
            return not back and self._entry.questions in ((), result.asks)
        if not effective.contract.doubts(result.confidence):
            self.instead = "its worker was content"
            return False
        refused = effective.contract.on_uncertainty == "refuse"
        return refused if back else not refused or self._last_round(effective)

    def _policy(self) -> Policy:
        return self._state.effective(self._record, self._step.tree_before).policy

    def of_waiting(self) -> bool:
        """Whether it could not be begun."""
        entry = self._entry
        if entry.event is not Event.BLOCK or entry.failure is None or entry.failure.cost is not Cost.PERSON:
            return False
        if entry.failure is FailureClass.AUTH:
            effective = self._state.effective(self._record, self._step.tree_before)
            return effective.contract is not None and _needs_secrets(effective.contract, effective.policy)
        return entry.failure is not FailureClass.BUDGET or bool(used_up(self._case(), self._policy()))


def _needs_secrets(contract: Contract, policy: Policy) -> bool:
    """Whether there is a key without which its worker or an agent in one of its seats cannot begin."""
    roles = (contract.worker.role, *(seat.role for seat in contract.review.seats))
    named = [*contract.worker.agents, *(seat.agent for seat in contract.review.seats)]
    named += [name for role in roles for name in policy.agents_of(role)]
    return bool(contract.worker.secrets) or any(agent.keys for agent in map(policy.agent_named, named) if agent)
