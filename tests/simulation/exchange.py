"""The person of a simulation with two clones: brings what is in one to the other, by way of a bare repository."""

import re
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from tests.simulation.hands import CODE, FILES, Doing
from tests.simulation.machine import Machine, Refused
from tests.simulation.person import Person
from tests.simulation.steps import Script, Step

_APART = 1000  # so that no two persons give one name to two things
_THEIRS = "origin/main"
_IN_THE_WAY = re.compile(r"work/[\w.-]+")
_PUT_AWAY = re.compile(r"artifacts/[\w./-]+/(?:verdict\.\w+|answers)\.yaml")
_SECOND: tuple[str, ...] = ("src/second.txt",)  # what the person of the second clone writes
_OWN = ("src/", "notes.txt", "WORKFLOW.md", "queue/")
_TAKEN_IN = "factory: take in "


class Exchanging(Person):
    """A person who also pulls, rebases onto the remote, and pushes.

    Where both clones have moved what does not go together, they do what the documentation says: the remote's moves
    count, and their own commits and items are made again. A line that holds merges they do not rebase, since git drops
    them, and with a landing the move that it is.
    """

    def __init__(self, machine: Machine, script: Script, clone: int) -> None:
        super().__init__(machine, script)
        self._number = clone * _APART
        self._files = _SECOND if clone else FILES
        self._others = FILES if clone else _SECOND  # which only the other person writes
        self._again: list[str] = []  # commits that are to be picked again
        self._rewriting = False

    def _acts(self, step: Step) -> Doing:
        exchanges = {"pull": self._pull, "rebase-onto-theirs": self._rebase, "push": self._push}
        if step.what in exchanges:  # they let the factory mend first what a loss of power has torn
            return iter(()) if self.torn else exchanges[step.what]()
        return super()._acts(step)

    def lose_power(self, in_head: Collection[str], is_there: Callable[[str], bool]) -> None:
        super().lose_power(in_head, is_there)
        self._again.clear()
        if self._rewriting:
            self._rewrote()
        with self._machine.undisturbed():
            for place in filter(Path.is_file, map(self._place, self._others)):
                if not place.read_bytes():  # which they do not commit: it is not theirs
                    place.write_text(self._committed(f"HEAD:{place.relative_to(self._machine.root)}"))

    def put_in_order(self) -> None:
        self._doing.append(self._tried(self._machine.git("cherry-pick", "--abort")))
        super().put_in_order()
        if not self._on_main():
            self._doing.append(self._tried(self._come_back()))
            self._end_all()
        self._doing.append(self._tried(self._pick_again()))
        self._end_all()
        self._doing.append(self._tried(self._delete_one_of_both()))
        self._end_all()

    def _delete_one_of_both(self) -> Doing:
        """Take away what they cancelled where it no longer lay, as they are told to: the item went on elsewhere."""
        for place in sorted(self._machine.root.glob("queue/done/*.yaml")):
            if len([*self._machine.root.glob(f"queue/**/{place.name}")]) > 1:
                self.mine.pop(str(place.relative_to(self._machine.root)), None)
                place.unlink()
                yield
        yield from self._commit_all()

    def _come_back(self) -> Doing:
        """Switch to the queue's branch although files of their own are in the way."""
        try:
            yield from self._machine.git("switch", "-q", "main")
        except Refused as refused:
            yield from self._make_way(str(refused))
            yield from self._machine.git("switch", "-q", "main")

    def _rewrote(self) -> None:
        """Remember that the branch was taken off what it was."""
        self._rewriting = False
        self.taken_off.append(self._machine.said("rev-parse", "ORIG_HEAD"))

    def _pull(self) -> Doing:
        if not self._on_main():
            return
        yield from self._pick_again()
        try:
            yield from self._machine.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
        except Refused as refused:
            yield
            if self._place(".git/MERGE_HEAD").exists():
                yield from self._give_up_mine()
            else:
                yield from self._make_way(str(refused))
                yield from self._commit_all()

    def _make_way(self, said: str) -> Doing:
        """Take away own files where others are to be written, and what was put away before it had been committed.

        What a loss of power has emptied of the project's files they have git write anew.
        """
        for path in set(_IN_THE_WAY.findall(said)):
            place = self._place(path)
            if path in self.mine:
                del self.mine[path]
                place.unlink(missing_ok=True)
            elif place.is_file() and not place.read_bytes():
                yield from self._write(path, self._committed(f"HEAD:{path}"))
        for path in _PUT_AWAY.findall(said):
            yield from self._write(path, self._committed(f"HEAD:{path}"))

    def _committed(self, name: str) -> str:
        """A text of one commit."""
        text = self._machine.said("cat-file", "blob", name)
        return f"{text}\n" if text else ""  # a loss of power has emptied it

    def _commit_all(self) -> Doing:
        for paths in (CODE, ("WORKFLOW.md", "queue")):
            with suppress(Refused):
                yield from self._commit(*paths)

    def _push(self) -> Doing:
        try:
            yield from self._machine.git("push", "-q", "origin", "main")
        except Refused:
            yield
            yield from self._pull()
            yield
            yield from self._machine.git("push", "-q", "origin", "main")

    def _rebase(self) -> Doing:
        if not self._on_main():
            return
        yield from self._pick_again()
        yield from self._machine.git("fetch", "-q", "origin")
        yield
        if " " in self._machine.said("log", "--format=%P", f"{_THEIRS}..HEAD").replace("\n", ""):
            yield from self._pull()
            return
        self._rewriting = True
        try:
            yield from self._machine.git("rebase", "-q", _THEIRS)
            self._rewrote()
        except Refused:
            self._rewriting = False
            if self._place(".git/rebase-merge").exists():
                yield
                yield from self._machine.git("rebase", "--abort")
                yield from self._pull()

    def _give_up_mine(self) -> Doing:
        """Let the remote's moves count, and make again what is the person's own."""
        git = self._machine.git
        yield from git("merge", "--abort")
        yield from self._commit_all()
        dirty = [line[2:].strip() for line in self._machine.said("status", "--porcelain", "-uno").splitlines()]
        if any(path.startswith(_OWN) for path in dirty):
            return  # another time, and nothing that is not committed gets lost
        for path in dirty:  # what a loss of power has torn, or stands in the way, they let go
            self.mine.pop(path, None)
        yield from git("branch", "-f", "mine")
        self._rewriting = True
        yield from git("reset", "-q", "--hard", _THEIRS)
        self._rewrote()
        told = self._machine.said("log", "--no-merges", "--reverse", "--format=%H %cn %s", f"{_THEIRS}..ORIG_HEAD")
        brought: list[str] = []
        for line in told.splitlines():
            commit, committer, subject = line.split(" ", 2)
            if committer != "factory":
                self._again.append(commit)
            elif subject.startswith(_TAKEN_IN):
                brought.append(commit)
        for commit in brought:
            yield from self._bring_again(commit)
        yield from self._pick_again()

    def _bring_again(self, commit: str, changed_by: str = "") -> Doing:
        """The items that a commit had, and it or another one changed, where the remote does not have them.

        A deletion of one was a loss of power, and where it was no new item the factory has brought it back.
        """
        named = self._machine.said(
            "log", "-1", "--no-renames", "--name-only", "--format=", changed_by or commit
        ).split()
        for path in (path for path in named if path.startswith("queue/inbox/")):
            name = path.rpartition("/")[2]
            if not any(self._machine.root.glob(f"queue/**/{name}")):
                yield from self._write(path, self._committed(f"{commit}:{path}"))

    def _pick_again(self) -> Doing:
        """Make commits anew; what is in the way of one about the queue counts more, but for new items."""
        while self._again and self._on_main():
            try:
                yield from self._machine.git("cherry-pick", self._again[0])
                self.commits.append(self._machine.said("rev-parse", "HEAD"))
                yield from self._bring_again(f"{self._again[0]}~1", self._again[0])
            except Refused:
                if not self._place(".git/CHERRY_PICK_HEAD").exists():
                    raise
                yield from self._machine.git("cherry-pick", "--abort")
                yield from self._bring_again(self._again[0])
            self._again.pop(0)
            yield
