"""The repository: where things are, who did what, and the way to change it."""

import os
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from factory.model.errors import UnusableError
from factory.model.moments import seconds_of
from factory.store import files
from factory.store.repository.batch import Signature, add_commit
from factory.store.repository.commits import Publisher
from factory.store.repository.git import Git, GitError
from factory.store.repository.merging import Merge, Merging
from factory.store.repository.missing import Key, Named, missing
from factory.store.repository.neutral import neutral
from factory.store.repository.objects import EMPTY_TREE, Objects, Person, Tree
from factory.store.repository.patches import AS_WRITTEN, applied
from factory.store.repository.person import person_of
from factory.store.repository.refs import NOTHING
from factory.store.repository.trees import OWN_FOLDERS, Change, TreeEditor, diff
from factory.store.repository.under_check import UnderCheck
from factory.store.repository.view import Asked, View
from factory.store.state import BOOT
from factory.store.system import MACHINE, System

WORK_PREFIX = "factory/"
CELL_PREFIX = "factory-cell-"
_TRUST = re.compile(r"git config --global --add safe\.directory .*")  # what git itself says must be done


class Arrival(NamedTuple):
    """When a file came into the repository, in seconds since 1970, who brought it, and the blob id of what it held."""

    at: int
    by: Person
    blob: str


@dataclass(frozen=True)
class Deleted:
    """A file that was deleted: what it held, and who deleted it."""

    content: bytes
    by: Person


