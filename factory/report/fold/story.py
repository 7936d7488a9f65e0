"""A story: the lines of one journal, told as stays, runs, verdicts, setbacks and loose ends."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from factory.model.errors import InvalidFile, Problem
from factory.model.lifecycle import Event, Lane
from factory.model.text import cut, printable
from factory.model.verdict import Decision, finding_key
from factory.report.fold.causes import cause_of
from factory.report.fold.facts import FindingFact, ItemFacts, LooseEnd, RunFact, SeatFact, Setback, Stay
from factory.report.fold.lines import AgentLine, Line, PhaseLine, SeatLine, UsageLine, lines_of, seconds_in
from factory.report.fold.source import Source
from factory.report.fold.words import Words

_LONGEST = 200  # characters of what others said
_SETBACKS = frozenset({Event.RELEASE, Event.REWORK, Event.BLOCK})
_AGAINST = frozenset({Decision.REWORK, Decision.REJECT})
_PASSED = frozenset({Event.FINISH, Event.OPEN})
_REFUSED = frozenset({Event.REWORK, Event.REJECT, Event.BLOCK})
_ACTIVE, _REVIEW, _DONE = Lane.ACTIVE, Lane.REVIEW, Lane.DONE  # named once: a look at an enumeration takes time
_START, _DELIVER, _REWORK, _OPEN = Event.START, Event.DELIVER, Event.REWORK, Event.OPEN
_NOTHING_USED, _NOBODY = UsageLine(), AgentLine()
SENT_BACK, ENDED, MADE_ITEM, OF_MISSION = "sent back", "ended", "item", "mission"  # what became of a loose end


def facts_of(source: Source, words: Words, data: bytes, path: str) -> ItemFacts:
    """What an item's file says of it, and its journal of what became of it. Raises InvalidFile."""
    story = _Story(words)
    number = 0
    for number, line in enumerate(lines_of(data, path), 1):
        try:
            story.add(line, seconds_in(line.at))
        except (ValueError, OverflowError) as error:
            raise InvalidFile(Problem(path, number, 1, f"not a journal line: {error}")) from None
    return story.told(source, number)


@dataclass
class _Story:
    """Goes through the lines, and has in hand what is not over yet."""

    words: Words
    stays: list[Stay] = field(default_factory=list)
    runs: list[RunFact] = field(default_factory=list)
    seats: list[SeatFact] = field(default_factory=list)
    setbacks: list[Setback] = field(default_factory=list)
    loose_ends: list[LooseEnd] = field(default_factory=list)
    came: tuple[Line, int] | None = None  # by which line, and when, it came to where it lies
    begun: tuple[Line, int] | None = None  # the start of the run that is under way
    submitted: int | None = None
    opened: int | None = None
    approved: str = ""
    applied: str = ""
    round: int = 1
    delivered: int = 0  # when it was put before its seats last
    machines: frozenset[str] = frozenset()  # the seats that had judged by then

    def add(self, line: Line, at: int) -> None:
        """Go on to the next line. Raises ValueError for a time that is none."""
        event = line.event
        if self.came is None:
            self.submitted, self.came = at, (line, at)
        elif self.came[0].to is not line.to:  # else a mission under way: it lies where it lay
            self.stays.append(_stay(*self.came, at))
            self.came = line, at
        if line.source is _ACTIVE and self.begun:
            self.runs.append(_run(*self.begun, line, at))
            self.begun = None
        if event is _START:
            self._answer(at, SENT_BACK)
            self.begun = line, at
        elif event is _DELIVER:
            self._deliver(line, at)
        elif line.source is _REVIEW:
            self._reviewed(line, at)
        if line.to is _DONE:
            self._answer(at, ENDED)
        if event in _SETBACKS:
            self.setbacks.append(_setback(line, at))
        if event is _REWORK:
            self.round += 1
            self._answer(at, SENT_BACK)
        if event is _OPEN:
            self.opened, self.approved = at, line.applied or ""
        self.applied = line.applied or self.applied

    def told(self, source: Source, lines: int) -> ItemFacts:
        """All that was told."""
        if self.came is None:
            return ItemFacts(id=source.id, lane=source.lane, **vars(self.words), day=source.day)
        last, at = self.came
        runs = [*self.runs, _run(*self.begun)] if self.begun else self.runs
        return ItemFacts(
            id=source.id,
            lane=source.lane,
            **vars(self.words),
            day=source.day,
            outcome=last.outcome,
            submitted=self.submitted,
            ended=at if last.to is Lane.DONE else None,
            opened=self.opened,
            approved=self.approved,
            applied=self.applied,
            round=self.round,
            lines=lines,
            not_before=seconds_in(last.not_before) if last.not_before else None,
            waits_for_answers=bool(last.questions),
            stays=(*self.stays, _stay(last, at)),
            runs=tuple(runs),
            seats=tuple(self.seats),
            setbacks=tuple(self.setbacks),
            loose_ends=tuple(self.loose_ends),
        )

    def _deliver(self, line: Line, at: int) -> None:
        """What machines said of a delivery, and what its worker left undone."""
        self.delivered = at
        self.machines = frozenset(each.seat for each in line.verdicts)
        took = {each.name.removeprefix("seat "): each for each in line.phases} if line.verdicts else {}
        for each in line.verdicts:
            phase = took.get(each.seat)
            asked = seconds_in(phase.at) if phase else at
            self.seats.append(_seat(line, each, asked, at, phase.seconds if phase else 0.0, human=False))
        for key, text in (line.loose_ends or {}).items():
            self.loose_ends.append(LooseEnd(_short(key), _short(text), line.run, at))

    def _reviewed(self, line: Line, at: int) -> None:
        """What people said of a delivery, who was overruled, and what became of what its worker left."""
        asked = self.delivered or at
        for each in line.verdicts:
            if each.seat not in self.machines:
                self.seats.append(_seat(line, each, asked, at, float(max(0, at - asked)), human=True))
        if line.event in _PASSED:
            if self.words.validates is None:  # whose findings are what they were asked for
                self._overrule(line.run, _AGAINST)
            self._answer(at, OF_MISSION if self.words.mission else MADE_ITEM)
        elif line.event in _REFUSED and any(each.decision in _AGAINST for each in line.verdicts):
            self._overrule(line.run, (Decision.APPROVE,))

    def _overrule(self, run: int, decisions: Container[Decision]) -> None:
        """The review of a run's proposal ended against those who said so."""
        for number in range(len(self.seats) - 1, -1, -1):
            fact = self.seats[number]
            if fact.run != run:
                break
            if fact.decision in decisions and not fact.lost:
                self.seats[number] = replace(fact, overturned=True)

    def _answer(self, at: int, how: str) -> None:
        """Every loose end that is still open is answered now."""
        for number, each in enumerate(self.loose_ends):
            if each.until is None:
                self.loose_ends[number] = replace(each, until=at, answer=how)


