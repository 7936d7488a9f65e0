"""Owns what the worker says about its work: report.md, result.json and the line on the screen."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.workers.repair.job import Job
from factory.workers.repair.progress import say
from factory.workers.repair.search import Search, Trial
from factory.workers.repair.workshop import FirstLook

ROWS = 300


@dataclass(frozen=True)
class Story:
    """A repair from beginning to end."""

    job: Job
    look: FirstLook
    search: Search
    seconds: float

    @property
    def command(self) -> str:
        """The test command as one would type it."""
        return " ".join(self.job.command)


def summary(story: Story) -> str:
    """One sentence on a repair that was found."""
    winner = story.search.winner
    assert winner is not None
    edit = winner.candidate.edit
    return (
        f"Repaired {story.job.program} by one edit on line {edit.line} ({edit.kind}): {change(story, winner)}; found "
        f"after {story.search.tried} edits in {story.seconds:.1f} s."
    )


def question(story: Story) -> str:
    """What a person should be asked when no edit passes."""
    search, program = story.search, story.job.program
    again = f" after the one that was sent back ({search.skipped} were tried before)" if search.skipped else ""
    text = f"Tried {search.tried} single edits of {program}{again} in {story.seconds:.1f} s"
    if search.limit:
        text += f" and stopped at {search.limit}"
    text += f"; none passes `{_demanded(story)}`"
    best = max(search.trials, key=lambda trial: trial.outcome.passed_tests, default=None)
    if best is not None and best.outcome.tests:
        text += f"; the closest passes {best.outcome.passed_tests} of {_tests(story)} tests"
    stopped = len(search.stopped())
    if not stopped:
        return text + "; does the bug need more than one edit?"
    text += f"; {stopped} ran too long and were stopped ({search.retried} second tries with more time)"
    return text + "; does the bug need more than one edit, or the search more time (--timeout, --minutes)?"


def _tests(story: Story) -> int:
    """How many tests there are: no run that was stopped has met them all."""
    return max([len(story.look.records), *(trial.outcome.tests for trial in story.search.trials)])


def _demanded(story: Story) -> str:
    return "` and `".join([story.command, *(" ".join(check) for check in story.job.checks)])


def change(story: Story, trial: Trial) -> str:
    """The changed lines of a candidate, before and after."""
    old, new = story.job.source.text.splitlines(), trial.candidate.text.splitlines()
    head = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    rest = min(len(old), len(new)) - head
    tail = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
    before = " ⏎ ".join(line.strip() for line in old[head : len(old) - tail])
    after = " ⏎ ".join(line.strip() for line in new[head : len(new) - tail])
    return f"{_code(before)} → {_code(after)}"


def _code(text: str) -> str:
    shown = text if len(text) <= 100 else text[:97] + "..."
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`" if shown else "nothing"


def verdict(trial: Trial, tests: int) -> str:
    """What became of a candidate, in a few words."""
    if trial.passed:
        return "passes everything"
    if trial.outcome.late:
        return "stopped: it ran too long"
    if trial.outcome.passed:
        return f"passes the tests, but not: {trial.failed_check}"
    if trial.outcome.tests:
        return f"passes {trial.outcome.passed_tests} of {tests}"
    return f"fails with exit code {trial.outcome.code}"


def markdown(story: Story) -> str:
    """The report for a person."""
    search, look = story.search, story.look
    lines = [f"# Repair of {story.job.program}", "", summary(story) if search.winner else question(story), ""]
    if search.winner:
        lines += ["```diff", story.job.source.diff(search.winner.candidate.text, story.job.program).rstrip(), "```", ""]
    lines += ["## The failing tests", "", f"Command: `{story.command}`", ""]
    lines += [f"- {'passes' if test.passed else 'never ends' if test.overdue else 'fails'}: {test.name}"
              for test in look.records[:100]]  # fmt: skip
    if story.job.rejected is not None:
        diff = story.job.source.diff(story.job.rejected_text, story.job.program).rstrip()
        where = f"number {search.rejected.number} in the order" if search.rejected else "not one of this worker's edits"
        lines += ["", "## The proposal that was sent back", "", f"It was {where} and is not offered again; the",
                  f"{search.skipped} edits up to it were not tried again. Candidates also had to pass the checks of",
                  f"the item ({len(story.job.checks)}).", "", "```diff", diff, "```"]  # fmt: skip
    lines += ["", "## What was tried", "", *_counts(story), "", *_table(story)]
    return "\n".join(lines) + "\n"


def _counts(story: Story) -> list[str]:
    trials = story.search.trials
    late = len(story.search.stopped())
    limit, rate = story.look.limits, len(trials) / max(story.seconds, 0.001)
    kinds = ", ".join(f"{kind} {count}" for kind, count in Counter(t.candidate.edit.kind for t in trials).most_common())
    return [
        f"{story.search.tried} edits in {story.seconds:.1f} s ({rate:.0f} a second); {late} ran too long (at first "
        f"more than {limit.processor:.2f} s of processor time) and were stopped. Second tries, with more time: "
        f"{story.search.retried}.",
        "",
        f"By kind: {kinds or 'none'}.",
    ]


def _table(story: Story) -> list[str]:
    rows = ["| # | line | kind | change | outcome |", "|---|---|---|---|---|"]
    trials, tests = story.search.trials, _tests(story)
    shown = trials if len(trials) <= ROWS else [*trials[: ROWS - 1], trials[-1]]
    for trial in shown:
        edit = trial.candidate.edit
        cells = (str(trial.candidate.number), str(edit.line), edit.kind, change(story, trial), verdict(trial, tests))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    if len(trials) > len(shown):
        rows.append(f"\n{len(trials) - len(shown)} more are not shown.")
    return rows


def result(story: Story) -> dict[str, Any]:
    """The worker's result for the factory."""
    winner = story.search.winner
    if winner is None:
        return blank("blocked", question(story))
    tests = max(winner.outcome.tests, 1)
    commands = [{"run": list(command), "exit_code": 0} for command in (story.job.command, *story.job.checks)]
    done = blank("ok", summary(story))
    # One test is little to go by: many wrong programs pass it.
    done["confidence"] = round(min(0.95, max(0.4, 1 - 1 / (tests + 1))), 2)
    done["handoff"] |= {"completed": [summary(story)], "commands": commands}
    return done


def blank(status: str, sentence: str) -> dict[str, Any]:
    """A result that says one sentence and no more."""
    handoff: dict[str, list[str]] = {"completed": [], "left_undone": [], "issues": [], "commands": []}
    if status != "ok":
        handoff["left_undone"] = ["the repair"]
    return {
        "status": status,
        "confidence": 0.0,
        "summary": sentence,
        "question": sentence if status == "blocked" else "",
        "handoff": {**handoff, "followed_procedure": True, "deviations": []},
        "acceptance": {},
        "data": None,
        "usage": {"input_tokens": 0, "output_tokens": 0, "usd": 0.0},
    }


def deliver(out: Path | None, outcome: dict[str, Any], text: str) -> None:
    """Writes the result and the report where the factory looks for them, and a line on the screen."""
    say(f"{outcome['status']}: {outcome['summary']}")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.md").write_text(text, encoding="utf-8")
        (out / "result.json").write_text(json.dumps(outcome, indent=2) + "\n", encoding="utf-8")
