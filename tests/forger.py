"""The forger: falsifies a factory's history in one way at a time, with git's own plumbing. It needs no working tree."""

import contextlib
import io
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from factory.cli.program import run
from factory.line.snapshot import SnapshotReader
from factory.line.writer import Move, Writer
from factory.model.base import digest
from factory.model.events import Finished
from factory.model.journal import MergeCheck, SeatVerdict
from factory.model.lifecycle import Outcome
from factory.model.verdict import Decision
from factory.report.audit.rules import Rule
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository
from tests.world import StandingStill, World, say_nothing

ANN = Person("Ann", "ann@example.org")
BOB = Person("Bob", "bob@example.org")
Files = Mapping[str, bytes | None]  # what lies at a path; None: nothing any more


@dataclass(frozen=True)
class Forger:
    """A bare repository, and somebody who may write anything into it."""

    root: Path

    @property
    def world(self) -> World:
        return World(self.root)

    def git(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, input=stdin, capture_output=True, env={**os.environ, **(env or {})}
        )
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout.decode().rstrip("\n")

    @property
    def head(self) -> str:
        return self.git("rev-parse", "main")

    @property
    def me(self) -> Person:
        """The factory, as it signs here."""
        name, email = self.git("log", "-1", "--author=^factory <", "--format=%an%n%ae", "main").split("\n")
        return Person(name, email)

    def commit_of(self, item_id: str, move: str, number: int = -1) -> str:
        """The commit of the factory that says it made this move."""
        found = []
        for line in self.git("log", "--reverse", "--first-parent", "--format=%H %s", "main").split("\n"):
            commit, _, subject = line.partition(" ")
            if subject.startswith(f"factory: {item_id} {move}"):
                found.append(commit)
        return found[number]

    def cut(self, commit: str) -> None:
        """Forget what came after a commit."""
        self.git("update-ref", "refs/heads/main", commit)

    def cut_before(self, commit: str) -> None:
        self.cut(f"{commit}^")

    def paths(self, folder: str = "", rev: str = "main") -> list[str]:
        return self.git("ls-tree", "-r", "--name-only", rev, "--", folder or ".").split("\n")

    def path(self, name: str, rev: str = "main") -> str:
        """The one path that ends like this."""
        found = [path for path in self.paths(rev=rev) if path.endswith(f"/{name}")]
        assert len(found) == 1, found
        return found[0]

    def read(self, path: str, rev: str = "main") -> bytes:
        return subprocess.run(
            ["git", "cat-file", "blob", f"{rev}:{path}"], cwd=self.root, capture_output=True, check=True
        ).stdout

    def tree(self, files: Files, rev: str = "main") -> str:
        """A tree with these files changed."""
        env = {"GIT_INDEX_FILE": str(self.root / "forged.index")}
        self.git("read-tree", rev, env=env)
        lines = []
        for path, data in files.items():
            oid = "0" * 40 if data is None else self.git("hash-object", "-w", "--stdin", stdin=data)
            lines.append(f"{'0' if data is None else '100644'} {oid}\t{path}\n")
        self.git("update-index", "--index-info", stdin="".join(lines).encode(), env=env)
        return self.git("write-tree", env=env)

    def put(
        self,
        files: Files,
        message: str = "By hand",
        by: Person = ANN,
        *,
        committer: Person | None = None,
        tree: str = "",
        merged: tuple[str, ...] = (),
        at: str = "",
    ) -> str:
        """Commit these changes on top, as anybody and at any time."""
        signed = committer or by
        env = {"GIT_AUTHOR_NAME": by.name, "GIT_AUTHOR_EMAIL": by.email}
        env |= {"GIT_COMMITTER_NAME": signed.name, "GIT_COMMITTER_EMAIL": signed.email}
        env |= {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at} if at else {}
        parents = [word for parent in ("main", *merged) for word in ("-p", parent)]
        made = self.tree(files, tree or "main")
        commit = self.git("commit-tree", made, *parents, "-F", "-", stdin=message.encode(), env=env)
        self.cut(commit)
        return commit

    def again(
        self,
        commit: str,
        files: Files | None = None,
        message: Callable[[str], str] = lambda text: text,
        by: Person | None = None,
    ) -> str:
        """Take a commit back, with everything after it, and make it once more with a difference."""
        self.cut_before(commit)
        return self.copy(commit, files, message, by)

    def copy(
        self,
        commit: str,
        files: Files | None = None,
        message: Callable[[str], str] = lambda text: text,
        by: Person | None = None,
    ) -> str:
        """Make a commit once more on top, with all that it held and a difference."""
        form = "%an%x00%ae%x00%ct%x00%P%x00%B"
        name, email, at, parents, text = self.git("log", "-1", f"--format={form}", commit).split("\0")
        who = by or Person(name, email)
        merged = tuple(parents.split()[1:])
        return self.put(files or {}, message(text), who, tree=commit, merged=merged, at=f"{at} +0000")

    def after(self, commit: str) -> list[str]:
        """What came after a commit."""
        return self.git("rev-list", "--reverse", "--first-parent", f"{commit}..main").split("\n")

    @property
    def when(self) -> datetime:
        """When the last commit was made."""
        return datetime.fromisoformat(self.git("log", "-1", "--format=%cI", "main"))

    def move(self, item_id: str, move: Move, *, later: timedelta = timedelta(), by: Person | None = None) -> str:
        """A move by the factory's own writer, or that of another clone's factory, which believes what it is told."""
        when = self.when + later
        repository = Repository(self.root, StandingStill(when))
        repository.state.mkdir(exist_ok=True)
        try:
            writer = Writer(repository, "main", by or self.me, say_nothing)
            head = repository.head("main")
            assert head is not None
            snapshot = SnapshotReader(repository, "main").snapshot(when, head)
            writer.begin(head)
            writer.move(snapshot.items[item_id], move, snapshot.listing.verdicts)
            writer.publish()
        finally:
            repository.close()
        return self.head

    def verdict(self, item_id: str, decision: str = "approve", by: Person = ANN, **keys: str) -> str:
        """Somebody commits a verdict of an item in review."""
        path = f"queue/review/{item_id}.human.verdict.yaml"
        text = self.read(path).decode()
        for key, value in {"decision": decision, **keys}.items():
            text = re.sub(rf"(?m)^{key}: *[^ #\n]*", lambda _, told=f"{key}: {value}": told, text)  # type: ignore[misc]
        return self.put({path: text.encode()}, "My verdict", by)

    def merge(self, item_id: str, files: Files | None = None, subject: str = "", of: str = "") -> str:
        """The factory merges an item's proposal, and perhaps more."""
        last = self.journal(item_id)[-1]
        proposal = str(last["proposal"])
        changed = self.git("diff-tree", "-r", "--name-only", f"{proposal}^", proposal).split("\n")
        brought = {path: self.read(path, proposal) for path in changed}
        said = (
            f"Factory-Item: {of or item_id}\nFactory-Subject: {subject or last['subject']}\nFactory-Actor: {self.me}\n"
        )
        message = f"Merge {item_id}\n\n> approved\n\n{said}"
        return self.put({**brought, **(files or {})}, message, self.me, merged=(proposal,))

    def finish(
        self,
        item_id: str,
        applied: str = "",
        by: Person | None = ANN,
        *,
        subject: str | None = None,
        proposal: str | None = None,
        merged: MergeCheck | None = None,
    ) -> str:
        """The factory finishes an item, with what the journal says of it, or something else."""
        last = self.journal(item_id)[-1]
        seat = {"seat": "human", "decision": Decision.APPROVE, "reviewer": str(by)}
        finished = Finished(
            reason="approved",
            verdicts=(SeatVerdict.model_validate(seat),) if by else (),
            outcome=Outcome.APPLIED if applied else Outcome.ACCEPTED,
            subject=subject or str(last["subject"]),
            proposal=proposal or str(last["proposal"]),
            applied=applied or None,
            merged=merged,
        )
        return self.move(item_id, Move(finished))

    def journal(self, item_id: str, rev: str = "main") -> list[dict[str, object]]:
        lines = self.read(self.path(f"{item_id}/journal.jsonl", rev), rev).splitlines()
        return [json.loads(line) for line in lines]

    def with_journal(self, item_id: str, rev: str, change: Callable[[list[dict[str, object]]], object]) -> Files:
        """An item's journal with a difference."""
        entries = self.journal(item_id, rev)
        change(entries)
        text = "".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in entries)
        return {self.path(f"{item_id}/journal.jsonl", rev): text.encode()}

    def with_file(self, path: str, rev: str, change: Callable[[bytes], bytes]) -> Files:
        """A run's file with a difference, and a manifest that lists it as it is then."""
        folder, name = path.split("/run-")[0], path.split("/run-")[1].partition("/")
        run = f"{folder}/run-{name[0]}"
        data = change(self.read(path, rev))
        manifest = json.loads(self.read(f"{run}/manifest.json", rev))
        manifest["files"][name[2]] |= {"digest": digest(data), "bytes": len(data)}
        return {path: data, f"{run}/manifest.json": json.dumps(manifest).encode()}

    def audit(self, *arguments: str) -> list[tuple[str, str]]:
        """(rule, commit) of every finding, by the command line, whose exit status says whether there is any."""
        printed = io.StringIO()
        with contextlib.chdir(self.root), contextlib.redirect_stdout(printed):
            status = run(["audit", "--json", *arguments])
        found = [(each["rule"], each["commit"]) for each in json.loads(printed.getvalue())["violations"]]
        assert status == int(bool(found)), printed.getvalue()
        return found


Forgery = Callable[[Forger], tuple[Rule, str]]


class Gallery(list[Forgery]):
    """Forgeries, collected by using it as their decorator."""

    def __call__(self, made: Forgery) -> Forgery:
        self.append(made)
        return made


def assert_found_out(forger: Forger, made: Forgery) -> None:
    """A forgery is found with its rule and its commit, nothing is said of what was honest, and CI would see it too."""
    honest = forger.head
    rule, commit = made(forger)
    found = forger.audit()
    assert (rule, commit) in found
    common = forger.git("merge-base", honest, "main")
    forged = {commit, *forger.after(common)}
    assert {at for _, at in found} <= forged, found
    assert (rule, commit) in forger.audit("--since", common)
