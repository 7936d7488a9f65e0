"""Chance: a person's commands and the product's plumbing, in any order, in both of two folders."""

import random
from collections.abc import Callable

from tests.simulation.git.twins import Twins

_PATHS = ("a.txt", "b.txt", "d/c.txt", "d/e/f.txt", "queue/inbox/one.yaml", "g h.txt", "run.sh")
_BRANCHES = ("main", "side", "topic")
_NOTHING = "0" * 40
AS_WRITTEN = ("-r", "-p", "--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv")


class Chance:
    """One sequence, from a seed."""

    def __init__(self, twins: Twins, seed: int) -> None:
        self._twins = twins
        self._chance = random.Random(seed)
        self._number = 0
        self._done: list[str] = []

    def go(self, steps: int, every: int = 6) -> None:
        """So many steps; what came of them is compared after every so many."""
        for number in range(steps):
            step = self._chance.choices(_STEPS, _WEIGHTS)[0]
            self._done.append(step.__name__)
            try:
                step(self)
                if number % every == every - 1:
                    self._twins.compare()
            except (AssertionError, NotImplementedError) as error:
                raise AssertionError(f"after {', '.join(self._done)}: {error}") from error
        self._twins.compare()

    def _git(self, *arguments: str, exact: bool = False, stdin: bytes = b"") -> bytes:
        return self._twins.git(*arguments, exact=exact, stdin=stdin).out

    def _path(self) -> str:
        return self._chance.choice(_PATHS)

    def _branch(self) -> str:
        return self._chance.choice(_BRANCHES)

    def _rev(self) -> str:
        return self._chance.choice((*_BRANCHES, "HEAD", "HEAD~1", "main~1", "side^"))

    def _commit_of(self, rev: str) -> str:
        return self._git("rev-parse", "--verify", "-q", f"{rev}^{{commit}}", exact=True).decode().strip()

    def edit(self) -> None:
        path = self._path()
        place = self._twins.made / "repo" / path
        lines = place.read_text().splitlines() if place.is_file() else [f"line {n}" for n in range(12)]
        self._number += 1
        at = self._chance.randrange(len(lines) + 1)
        how = self._chance.random()
        if how < 0.5 and lines:
            lines[min(at, len(lines) - 1)] = f"edit {self._number}"
        elif how < 0.8:
            lines.insert(at, f"new {self._number}")
        else:
            del lines[at : at + 2]
        end = "\n" if self._chance.random() < 0.9 else ""
        self._twins.write(f"repo/{path}", "\n".join(lines) + end, mode=0o755 if path == "run.sh" else 0o644)

    def delete(self) -> None:
        self._twins.remove(f"repo/{self._path()}")

    def untracked(self) -> None:
        name = self._chance.choice(("new.txt", "x.log", "build/out.o", "d/x.tmp", "keep.log", "d/new.txt"))
        self._twins.write(f"repo/{name}", f"{self._number}\n")

    def add(self) -> None:
        self._git("add", "-A")

    def add_one(self) -> None:
        self._git("add", "--", self._path())

    def commit(self) -> None:
        self._git("commit", "-q", "-m", f"Commit {self._number}\n\nSome text\n\nFactory-Item: item-{self._number}")

    def commit_all(self) -> None:
        self._git("commit", "-q", "-am", f"All {self._number}")

    def commit_only(self) -> None:
        self._git("commit", "-q", "-m", f"Only {self._number}", "--only", "--", self._path())

    def branch(self) -> None:
        self._git("branch", "-f", self._branch(), self._rev())

    def switch(self) -> None:
        self._git("switch", "-q", self._branch(), exact=True)

    def detach(self) -> None:
        self._git("checkout", "-q", "--detach", self._rev())

    def merge(self) -> None:
        self._git("merge", "-q", "--no-edit", self._branch())

    def merge_abort(self) -> None:
        self._git("merge", "--abort")

    def rebase(self) -> None:
        if self._linear():
            self._git("rebase", "-q", self._branch())

    def _linear(self) -> bool:
        told = self._git("log", "-z", "--format=%P", "HEAD", exact=True)
        return not any(b" " in parents for parents in told.split(b"\0"))

    def rebase_abort(self) -> None:
        self._git("rebase", "--abort")

    def stash(self) -> None:
        self._git("stash", "-q")

    def pop(self) -> None:
        self._git("stash", "pop", "-q")

    def revert(self) -> None:
        self._git("revert", "--no-edit", self._rev())

    def pick(self) -> None:
        self._git("cherry-pick", self._rev())

    def pick_abort(self) -> None:
        self._git("cherry-pick", "--abort")

    def move(self) -> None:
        self._git("mv", self._path(), f"moved-{self._number}.txt")

    def rm(self) -> None:
        self._git("rm", "-q", "--", self._path())

    def reset(self) -> None:
        self._git("reset", "-q", "--hard", self._rev())

    def unstage(self) -> None:
        self._git("reset", "-q")

    def restore(self) -> None:
        self._git("checkout", "-q", "--", self._path())

    def pack(self) -> None:
        self._git("pack-refs", "--all")

    def gc(self) -> None:
        self._git("gc", "-q")

    def fetch(self) -> None:
        self._git("fetch", "-q", "@/other.git", f"{self._branch()}:refs/remotes/other/{self._branch()}")

    def push(self) -> None:
        self._git("push", "-q", "@/other.git", self._branch())

    def pull(self) -> None:
        self._git("pull", "-q", "--no-rebase", "--no-edit", "@/other.git", self._branch())

    def status(self) -> None:
        arguments = ("--porcelain", "-z", "--no-renames", "--ignored", "--untracked-files=all", "--")
        self._git("--no-optional-locks", "status", *arguments, self._path(), "d", "queue", exact=True)
        self._git("status", *arguments, exact=True)

    def listed(self) -> None:
        self._git("ls-files", "-s", "-v", "-z", "--", self._path(), exact=True)
        self._git("ls-files", "--others", "--exclude-standard", "-z", "--", ".", ":(exclude)queue", exact=True)
        self._git("diff-index", "--cached", "--name-only", "--no-renames", "-z", "HEAD", "--", "d", "queue", exact=True)

    def index_info(self) -> None:
        blob = self._git("hash-object", "-w", "--stdin", stdin=b"by plumbing %d\n" % self._number, exact=True).strip()
        lines = b"0 %s\t%s\0" % (_NOTHING.encode(), self._path().encode())
        lines += b"100644 %s\t%s\0" % (blob, self._path().encode())
        self._git("update-index", "-z", "--index-info", stdin=lines, exact=True)

    def stage_paths(self) -> None:
        names = b"".join(path.encode() + b"\0" for path in self._chance.sample(_PATHS, 3))
        self._git("update-index", "--add", "--remove", "-z", "--stdin", stdin=names, exact=True)

    def refresh(self) -> None:
        self._git("update-index", "-q", "--refresh", exact=True)

    def write_tree(self) -> None:
        self._git("write-tree", exact=False)

    def move_ref(self) -> None:
        branch, new = f"refs/heads/factory/{self._branch()}", self._commit_of(self._rev())
        old = self._chance.choice((self._commit_of(branch) or _NOTHING, self._commit_of("main"), _NOTHING))
        if new:
            asked = f"start\0update {branch}\0{new}\0{old}\0prepare\0commit\0"
            self._git(
                "update-ref", "--no-deref", "-m", "by the factory", "-z", "--stdin", stdin=asked.encode(), exact=True
            )

    def move_own(self) -> None:
        """The branch that is checked out, under a person's hands."""
        new = self._commit_of(self._rev())
        if new:
            self._git("update-ref", "-m", "moved", f"refs/heads/{self._branch()}", new, exact=True)

    def forget_ref(self) -> None:
        self._git("update-ref", "-d", f"refs/heads/factory/{self._branch()}", exact=True)
        self._git("update-ref", "--stdin", stdin=f"delete refs/heads/factory/{self._branch()}\n".encode(), exact=True)

    def trees(self) -> None:
        one, two = self._commit_of(self._rev()), self._commit_of(self._rev())
        if one and two:
            patch = self._git("diff-tree", *AS_WRITTEN, one, two, exact=True)
            self._git("diff-tree", "--stdin", *AS_WRITTEN, stdin=f"{one} {two}\n= that =\n".encode(), exact=True)
            env = {"GIT_INDEX_FILE": "@/beside"}
            self._twins.git("read-tree", one, env=env)
            if patch:
                self._twins.git("apply", "--cached", "--whitespace=nowarn", "-", env=env, stdin=patch)
            self._twins.git("write-tree", env=env)
            self._twins.git("merge-base", one, two)
            self._twins.git("merge-base", "--is-ancestor", one, two)
            self._twins.git("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", one, two)

    def history(self) -> None:
        head = self._commit_of("HEAD")
        added = ("--raw", "--no-abbrev", "--no-renames")
        told = "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%ct%x00%B"
        topo = ("--topo-order", "--format=%H", *added, "--diff-filter=AM")
        came = ("--reverse", "-z", *added, "--diff-filter=A", "--format=%x01%ct%x00%an%x00%ae")
        landed = ("--first-parent", "-5", "--format=%H%x00%s%x00%(trailers:key=Factory-Item,valueonly)%x00")
        gone = ("-1", "-z", "--diff-filter=D", "--no-renames", "--name-only", "--format=%H%x00%an%x00")
        forms: list[tuple[str, ...]] = [
            ("log", "-1", "--format=%an%x00%ae", head, "--", f":(literal){self._path()}"),
            ("log", "-z", told, head),
            ("log", *topo, head, "--", f":(literal,top){self._path()}"),
            ("log", *came, head, "--", "d"),
            ("log", *landed, head, "--", ":(top)", ":(exclude,top)queue"),
            ("log", *gone, head, "--", ":(glob)**/*.txt"),
            ("log", "-1", "--first-parent", "--diff-filter=A", "--no-renames", "--format=%T", head, "--", self._path()),
            ("rev-list", "--first-parent", "--max-count=4", head),
        ]
        self._git(*self._chance.choice(forms), exact=True)


