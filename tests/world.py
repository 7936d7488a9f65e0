"""The world of a test: a repository, what people do in it, and what the factory makes of it."""

import atexit
import contextlib
import functools
import io
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from factory.cli.program import run
from factory.line.orchestrator import Orchestrator, PassReport
from factory.line.tick import tick
from factory.model.events import Happening
from factory.model.journal import Entry
from factory.model.journal_lines import read
from factory.store.repository.repository import Repository
from factory.store.system import System
from tests.program import Process, start

WORKFLOW = """---
branch: main
routes: [{contract: scripted}]
---
{{ item.title }}
"""

SCRIPTED = """purpose: Do what the item says.
worker: {run: [factory-scripted]}
produces: {patch: {required: true}}
review: {seats: [{name: tests, kind: checks}]}
"""

REVIEWED = SCRIPTED.replace("kind: checks}]", "kind: checks}, {name: human, kind: human}]")


def _folder() -> Path:
    """A folder that lasts as long as this process."""
    folder = tempfile.mkdtemp(prefix="factory-beginning-")
    atexit.register(shutil.rmtree, folder)
    return Path(folder)


@functools.cache
def _beginning() -> Path:
    """What every world is a copy of; not to be written to."""
    world = World(_folder() / "repo")
    world.root.mkdir()
    world.git("init", "-q", "-b", "main")
    for sample in (world.root / ".git/hooks").glob("*.sample"):
        sample.unlink()
    world.write("WORKFLOW.md", WORKFLOW)
    world.write("contracts/scripted.yaml", SCRIPTED)
    world.write("contracts/reviewed.yaml", REVIEWED)
    world.write("program.py", "print('hello')\n")
    for lane in ("inbox", "active", "review", "rework", "blocked", "done"):
        world.write(f"queue/{lane}/.gitkeep", "")
    world.commit("The beginning")
    world.pack()
    return world.root


@functools.cache
def _after(happened: Callable[["World"], None]) -> Path:
    """What every world in which this has happened is a copy of; not to be written to."""
    world = World.create(_folder() / "repo")
    happened(world)
    world.pack()
    return world.root


@functools.lru_cache(maxsize=256)
def _told(root: Path, *arguments: str) -> str:
    """What git says of a commit that is named by its id, which never changes."""
    return World(root).git(*arguments)


