"""What the person of a simulation does with git beside the queue's branch: topics of their own, and the stash."""

from collections.abc import Generator, Iterator
from contextlib import suppress

from tests.simulation.machine import Machine, Refused
from tests.simulation.writing import saved


def brought_in(machine: Machine, topic: str, text: str, *, rebased: bool) -> Generator[None, None, str]:
    """Commit a file that is called as a topic on a branch for it, and merge that into the queue's; the commit."""
    path = f"{topic}.txt"
    yield from machine.git("switch", "-q", "-c", topic)
    yield from saved(machine.root / path, text, torn=False)
    yield from machine.git("add", "--", path)
    yield from machine.git("commit", "-q", "-m", "On a topic")
    made = machine.said("rev-parse", "HEAD")
    yield
    if rebased:
        yield from machine.git("rebase", "-q", "main")
        made = machine.said("rev-parse", "HEAD")
    yield from machine.git("switch", "-q", "main")
    yield
    yield from machine.git("merge", "-q", "-m", "Bring a topic in", topic)
    return made


def stashed(machine: Machine) -> Iterator[None]:
    """Put away what is not committed, and take it out again."""
    with suppress(Refused):
        yield from machine.git("stash", "-q")
    yield
    yield from machine.git("stash", "pop", "-q")
