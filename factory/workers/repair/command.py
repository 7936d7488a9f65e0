"""Owns the command `factory-repair`: its options, its course, and its ways to end."""

import argparse
import os
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from types import FrameType

from factory.workers.repair import report
from factory.workers.repair.job import Job, Refusal, Surroundings, read_job, surroundings
from factory.workers.repair.progress import say
from factory.workers.repair.search import Budget, Search, Searcher
from factory.workers.repair.testrun import Limits, TestBench
from factory.workers.repair.workshop import FirstLook, Workshop


class Stopped(BaseException):
    """Somebody asked the worker to end."""


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the command line; what follows `--` is the test command."""
    own, _, command = _split(arguments)
    parser = argparse.ArgumentParser(
        prog="factory-repair",
        description="Repairs a Python program by the one edit that makes its tests pass.",
        usage="factory-repair PROGRAM [options] -- TEST COMMAND...",
    )
    parser.add_argument("program", metavar="PROGRAM", help="the file to repair, relative to the current folder")
    parser.add_argument("--timeout", type=_positive, default=10.0, metavar="SECONDS", help="longest run of the tests")
    parser.add_argument("--minutes", type=_positive, default=2.0, metavar="M", help="longest search (default: 2)")
    parser.add_argument("--max-edits", type=int, default=6000, metavar="N", help="most edits to try (default: 6000)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="runs at a time (default: 2)")
    found = parser.parse_args(own)
    found.command = tuple(command)
    return found


def _split(arguments: Sequence[str]) -> tuple[list[str], str, list[str]]:
    words = list(arguments)
    at = words.index("--") if "--" in words else len(words)
    return words[:at], "--", words[at + 1 :]


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Does one repair; the exit code is 0 whenever a result was written."""
    asked = options(sys.argv[1:] if arguments is None else arguments)
    warnings.simplefilter("ignore")  # those of the programs that are read are not this one's to tell
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    out = None
    try:
        around = surroundings(os.environ)
        out = around.out
        outcome, text = repair(asked, around)
    except Refusal as refusal:
        outcome, text = report.blank(refusal.status, str(refusal)), f"# No repair\n\n{refusal}\n"
    except (Stopped, OSError) as error:
        sentence = f"The repair was broken off: {error}."
        outcome, text = report.blank("failed", sentence), f"# No repair\n\n{sentence}\n"
    report.deliver(out, outcome, text)
    return 0


def _stop(number: int, _frame: FrameType | None) -> None:
    for other in (signal.SIGTERM, signal.SIGINT):
        signal.signal(other, signal.SIG_IGN)  # the tidying up is not to be interrupted
    raise Stopped(f"signal {signal.Signals(number).name}")


def repair(asked: argparse.Namespace, around: Surroundings) -> tuple[dict[str, object], str]:
    """The result and the report of one repair."""
    started = time.monotonic()
    job = read_job(asked.program, asked.command, around)
    say(f"repairing {job.program} with `{' '.join(job.command)}`")
    with Workshop(job, asked.timeout, max(1, asked.jobs)) as shop:
        look = shop.open()
        failing = sum(not test.passed for test in look.records)
        say(f"{failing} of {len(look.records)} tests fail; searching")
        _refuse_if_right(job, look, asked.timeout)
        budget = Budget(max(1, asked.max_edits), started + 60 * asked.minutes)
        search: Search = Searcher(job, shop, look, budget).run()
    story = report.Story(job, look, search, time.monotonic() - started)
    return report.result(story), report.markdown(story)


def _refuse_if_right(job: Job, look: FirstLook, timeout: float) -> None:
    if not look.outcome.passed or job.rejected is not None:
        return
    with TestBench(job.root, ()) as bench:
        if bench.run_plainly(job.command, Limits(timeout, timeout)).passed:
            raise Refusal("blocked", "The tests already pass; what is wrong?")
    raise Refusal("blocked", f"`{' '.join(job.command)}` passes in a copy and fails in place; is it reliable?")
