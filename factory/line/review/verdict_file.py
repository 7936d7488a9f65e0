"""The verdict file of a human seat: what is put before a person, and the keys by which they answer."""

import shlex
from collections.abc import Iterator

from factory.line.review.comments import one_line, paragraph, some
from factory.line.review.review_request import ReviewRequest
from factory.line.review.votes import reviewers_of
from factory.model.contract import SeatKind
from factory.model.evidence import Ran
from factory.model.gate import unanswered
from factory.model.item import Criterion
from factory.model.lifecycle import Event
from factory.model.result import Result, Status, Usage
from factory.model.verdict import LOOSE_OPEN, SHORTEST_REASON, Finding
from factory.store.repository.comparison import FileChange

_CHOICES = "approve | rework | reject | escalate"


def verdict_file(review_request: ReviewRequest, seat: str) -> bytes:
    """The verdict file of a human seat as a person finds it."""
    delivery = review_request.delivery
    answers = ", ".join(f"{key}: unread" for key in unanswered(delivery.item))
    lines = [f"# {line}".rstrip() for line in (*_asked(review_request), *told(review_request, seat))]
    lines += [
        f"subject: {delivery.subject}        # what is being judged; leave it",
        f"decision: pending            # {_CHOICES}",
        "reviewer:                    # empty: the author of the commit that brings the edit, else git's user",
        "notes: |",
        "findings: []                 # for rework: - {id: F1, severity: major, path: a.py, line: 3, text: …}",
        f"acceptance: {{{answers}}}" + ("     # pass | fail | unread, for what no check answers" if answers else ""),
    ]
    if delivery.loose_ends:
        reason = f"why nothing is to be done, in {SHORTEST_REASON} characters or more"
        lines.append(f"handoff:            # what the worker leaves: `item` makes one of it; else say {reason}")
        for key, text in delivery.loose_ends.items():
            lines += [f"  # {one_line(text)}", f"  {key}: {LOOSE_OPEN}"]
    return "".join(f"{line}\n" for line in lines).encode()


def _asked(review_request: ReviewRequest) -> Iterator[str]:
    """What it is about, and how to answer."""
    delivery = review_request.delivery
    yield f"Round {delivery.round} of {delivery.item_id}: {one_line(delivery.item.title)}"
    yield f"Read {review_request.folder}/ (patch.diff, evidence.json, checks/), then set `decision` and save."
    yield "Commit it, or let the next tick do so. In a terminal: " + (
        f"factory review {delivery.item_id}, factory diff {delivery.item_id}"
    )


def told(review_request: ReviewRequest, seat: str) -> Iterator[str]:
    """The request in plain lines: who decides, who made what, and what was found of it."""
    listed = reviewers_of(seat, review_request.contract, review_request.policy).listed
    yield f"May judge as {seat}: {one_line(', '.join(listed)) if listed else 'anybody but the worker'}"
    yield from _earlier(review_request)
    yield ""
    if review_request.plan:
        yield from (*review_request.plan, "")
    yield from _worker(review_request)
    yield from _changes(review_request)
    yield from _proven(review_request)
    yield from _seats(review_request)


def _worker(review_request: ReviewRequest) -> Iterator[str]:
    """What the worker says of its work."""
    result, worker = review_request.result, one_line(review_request.delivery.worker)
    if result is None or result.model_copy(update={"usage": Usage()}) == Result(status=Status.OK):
        yield f"Worker {worker} says nothing of its work."
        return
    confidence = "unknown" if result.confidence is None else f"{result.confidence:g}"
    yield f"Worker {worker}, confidence {confidence}{':' if result.summary.strip() else '; no summary'}"
    yield from paragraph(result.summary)
    handoff = result.handoff
    if not handoff.followed_procedure:
        yield "It did not follow the procedure."
    if handoff.deviations:
        yield "Deviations:"
        yield from some(f"  - {one_line(each)}" for each in handoff.deviations)


def _changes(review_request: ReviewRequest) -> Iterator[str]:
    """The files that the proposal changes, each with its kind."""
    changes = review_request.changes
    names = ", ".join(one_line(change.path) for change in changes[:5])
    yield f"Changed: {names or 'no file'}" + (f" and {len(changes) - 5} more" if len(changes) > 5 else "")
    width = min(60, max((len(one_line(change.path)) for change in changes), default=0))
    yield from some(
        f"  {change.kind}  {one_line(_named(change)):<{width}}  {change.lines}".rstrip() for change in changes
    )


def _named(change: FileChange) -> str:
    return f"{change.old_path} -> {change.path}" if change.old_path else change.path


