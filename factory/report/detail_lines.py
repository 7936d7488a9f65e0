"""Detail in lines: one item as people read it, in whichever colours its reader has."""

import shlex
from collections.abc import Callable, Iterator

from factory.model.evidence import Evidence
from factory.model.lifecycle import Lane
from factory.model.text import one_line, printable
from factory.report.detail import Detail

# A word as it is shown, by what it is: a lane, "id", "mark", "good" or "bad".
Paint = Callable[[str, str], str]


def unpainted(word: str, _kind: str) -> str:
    """A word as it is."""
    return word


def detail_lines(found: Detail, paint: Paint = unpainted) -> Iterator[str]:
    """All that is known of an item."""
    lane = paint(found.history.outcome or str(found.lane), found.lane)
    yield f"{paint(found.id, 'id')}  {lane}  {printable(found.title)}"
    where = f"git show {found.archived[:12]}:{found.path}" if found.archived else found.path
    yield f"item       {where}"
    yield f"contract   {found.contract or '-'}"
    history = found.history
    yield f"run        {history.run or '-'}, round {history.round}"
    if found.note:
        why = f"  [{found.not_applied}]" if found.not_applied else ""
        yield f"now        {one_line(found.note)}{why}"
    for mark in found.marks:
        yield f"mark       {paint(str(mark.kind), 'mark')}: {printable(mark.in_words())}"
    if history.mission.filed:
        yield f"mission    factory mission show {found.id}"
    if found.report:
        yield f"report     {found.report}"
    for hook in found.hooks:
        yield f"hook       {hook.name} {hook.how}"
        for line in hook.quoted:
            yield f"           | {line}"
    for line in found.plan:
        yield f"plan       {printable(line)}"
    if history.run:
        yield f"artifacts  {found.artifacts}"
        yield f"cost       {history.seconds:.1f} s, {found.cost}"
    contained = next((entry.sandbox for entry in reversed(history.entries) if entry.sandbox), "")
    if contained:
        yield f"sandbox    {printable(contained)}"
    if found.applied:
        yield f"merged     {found.applied}"
    if found.lane is Lane.REVIEW:
        yield f"look       git diff {found.base[:10]} {history.proposal[:10]}"
    if history.proposal:
        yield f"look       factory diff {found.id}"
    for change in found.changes:
        path = f"{change.old_path} -> {change.path}" if change.old_path else change.path
        yield f"file       {change.kind}  {printable(path)}  {change.lines}"
    yield from _checks(found.evidence, paint)
    for vote in history.entries[-1].verdicts if history.entries else ():
        lost = f": {vote.lost}" if vote.lost else ""
        yield f"seat       {vote.decision}  {printable(vote.reviewer)} ({vote.seat}){printable(lost)}"
    for question in history.questions:
        yield f"asks       {question.id}: {printable(' '.join(question.text.split()))}"
    for key, text in history.loose_ends.items():
        yield f"left       {key}: {printable(text)}"
    for row in history.table.rows():
        how = f" ({row['how']})" if row["how"] else ""
        late = ", late" if row["late"] else ""
        yield f"earlier    {row['key']} {row['state']}{how}{late}: {printable(str(row['text']))}"
    for finding in history.findings:
        place = f" {finding.path}" + (f":{finding.line}" if finding.line else "") if finding.path else ""
        yield f"finding    {finding.id} {finding.severity}{printable(place)}: {printable(finding.text)}"


def _checks(evidence: Evidence | None, paint: Paint) -> Iterator[str]:
    """What the factory ran, and what came of it."""
    for ran in evidence.ran if evidence else ():
        word = paint("pass", "good") if ran.passed else paint("fail", "bad")
        said = f": {ran.last_line}" if ran.last_line else ""
        if ran.before_work and ran.passed and ran.exit_code:
            word = "open"  # the work that it waits for is only planned
        if ran.proves_nothing:
            word = paint("refused", "bad")
            said = "; it passes before any work, and so would prove nothing"
        yield f"check      {word}  {ran.name}: {printable(shlex.join(ran.run))} ({ran.seconds:g} s){said}"
        if ran.reused_from or ran.on:
            yield f"           {printable(ran.whose)}"
    for name in evidence.pending if evidence else ():
        yield f"check      wait  {printable(name)}: it runs in the merge train"
