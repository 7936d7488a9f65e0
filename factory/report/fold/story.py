"""A story: the lines of one journal, told as stays, runs, verdicts, setbacks and loose ends."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field, replace

from factory.model.errors import InvalidFile, Problem
from factory.model.lifecycle import Event, Lane
from factory.model.text import cut, printable
from factory.model.verdict import Decision, Finding
from factory.report.fold.causes import cause_of
from factory.report.fold.facts import FindingFact, ItemFacts, LooseEnd, RunFact, SeatFact, Setback, Stay
from factory.report.fold.lines import AgentLine, Line, PhaseLine, UsageLine, lines_of, seconds_in

_LONGEST = 200  # characters of what others said
_SETBACKS = frozenset({Event.RELEASE, Event.REWORK, Event.BLOCK})
_AGAINST = frozenset({Decision.REWORK, Decision.REJECT})
SENT_BACK, ENDED, MADE_ITEM, DISMISSED, OF_MISSION = "sent back", "ended", "item", "dismissed", "mission"
# The loose ends that were dismissed when a run's proposal was approved, by seats other than those of machines.
Dismissed = Callable[[int, Container[str]], Container[str]]


def with_story(item: ItemFacts, data: bytes, path: str, dismissed: Dismissed) -> ItemFacts:
    """An item with what its journal tells. Raises InvalidFile."""
    story = _Story(item, dismissed)
    number = 0
    for number, line in enumerate(lines_of(data, path), 1):
        try:
            story.add(line)
        except (ValueError, OverflowError) as error:
            raise InvalidFile(Problem(path, number, 1, f"not a journal line: {error}")) from None
    return replace(story.told(), lines=number)


@dataclass
class _Story:
    """Goes through the lines, and has in hand what is not over yet."""

    item: ItemFacts
    dismissed: Dismissed
    stays: list[Stay] = field(default_factory=list)
    runs: list[RunFact] = field(default_factory=list)
    seats: list[SeatFact] = field(default_factory=list)
    setbacks: list[Setback] = field(default_factory=list)
    loose_ends: list[LooseEnd] = field(default_factory=list)
    round: int = 1
    delivered: int = 0  # when it was put before its seats last
    machines: frozenset[str] = frozenset()  # the seats that had judged by then

    def add(self, line: Line) -> None:
        """Go on to the next line. Raises ValueError for a time that is none."""
        at, event = seconds_in(line.at), line.event
        self._stay(line, at)
        if event is Event.START:
            self._answer(at, SENT_BACK)
            self.runs.append(RunFact(line.run, line.round, _short(line.worker), began=at))
        elif line.source is Lane.ACTIVE and self.runs and self.runs[-1].ended is None:
            self.runs[-1] = _ended(self.runs[-1], line, at)
        if event is Event.DELIVER:
            self._deliver(line, at)
        elif line.source is Lane.REVIEW:
            self._reviewed(line, at)
        if event in _SETBACKS:
            self.setbacks.append(_setback(line, at))
        if event is Event.REWORK:
            self.round += 1
            self._answer(at, SENT_BACK)
        outcome = line.outcome
        self.item = replace(
            self.item,
            submitted=at if self.item.submitted is None else self.item.submitted,
            ended=at if line.to is Lane.DONE else None,
            opened=at if event is Event.OPEN else self.item.opened,
            approved=line.applied or "" if event is Event.OPEN else self.item.approved,
            applied=line.applied or self.item.applied,
            outcome=outcome,
            not_before=seconds_in(told) if (told := line.not_before) else None,
            waits_for_answers=bool(line.questions),
        )

    def told(self) -> ItemFacts:
        """All that was told so far."""
        return replace(
            self.item,
            round=self.round,
            stays=tuple(self.stays),
            runs=tuple(self.runs),
            seats=tuple(self.seats),
            setbacks=tuple(self.setbacks),
            loose_ends=tuple(self.loose_ends),
        )

    def _stay(self, line: Line, at: int) -> None:
        if self.stays and self.stays[-1].lane is line.to:
            return  # a mission under way: something was done for it, and it lies where it lay
        if self.stays:
            self.stays[-1] = replace(self.stays[-1], until=at)
        said = _short(line.reason)
        self.stays.append(
            Stay(
                line.to,
                at,
                line.event,
                run=line.run,
                round=line.round,
                actor=_short(line.actor),
                reason=said,
            )
        )

    def _deliver(self, line: Line, at: int) -> None:
        """What machines said of a delivery, and what its worker left undone."""
        self.delivered = at
        took = {each.name.removeprefix("seat "): each for each in line.phases}
        said = line.verdicts
        self.machines = frozenset(each.seat for each in said)
        for each in said:
            phase = took.get(each.seat)
            asked = seconds_in(phase.at) if phase else at
            fact = SeatFact(
                seat=_short(each.seat),
                reviewer=_short(each.reviewer),
                decision=each.decision,
                run=line.run,
                round=line.round,
                asked=asked,
                at=at,
                seconds=phase.seconds if phase else 0.0,
                lost=bool(each.lost),
            )
            self.seats.append(fact)
        for key, text in (line.loose_ends or {}).items():
            self.loose_ends.append(LooseEnd(_short(key), _short(text), line.run, at))

    def _reviewed(self, line: Line, at: int) -> None:
        """What people said of a delivery, who was overruled, and what became of what its worker left."""
        said = line.verdicts
        run = line.run
        for each in said:
            if each.seat not in self.machines:
                asked = self.delivered or at
                fact = SeatFact(
                    seat=_short(each.seat),
                    reviewer=_short(each.reviewer),
                    decision=each.decision,
                    run=run,
                    round=line.round,
                    asked=asked,
                    at=at,
                    seconds=float(max(0, at - asked)),
                    human=True,
                )
                self.seats.append(fact)
        against = any(each.decision in _AGAINST for each in said)
        passed = line.event in (Event.FINISH, Event.OPEN) and self.item.validates is None
        refused = line.event in (Event.REWORK, Event.REJECT, Event.BLOCK) and against
        for number, fact in enumerate(self.seats):
            wrong = _AGAINST if passed else {Decision.APPROVE} if refused else ()
            if fact.run == run and fact.decision in wrong and not fact.lost:
                self.seats[number] = replace(fact, overturned=True)
        if line.event in (Event.FINISH, Event.OPEN):
            dismissed = (
                self.dismissed(run, self.machines) if any(each.until is None for each in self.loose_ends) else ()
            )
            self._answer(at, OF_MISSION if self.item.mission else MADE_ITEM, dismissed)
        elif line.to is Lane.DONE:
            self._answer(at, ENDED)

    def _answer(self, at: int, how: str, dismissed: Container[str] = ()) -> None:
        """Every loose end that is still open is answered now."""
        for number, each in enumerate(self.loose_ends):
            if each.until is None:
                answer = DISMISSED if each.key in dismissed else how
                self.loose_ends[number] = replace(each, until=at, answer=answer)


def _ended(run: RunFact, line: Line, at: int) -> RunFact:
    """A run with what the line says by which it ended."""
    usage, phases, agent = line.usage or UsageLine(), line.phases, line.agent or AgentLine()
    return replace(
        run,
        ended=at,
        ended_by=line.event,
        failure=line.failure,
        proposed=bool(line.proposal),
        seconds=line.seconds,
        worked=_took(phases, "worker"),
        checked=_took(phases, "check ", "canary "),
        judged=_took(phases, "seat "),
        model=_short(agent.model),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        usd=usage.usd,
        estimated=usage.estimated,
        incomplete=usage.incomplete,
    )


def _took(phases: Iterable[PhaseLine], *names: str) -> float:
    return round(sum((each.seconds for each in phases if each.name.startswith(names)), 0.0), 3)


def _setback(line: Line, at: int) -> Setback:
    reason = line.reason or ""
    found = tuple(
        FindingFact(_key(each.path, each.text), _short(each.seat), _short(each.text)) for each in line.findings
    )
    cause = cause_of(
        reason,
        line.failure,
        line.not_applied,
        [each.decision for each in line.verdicts],
        asks=bool(line.questions),
        found=bool(found),
    )
    return Setback(
        event=line.event,
        at=at,
        run=line.run,
        round=line.round,
        source=line.source or Lane.INBOX,
        cause=cause,
        reason=_short(reason),
        failure=line.failure,
        not_applied=line.not_applied,
        findings=found,
    )


def _key(path: str, text: str) -> str:
    """The same as the finding itself has."""
    return Finding.model_construct(path=path, text=text).key


def _short(text: str | None) -> str:
    """What others said, as one line that is not long."""
    return cut(printable(" ".join((text or "")[: 2 * _LONGEST].split())), _LONGEST) if text else ""