def _proven(review_request: ReviewRequest) -> Iterator[str]:
    """What the factory ran, and for each criterion what answers it."""
    evidence = review_request.evidence
    answers = {ran.criterion: ran for ran in evidence.ran if ran.criterion}
    of_plan = review_request.contract.produces.plan  # its assertions have been told with their checks
    others = [ran for ran in evidence.ran if not ran.criterion and not (of_plan and ran.before_work)]
    for path, word in sorted((evidence.instruments or {}).items()):
        yield f"Needs a person: {one_line(path)} decides what is judged here ({one_line(word)})"
    for name in evidence.silent:
        yield f"Canary: {one_line(name)} still passes when the product is gone; it may look at other files than these"
    for item_id, paths in review_request.conflicts_with.items():
        where = one_line(", ".join(paths))
        yield f"Conflicts with {item_id}, which came first, in {where}: once that is merged, this is sent back unread"
    yield "Checks:" + ("" if others or evidence.pending else " none")
    yield from some(
        f"  {one_line(name)}: runs once this is approved, on what is then merged" for name in evidence.pending
    )
    yield from some(
        f"  {_outcome(ran)}  {one_line(ran.name)}: {one_line(shlex.join(ran.run))}{_said(ran)}" for ran in others
    )
    criteria = review_request.delivery.item.acceptance
    yield from some(_criterion(review_request, each, answers.get(each.id)) for each in criteria)


def _outcome(ran: Ran) -> str:
    how = ran.problem or (f"exit status {ran.exit_code}" if ran.exit_code else "")
    whose = f", {one_line(ran.whose)}" if ran.whose else ""
    return f"{'pass' if ran.passed else 'FAIL'} in {ran.seconds:g} s{', ' if how else ''}{one_line(how)}{whose}"


def _said(ran: Ran) -> str:
    """A line with what a command printed last: a pass alone does not tell whether all of the tests ran."""
    return f"\n    | {ran.last_line}" if ran.last_line else ""


def _criterion(review_request: ReviewRequest, criterion: Criterion, ran: Ran | None) -> str:
    text = f"{criterion.id}: {one_line(criterion.text)}"
    if ran is not None:
        return f"{text}\n  {_outcome(ran)}: {one_line(shlex.join(ran.run))}{_said(ran)}"
    claimed = review_request.result.acceptance.get(criterion.id, "unread") if review_request.result else "unread"
    worker = f"; the worker says {claimed}" if claimed != "unread" else ""
    return f"{text}\n  no check answers it, so you do, under `acceptance`{worker}"


def _seats(review_request: ReviewRequest) -> Iterator[str]:
    """What every other seat says."""
    quorum = review_request.contract.review.quorum
    yield "Seats:" + ("" if quorum == "all" else f" {quorum} must approve")
    for seat in review_request.seats():
        verdict = review_request.said.get(seat.name)
        if seat.kind is SeatKind.CHECKS:
            yield f"  {seat.name} (checks): {'passed' if review_request.evidence.passed else 'failed'}"
        elif seat.kind is SeatKind.HUMAN or verdict is None:
            yield f"  {seat.name} ({seat.kind}): pending"
        else:
            said = f"does not count: {one_line(verdict.lost)}" if verdict.lost else str(verdict.decision)
            yield f"  {seat.name} ({seat.kind}): {said}, by {one_line(verdict.reviewer or seat.name)}"
            yield from (f"  {line}" for line in paragraph(verdict.notes or ""))
            yield from some(f"    {_finding(finding)}" for finding in verdict.findings)


def _finding(finding: Finding) -> str:
    place = f" {finding.path}{f':{finding.line}' if finding.line else ''}" if finding.path else ""
    return one_line(f"{finding.id} {finding.severity}{place}: {finding.text}")


def _earlier(review_request: ReviewRequest) -> Iterator[str]:
    """What earlier rounds came to, and how to see what has changed since."""
    delivery = review_request.delivery
    back = [entry for entry in review_request.earlier if entry.event is Event.REWORK]
    for entry in back:
        yield f"Round {entry.round} was sent back:"
        yield from paragraph(entry.reason or "")
    if any(entry.proposal and entry.round == delivery.round - 1 for entry in review_request.earlier):
        rounds = f"{delivery.round - 1}..{delivery.round}"
        yield f"What has changed since: factory diff {delivery.item_id} --rounds {rounds}"
    for row in delivery.table.rows():
        place = f"{row['path']}:{row['line']} " if row["path"] else ""
        state = f"{row['state']}{', ' if row['how'] else ''}{row['how']}"
        told = f"{place}{row['text']}"
        yield f"Earlier {row['key']} ({state}): {one_line(told)}"