@dataclass
class World:
    """A repository at `root`; every method is one thing a person or the factory does."""

    root: Path
    now: datetime | None = None  # a fixed clock, when a test wants one

    @classmethod
    def create(cls, root: Path) -> "World":
        """A repository that begins as every other does: it is made once for each process, and copied."""
        return cls._copy(_beginning(), root)

    @classmethod
    def after(cls, happened: Callable[["World"], None], root: Path) -> "World":
        """A repository in which this has happened already: it happens once for each process, and is copied."""
        return cls._copy(_after(happened), root)

    @classmethod
    def _copy(cls, source: Path, root: Path) -> "World":
        shutil.copytree(source, root, symlinks=True)
        world = cls(root)
        world.git("update-index", "-q", "--refresh")  # the index knows files by their inodes too
        return world

    def git(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, capture_output=True, text=True, errors="surrogateescape", check=False
        )
        if check and done.returncode:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stderr}")
        return done.stdout.rstrip("\n")

    def pack(self) -> None:
        """Put all objects in one file: it is copied, and removed, faster than a folder for each."""
        self.git("repack", "-a", "-d", "-q")

    def write(self, path: str, text: str) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def commit(self, message: str = "By hand") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def item(
        self, item_id: str, *runs: Sequence[Mapping[str, object]], text: str = "", contract: str = "scripted"
    ) -> Path:
        """An item for the scripted worker: one list of steps a run; by default it writes <id>.txt."""
        steps = runs or ([{"write": {"path": f"{item_id}.txt", "text": f"{item_id}\n"}}],)
        inputs = json.dumps({"runs": list(steps)})
        return self.write(
            f"queue/inbox/{item_id}.yaml", f"title: do {item_id}\ncontract: {contract}\ninputs: {inputs}\n{text}"
        )

    def tick(self, *, drain: bool = False) -> PassReport:
        """One pass in this process, with this world's clock."""
        repository = Repository(self.root, Clock(self))
        try:
            orchestrator = Orchestrator(repository, say_nothing)
            with orchestrator.holding():
                return tick(orchestrator, drain=drain)
        finally:
            repository.close()

    def factory(self, *arguments: str, status: int | None = 0) -> str:
        """The program as a person runs it: what it prints, on both streams."""
        process = start(arguments, self.root)
        out, err = process.communicate()
        if status is not None and process.returncode != status:
            raise AssertionError(f"exit status {process.returncode}: {out}\n{err}")
        return out + err

    def command(self, *arguments: str, status: int | None = 0) -> str:
        """The same within this process, which is quicker."""
        code, said = self.ended(*arguments)
        if status is not None and code != status:
            raise AssertionError(f"exit status {code}: {said}")
        return said

    def ended(self, *arguments: str) -> tuple[int, str]:
        """The same with the exit status, whatever it is."""
        printed = io.StringIO()
        with contextlib.chdir(self.root), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = run(list(arguments))
        return code, printed.getvalue()

    def _paths(self, folder: str, rev: str) -> list[str]:
        return _told(self.root, "ls-tree", "-r", "--name-only", self._commit_of(rev), folder).split("\n")

    def _file(self, path: str, rev: str) -> str:
        return _told(self.root, "show", f"{self._commit_of(rev)}:{path}")

    def _commit_of(self, rev: str) -> str:
        loose = self.root / ".git/refs/heads" / rev
        return loose.read_text().strip() if loose.is_file() else self.git("rev-parse", f"{rev}^{{commit}}")

    def lane(self, item_id: str, rev: str = "main") -> str:
        """The lane in which an item lies on the branch; it must be exactly one."""
        return self.path(item_id, rev).split("/")[1]

    def journal(self, item_id: str, rev: str = "main") -> tuple[Entry, ...]:
        """An item's journal as the branch has it."""
        rev = self._commit_of(rev)  # one commit, whatever moves meanwhile
        paths = self._paths("artifacts", rev)
        path = next((path for path in paths if path.endswith(f"/{item_id}/journal.jsonl")), None)
        return read(self._file(path, rev).encode() + b"\n", path).entries if path else ()

    def events(self, item_id: str) -> list[str]:
        return [str(entry.event) for entry in self.journal(item_id)]

    def verdict(self, item_id: str, decision: str, extra: str = "", seat: str = "human") -> Path:
        """A person edits the verdict file and saves it."""
        path = self.root / "queue/review" / f"{item_id}.{seat}.verdict.yaml"
        text = path.read_text().replace("decision: pending", f"decision: {decision}")
        path.write_text(text + extra)
        return path

    def status(self) -> str:
        return self.git("status", "--porcelain", "--untracked-files=all")

    def contract(self, name: str, **keys: object) -> Path:
        """Commit a contract for the scripted worker that differs from `scripted` in these keys."""
        kept: dict[str, object] = {
            "purpose": "Do what the item says.",
            "worker": {"run": ["factory-scripted"]},
            "produces": {"patch": {"required": True}},
            "review": {"seats": [{"name": "tests", "kind": "checks"}]},
        }
        place = self.write(f"contracts/{name}.yaml", json.dumps({**kept, **keys}, indent=1) + "\n")
        self._commit_path(f"contracts/{name}.yaml")
        return place

    def policy(self, more: str = "", branch: str = "main", routes: str = "[{contract: scripted}]") -> Path:
        """Commit a WORKFLOW.md with more front matter."""
        front = f"branch: {branch}\nroutes: {routes}\n{more}".rstrip("\n")
        place = self.write("WORKFLOW.md", f"---\n{front}\n---\n{{{{ item.title }}}}\n")
        self._commit_path("WORKFLOW.md")
        return place

    def _commit_path(self, path: str) -> None:
        self.git("add", "--", path)
        self.git("commit", "-q", "--allow-empty", "-m", f"Write {path}", "--only", "--", path)

    def move(self, item_id: str, target: str, *, commit: bool = False) -> None:
        """A person moves an item's file to another lane, with mv, or with git mv and a commit."""
        source = self.path(item_id)
        place = self.root / target / f"{item_id}.yaml"
        place.parent.mkdir(parents=True, exist_ok=True)
        if commit:
            self.git("mv", source, f"{target}/{item_id}.yaml")
            self.git("commit", "-q", "-m", f"Move {item_id} to {target}")
        else:
            (self.root / source).rename(place)

    def path(self, item_id: str, rev: str = "main") -> str:
        """Where an item lies on the branch."""
        found = [path for path in self._paths("queue", rev) if Path(path).name == f"{item_id}.yaml"]
        if len(found) != 1:
            raise AssertionError(f"{item_id} lies at {found}")
        return found[0]

    def artifacts(self, item_id: str, rev: str = "main") -> dict[str, str]:
        """An item's artifacts on the branch: for each path below its folder, what it holds."""
        found = [path for path in self._paths("artifacts", rev) if f"/{item_id}/" in path]
        return {path.partition(f"/{item_id}/")[2]: self._file(path, rev) for path in found}

    def last(self, item_id: str) -> Entry:
        """The newest line of an item's journal."""
        return self.journal(item_id)[-1]

    def start(self, *arguments: str) -> Process:
        """The program, started and not waited for."""
        return start(arguments, self.root, merged=True)

    def until(self, condition: Callable[[], bool], seconds: float = 15.0) -> None:
        """Wait until something holds that another process brings about."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError("it did not come about in time")
            time.sleep(0.05)


def say_nothing(_happening: Happening) -> None:
    """Tell nobody."""


class StandingStill(System):
    """This machine at one moment for ever."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment


class Clock(System):
    """This machine with the time of a world, if that stands still."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> datetime:
        return self._world.now or super().now()
