"""A town: a bare repository that everybody shares, the clone in which the factory works, and Ann's, with real git."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.world import World

NEXT = ("first", "second", "third", "fourth")


@dataclass(frozen=True)
class Town:
    """One folder with three repositories."""

    place: Path

    @property
    def origin(self) -> Path:
        return self.place / "origin.git"

    @property
    def ci(self) -> World:
        """Where the factory works."""
        return World(self.place / "ci")

    @property
    def ann(self) -> World:
        """Where Ann works."""
        return World(self.place / "ann")

    @classmethod
    def found(cls, place: Path) -> "Town":
        """A finished item, one in review, and a few that wait."""
        world = World.create(place / "first")
        world.contract("branched", apply={"mode": "branch"})
        world.contract("squashed", apply={"mode": "squash"})
        world.item("finished")
        world.item("judged", contract="reviewed")
        world.item("refused", contract="reviewed")
        for name in NEXT:
            world.item(name, text="hold: true\n")
        world.write("code.py", "".join(f"line {number}\n" for number in range(30)))
        world.commit("Items")
        world.tick(drain=True)
        assert [world.lane(name) for name in ("finished", "judged", "first")] == ["done", "review", "inbox"]
        town = cls(place)
        world.git("clone", "-q", "--bare", str(world.root), str(town.origin))
        for name in ("ci", "ann"):
            world.git("clone", "-q", str(town.origin), str(place / name))
        shutil.rmtree(world.root)
        for each in (World(town.origin), town.ci, town.ann):
            each.pack()
        return town

    def moved_to(self, place: Path) -> "Town":
        """A copy, whose clones know where it lies."""
        shutil.copytree(self.place, place, symlinks=True)
        town = Town(place)
        for world in (town.ci, town.ann):
            world.git("remote", "set-url", "origin", str(town.origin))
        return town

    def work(self, *names: str, text: str = "", contract: str = "scripted", path: str = "") -> None:
        """Somebody at the factory's clone files items, and the factory works and pushes."""
        self.ci.git("pull", "-q", "--ff-only")
        for name in names:
            steps = [{"write": {"path": path or f"{name}.txt", "text": f"{name}\n"}}]
            self.ci.item(name, steps, text=text, contract=contract)
        self.factory()

    def factory(self) -> None:
        """A pass in the factory's clone, pulled before and pushed after."""
        self.ci.git("pull", "-q", "--ff-only")
        self.ci.tick(drain=True)
        self.ci.git("push", "-q")

    def code(self, world: World, name: str = "notes.md", text: str = "mine\n") -> str:
        """Somebody commits a change of the project."""
        world.write(name, text)
        world.git("add", name)
        world.git("commit", "-q", "-m", f"Write {name}")
        return world.git("rev-parse", "HEAD")
