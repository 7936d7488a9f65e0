"""A hostile worker, and what it is aimed at: a repository that it can see, a person's files beside it, and a guard."""

import os
import pwd
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from factory.execution.cell.sandbox import Kind, sandbox
from factory.model.failure import FailureClass
from tests.witness import Picture, assert_history_agrees, assert_nothing_left, picture, raw_git
from tests.world import World

_MACHINE = sandbox("auto")
needs_bubblewrap = pytest.mark.skipif(
    _MACHINE.kind is not Kind.BUBBLEWRAP,
    reason=f"bubblewrap is not installed or does not work here: {_MACHINE.missing}",
)
WORK = "echo fine > fine.txt"
COMMON = "c=$(git rev-parse --git-common-dir); "
AS_MALLORY = "git -c user.name=Mallory -c user.email=m@example.org "


@dataclass(frozen=True)
class Guard:
    """What no worker may change."""

    mine: Picture
    git: dict[str, bytes]
    elsewhere: dict[str, bytes]
    queue: dict[str, bytes]


@dataclass
class Scene:
    """A person's folder: `repo`, `home` with credentials, `elsewhere` with a file that matters."""

    place: Path
    world: World
    guard: Guard = field(init=False)

    @classmethod
    def set_up(cls, place: Path) -> "Scene":
        world = World.create(place / "repo")
        for path, text in {
            "home/.ssh/id_ed25519": "the private key of Ann\n",
            "home/notes.txt": "notes\n",
            "elsewhere/precious.txt": "precious\n",
        }.items():
            world.write(f"../{path}", text)
        world.write("tests/test_it.py", "def test_it(): assert True\n")
        world.commit("A test")
        return cls(place, world)

    def bystanders(self) -> None:
        """Another item that waits for a person's verdict, and one on hold."""
        self.world.item("judged", contract="reviewed")
        self.world.item("waiting", text="description: not for the eyes of others\nhold: true\n")
        self.world.tick()

    def bad(
        self, script: str | Sequence[str], item: str = "", worker: dict[str, object] | None = None, **keys: object
    ) -> None:
        """Commit the contract `bad`, and hand in an item for it."""
        argv = ["sh", "-c", script] if isinstance(script, str) else list(script)
        argv = [self.spell(each) for each in argv]
        keys = {"limits": {"minutes": 0.5}, **keys}
        self.world.contract("bad", **{"worker": {"run": argv, **(worker or {})}, **keys})
        self.world.write("queue/inbox/bad.yaml", f"title: do bad\ncontract: bad\n{item}")

    def spell(self, text: str) -> str:
        """The places that a script names."""
        for name in ("repo", "home", "elsewhere", "cache"):
            text = text.replace(f"@{name}@", str(self.place / name))
        return text

    def run(self, *, drain: bool = False) -> None:
        """One tick, guarded."""
        self.guard = self._look()
        self.world.tick(drain=drain)

    def _look(self) -> Guard:
        git = self.world.root / ".git"
        kept = [git / "config", *sorted((git / "hooks").glob("*")), *sorted((git / "info").glob("*"))]
        lanes = [
            path
            for path in (self.world.root / "queue").rglob("*")
            if path.is_file() and path.name.split(".")[0] not in ("bad", "good")
        ]
        outside = [path for name in ("home", "elsewhere") for path in (self.place / name).rglob("*") if path.is_file()]
        return Guard(
            picture(self.world.root),
            {str(path): path.read_bytes() for path in kept},
            {str(path): path.read_bytes() for path in outside},
            {str(path): path.read_bytes() for path in lanes},
        )

    def assert_unharmed(self, *merged: str) -> None:
        """Nothing but these files is another than it was, nobody but the factory committed, nothing is left."""
        now = self._look()
        assert now.git == self.guard.git
        assert now.elsewhere == self.guard.elsewhere
        assert now.queue == self.guard.queue
        assert now.mine.without(*merged) == self.guard.mine.without(*merged)
        log = self.world.git("log", "--all", "--format=%an %cn")
        assert "Mallory" not in log
        assert_history_agrees(self.world, "bad")
        assert_nothing_left(self.world)

    def assert_ended(self, lane: str, failure: FailureClass | None = None, *says: str) -> None:
        """Where the item lies, what that cost, and what its journal says of it."""
        last = self.world.last("bad")
        assert (self.world.lane("bad"), last.failure) == (lane, failure), last
        told = "\n".join([str(last.reason), *(f"{each.path}: {each.text}" for each in last.findings)])
        for each in says:
            assert each in told
        if failure is not None:
            assert str(failure.cost) == ("attempt" if last.attempt else "round" if lane == "rework" else "person")

    def log(self) -> str:
        """What the worker printed, as it was committed."""
        return self.world.artifacts("bad")["run-1/output.log"]


def python(code: str) -> list[str]:
    """An argv that runs Python code which has made its imports."""
    return ["python3", "-c", f"import os, socket, subprocess, sys, time\nout = os.environ['FACTORY_OUT']\n{code}"]


def reachable(world: World) -> bytes:
    """Every object that any ref leads to, and every note of git's own."""
    names = world.git("rev-list", "--objects", "--all").split("\n")
    found = b"".join(os.fsencode(name) + b"\n" for name in names)
    for oid in {name.split(" ")[0] for name in names}:
        kind = world.git("cat-file", "-t", oid)
        found += raw_git(world.root, "cat-file", kind, oid)
    return found


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A scene where a worker can see it: what lies below /tmp is out of its sight anyhow."""
    own = Path(pwd.getpwuid(os.getuid()).pw_dir)
    visible = os.access(own, os.W_OK) and own not in (Path("/"), *tmp_path.parents)
    with tempfile.TemporaryDirectory(dir=own if visible else tmp_path, prefix=".factory-test-") as folder:
        place = Path(folder)
        monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        git_config = (Path(os.environ["HOME"]) / ".gitconfig").read_text()
        scene = Scene.set_up(place)
        scene.world.write("../home/.gitconfig", git_config)
        monkeypatch.setenv("HOME", str(place / "home"))
        yield scene