_WEIGHTED: list[tuple[Callable[[Chance], None], int]] = [
    (Chance.edit, 26),
    (Chance.delete, 2),
    (Chance.untracked, 3),
    (Chance.add, 8),
    (Chance.add_one, 4),
    (Chance.commit, 10),
    (Chance.commit_all, 10),
    (Chance.commit_only, 5),
    (Chance.branch, 4),
    (Chance.switch, 10),
    (Chance.detach, 1),
    (Chance.merge, 7),
    (Chance.merge_abort, 3),
    (Chance.rebase, 4),
    (Chance.rebase_abort, 2),
    (Chance.stash, 4),
    (Chance.pop, 4),
    (Chance.revert, 2),
    (Chance.pick, 3),
    (Chance.pick_abort, 2),
    (Chance.move, 2),
    (Chance.rm, 2),
    (Chance.reset, 3),
    (Chance.unstage, 2),
    (Chance.restore, 2),
    (Chance.pack, 2),
    (Chance.gc, 1),
    (Chance.fetch, 2),
    (Chance.push, 3),
    (Chance.pull, 2),
    (Chance.status, 4),
    (Chance.listed, 3),
    (Chance.index_info, 2),
    (Chance.stage_paths, 3),
    (Chance.refresh, 2),
    (Chance.write_tree, 1),
    (Chance.move_ref, 4),
    (Chance.move_own, 1),
    (Chance.forget_ref, 1),
    (Chance.trees, 4),
    (Chance.history, 5),
]
_STEPS = [step for step, _ in _WEIGHTED]
_WEIGHTS = [weight for _, weight in _WEIGHTED]
