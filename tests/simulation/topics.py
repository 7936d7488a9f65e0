"""What the person of a simulation does with git beside the queue's branch: topics of their own, and the stash."""

from collections.abc import Generator, Iterator
from contextlib import suppress

from tests.simulation.machine import Machine, Refused
from tests.simulation.writing import saved


def brought_in(machine: Machine, topic: str, text: str, *, rebased: bool) -> Generator[None, None, str]:
    """Commit a file that is called as a topic on a branch for it, and merge that into the queue's; the commit."""
    yield from machine.git("switch", "-q", "-c", topic)
    made = yield from _committed(machine, f"{topic}.txt", text)
    if rebased:
        yield from machine.git("rebase", "-q", "main")
        made = machine.said("rev-parse", "HEAD")
    yield from machine.git("switch", "-q", "main")
    yield
    yield from machine.git("merge", "-q", "-m", "Bring a topic in", topic)
    return made


def clashing(machine: Machine, topic: str) -> Generator[None, None, str]:
    """Commit a file to the queue's branch and another one of its name to a topic, and rebase; the branch's commit."""
    path = f"{topic}.txt"
    yield from machine.git("switch", "-q", "-c", topic)
    yield from _committed(machine, path, "theirs\n")
    yield from machine.git("switch", "-q", "main")
    made = yield from _committed(machine, path, "mine\n")
    if machine.said("log", "--format=%H", f"{topic}..HEAD") == made:  # what the factory did stays as it is
        with suppress(Refused):
            yield from machine.git("rebase", "-q", topic)
    return made


def _committed(machine: Machine, path: str, text: str) -> Generator[None, None, str]:
    """Save a file and commit it, with whatever is staged; the commit."""
    yield from saved(machine.root / path, text, torn=False)
    yield from machine.git("add", "--", path)
    yield from machine.git("commit", "-q", "-m", "On a topic")
    made = machine.said("rev-parse", "HEAD")
    yield
    return made


def stashed(machine: Machine) -> Iterator[None]:
    """Put away what is not committed, and take it out again."""
    with suppress(Refused):
        yield from machine.git("stash", "-q")
    yield
    yield from machine.git("stash", "pop", "-q")
