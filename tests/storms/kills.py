"""The storm of kills: two clones share one factory by hand, and whoever is at work there is killed again and again."""

import random
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from factory.line.orchestrator import Orchestrator
from factory.store.repository.repository import Repository
from tests.witness import Background, assert_history_agrees, assert_nothing_left
from tests.world import World, say_nothing

_ITEMS = 8  # come in before the first kill of an episode, and later some more
_KILLS = 50  # of one episode; then it is brought to its end and looked at
_LATEST_S = 0.9  # after the lock was taken
_STARTED_S = 30.0
_COMMANDS = (("tick",), ("tick", "--drain"), ("run",))


@dataclass
class Episode:
    """Two clones of one repository, taking turns."""

    folder: Path
    chance: random.Random
    ids: list[str] = field(default_factory=list)
    killed: int = 0

    def __post_init__(self) -> None:
        first = World.create(self.folder / "a" / "repo")
        first.policy("retry: {initial_ms: 50}\nagent: {max_concurrent_agents: 3, max_retry_backoff_ms: 200}")
        self.bring(first, _ITEMS)
        first.commit("Items")
        subprocess.run(["git", "clone", "-q", "--bare", first.root, self.folder / "between.git"], check=True)
        second = self.folder / "b" / "repo"
        subprocess.run(["git", "clone", "-q", self.folder / "between.git", second], check=True)
        first.git("remote", "add", "origin", str(self.folder / "between.git"))
        first.git("fetch", "-q", "origin")
        self.clones = [first, World(second)]

    def bring(self, world: World, many: int) -> None:
        """A person writes items: some change a file, some wait for a verdict, some take their time."""
        for _ in range(many):
            item_id = f"item-{len(self.ids)}"
            steps: list[dict[str, object]] = [{"write": {"path": f"out/{item_id}.txt", "text": f"{item_id}\n"}}]
            if self.chance.random() < 0.5:
                steps.insert(0, {"sleep": round(self.chance.uniform(0.1, 0.6), 2)})
            world.item(item_id, steps, contract=self.chance.choice(["scripted", "scripted", "reviewed"]))
            self.ids.append(item_id)

    def turn(self, world: World) -> None:
        """One clone takes what the other one left, is killed some times, and gives it away as it is."""
        recover(world)
        world.git("pull", "-q", "--ff-only", "origin", "main")
        if self.chance.random() < 0.3:
            self.bring(world, 1)
        self.approve(world)
        for _ in range(self.chance.randint(1, 3)):
            self.kill(world)
        world.git("push", "-q", "origin", "main")

    def kill(self, world: World) -> None:
        """A random moment after the lock was taken."""
        living = Background(world, *self.chance.choice(_COMMANDS))
        note, pid = world.root / ".git/factory/holder", str(living.process.pid)
        until = time.monotonic() + _STARTED_S
        while living.process.poll() is None and not (note.is_file() and pid in note.read_text()):
            assert time.monotonic() < until, "it never took the lock"
            time.sleep(0.01)
        time.sleep(self.chance.uniform(0, _LATEST_S))
        living.signal(signal.SIGKILL)
        status, _, err = living.end()
        assert "Traceback" not in err, err
        self.killed += status == -signal.SIGKILL

    def all_done(self, world: World) -> bool:
        """Whether nothing is open any more in what the clones share."""
        world.git("fetch", "-q", "origin")
        paths = world.git("ls-tree", "-r", "--name-only", "origin/main", "queue").split("\n")
        return all("/done/" in path for path in paths if path.endswith(".yaml"))

    def approve(self, world: World, share: float = 0.7) -> None:
        """A person gives the verdicts that are waited for."""
        for place in sorted((world.root / "queue/review").glob("*.human.verdict.yaml")):
            if self.chance.random() < share:
                place.write_text(place.read_text().replace("decision: pending", "decision: approve"))

    def end(self) -> None:
        """Bring everything to its end, in both clones, and see that nothing was lost or done twice."""
        ahead = [*self.clones, *self.clones, *self.clones]
        while ahead and not self.all_done(self.clones[0]):
            world = ahead.pop()
            recover(world)
            world.git("pull", "-q", "--ff-only", "origin", "main")
            world.factory("tick", "--drain")
            self.approve(world, 1.0)
            world.factory("tick", "--drain")
            world.git("push", "-q", "origin", "main")
        for world in self.clones:
            recover(world)
            world.git("pull", "-q", "--ff-only", "origin", "main")
            self.look(world)

    def look(self, world: World) -> None:
        """Nothing lost, nothing doubled, nothing left."""
        for item_id in self.ids:
            assert world.lane(item_id) == "done", (item_id, world.last(item_id))
            assert world.events(item_id).count("finish") == 1
            assert world.read(f"out/{item_id}.txt") == f"{item_id}\n"
        subjects = world.git("log", "--first-parent", "--format=%s", "--grep=^Merge item-", "main").split("\n")
        assert sorted(subject.split(":")[0] for subject in subjects) == sorted(f"Merge {each}" for each in self.ids)
        assert_history_agrees(world, *self.ids)
        assert_nothing_left(world)
        world.factory("audit")


def recover(world: World) -> None:
    """What the next pass begins with: the repair of what a crash left, and no move."""
    repository = Repository(world.root)
    try:
        with Orchestrator(repository, say_nothing).holding():
            pass
    finally:
        repository.close()


def storm(folder: Path, seed: int, kills: int) -> int:
    """How many were killed, in as many episodes as that takes. Raises AssertionError for the first thing lost."""
    killed = 0
    while killed < kills:
        episode = Episode(folder / f"{seed}", random.Random(seed))
        while episode.killed < min(_KILLS, kills - killed):
            episode.turn(episode.clones[episode.chance.randrange(2)])
        episode.end()
        killed += episode.killed
        seed += 1
    return killed
