"""The world of a test: a repository, what people do in it, and what the factory makes of it."""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from factory.line.orchestrator import Orchestrator, Report
from factory.line.survey import utc_now
from factory.model.journal import Entry, read
from factory.store.repository.repository import Repository

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


@dataclass
class World:
    """A repository at `root`; every method is one thing a person or the factory does."""

    root: Path
    now: datetime | None = None  # a fixed clock, when a test wants one

    @classmethod
    def create(cls, root: Path) -> "World":
        root.mkdir(parents=True)
        world = cls(root)
        world.git("init", "-q", "-b", "main")
        world.write("WORKFLOW.md", WORKFLOW)
        world.write("contracts/scripted.yaml", SCRIPTED)
        world.write("contracts/reviewed.yaml", REVIEWED)
        world.write("program.py", "print('hello')\n")
        for lane in ("inbox", "active", "review", "rework", "blocked", "done"):
            world.write(f"queue/{lane}/.gitkeep", "")
        world.commit("The beginning")
        return world

    def git(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stderr}")
        return done.stdout.rstrip("\n")

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

    def item(self, item_id: str, *runs: list[dict[str, object]], text: str = "", contract: str = "scripted") -> Path:
        """An item for the scripted worker: one list of steps a run; by default it writes <id>.txt."""
        steps = runs or ([{"write": {"path": f"{item_id}.txt", "text": f"{item_id}\n"}}],)
        inputs = json.dumps({"runs": list(steps)})
        return self.write(
            f"queue/inbox/{item_id}.yaml", f"title: do {item_id}\ncontract: {contract}\ninputs: {inputs}\n{text}"
        )

    def tick(self, *, drain: bool = False) -> Report:
        """One pass in this process, with this world's clock."""
        repository = Repository(self.root)
        try:
            orchestrator = Orchestrator(repository, lambda _id, _text: None, lambda: self.now or utc_now())
            with orchestrator.holding():
                return orchestrator.tick(drain=drain)
        finally:
            repository.close()

    def factory(self, *arguments: str, status: int | None = 0) -> str:
        """The program as a person runs it: what it prints, on both streams."""
        done = subprocess.run(
            [sys.executable, "-m", "factory", *arguments], cwd=self.root, capture_output=True, text=True, check=False
        )
        if status is not None and done.returncode != status:
            raise AssertionError(f"exit status {done.returncode}: {done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def lane(self, item_id: str, rev: str = "main") -> str:
        """The lane in which an item lies on the branch; it must be exactly one."""
        paths = self.git("ls-tree", "-r", "--name-only", rev, "queue").split("\n")
        found = [path for path in paths if Path(path).name == f"{item_id}.yaml"]
        if len(found) != 1:
            raise AssertionError(f"{item_id} lies at {found}")
        return found[0].split("/")[1]

    def journal(self, item_id: str, rev: str = "main") -> tuple[Entry, ...]:
        """An item's journal as the branch has it."""
        paths = self.git("ls-tree", "-r", "--name-only", rev, "artifacts").split("\n")
        path = next((path for path in paths if path.endswith(f"/{item_id}/journal.jsonl")), None)
        return read(self.git("show", f"{rev}:{path}").encode() + b"\n", path).entries if path else ()

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
