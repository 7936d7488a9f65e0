"""The storm of git: a person commits, stages, switches, stashes, rebases, merges, pulls and packs beside a busy run."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.storms.person import Busy, Person, bring, finish
from tests.witness import assert_nothing_left
from tests.world import World

_ITEMS = 60
_CALLS_AN_ITEM = 8  # the queue never runs dry before the person has done
_MOST_REFUSED = 2.0  # percent


class _Doer:
    """What a person does with git, each a few calls."""

    def __init__(self, person: Person, other: Path) -> None:
        self._person = person
        self._other = World(other)
        self.deeds: list[Callable[[], None]] = [
            *(self.commits, self.stages_in_part, self.switches, self.stashes),
            *(self.rebases, self.pulls, self.packs, self.repacks),
        ]

    def commits(self) -> None:
        self._person.edit()
        self._person.save()

    def stages_in_part(self) -> None:
        """One edit is staged and committed, a later one of the same file is not."""
        person = self._person
        path = person.edit()
        staged = person.mine[path]
        person.again("add", path)
        person.mine[path] = staged + f"more {person.edits}\n"
        person.world.write(path, person.mine[path])
        if person.git("commit", "-q", "-m", f"mine in part {person.edits}"):
            own = person.world.git("log", "-1", "--format=%H", f"--grep=^mine in part {person.edits}$")
            assert person.world.git("show", f"{own}:{path}") + "\n" == staged, "a commit holds what was not staged"
            shown = person.world.git("show", "--format=", "--name-status", own)
            assert shown == f"M\t{path}", f"a commit holds what is not mine: {shown}"
        person.save()

    def switches(self) -> None:
        """A branch, a commit there, back, and a merge of it."""
        person = self._person
        person.save()
        branch = f"feature-{person.calls}"
        person.again("switch", "-q", "-c", branch)
        self.commits()
        person.again("switch", "-q", "main")
        person.brings_in("merge", "-q", "--no-edit", branch)

    def stashes(self) -> None:
        self._person.edit()
        self._person.again("stash", "push", "-q", "--", "my")
        self._person.again("stash", "pop", "-q")

    def rebases(self) -> None:
        """Two commits of a branch, rebased on what the factory has made of main meanwhile, and brought in."""
        person = self._person
        person.save()
        branch = f"rebased-{person.calls}"
        person.again("switch", "-q", "-c", branch)
        self.commits()
        self.commits()
        person.again("rebase", "-q", "main")
        person.again("switch", "-q", "main")
        person.brings_in("merge", "-q", "--no-edit", branch)

    def pulls(self) -> None:
        """What somebody else has pushed comes in by a merge."""
        person = self._person
        person.save()
        self._other.git("pull", "-q", "--ff-only")
        self._other.write(f"theirs/{person.calls}.txt", "theirs\n")
        self._other.commit(f"theirs {person.calls}")
        self._other.git("push", "-q")
        person.brings_in("pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
        person.again("push", "-q", "origin", "main")

    def packs(self) -> None:
        self._person.git("gc", "-q", "--prune=now")

    def repacks(self) -> None:
        self._person.git("repack", "-q", "-a", "-d")


def storm(folder: Path, seed: int, calls: int) -> int:
    """How many calls of git a person made. Raises AssertionError for the first thing that was lost or refused."""
    chance = random.Random(seed)
    world = World.create(folder / "repo")
    world.policy("agent: {max_concurrent_agents: 3, max_retry_backoff_ms: 300}\nretry: {initial_ms: 50}")
    person = Person(world, chance)
    person.begin()
    remote = folder / "between.git"
    subprocess.run(["git", "clone", "-q", "--bare", world.root, remote], check=True)
    subprocess.run(["git", "clone", "-q", remote, folder / "other"], check=True)
    world.git("remote", "add", "origin", str(remote))
    doer = _Doer(person, folder / "other")
    ids = [f"item-{number}" for number in range(min(_ITEMS, max(3, calls // _CALLS_AN_ITEM)))]
    waiting = list(ids)
    with Busy(world):
        while person.calls < calls:
            while waiting and len(ids) - len(waiting) <= person.calls * len(ids) // calls:
                bring(world, chance, waiting.pop(0))
            deed = chance.choice(doer.deeds)
            deed()
            person.look(deed.__name__)
        for item_id in waiting:
            bring(world, chance, item_id)
        person.save()
    finish(world, ids)
    person.look("the end")
    assert_nothing_left(world)
    for refused in person.refused:
        sys.stdout.write(f"refused: {refused}\n")
    sys.stdout.write(f"{person.share_refused():.1f}% of {person.calls} calls were refused\n")
    assert person.share_refused() < _MOST_REFUSED or calls < 500, "too many calls were refused"
    return person.calls