class Repository:
    """One git repository. Open it for a pass or a command, and close it."""

    def __init__(self, folder: Path, system: System = MACHINE) -> None:
        self.system = system
        probe = Git(folder, system)
        asked = ("--is-bare-repository", "--show-object-format", "--git-common-dir", "--git-dir")
        try:
            told = probe.text("rev-parse", "--path-format=absolute", *asked).split("\n")
            if len(told) > len(asked):  # a path that holds a line end
                told = [_one_line(probe, "--path-format=absolute", each) for each in asked]
            bare, form, common, git_dir = told
        except (GitError, NotADirectoryError) as error:
            trust = _TRUST.search(error.stderr) if isinstance(error, GitError) else None
            if trust:
                raise UnusableError(f"{folder} belongs to somebody else, so git does not trust it", trust[0]) from None
            none = isinstance(error, GitError) and "not a git repository" in error.stderr
            why = "there is none here or above" if none else str(error)
            raise UnusableError(f"{folder} is not in a usable git repository: {why}", "git init") from None
        if form != "sha1":
            raise UnusableError(f"{common} uses the object format {form}; only sha1 repositories are supported")
        self.common_dir = Path(common)
        self.state = self.common_dir / "factory"
        self._top = None if bare == "true" else Path(_one_line(probe, "--show-toplevel") or folder)
        self._main = self._top if git_dir == common else _main_tree(self.common_dir, system)
        self.git = Git(self._top or self.common_dir, system)
        self.objects = Objects(self.git, self.common_dir)
        self.neutral = neutral(self.common_dir, system)
        self.under_check = UnderCheck(self.git, self.objects)
        self._contents: dict[str, str] = {}
        self._asked = Asked()
        self._merging = Merging(self.neutral, self.objects)
        self.publisher = Publisher(self.objects, self.state, self.git, self.views, self.is_ancestor)

    @property
    def root(self) -> Path:
        """The working tree the repository was opened in, or the bare repository itself."""
        return self._top or self.common_dir

    def checked_out(self) -> str:
        """The branch that is checked out in `root`; empty when none is."""
        return self.git.text("symbolic-ref", "-q", "--short", "HEAD", allowed=(0, 1, 128))

    def close(self) -> None:
        """End the lasting processes."""
        self.objects.close()
        self.under_check.close()
        self.publisher.close()

    def head(self, branch: str) -> str | None:
        """The commit that a branch points to."""
        found = self.objects.read(f"refs/heads/{branch}")
        return found[0] if found and found[1] == "commit" else None

    def published(self, branch: str, remote: str) -> str | None:
        """The commit of a branch as this clone knows it best: its own, or the remote's where that is further on."""
        here = self.head(branch)
        found = self.objects.read(f"refs/remotes/{remote}/{branch}")
        there = found[0] if found and found[1] == "commit" else None
        return there if there and (here is None or self.is_ancestor(here, there)) else here

    def tip(self, branch: str, key: Key = "branch") -> str:
        """The commit of a branch that WORKFLOW.md names under a key. Raises UnusableError when it cannot be read."""
        head = self.head(branch)
        if head is None:
            raise self.missing(branch, key)
        return head

    def missing(self, branch: str, key: Key = "branch", on: str = "") -> UnusableError:
        """Why a branch has no commit that can be read; `on` is the one whose WORKFLOW.md names it, if not this one."""
        named = Named(branch, key, on or self.checked_out())
        return missing(self.git, self.common_dir, named, unborn=self.unborn(branch))

    def unborn(self, branch: str) -> bool:
        """Whether a branch is checked out and still without its first commit."""
        return self.head(branch) is None and (self.checked_out() == branch or self.view_of(branch) is not None)

    def views(self) -> Iterator[View]:
        """Every working tree of this repository, the cells left out."""
        if self._main is not None:
            yield View(self._main, self.common_dir, self.state, self.system, self._asked)
        for name in files.names_in(f"{self.common_dir}/worktrees"):  # most repositories have none
            if name.startswith(CELL_PREFIX):
                continue
            admin = self.common_dir / "worktrees" / name
            try:
                root = Path(os.fsdecode((admin / "gitdir").read_bytes().removesuffix(b"\n"))).parent
                view = View(root, admin, self.state, self.system, self._asked)
                if root.is_dir():
                    yield view
            except OSError:
                continue  # half made or half removed by somebody at this moment

    def view_of(self, branch: str) -> View | None:
        """The working tree in which a branch is checked out."""
        return next((view for view in self.views() if view.branch() == branch), None)

    def busy(self, *branches: str) -> str:
        """A merge or the like that a person has begun with one of these branches, whatever is checked out meanwhile."""
        return next(filter(None, (view.busy_with(branches) for view in self.views())), "")

    def recover(self) -> bool:
        """Repair what a crashed orchestrator left half done. Only for the holder of the factory's lock."""
        files.remove_unfinished(self.state)
        boot, noted = self.system.boot().encode(), self.state / BOOT
        went_off = not boot or files.read_regular(noted) != boot
        repaired = went_off and self.publisher.repair_after_power_loss()
        repaired |= self.publisher.recover()
        self.objects.forget_keeps()
        self.under_check.let_go_of_all()
        for view in self.views():  # only now: an index that is behind must not be let go before it is brought up
            view.index.forget()
            view.lock.break_own()
        if went_off:
            files.write(noted, boot)
        return repaired

    def begin_branch(self, branch: str, files_of: Mapping[str, bytes], message: str) -> None:
        """Make a branch whose first commit holds these files, by path. Raises GitError when there is one already."""
        tree = TreeEditor(self.objects, EMPTY_TREE)
        for path, data in files_of.items():
            tree.put_file(path, data)
        signed = Signature(self.user(), self.user(), self.system.now())
        commit = add_commit(self.objects, tree.write(), (), message, signed)
        self.objects.flush()
        self.git.run("update-ref", "-m", "factory: init", f"refs/heads/{branch}", commit, NOTHING)

    def references(self, *prefixes: str) -> list[str]:
        """The full names of all references below these prefixes."""
        return self.git.text("for-each-ref", "--format=%(refname)", *prefixes).split()

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` has `old` in its history."""
        return old == new or self.git.call("merge-base", "--is-ancestor", old, new, allowed=(0, 1, 128)).returncode == 0

    def content(self, tree: str) -> str:
        """The tree without the factory's own folders: what workers see and checks run on."""
        if tree not in self._contents:
            entries: Tree = {name: entry for name, entry in self.objects.tree(tree).items() if name not in OWN_FOLDERS}
            self._contents[tree] = self.objects.add_tree(entries)
        return self._contents[tree]

    def content_at(self, commit: str) -> str:
        """The content of a commit, as a tree."""
        return self.content(self.objects.commit(commit).tree)

    def with_content(self, tree: str, content: str) -> str:
        """A tree with the factory's own folders of one, and everything else of the other."""
        own = {name: entry for name, entry in self.objects.tree(tree).items() if name in OWN_FOLDERS}
        return self.objects.add_tree({**self.objects.tree(content), **own})

    def merge(self, base: str, ours: str, theirs: str) -> Merge:
        """Merge what two commits made of a third, without the factory's folders: git would see renames into them."""
        return self._merging.merge(*(self.content_at(commit) for commit in (base, ours, theirs)))

    def merged_content(self, base: str, proposal: str, target: str) -> Merge:
        """What a target holds with a proposal merged that was made on a base; without the factory's own folders."""
        if self.content_at(base) == self.content_at(target):
            return Merge(self.content_at(proposal), ())
        trivial = self._merging.trivial(base, proposal, target, self.content_at)
        return self.merge(base, target, proposal) if trivial is None else trivial

    def identity(self) -> Person | None:
        """Who git says is working here; None when nobody has told it."""
        return person_of(self.git)

    def user(self) -> Person:
        """The person who works here, or else whoever this machine says it is."""
        login = os.environ.get("USER") or "somebody"
        return self.identity() or Person(login, f"{login}@{socket.gethostname()}")

    def last_author(self, commit: str, path: str) -> Person | None:
        """Who last changed a path, in the history of a commit."""
        self.objects.make_known(commit)
        out = self.git.run("log", "-1", "--format=%an%x00%ae", commit, "--", f":(literal){path}").decode(
            errors="replace"
        )
        name, _, email = out.strip().partition("\0")
        return Person(name, email) if email or name else None

    def last_deleted(self, commit: str, pattern: str) -> Deleted | None:
        """The newest deletion of a file whose path fits a glob pattern, in the history of a commit."""
        self.objects.make_known(commit)
        arguments = ("-1", "-z", "--diff-filter=D", "--no-renames", "--name-only", "--format=%H%x00%an%x00%ae%x00")
        out = self.git.run("log", *arguments, commit, "--", f":(glob){pattern}").decode("utf-8", "surrogateescape")
        deleted, name, email, *paths = [part.strip("\n") for part in out.split("\0")] if out else ["", "", ""]
        path = next((path for path in paths if path), None)
        if path is None:
            return None
        parents = self.objects.commit(deleted).parents
        content = self.objects.file(self.objects.commit(parents[0]).tree, path) if parents else None
        return None if content is None else Deleted(content, Person(name, email))

    def arrivals(self, commit: str, folder: str, since: str | None) -> dict[str, Arrival]:
        """When each file that ever came into a folder first did, after the commit `since` or ever."""
        self.objects.make_known(commit)
        known = [f"^{since}"] if since else []
        form = "--format=%x01%ct%x00%an%x00%ae"
        arguments = ("--reverse", "-z", "--raw", "--no-abbrev", "--diff-filter=A", "--no-renames", form, commit, *known)
        out = self.git.run("log", *arguments, "--", folder).decode("utf-8", "surrogateescape")
        found: dict[str, Arrival] = {}
        for record in out.split("\x01")[1:]:
            at, name, email, *added = record.split("\0")
            for header, path in zip(added[::2], added[1::2], strict=False):
                found.setdefault(path, Arrival(seconds_of(at), Person(name, email), header.split(" ")[3]))
        return found

    def changes(self, old: str, new: str) -> Iterator[Change]:
        """What differs between two commits, the factory's own folders left out."""
        before, after = (self.content_at(commit) for commit in (old, new))
        return diff(self.objects, before, after)

    def changed(self, old: str, new: str) -> tuple[str, ...]:
        """The paths of what differs between two commits, the factory's own folders left out."""
        return tuple(change.path for change in self.changes(old, new))

    def patch(self, old: str, new: str) -> bytes:
        """The difference of two trees, in a form that `git apply` takes; text as text, whatever attributes say."""
        self.objects.flush()
        return self.neutral.run("diff-tree", *AS_WRITTEN, old, new)

    def patched(self, tree: str, patch: bytes) -> str:
        """The tree that such a patch makes of a tree. Raises GitError when it does not fit."""
        self.objects.flush()
        return applied(self.neutral, self.state, tree, patch)

    def tidy(self) -> None:
        """Let git pack what has piled up, as its own commands do."""
        self.git.run("maintenance", "run", "--auto", "--quiet", allowed=(0, 1, 128))


def _one_line(git: Git, *asked: str) -> str:
    """What git tells of one thing, which may hold line ends itself."""
    return os.fsdecode(git.run("rev-parse", *asked).removesuffix(b"\n"))


def _main_tree(common_dir: Path, system: System) -> Path | None:
    """The main working tree, looked for from a linked one; None when the repository is bare."""
    git = Git(common_dir, system)
    if git.text("config", "--type=bool", "--default=false", "--get", "core.bare") == "true":
        return None
    configured = git.text("config", "--default=", "--get", "core.worktree")
    if configured:
        return (common_dir / configured).resolve()
    return common_dir.parent if common_dir.name == ".git" else None


def branch_of(item_id: str) -> str:
    """The branch on which an item's proposals lie."""
    return WORK_PREFIX + item_id
