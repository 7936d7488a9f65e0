"""Lines: what mission control shows, as pieces of text with the kind of each. Pure: everything comes from values.

Text of items and workers is hostile: it is made printable here, and stays text all the way to the terminal.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from factory.model.lifecycle import Lane
from factory.model.moments import ago
from factory.model.text import counted, cut, one_line, printable
from factory.serve.top.handoffs import Handoff
from factory.serve.top.live import Worker
from factory.serve.top.picture import Card, MissionSeen, Picture

Piece = tuple[str, str]  # (text, kind), a kind being a lane or one of the words in `styles`
Line = tuple[Piece, ...]

_LONGEST_ID = 28
_LONGEST_TITLE = 60
_MOST_ALARMS = 2
_BAR = 10  # signs


def heading(seen: Picture, workers: Sequence[Worker], trouble: str) -> Iterator[Line]:
    """What comes first: whose queue it is, what is spent, who moves it, how many items are where, what is wrong."""
    who = seen.orchestrator or "nobody moves it; factory run does"
    yield ("factory", "head"), (f"  {printable(seen.branch)}", ""), *_money(seen), (f"  {printable(who)}", "dim")
    lanes = [(f"{seen.count(lane)} {lane}  ", str(lane)) for lane in Lane if lane is not Lane.DONE]
    yield (*lanes, (f"{seen.done_today} done today", str(Lane.DONE)))
    verdicts = sum(bool(card.seats) for card in seen.cards)
    asking = sum(bool(card.questions) for card in seen.cards)
    waits = [counted(verdicts, "verdict")] * bool(verdicts) + [counted(asking, "answer")] * bool(asking)
    at_work = counted(len(workers), "worker") + " at work"
    waiting = f"waits for you: {', '.join(waits)}" if waits else "nothing waits for you"
    yield (waiting, "head" if waits else "dim"), (f"   {at_work}", ""), *_wrong(seen)
    yield from (((one_line(each), "bad"),) for each in seen.alarms[:_MOST_ALARMS])
    if trouble:
        yield ((f"this is what was last to be seen: {one_line(trouble)}", "bad"),)


def _money(seen: Picture) -> Iterator[Piece]:
    if seen.budget is None:
        return
    share = min(1.0, seen.spent / seen.budget)
    bar = "#" * round(share * _BAR)
    unknown = f", unknown of {counted(seen.unpriced, 'run')}" if seen.unpriced else ""
    said = f"  {seen.spent:.2f} of {seen.budget:g} USD today [{bar:-<{_BAR}}]{unknown}"
    yield said, "bad" if share >= 0.8 else ""  # from here on people are told of it


def _wrong(seen: Picture) -> Iterator[Piece]:
    if seen.problems:
        yield f"   {counted(seen.problems, 'problem')}: factory check", "bad"


def lane_line(lane: Lane, count: int) -> Line:
    """The line above the items of a lane."""
    return ((f"{str(lane).upper()} {count}", str(lane)),)


def item_lines(seen: Picture, workers: Sequence[Worker], now: datetime) -> dict[str, Line]:
    """A line for each open item, by id, in the order of the lanes; who is at work is told as it is now."""
    at_work = {worker.id: worker for worker in workers}
    widest = max((len(card.row.id) for card in seen.cards), default=0)
    width = min(widest, _LONGEST_ID)
    return {card.row.id: _item(card, at_work.get(card.row.id), now, width) for card in seen.cards}


def _item(card: Card, worker: Worker | None, now: datetime, width: int) -> Line:
    row = card.row
    state, note = (worker.state, worker.sign) if worker else (row.state, row.note)
    mark = "verdict" if card.seats else "asks" if card.questions else state
    title = cut(one_line(row.title), _LONGEST_TITLE)
    return (
        (f"  {cut(printable(row.id), width):{width}}  ", str(row.lane)),
        (f"{mark:9} ", "head" if card.seats or card.questions else "bad" if state in ("stalled", "invalid") else ""),
        (f"{ago(row.since, now):>4}  ", "dim"),
        (f"{'[hold] ' if card.held else ''}{title}", ""),
        (f" · {one_line(note)}" if note else "", "dim"),
    )


def workers_pane(seen: Picture, workers: Sequence[Worker], chosen: str, now: datetime, height: int) -> Iterator[Line]:
    """Who is at work, with the tail of what each prints: the chosen one has most of the room."""
    if not workers:
        yield (("nobody is at work", "dim"),)
        return
    alone = [worker for worker in workers if worker.id == chosen]
    others = [worker for worker in workers if worker.id != chosen]
    if alone:
        yield from _worker(seen, alone[0], now, max(1, height - 1 - 2 * len(others)))
    each = 1 if alone else max(1, height // len(others) - 1)
    for worker in others:
        yield from _worker(seen, worker, now, each)


def _worker(seen: Picture, worker: Worker, now: datetime, room: int) -> Iterator[Line]:
    card = seen.card(worker.id)
    most = f" of {card.minutes:g}m" if card and card.minutes else ""
    spent = _spent(card, worker, now) if card else ""
    yield (
        (printable(worker.id), str(Lane.ACTIVE)),
        (f"  run {worker.run}, {ago(worker.since, now)}{most}{spent}", ""),
        (f"  {worker.state}: {one_line(worker.sign)}", "bad" if worker.state == "stalled" else "dim"),
    )
    for line in worker.tail[-room:]:
        yield ((f"  {_plain(line)}", ""),)
    if not worker.tail:
        yield (("  has printed nothing yet", "dim"),)


def _spent(card: Card, worker: Worker, now: datetime) -> str:
    """What an item has used of its budget: the time of the present run too, all else by the runs that are over."""
    if card.spent is None or card.budget is None:
        return ""
    present = max(0.0, (now - worker.since).total_seconds()) if worker.since else 0.0
    said = replace(card.spent, seconds=card.spent.seconds + present).in_words(card.budget)
    return f", {said}" if said else ""


def waiting_pane(seen: Picture) -> Iterator[Line]:
    """The verdicts and answers that people are waited for."""
    waiting = [card for card in seen.cards if card.seats or card.questions]
    if not waiting:
        yield (("nothing waits for you", "dim"),)
    for card in waiting:
        lane = str(card.row.lane)
        for seat in card.seats:
            yield (card.row.id, lane), (f"  verdict of {printable(seat)}", ""), (f"  {one_line(card.row.note)}", "dim")
        for question in card.questions:
            yield (card.row.id, lane), (f"  asks {question.id}: {one_line(question.text)}", "")


def missions_pane(seen: Picture) -> Iterator[Line]:
    """The open missions with their milestones."""
    if not seen.missions:
        yield (("no mission is under way", "dim"),)
    for mission in seen.missions:
        yield from _mission(mission)


def _mission(mission: MissionSeen) -> Iterator[Line]:
    yield (printable(mission.id), "head"), (f"  {mission.word}  ", ""), (one_line(mission.title), "")
    issues = f"; {counted(mission.issues, 'issue')} to answer" if mission.issues else ""
    yield ((f"  {one_line(mission.far)}{issues}", "dim"),)
    for each in mission.milestones:
        over = each.passed == each.assertions
        mark = ">" if each.now else "x" if over else " "
        said = f"  {mark} {each.passed}/{each.assertions}  {one_line(each.title)}"
        yield ((said, "head" if each.now else "good" if over else ""),)


def handoffs_pane(seen: Picture, now: datetime) -> Iterator[Line]:
    """What workers have handed over, the newest first."""
    if not seen.handoffs:
        yield (("nothing was handed over yet", "dim"),)
    for handoff in seen.handoffs:
        yield from _handoff(handoff, now)


def _handoff(handoff: Handoff, now: datetime) -> Iterator[Line]:
    summary = one_line(handoff.summary) or "said nothing"
    yield (
        (f"{ago(handoff.at, now):>4}  ", "dim"),
        (printable(handoff.id), str(handoff.to)),
        (f"  run {handoff.run} to {handoff.to}: {summary}", ""),
    )
    for text in handoff.left:
        yield ((f"      left: {one_line(text)}", "dim"),)


def patch_line(line: str) -> Line:
    """A line of a patch, by its first sign."""
    head = line.startswith(("diff --git", "+++", "---"))
    return ((_plain(line), "head" if head else {"+": "good", "-": "bad", "@": "dim"}.get(line[:1], "")),)


def plain_lines(texts: Iterable[str]) -> Iterator[Line]:
    """Texts of others, one a line."""
    for text in texts:
        for line in text.split("\n"):
            yield ((_plain(line), ""),)


def _plain(line: str) -> str:
    return printable(line).replace("\t", "    ").replace("\n", " ")
