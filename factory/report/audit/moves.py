"""One commit of the factory that says it moved one item: its trailers, its journal lines, and the rules of the line."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC

from factory.line.dispatch.budget import used_up
from factory.line.snapshot import ItemState
from factory.model.errors import IllegalMove
from factory.model.journal import Entry, History, fold
from factory.model.lifecycle import Event, Lane, Outcome, check_move
from factory.report.audit.content import Brought
from factory.report.audit.files import JOURNAL, beside, by_item, is_journal
from factory.report.audit.finish import Finish
from factory.report.audit.judgement import subject_found
from factory.report.audit.lines import entries_of, entry_of
from factory.report.audit.reasons import unfounded
from factory.report.audit.rules import Found, Rule
from factory.report.audit.state import AuditState, ItemRecord, lane_of
from factory.store.artifacts import folder_of
from factory.store.queue import Placed
from factory.store.repository.chronicle import Step

_OF_PEOPLE = frozenset({Event.CANCEL, Event.UNBLOCK, Event.MOVED})
_OUTCOMES = {
    Event.FINISH: frozenset({Outcome.APPLIED, Outcome.ACCEPTED}),
    Event.REJECT: frozenset({Outcome.REJECTED}),
    Event.CANCEL: frozenset({Outcome.CANCELLED}),
}


class Moves:
    """Holds moves against the rules, one after the other."""

    def __init__(self, state: AuditState) -> None:
        self._state = state
        self._spent: Counter[str] = Counter()  # hundred-thousandths of a USD, by day
        self.owed: dict[str, tuple[str, int]] = {}  # loose ends of a finished item without an item: (commit, how many)

    def made(self, step: Step, lane: Lane | None, brought: Brought | None = None) -> Iterator[Found]:
        """What is wrong with a commit that moves an item which lay in a lane before.

        `brought` is the commit by which its content came in, when somebody carried both here.
        """
        state, item_id = self._state, step.trailer("Factory-Item")
        others = beside(step, item_id)
        if others:
            yield Rule.TRAILERS, others[0], f"says it moved {item_id or 'nothing'}, and changes {others[0]}"
        record = state.items.get(item_id)
        entries: list[Entry] = []
        if record is not None:
            for found in self._appended(step, record):
                if isinstance(found, Entry):
                    entries.append(found)
                else:
                    yield found
        if record is None or not entries:
            yield Rule.TRAILERS, "", f"says it moved {item_id or 'nothing'}, and no journal says so"
            return
        if len([entry for entry in entries if entry.event is not Event.SUBMIT]) != 1:
            yield Rule.TRAILERS, "", f"records {len(entries)} moves at once; each has a commit of its own"
        for entry in entries:
            yield from self._event(step, record, entry, lane)
            if entry.event in (Event.FINISH, Event.REJECT):
                yield from self._end(Finish(state, record, entry, step, brought), record, entry, step)
            record.history = record.history.add(entry)
        yield from _told(step, record, entries[-1], self._state.authorship.carried(step))

    def came(self, step: Step) -> Iterator[Found]:
        """What is wrong with the items that the factory says it made of what was left."""
        for item_id, changes in by_item(change for change in step.changes if change.new and not change.old).items():
            if lane_of(changes[0].path) is not Lane.INBOX:
                continue
            item = self._state.item(self._state.record(item_id))
            parent = (item.discovered_from if item else None) or ""
            commit, loose = self.owed.pop(parent, ("", 0))
            if loose > 1:
                self.owed[parent] = commit, loose - 1
            elif not loose:
                yield Rule.TRAILERS, changes[0].path, "came from the factory, and no finished item left it"

    def _appended(self, step: Step, record: ItemRecord) -> Iterator[Entry | Found]:
        """The lines that a commit added to an item's journal."""
        state = self._state
        change = next((each for each in step.changes if each.new and is_journal(each) and _of(each.path, record)), None)
        if change is None or change.new is None or change.new.oid == record.journal:
            return
        old = state.blob(record.journal) if record.journal else b""
        new = state.blob(change.new.oid)
        if not new.startswith(old):  # found already; what follows is held against what it says now
            lines = list(entries_of(new))
            record.history, rest = fold(lines[:-1]), lines[-1:]
            yield from rest
            return
        for number, line in enumerate(new[len(old) :].splitlines(), record.history.next_seq()):
            entry = entry_of(line)
            if entry is None:
                yield Rule.JOURNAL, change.path, f"line {number} cannot be read"
                return
            if entry.seq != number:
                yield Rule.JOURNAL, change.path, f"line {number} has the number {entry.seq}"
            yield entry

    def _event(self, step: Step, record: ItemRecord, entry: Entry, lane: Lane | None) -> Iterator[Found]:
        """One line of a journal: whether it may follow what was before."""
        path, history = record.path, record.history
        if entry.source is not history.lane and (history.entries or entry.source is not None):
            left = history.lane or "nowhere"
            yield (
                Rule.JOURNAL,
                path,
                f"{entry.event} comes from {entry.source}, and the journal left the item in {left}",
            )
        try:
            check_move(entry.event, entry.source, entry.to)
        except IllegalMove as error:
            yield Rule.LEGAL_MOVE, path, error.message
        if entry.event in _OF_PEOPLE and lane is not entry.to:
            yield Rule.LEGAL_MOVE, path, f"{entry.event} says what a person did, and nobody moved it to {entry.to}"
        elif entry.event not in (*_OF_PEOPLE, Event.SUBMIT) and lane not in _where(entry):
            yield Rule.LEGAL_MOVE, path, f"{entry.event} from {entry.source}, and the file lay in {lane}"
        if entry.outcome not in _OUTCOMES.get(entry.event, frozenset({None})):
            yield Rule.JOURNAL, path, f"{entry.event} with the outcome {entry.outcome}"
        if entry.event is Event.START:
            yield from self._start(record, entry)
        elif entry.event is not Event.SUBMIT and entry.run != history.run:
            yield Rule.JOURNAL, path, f"{entry.event} of run {entry.run}, and the item's run is {history.run}"
        yield from self._limits(record, entry)
        if entry.event is Event.DELIVER:
            for text in subject_found(self._state, record, entry, record.started or self._state.effective(record)):
                yield Rule.SUBJECT, path, f"{record.id} {text}"
        for text in unfounded(self._state, record, entry, step, lane):
            yield Rule.REASON, path, f"{record.id} {text}"
        if entry.usage is not None:
            self._spent[_day(entry)] += round(entry.usage.spent * 100_000)

    def _end(self, finish: Finish, record: ItemRecord, entry: Entry, step: Step) -> Iterator[Found]:
        yield from ((rule, record.path, f"{record.id} {text}") for rule, text in finish.found())
        loose = len(record.history.loose_ends.keys() - finish.dismissed)
        if loose and entry.event is Event.FINISH:
            self.owed[record.id] = step.commit, loose

    def _start(self, record: ItemRecord, entry: Entry) -> Iterator[Found]:
        path, history = record.path, record.history
        if entry.run != history.run + 1:
            yield Rule.JOURNAL, path, f"run {entry.run} follows run {history.run}"
        item, effective = self._state.item(record), self._state.effective(record)
        record.started = effective
        if item is None or effective.contract is None:
            yield Rule.LEGAL_MOVE, path, f"{record.id} was started without an item or a contract that can be read"
            return
        if item.hold:
            yield Rule.LEGAL_MOVE, path, f"{record.id} was started, and is on hold"
        spent = used_up(ItemState(Placed(record.id, Lane.INBOX, "", ""), item, history))
        if spent:
            yield Rule.BUDGET, path, f"{record.id} was started, and {spent}"
        most, today = effective.policy.budget.usd_per_day, self._spent[_day(entry)] / 100_000
        if most is not None and today >= most:
            yield Rule.BUDGET, path, f"{record.id} was started, and {today:.2f} of {most:.2f} USD a day are used up"

    def _limits(self, record: ItemRecord, entry: Entry) -> Iterator[Found]:
        """Attempts and rounds, by the contract that was in force when what ends now began."""
        effective = record.started if entry.source is Lane.ACTIVE and record.started else self._state.effective(record)
        if effective.contract is None:
            return
        after = record.history.add(entry)
        attempts, rounds = effective.contract.retry.max_attempts, effective.contract.rework.max_rounds
        if entry.event is Event.RELEASE and entry.failure and after.attempts >= attempts:
            text = f"attempt {after.attempts} of {record.id} failed, and {effective.name} allows {attempts}"
            yield Rule.ATTEMPTS, record.path, text
        if entry.event is Event.REWORK and after.rounds_spent >= rounds:
            text = f"round {after.rounds_spent} of {record.id} was sent back, and {effective.name} allows {rounds}"
            yield Rule.ROUNDS, record.path, text
        if entry.round != record.history.round:
            yield Rule.JOURNAL, record.path, f"round {entry.round}, and the item's round is {record.history.round}"


