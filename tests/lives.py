"""Histories: whole lives of many items, made up by chance from a seed and written straight as git objects.

Nobody runs anything, so that a thousand of them take a second. What they say is what the line would have written.
"""

import json
import random
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from factory.model.layout import artifact_folder, item_path, journal_path, run_file
from factory.model.lifecycle import Lane
from factory.model.moments import day_of, moment_of, rfc3339
from tests.world import World

BEGINNING = 1_767_225_600  # 2026-01-01, the first midnight
DAY = 86_400
_MOST_ROUNDS = 3
_FAILURES = ("timeout", "rate_limit", "crash", "stall")
_REASONS = {"evidence": "claims do not hold", "contract": "too many files", "empty": "nothing was produced"}
_FINDINGS = ("the name says nothing", "a case is missing", "it is not tested", "the same is there twice")


@dataclass
class Life:
    """One item: its file, and what happened to it, in order."""

    id: str
    text: str
    lines: list[dict[str, object]] = field(default_factory=list)
    times: list[int] = field(default_factory=list)  # of the lines
    files: dict[int, dict[str, bytes]] = field(default_factory=dict)  # beside its journal, by the line they came with

    def until(self, moment: int) -> int:
        """How many of its lines there were at a time."""
        return sum(each <= moment for each in self.times)

    def place(self, count: int) -> tuple[str, str]:
        """(where it lies, the day under which that is) after so many lines."""
        lane = Lane(str(self.lines[count - 1]["to"]))
        day = day_of(moment_of(self.times[count - 1])) if lane is Lane.DONE else ""
        return item_path(lane, self.id, day), day

    def journal(self, count: int) -> bytes:
        """The first lines of its journal."""
        return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in self.lines[:count])


class Chance:
    """Makes lives up. All that differs follows from the seed."""

    def __init__(self, seed: int, days: float, approved: int = 70) -> None:
        self._random = random.Random(seed)
        self._days = days
        self._approved = approved  # of a hundred verdicts

    def lives(self, count: int) -> Iterator[Life]:
        """So many items, which come evenly over the days."""
        for number in range(count):
            begins = BEGINNING + int((number + self._random.random()) * self._days * DAY / count)
            yield self._life(number, begins)

    def _life(self, number: int, now: int) -> Life:
        chance = self._random
        labels = chance.sample(("bug", "docs", "api"), chance.randrange(3))
        kind = chance.choice(("repair", "change"))
        mission = f"mission: m{number % 3}\n" if chance.random() < 0.2 else ""
        scope = "scope: [src/**]\n" if chance.random() < 0.2 else ""
        text = f"title: Item {number}\ncontract: {kind}\nlabels: [{', '.join(labels)}]\n{mission}{scope}"
        life = Life(f"item-{number:05}", text)
        _Telling(life, chance, now, self._approved).tell()
        return life