def _stay(line: Line, since: int, until: int | None = None) -> Stay:
    return Stay(line.to, since, line.event, until, line.run, line.round, _short(line.actor), _short(line.reason))


def _run(start: Line, began: int, end: Line | None = None, ended: int | None = None) -> RunFact:
    """A run with what the line says by which it ended."""
    worker = _short(start.worker)
    if end is None:
        return RunFact(start.run, start.round, worker, began)
    usage = end.usage or _NOTHING_USED
    worked, checked, judged = _took(end.phases)
    return RunFact(
        number=start.run,
        round=start.round,
        worker=worker,
        began=began,
        model=_short((end.agent or _NOBODY).model),
        ended=ended,
        ended_by=end.event,
        failure=end.failure,
        proposed=bool(end.proposal),
        seconds=end.seconds,
        worked=worked,
        checked=checked,
        judged=judged,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        usd=usage.usd,
        estimated=usage.estimated,
        incomplete=usage.incomplete,
    )


def _took(phases: Iterable[PhaseLine]) -> tuple[float, float, float]:
    """The seconds of the worker, of checks and of machine seats."""
    worked = checked = judged = 0.0
    for each in phases:
        kind = each.name.partition(" ")[0]
        if kind == "worker":
            worked += each.seconds
        elif kind in ("check", "canary"):
            checked += each.seconds
        elif kind == "seat":
            judged += each.seconds
    return round(worked, 3), round(checked, 3), round(judged, 3)


def _seat(line: Line, said: SeatLine, asked: int, at: int, seconds: float, *, human: bool) -> SeatFact:
    return SeatFact(
        seat=_short(said.seat),
        reviewer=_short(said.reviewer),
        decision=said.decision,
        run=line.run,
        round=line.round,
        asked=asked,
        at=at,
        seconds=seconds,
        human=human,
        lost=bool(said.lost),
    )


def _setback(line: Line, at: int) -> Setback:
    reason = line.reason or ""
    found = tuple(
        FindingFact(finding_key(each.path, each.text), _short(each.seat), _short(each.text)) for each in line.findings
    )
    decisions = [each.decision for each in line.verdicts]
    return Setback(
        event=line.event,
        at=at,
        run=line.run,
        round=line.round,
        source=line.source or Lane.INBOX,
        cause=cause_of(
            reason, line.failure, line.not_applied, decisions, asks=bool(line.questions), found=bool(line.findings)
        ),
        reason=_short(reason),
        failure=line.failure,
        not_applied=line.not_applied,
        findings=found,
    )


@lru_cache(maxsize=20_000)  # most are names, and of few people and machines
def _short(text: str | None) -> str:
    """What others said, as one line that is not long."""
    if not text:
        return ""
    if len(text) <= _LONGEST and text.isprintable() and "  " not in text and text == text.strip():
        return text
    return cut(printable(" ".join(text[: 2 * _LONGEST].split())), _LONGEST)
