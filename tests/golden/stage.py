"""The stage of a story: a repository, the program of any version, and a person who works there."""

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Step = Mapping[str, object]
# With one worker at a time there is one order of events. Waits are told by the clock, and so depend on the machine.
_BY_CHANCE = (" waiting for ", ", and is waited for")


@dataclass
class Stage:
    """A repository below `place`, which holds nothing else; `said` is what the program answered."""

    place: Path
    name: str
    python: Path
    said: list[str] = field(default_factory=list)
    first_in_path: str = ""

    @property
    def root(self) -> Path:
        return self.place / self.name

    def run(self, *argv: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """A program with an environment that is the same on every machine."""
        return subprocess.run(
            argv,
            cwd=folder or self.root,
            env=self._env(),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )

    def _env(self) -> dict[str, str]:
        home = self.place / "home"
        home.mkdir(exist_ok=True)
        (home / ".gitconfig").write_text("[user]\n\tname = Ann\n\temail = ann@example.org\n")
        path = os.pathsep.join(filter(None, (self.first_in_path, str(self.python.parent), os.environ["PATH"])))
        return {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PATH": path, "LANG": "C.UTF-8", "TZ": "UTC"}

    def factory(self, *arguments: str, folder: Path | None = None) -> None:
        """A command of the program, whose answer is a part of the story."""
        done = self.run(str(self.python), "-m", "factory", *arguments, folder=folder)
        lines = (done.stdout + done.stderr).splitlines()
        told = [line for line in lines if not any(words in line for words in _BY_CHANCE)]
        self.said.append("\n".join([f"factory {shlex.join(arguments)} [{done.returncode}]", *told]))

    def drain(self) -> None:
        self.factory("tick", "--drain")

    def watch(self, until: str, seconds: float = 90) -> None:
        """Let `factory run` watch the queue until there is such a path; when it says what depends on chance."""
        argv = (str(self.python), "-m", "factory", "run")
        with subprocess.Popen(
            argv, cwd=self.root, env=self._env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as run:
            end = time.monotonic() + seconds
            while not any(self.root.glob(until)) and time.monotonic() < end:
                time.sleep(0.1)
            run.send_signal(signal.SIGINT)
        if not any(self.root.glob(until)):
            raise AssertionError(f"there is no {until} after {seconds} s")

    def git(self, *arguments: str) -> str:
        done = self.run("git", *arguments)
        if done.returncode:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def edit(self, path: str, *changes: tuple[str, str]) -> None:
        """A person changes a file in an editor: each a text and what stands in its place."""
        place = self.root / path
        text = place.read_text()
        for old, new in changes:
            if old not in text:
                raise AssertionError(f"{path} does not hold {old!r}: {text}")
            text = text.replace(old, new)
        while int(time.time()) == int(place.stat().st_mtime):  # git may take it for unchanged within the same second
            time.sleep(0.05)
        place.write_text(text)

    def policy(self, **keys: object) -> None:
        """Commit a WORKFLOW.md with these keys besides those of the whole story."""
        routes = [{"when": {"labels": ["bug"]}, "contract": "read"}, {"contract": "plain"}]
        front = {"routes": routes, "agent": {"max_concurrent_agents": 1}, "retry": {"initial_ms": 1}, **keys}
        lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in front.items())
        self.write("WORKFLOW.md", f"---\nbranch: main\n{lines}---\n{{{{ item.title }}}}\n")
        self.commit("Write the policy")

    def contract(self, name: str, **keys: object) -> None:
        """Write a contract of the scripted worker, judged by checks alone, that differs in these keys."""
        kept = {
            "purpose": "Do what the item says.",
            "worker": {"run": ["factory-scripted"]},
            "review": {"seats": [{"name": "tests", "kind": "checks"}]},
        }
        self.write(f"contracts/{name}.yaml", json.dumps({**kept, **keys}, indent=1) + "\n")

    def drop(self, item_id: str, *runs: Sequence[Step], contract: str = "plain", **keys: object) -> None:
        """Drop an item into the inbox: a list of steps for each run; with none it writes a file of its own name."""
        steps = runs or ([wrote(f"{item_id}.txt")],)
        fields = {"title": f"do {item_id}", "contract": contract, "inputs": {"runs": steps}, **keys}
        lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in fields.items())
        self.write(f"queue/inbox/{item_id}.yaml", lines)

    def decide(self, item_id: str, decision: str, *changes: tuple[str, str]) -> None:
        """Edit the verdict file of a human seat."""
        path = f"queue/review/{item_id}.human.verdict.yaml"
        self.edit(path, ("decision: pending", f"decision: {decision}"), *changes)

    def move(self, item_id: str, source: str, target: str) -> None:
        """Move an item with git mv, and commit it with whatever has been edited."""
        self.git("mv", f"queue/{source}/{item_id}.yaml", f"queue/{target}/{item_id}.yaml")
        self.git("commit", "-q", "-a", "-m", f"Move {item_id} to {target}")


def wrote(path: str, text: str = "") -> Step:
    return {"write": {"path": path, "text": text or f"{path}\n"}}


def result(**fields: object) -> Step:
    return {"result": fields}