def _told(step: Step, record: ItemRecord, last: Entry, carried: bool) -> Iterator[Found]:
    """Whether the trailers and the folder say what the journal says."""
    said = [step.trailer(f"Factory-{name}") for name in ("Move", "Run", "Actor")]
    told = [f"{last.source or '-'} -> {last.to}", str(last.run or ""), last.actor]
    if said != told:
        yield Rule.TRAILERS, record.path, f"the commit says {' / '.join(said)}, and the journal {' / '.join(told)}"
    if last.event not in _OF_PEOPLE and last.actor != str(step.author):
        yield Rule.JOURNAL, record.path, f"the journal says that {last.actor} did it, and {step.author} committed it"
    times = {int(moment.timestamp()) for moment in (step.authored, step.authored if carried else step.at)}
    if times != {int(last.at.timestamp())}:
        yield Rule.JOURNAL, record.path, "the journal has another time than the commit"
    if record.lane is not last.to:
        where = record.lane or "nowhere"
        yield Rule.JOURNAL, record.path, f"the journal says {last.to}, and {record.id} lies in {where}"


def _where(entry: Entry) -> tuple[Lane | None, ...]:
    """Where the file may lie before an event; one that a commit deleted is brought back to blocked first."""
    return (entry.source, Lane.BLOCKED) if entry.event is Event.BLOCK else (entry.source,)


def _of(path: str, record: ItemRecord) -> bool:
    """Whether a journal is an item's, and lies where its lane says."""
    lane = record.lane
    folder = folder_of(record.id, lane, record.path.split("/")[2]) if lane else folder_of(record.id)
    return path == f"{folder}/{JOURNAL}"


def _day(entry: Entry) -> str:
    return f"{entry.at.astimezone(UTC):%Y-%m-%d}"


def history_of(journal: bytes) -> History:
    """What a journal adds up to that somebody changed, as far as it can be read."""
    return fold(entries_of(journal))