class _Telling:
    """Tells one life."""

    def __init__(self, life: Life, chance: random.Random, now: int, approved: int) -> None:
        self.life, self.chance, self.now, self.approved = life, chance, now, approved
        self.lane: Lane | None = None
        self.run, self.round, self.worker = 0, 1, ""

    def tell(self) -> None:
        chance = self.chance
        self._line("submit", Lane.INBOX, actor="Ann <ann@example.org>")
        while self.lane is not Lane.DONE:
            self._pass(60, 40_000)
            if chance.random() < 0.03:
                self._line("cancel", Lane.DONE, reason="not wanted", outcome="cancelled", actor="Ann <ann@example.org>")
            elif self.lane is Lane.BLOCKED:
                self._line("unblock", Lane.REWORK, reason="go on", actor="Ann <ann@example.org>")
            elif self._start() and self._work():
                self._review()

    def _start(self) -> bool:
        self.run += 1
        self.worker = self.chance.choice(("solver", "fixer"))
        lease = {"owner": "host:a", "generation": self.run, "expires_at": _told(self.now), "base": "b" * 40}
        self._line("start", Lane.ACTIVE, worker=self.worker, lease={**lease, "item": "c" * 40})
        return True

    def _work(self) -> bool:
        """Whether it was delivered."""
        chance = self.chance
        began = self.now
        self._pass(30, 3000)
        seconds = float(self.now - began)
        usd = None if chance.random() < 0.1 else round(chance.random(), 4)
        tokens = {"input_tokens": chance.randrange(100_000), "output_tokens": chance.randrange(10_000)}
        worked = round(seconds * 0.7, 3)
        said = {
            "usage": {**tokens, **({"usd": usd} if usd is not None else {})},
            "seconds": seconds,
            "agent": {"model": chance.choice(("large", "small"))},
            "phases": [
                {"name": "worker", "at": _told(began), "seconds": worked},
                {"name": "check tests", "at": _told(began + int(worked)), "seconds": round(seconds * 0.1, 3)},
                {"name": "seat critic", "at": _told(began + int(worked)), "seconds": round(seconds * 0.2, 3)},
            ],
        }
        fate = chance.random()
        if fate < 0.1:
            back = Lane.REWORK if self.round > 1 else Lane.INBOX
            self._line("release", back, reason="failed", failure=chance.choice(_FAILURES), attempt=1, **said)
            return False
        if fate < 0.2:
            kind = chance.choice((*_REASONS,))
            self._send_back(_REASONS[kind], failure=kind, **said)
            return False
        if fate < 0.25:
            asks = [{"id": "Q1", "text": "Which one?"}]
            self._line("block", Lane.BLOCKED, reason="Which one?", questions=asks, **said)
            return False
        left = {f"L{n}": f"left {n}" for n in range(chance.randrange(1, 3))} if chance.random() < 0.2 else {}
        judged = [{"seat": "critic", "decision": chance.choice(("approve", "approve", "rework")), "reviewer": "critic"}]
        proposal = {"subject": f"sha256:{self.run:064}", "proposal": f"{self.run:040}"}
        self._line(
            "deliver", Lane.REVIEW, verdicts=judged, **proposal, **({"loose_ends": left} if left else {}), **said
        )
        path = chance.choice(("src/a.py", "other.py"))
        self._keep("patch.diff", f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n".encode())
        self.judged, self.left = judged, left
        return True

    def _review(self) -> None:
        chance = self.chance
        self._pass(60, 30_000)
        decision = chance.choices(
            ("approve", "rework", "reject", "escalate"), (self.approved, 94 - self.approved, 3, 3)
        )[0]
        said = [*self.judged, {"seat": "human", "decision": decision, "reviewer": "Bob <bob@example.org>"}]
        if decision == "approve":
            dismissed = [key for key in self.left if chance.random() < 0.5]
            words = "".join(f"  {key}: nothing has to be done about this\n" for key in dismissed)
            kept = f"subject: sha256:{self.run:064}\ndecision: approve\n" + (f"handoff:\n{words}" if words else "")
            outcome = chance.choice(("applied", "accepted"))
            self._line("finish", Lane.DONE, outcome=outcome, verdicts=said, reason="approved")
            self._keep("verdict.human.yaml", kept.encode())
        elif decision == "reject":
            self._line("reject", Lane.DONE, outcome="rejected", verdicts=said, reason="Bob: no")
        elif decision == "escalate":
            self._line("block", Lane.BLOCKED, verdicts=said, reason="Bob: who decides?")
        else:
            self._send_back(
                "Bob: not yet",
                verdicts=said,
                findings=[{"id": "F1", "text": chance.choice(_FINDINGS), "seat": "human"}],
            )

    def _send_back(self, reason: str, **more: object) -> None:
        if self.round % _MOST_ROUNDS == 0:
            told = f"{_MOST_ROUNDS} rounds used up; the last: {reason}"
            self._line("block", Lane.BLOCKED, reason=told, **more)
        else:
            self._line("rework", Lane.REWORK, reason=reason, **more)
        self.round += self.life.lines[-1]["event"] == "rework"

    def _pass(self, least: int, most: int) -> None:
        self.now += self.chance.randrange(least, most)

    def _keep(self, name: str, data: bytes) -> None:
        self.life.files.setdefault(len(self.life.lines), {})[f"{self.run}/{name}"] = data

    def _line(self, event: str, to: Lane, **more: object) -> None:
        line: dict[str, object] = {"seq": len(self.life.lines) + 1, "at": _told(self.now), "event": event}
        if self.lane is not None:
            line["from"] = str(self.lane)
        at = {"run": self.run, "round": self.round} if self.run else {}
        self.life.lines.append({**line, "to": str(to), **at, "actor": "factory <factory@host>", **more})
        self.life.times.append(self.now)
        self.lane = to


def _told(moment: int) -> str:
    return rfc3339(moment_of(moment))


def written(root: Path, lives: list[Life], moments: list[int], files: Mapping[str, str]) -> World:
    """A repository with a commit for each of these times, which holds what had happened by then."""
    root.mkdir(parents=True)
    world = World(root)
    world.git("init", "-q", "-b", "main")
    stream: list[bytes] = []
    known: dict[str, tuple[int, str, str]] = {}
    for number, moment in enumerate(moments):
        stream.append(b"commit refs/heads/main\ncommitter Ann <ann@example.org> %d +0000\ndata 4\nDay\n\n" % moment)
        for path, text in files.items() if number == 0 else ():
            stream.append(_file(path, text.encode()))
        for life in lives:
            count = life.until(moment)
            before = known.get(life.id, (0, "", ""))
            if count > before[0]:
                place, day = life.place(count)
                stream.extend(_moved(life, count, before, place, day))
                known[life.id] = count, place, day
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, input=b"".join(stream), check=True)
    return world


def _moved(life: Life, count: int, before: tuple[int, str, str], place: str, day: str) -> Iterator[bytes]:
    seen, old, old_day = before
    if old and old != place:
        yield b"R %s %s\n" % (old.encode(), place.encode())
    elif not old:
        yield _file(place, life.text.encode())
    if seen and day != old_day:
        yield b"R %s %s\n" % (artifact_folder(life.id, old_day).encode(), artifact_folder(life.id, day).encode())
    yield _file(journal_path(life.id, day), life.journal(count))
    for line in range(seen + 1, count + 1):
        for name, data in life.files.get(line, {}).items():
            run, _, file = name.partition("/")
            yield _file(run_file(life.id, int(run), file, day), data)


def _file(path: str, data: bytes) -> bytes:
    return b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data)
