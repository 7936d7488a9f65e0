"""One commit of the factory that says it moved one item: its trailers, its journal lines, and the rules of the line."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC

from factory.line.dispatch.budget import used_up
from factory.line.snapshot import ItemState
from factory.model.contract import Contract
from factory.model.errors import IllegalMove, InvalidFile
from factory.model.failure import FailureClass
from factory.model.journal import MOST_LIMITS, Entry, History
from factory.model.lifecycle import OF_MISSIONS, OF_PEOPLE, Event, Lane, Outcome, check_move
from factory.model.mission.standing import Standing
from factory.model.policy import Policy
from factory.model.trailers import Trailer
from factory.report.audit.conflicts import without_conflict
from factory.report.audit.content import Content
from factory.report.audit.finish import Finish
from factory.report.audit.judgement import subject_found
from factory.report.audit.reasons import unfounded
from factory.report.audit.record import Effective, ItemRecord
from factory.report.audit.rules import Found, Rule, Violation
from factory.report.audit.state import AuditState
from factory.report.audit.trailers import beside
from factory.report.audit.transition import Line, Transition
from factory.store.missions import read_mission
from factory.store.queue import Placed

_WALLS = tuple(each for each in FailureClass if each.is_wall)
_OUTCOMES = {
    Event.FINISH: frozenset({Outcome.APPLIED, Outcome.ACCEPTED}),
    Event.REJECT: frozenset({Outcome.REJECTED}),
    Event.CANCEL: frozenset({Outcome.CANCELLED}),
    Event.CLOSE: frozenset({Outcome.APPLIED}),
}


class Moves:
    """Holds moves against the rules, one after the other, and remembers what their runs cost."""

    def __init__(self, state: AuditState, content: Content) -> None:
        self._state = state
        self._reader = state.reader
        self._content = content
        self._spent: Counter[str] = Counter()  # hundred-thousandths of a USD, by day

    def check(self, transition: Transition) -> Iterator[Violation]:
        """What is wrong with a commit that says it moves an item."""
        if transition.moved:
            yield from transition.violations(self._found(transition))

    def advance(self, transition: Transition) -> None:
        """Go on to a commit: what has been spent."""
        self._spent.update(_spent(transition.lines))

    def _found(self, transition: Transition) -> Iterator[Found]:
        item_id, lines = transition.item_id, transition.lines
        others = beside(transition)
        if others:
            yield Rule.TRAILERS, others[0], f"says it moved {item_id or 'nothing'}, and changes {others[0]}"
        yield from ((Rule.JOURNAL, path, text) for path, text in transition.problems)
        if not lines:
            yield Rule.TRAILERS, "", f"says it moved {item_id or 'nothing'}, and no journal says so"
            return
        if len([line for line in lines if line.entry.event is not Event.SUBMIT]) != 1:
            yield Rule.TRAILERS, "", f"records {len(lines)} moves at once; each has a commit of its own"
        for number, line in enumerate(lines):
            yield from self._event(transition, line, lines[:number])
            if line.entry.event in (Event.FINISH, Event.REJECT, Event.OPEN):
                yield from self._end(transition, line)
        yield from _told(transition, *lines[-1])

    def _event(self, transition: Transition, line: Line, earlier: Sequence[Line]) -> Iterator[Found]:
        """One line of a journal: whether it may follow what was before."""
        (record, entry), lane = line, transition.before[line.record.id].lane
        path = record.path
        yield from _follows(line, lane, orphan=self._is_orphan(record))
        if entry.event is Event.START:
            yield from self._start(line, earlier, carried=transition.carried)
        elif entry.event is not Event.SUBMIT and entry.run != record.history.run:
            yield Rule.JOURNAL, path, f"{entry.event} of run {entry.run}, and the item's run is {record.history.run}"
        in_force = self._state.effective(record, transition.step.tree_before)
        yield from _limits(line, in_force)
        if entry.event is Event.DELIVER:
            for text in subject_found(self._reader, record, entry, record.started or in_force):
                yield Rule.SUBJECT, path, f"{record.id} {text}"
        yield from ((Rule.JOURNAL, path, f"{record.id} {text}") for text in without_conflict(self._state, line))
        for text in unfounded(self._state, line, transition.step, lane):
            yield Rule.REASON, path, f"{record.id} {text}"

    def _is_orphan(self, record: ItemRecord) -> bool:
        """Whether a person ended the mission that an item is a part of, or took it out of the plan before it began."""
        item = self._reader.item(record)
        mission = self._state.record(item.mission) if item and item.mission else None
        if mission is None or mission.history.outcome in (Outcome.CANCELLED, Outcome.REJECTED):
            return mission is not None
        policy = self._state.policy(self._state.tree)
        if policy.target_branch != policy.branch:
            return mission.history.mission.under_way  # what its plan said there is written down nowhere
        try:
            files = read_mission(self._state.objects, self._state.tree, mission.id)
        except InvalidFile:
            return False
        known = mission.history.mission
        begun = record.history.run or record.id not in known.filed
        standing = Standing(mission.id, files.plan, files.assertions, known)
        return not begun and bool(standing.dropped([record.id]))

    def _end(self, transition: Transition, line: Line) -> Iterator[Found]:
        brought = self._content.brought(transition) if transition.carried else None
        finish = Finish(self._state, line, transition, brought)
        yield from ((rule, line.record.path, f"{line.record.id} {text}") for rule, text in finish.found())

    def _start(self, line: Line, earlier: Sequence[Line], *, carried: bool) -> Iterator[Found]:
        record, entry = line
        path, history, effective = record.path, record.history, record.started
        if entry.run != history.run + 1:
            yield Rule.JOURNAL, path, f"run {entry.run} follows run {history.run}"
        item = self._reader.item(record)
        if item is None or effective is None or effective.contract is None:
            yield Rule.LEGAL_MOVE, path, f"{record.id} was started without an item or a contract that can be read"
            return
        if item.hold and not carried:  # a rebase brings it onto a hold that came meanwhile
            yield Rule.LEGAL_MOVE, path, f"{record.id} was started, and is on hold"
        used = used_up(ItemState(Placed(record.id, Lane.INBOX, "", ""), item, history), effective.policy)
        if used:
            yield Rule.BUDGET, path, f"{record.id} was started, and {used}"
        day, most = _day(entry), effective.policy.budget.usd_per_day
        today = (self._spent[day] + _spent(earlier)[day]) / 100_000
        if most is not None and today >= most:
            yield Rule.BUDGET, path, f"{record.id} was started, and {today:.2f} of {most:.2f} USD a day are used up"


def _follows(line: Line, lane: Lane | None, *, orphan: bool) -> Iterator[Found]:
    """Whether an event may follow what the journal said before, of a file that lay in a lane.

    `orphan`: its mission was ended by a person, and it goes with it.
    """
    record, entry = line
    path, history = record.path, record.history
    if entry.source is not history.lane and (history.entries or entry.source is not None):
        left = history.lane or "nowhere"
        text = f"{entry.event} comes from {entry.source}, and the journal left the item in {left}"
        yield Rule.JOURNAL, path, text
    try:
        check_move(entry.event, entry.source, entry.to)
    except IllegalMove as error:
        yield Rule.LEGAL_MOVE, path, error.message
    ended = orphan and entry.event is Event.CANCEL
    if (
        entry.event in OF_PEOPLE and lane is not entry.to and not (entry.answers or ended)
    ):  # which have a reason of their own
        yield Rule.LEGAL_MOVE, path, f"{entry.event} says what a person did, and nobody moved it to {entry.to}"
    elif entry.event not in (*OF_PEOPLE, Event.SUBMIT) and lane not in _where(entry):
        yield Rule.LEGAL_MOVE, path, f"{entry.event} from {entry.source}, and the file lay in {lane}"
    if entry.event in OF_MISSIONS - {Event.OPEN} and not history.mission.under_way:
        yield Rule.LEGAL_MOVE, path, f"{entry.event} of what is no mission under way"
    if entry.outcome not in _OUTCOMES.get(entry.event, frozenset({None})):
        yield Rule.JOURNAL, path, f"{entry.event} with the outcome {entry.outcome}"


def _limits(line: Line, in_force: Effective) -> Iterator[Found]:
    """Attempts and rounds, by the contract that was in force when what ends now began."""
    record, entry = line
    effective = record.started if entry.source is Lane.ACTIVE and record.started else in_force
    if effective.contract is None:
        return
    after = record.history.add(entry)
    attempts, rounds = effective.contract.retry.max_attempts, effective.contract.rework.max_rounds
    free = entry.event is Event.RELEASE and entry.failure is not None and entry.attempt is None
    if free and not _may_be_free(entry, after, effective.contract, effective.policy):
        yield Rule.ATTEMPTS, record.path, f"run {entry.run} of {record.id} failed as {entry.failure}, and cost nothing"
    if entry.event is Event.RELEASE and not free and entry.failure and after.attempts >= attempts:
        text = f"attempt {after.attempts} of {record.id} failed, and {effective.name} allows {attempts}"
        yield Rule.ATTEMPTS, record.path, text
    if entry.event is Event.REWORK and after.rounds_spent >= rounds:
        text = f"round {after.rounds_spent} of {record.id} was sent back, and {effective.name} allows {rounds}"
        yield Rule.ROUNDS, record.path, text
    if entry.round != record.history.round:
        yield Rule.JOURNAL, record.path, f"round {entry.round}, and the item's round is {record.history.round}"


def _may_be_free(entry: Entry, after: History, contract: Contract, policy: Policy) -> bool:
    """Whether a failure costs nothing: a usage limit, so many times, or one that another agent may get on with."""
    if entry.failure is FailureClass.RATE_LIMIT:
        return after.limits <= MOST_LIMITS
    return entry.failure in (None, *_WALLS) and bool(
        {*contract.worker.agents, *policy.agents_of(contract.worker.role)} - after.walls
    )


def _told(transition: Transition, record: ItemRecord, last: Entry) -> Iterator[Found]:
    """Whether the trailers and the folder say what the journal says."""
    step = transition.step
    said = [step.trailer(key) for key in (Trailer.MOVE, Trailer.RUN, Trailer.ACTOR)]
    told = [f"{last.source or '-'} -> {last.to}", str(last.run or ""), last.actor]
    if said != told:
        yield Rule.TRAILERS, record.path, f"the commit says {' / '.join(said)}, and the journal {' / '.join(told)}"
    by_hand = last.event in OF_PEOPLE or (last.event is Event.PAUSE and not last.questions)
    if not by_hand and last.actor != str(step.author):
        yield Rule.JOURNAL, record.path, f"the journal says that {last.actor} did it, and {step.author} committed it"
    times = {int(moment.timestamp()) for moment in (step.authored, step.authored if transition.carried else step.at)}
    if times != {int(last.at.timestamp())}:
        yield Rule.JOURNAL, record.path, "the journal has another time than the commit"
    if record.lane is not last.to:
        where = record.lane or "nowhere"
        yield Rule.JOURNAL, record.path, f"the journal says {last.to}, and {record.id} lies in {where}"


def _where(entry: Entry) -> tuple[Lane | None, ...]:
    """Where the file may lie before an event; one that a commit deleted is brought back to blocked first."""
    if entry.event is Event.PAUSE and not entry.questions:  # a person moved it
        return (Lane.BLOCKED,)
    return (entry.source, Lane.BLOCKED) if entry.event is Event.BLOCK else (entry.source,)


def _spent(lines: Iterable[Line]) -> Counter[str]:
    """What the runs cost that these lines tell of, in hundred-thousandths of a USD, by day."""
    spent: Counter[str] = Counter()
    for _, entry in lines:
        if entry.usage is not None:
            spent[_day(entry)] += round(entry.usage.spent * 100_000)
    return spent


def _day(entry: Entry) -> str:
    return f"{entry.at.astimezone(UTC):%Y-%m-%d}"
