"""One clone: what its person does there with an editor and git, and what the factory says to them."""

import re
import subprocess
from itertools import count
from pathlib import Path

from tests.program import Started
from tests.sync_machine.kills import killing
from tests.sync_machine.remote import Bare, items_in
from tests.world import World

OPEN = ("inbox", "active", "review", "rework", "blocked")
_SHARED = "shared.txt"
_STATUSES = (0, 1, 3, 4)
_ENDED = re.compile(r"is of an item that has ended; git checkout -- (\S+) lets go")
_JUDGED_LATE = re.compile(r"^ M (artifacts/[\w./-]+/verdict\.human\.yaml)$", re.MULTILINE)
_JUDGES_NOTHING = re.compile(r"^(queue/review/\S+\.verdict\.yaml):1:1: judges nothing that is in review", re.MULTILINE)


class Clone:
    """A person's clone. What they have saved and not committed outside the queue is in `saved`."""

    def __init__(self, remote: Bare, place: Path) -> None:
        subprocess.run(["git", "clone", "-q", str(remote.place), str(place)], check=True)
        self.world = World(place)
        self.remote = remote
        self.name = place.name
        self.world.git("config", "user.name", self.name.title())
        self.world.git("config", "user.email", f"{self.name}@example.com")
        self.saved: dict[str, bytes] = {}
        self.branches = count(1)

    @property
    def root(self) -> Path:
        return self.world.root

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A person's git, which may fail: they read what it says."""
        return subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True, check=False)

    def head(self) -> str:
        return self.world.git("rev-parse", "main")

    # What the factory says

    def factory(self, *arguments: str) -> tuple[int, str]:
        """The program, which leaves alone what the person has saved."""
        crashed, before = self.locked(), self._mine()
        status, said = self.world.ended(*arguments)
        assert status in _STATUSES, f"exit status {status}: {said}"
        assert "Traceback" not in said, said
        after = self._mine()
        assert after[1] == before[1], f"{self.name}: {before[1]} is {after[1]} after {arguments}: {said}"
        assert crashed or after[0] == before[0], f"{self.name}: {before[0]} is {after[0]} after {arguments}: {said}"
        if status == 0:
            assert not self.locked(), said
        return status, said

    def killed(self, where: str, number: int, *arguments: str) -> bool:
        """The program, killed when it gets to a place for the n-th time, if it does."""
        before = {path: (self.root / path).read_bytes() for path in self.saved}
        process = Started(arguments, self.root, before=killing(where, number))
        said = "".join(process.communicate())
        assert process.returncode in (9, *_STATUSES), said
        assert {path: (self.root / path).read_bytes() for path in self.saved} == before
        return process.returncode == 9

    def _mine(self) -> tuple[list[str], dict[str, bytes]]:
        lines = self.world.git("status", "--porcelain", "--", ":!queue", ":!artifacts").split("\n")
        return lines, {path: (self.root / path).read_bytes() for path in self.saved}

    def locked(self) -> bool:
        """Whether a crash left what keeps git from working."""
        return any((self.root / ".git").glob("*.lock")) or any((self.root / ".git/refs/heads").rglob("*.lock"))

    # What a person writes

    def items(self) -> list[Path]:
        """Files of open items."""
        return sorted(path for lane in OPEN for path in (self.root / "queue" / lane).glob("*.yaml") if _is_item(path))

    def commit(self, *paths: str, message: str = "By hand") -> None:
        """Commit these paths and nothing else, if there is anything."""
        self._look_through_new_items()
        self.git("add", "-A", "--", *paths)
        if self.git("diff", "--cached", "--quiet", "--", *paths).returncode:
            done = self.git("commit", "-q", "-m", message, "--only", "--", *paths)
            assert done.returncode == 0, done.stderr
        for path in paths:
            self.saved.pop(path, None)

    def _look_through_new_items(self) -> None:
        """Of a new item's file with the name of another, as `factory check` says: remove it where both are one."""
        known = {item.id: item.token for item in items_in(self.root, "HEAD")}
        for path in self.world.git("ls-files", "--others", "--", "queue").split("\n"):
            place = self.root / path
            if place.suffix == ".yaml" and _is_item(place) and place.stem in known and self._lies_twice(place):
                place.unlink() if known[place.stem] in place.read_text() else place.rename(
                    place.with_name(f"{place.stem}.other.yaml")
                )

    def _lies_twice(self, place: Path) -> bool:
        return len(list((self.root / "queue").rglob(place.name))) > 1

    def save(self, path: str, text: str) -> None:
        """Save a file outside the queue."""
        self.saved[path] = self.world.write(path, text).read_bytes()

    def code(self, number: int, *, shared: bool, committed: bool) -> None:
        """Write code: a file of one's own, or a line of one that all write."""
        path = _SHARED if shared else f"code-{number}.txt"
        self.save(path, f"{number}\n")
        if committed:
            self.commit(path, message=f"Code {number}")

    def decide(self, which: int, decision: str, *, committed: bool) -> bool:
        """Give a verdict that is waited for, if one is."""
        waiting = sorted((self.root / "queue/review").glob("*.human.verdict.yaml"))
        pending = [place for place in waiting if "decision: pending" in place.read_text()]
        if pending:
            place = pending[which % len(pending)]
            text = place.read_text().replace("decision: pending", f"decision: {decision}")
            place.write_text(text.replace("notes: |", f"notes: by {self.name}"))
            if committed:
                self.commit("queue")
        return bool(pending)

    def let_go(self, said: str) -> None:
        """Let go of what came too late, which the factory names and leaves to whoever saved it."""
        for path in _JUDGES_NOTHING.findall(said):
            (self.root / path).unlink(missing_ok=True)
            self.commit(path)
        late = _JUDGED_LATE.findall(self.world.status())  # went along with its file when the item left
        for path in (*_ENDED.findall(said), *late):
            self.world.git("checkout", "--", path)

    def move(self, which: int, what: str, *, committed: bool) -> bool:
        """Hold an item, let it go, or move its file: to an end, into blocked, back; whether there was one."""
        places = self.items()
        if what in ("inbox", "rework"):
            places = [place for place in places if place.parent.name == "blocked"]
        if not places:
            return False
        place = places[which % len(places)]
        if what == "hold":
            text = place.read_text()
            held = text.endswith("hold: true\n")
            place.write_text(text.removesuffix("hold: true\n") if held else f"{text}hold: true\n")
        else:
            target = self.root / "queue" / what / place.name
            if target.exists():
                return False
            place.rename(target)
        if committed:
            self.commit("queue")
        return True

    # What a person's git does

    def pull(self, *how: str) -> str:
        """Pull; what became of it: done, refused, or a conflict that they have found their way out of."""
        done = self.git("pull", "-q", "--no-edit", *how, "origin", "main")
        if done.returncode and not self.begun():
            return "refused"
        if not done.returncode and not self._confused():
            return "pulled"
        self.start_over()
        return "conflict" if done.returncode else "undone"

    def begun(self) -> bool:
        git = self.root / ".git"
        return any((git / name).exists() for name in ("MERGE_HEAD", "rebase-merge", "rebase-apply"))

    def _confused(self) -> bool:
        """Whether git has merged, and brought together what belongs to two: then `factory check` would name it."""
        ids = [item.id for item in items_in(self.root, "main")]
        return len(ids) != len(set(ids))

    def start_over(self) -> None:
        """The way out that docs/life.md names: the remote's moves count, and what is theirs is made again."""
        for command in ("merge", "rebase"):
            self.git(command, "--abort")
        if self.saved:
            self.commit(*self.saved, message="Saved")
        self.commit("queue", message="Saved in the queue")
        self.world.git("fetch", "-q", "origin")
        mine = f"mine-{next(self.branches)}"
        self.world.git("branch", mine)
        self.world.git("reset", "-q", "--hard", "origin/main")
        ours = f"--author={self.name}@example.com"
        for commit in self.world.git("rev-list", "--reverse", "--no-merges", ours, f"origin/main..{mine}").split():
            paths = self.world.git("diff-tree", "-r", "--no-commit-id", "--name-only", commit).split("\n")
            if not any(path.startswith(("queue/", "artifacts/")) for path in paths):
                self.world.git("cherry-pick", "--allow-empty", "--keep-redundant-commits", "-X", "theirs", commit)
        self._bring_again(mine)

    def _bring_again(self, mine: str) -> None:
        """Items that only this clone had, under another name where theirs is taken."""
        there = {item.token for item in items_in(self.root, "origin/main")}
        ids = {item.id for item in items_in(self.root, "origin/main")}
        for item in items_in(self.root, mine):
            if item.token not in there:
                name = next(name for n in count() if (name := f"{item.id}{'.again' * n}") not in ids)
                ids.add(name)
                self.world.write(f"queue/inbox/{name}.yaml", item.text)
        self.commit("queue", message="Again")


def _is_item(path: Path) -> bool:
    return not path.name.endswith((".verdict.yaml", ".answers.yaml"))
