"""Exchange: a clone and its remote are brought to one state; what this clone has is pushed before it counts here."""

from collections.abc import Callable, Collection, Sequence
from shlex import quote as _q

from factory.line.sync.carry import carried
from factory.line.sync.saved import disputed, taken_in_by
from factory.line.sync.turns import Turns
from factory.model.errors import BusyError, UnusableError
from factory.model.events import Noticed, Tell
from factory.model.text import counted, printable
from factory.model.trailers import Trailer
from factory.store.repository.batch import Signature, add_commit
from factory.store.repository.commits import LocalChanges
from factory.store.repository.objects import Person
from factory.store.repository.refs import NOTHING, RefMoved, RefUpdate
from factory.store.repository.remote import Fetched, Remote, RemoteMoved, Unreachable, Unsure
from factory.store.repository.repository import WORK_PREFIX, Repository

_NAMED = 5


class Exchange:
    """Exchanges branches with one remote. Only for the holder of the factory's lock."""

    def __init__(self, repository: Repository, remote: Remote, me: Person, tell: Tell) -> None:
        self._repository = repository
        self.remote = remote
        self._me = me
        self._tell = tell
        self._turns = Turns(repository.system)
        # What was pushed without an answer, and what waits for it.
        self._unsure: tuple[str, Callable[[], object]] | None = None

    def take_over(self, branches: Sequence[str]) -> bool:
        """Bring branches to what the remote has, and it to what only this clone has; whether anything moved.

        Raises RemoteMoved when it never rests, Unreachable, BusyError when a person's uncommitted files are in the way,
        and UnusableError when a person has to decide, or the remote refuses.
        """
        moved = False
        self._turns.rest()
        while True:
            found = self.remote.fetch(branches)
            pushed, here = self._plan(branches, found)
            try:
                if pushed:
                    self._push(pushed)
                if here:
                    self._follow(here)
            except (RemoteMoved, RefMoved):  # or a person has committed in this moment
                moved = True
                self.pause()
                continue
            except LocalChanges as error:
                message = f"{error.message} are in the way of what {self.remote.name} has"
                raise BusyError(message, error.hint) from None
            self._settle(branches[0])
            if here:
                self._turns.others()
            return moved or bool(pushed or here)

    def push(
        self, updates: Sequence[RefUpdate], landing: Collection[str], taken_in: str, then: Callable[[], object]
    ) -> None:
        """Have the remote accept what is about to happen here. Raises what `Remote.push` does, and LocalChanges.

        What people saved and a commit of these has `taken_in` is in nobody's way.
        Where the connection breaks off, `then` is done by a later `take_over` that finds it accepted.
        """
        self._repository.publisher.refuse_edits(updates, landing, taken_in)
        self._repository.objects.flush()
        shared = [each for each in updates if not each.branch.startswith(WORK_PREFIX)]
        try:
            if shared:
                self._push(shared)
        except Unsure:
            self._unsure = shared[0].new, then
            raise
        self._turns.accepted()

    def _push(self, updates: Sequence[RefUpdate]) -> None:
        self.remote.push(updates)
        self.remote.agree({update.branch: update.new for update in updates})

    def offer(self, branch: str, commit: str) -> None:
        """Have the remote hold the branch of an item that a person merges.

        Where the remote refuses it, has another one of that name, or is not to be reached, that is told, and nothing
        else waits for it.
        """
        self._repository.objects.flush()
        try:
            self._push([RefUpdate(branch, NOTHING, commit)])
        except RemoteMoved:
            self._say(f"{self.remote.name} has another {branch}, which stays as it is")
        except (UnusableError, Unreachable) as error:
            self._say(f"{branch} is not on {self.remote.name} yet: {error.message}")

    def is_offered(self, branch: str, commit: str) -> bool:
        """Whether the remote is known to have been given a branch at this commit."""
        return self.remote.agreed(branch) == commit

    def _settle(self, branch: str) -> None:
        """Once the remote has answered again: what was pushed without an answer has happened if it is there."""
        unsure, self._unsure = self._unsure, None
        head = self._repository.head(branch)
        if unsure is not None and head and self._repository.is_ancestor(unsure[0], head):
            unsure[1]()

    def _follow(self, here: Sequence[RefUpdate]) -> None:
        """Bring branches here to where they are there. Raises what `Publisher.publish` does."""
        publisher, left = self._repository.publisher, list[RefUpdate]()
        for update in here:
            if begun := taken_in_by(self._repository, update):
                publisher.publish([update._replace(new=begun)])
            left.append(update._replace(old=begun or update.old))
        publisher.publish(left, [item_id for each in left for item_id in disputed(self._repository, each)])

    def pause(self) -> None:
        """Wait for a moment before the next try. Raises RemoteMoved when the remote has not rested for too long."""
        if not self._turns.refused():
            raise RemoteMoved(self.remote.name)

    def _plan(self, branches: Sequence[str], found: Fetched) -> tuple[list[RefUpdate], list[RefUpdate]]:
        """What has to move on the remote, and what here afterwards."""
        pushed: list[RefUpdate] = []
        here: list[RefUpdate] = []
        for branch in branches:
            ours, theirs = self._repository.head(branch), found.tips.get(branch)
            if branch in found.gone:
                said = f"{self.remote.name} had the branch {branch}, and has it no more"
                raise UnusableError(said, f"to put it back as it is here: git push {_q(self.remote.name)} {_q(branch)}")
            if branch in found.rewritten:
                self._accept(branch, ours, found.tips[branch])
            both = self._both(branch, ours, theirs)
            if both and both != theirs:
                pushed.append(RefUpdate(branch, theirs or NOTHING, both))
            if both and both != ours:
                here.append(RefUpdate(branch, ours or NOTHING, both))
        return pushed, here

    def _both(self, branch: str, ours: str | None, theirs: str | None) -> str | None:
        """The commit that holds what both have of a branch; None when neither has it."""
        if ours is None or theirs is None:
            if ours or theirs:
                self._say(f"begins {branch} {f'on {self.remote.name}' if ours else 'here'}")
            return ours or theirs
        if self._repository.is_ancestor(theirs, ours):
            if ours != theirs:
                self._say(f"pushes {self._commits(theirs, ours)} of {branch} to {self.remote.name}")
            return ours
        if self._repository.is_ancestor(ours, theirs):
            self._say(f"took over {self._commits(ours, theirs)} of {branch} from {self.remote.name}")
            return theirs
        return self._carry(branch, ours, theirs)

    def _accept(self, branch: str, ours: str | None, theirs: str) -> None:
        """Go on from a history that was written anew, once a person has brought this clone's branch there."""
        if ours is None or not self._repository.is_ancestor(theirs, ours):
            mine = _q(f"{self.remote.name}/{branch}..{branch}")
            raise UnusableError(
                f"the history of {branch} on {self.remote.name} was written anew: it no longer has what this clone had"
                " seen there, and nobody but you can say what counts",
                f"git fetch {_q(self.remote.name)} && git log {mine}; then, to go on with"
                f" theirs: {self._to_theirs(branch)}",
            )
        self.remote.agree({branch: theirs})

    def _carry(self, branch: str, ours: str, theirs: str) -> str:
        """A commit that has both: theirs first, whose queue and artifacts count, and what this clone added."""
        repository = self._repository
        base = repository.git.text("merge-base", theirs, ours, allowed=(0, 1))
        if not base:
            said = f"{branch} here and {branch} on {self.remote.name} have no commit in common"
            raise UnusableError(said, f"git log {_q(branch)} {_q(f'{self.remote.name}/{branch}')}")
        result = carried(repository, base, ours, theirs)
        if result.contested:
            self._refuse(branch, result.contested)
        count = self._commits(theirs, ours)
        signed = Signature(repository.user(), self._me, repository.system.now())
        text = f"factory: carry {count} onto {self.remote.name}\n\n{Trailer.ACTOR.line(self._me)}\n"
        self._say(f"carries {count} of this clone's onto {branch} of {self.remote.name}")
        merge = add_commit(repository.objects, result.tree, (theirs, ours), text, signed)
        repository.objects.flush()
        return merge

    def _refuse(self, branch: str, contested: Sequence[str]) -> None:
        shown = ", ".join(map(printable, contested[:_NAMED]))
        more = f" and {len(contested) - _NAMED} more" if len(contested) > _NAMED else ""
        both = _q(f"{self.remote.name}/{branch}..{branch}")
        raise UnusableError(
            f"both this clone and {self.remote.name} have changed {shown}{more}, each in its own way",
            f"git log {both} shows what is yours; to go on with theirs: git branch mine {_q(branch)} && git"
            f" fetch {_q(self.remote.name)} && {self._to_theirs(branch)}, then make yours again",
        )

    def _to_theirs(self, branch: str) -> str:
        """The command that brings a branch of this clone to where the remote has it, whatever is checked out here."""
        view, there = self._repository.view_of(branch), _q(f"{self.remote.name}/{branch}")
        if view is None:
            return f"git branch -f {_q(branch)} {there}"
        elsewhere = "" if view.root == self._repository.root else f"-C {_q(str(view.root))} "
        return f"git {elsewhere}reset --hard {there}"

    def _commits(self, old: str, new: str) -> str:
        return counted(int(self._repository.git.text("rev-list", "--count", f"{old}..{new}")), "commit")

    def _say(self, text: str) -> None:
        self._tell(Noticed(text))
