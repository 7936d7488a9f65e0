"""The program: which command an argv means, in which repository, and what carries it out."""

import os
from collections.abc import Callable, Mapping, Sequence

from tests.simulation.git import adding, branching, cleaning, exchanging, joining, picking, questions, staging, status
from tests.simulation.git.apply import apply
from tests.simulation.git.committing import commit
from tests.simulation.git.difftree import diff_tree
from tests.simulation.git.lasting import Lasting, lasting
from tests.simulation.git.log import log
from tests.simulation.git.merging import merge_tree
from tests.simulation.git.moving import index_pack, update_ref
from tests.simulation.git.repo import Repo
from tests.simulation.git.stashing import stash
from tests.simulation.git.steps import Done, Steps, ended

Command = Callable[[Repo, Sequence[str], bytes], Done | Steps[Done]]

COMMANDS: dict[str, Command] = {
    "add": adding.add,
    "apply": apply,
    "branch": branching.branch,
    "cat-file": questions.cat_file,
    "checkout": branching.checkout,
    "checkout-index": staging.checkout_index,
    "cherry-pick": picking.cherry_pick,
    "commit": commit,
    "config": questions.config,
    "diff-index": status.diff_index,
    "diff-tree": diff_tree,
    "fetch": exchanging.fetch,
    "for-each-ref": questions.for_each_ref,
    "gc": cleaning.gc,
    "hash-object": questions.hash_object,
    "index-pack": index_pack,
    "log": log,
    "ls-files": staging.ls_files,
    "maintenance": questions.maintenance,
    "merge": joining.merge,
    "merge-base": questions.merge_base,
    "merge-tree": merge_tree,
    "mv": adding.mv,
    "pack-refs": cleaning.pack_refs,
    "pull": exchanging.pull,
    "push": exchanging.push,
    "read-tree": staging.read_tree,
    "rebase": picking.rebase,
    "reset": branching.reset,
    "rev-list": questions.rev_list,
    "rev-parse": questions.rev_parse,
    "revert": picking.revert,
    "rm": adding.rm,
    "stash": stash,
    "status": status.status,
    "switch": branching.switch,
    "symbolic-ref": questions.symbolic_ref,
    "update-index": staging.update_index,
    "update-ref": update_ref,
    "var": questions.var,
    "write-tree": staging.write_tree,
}


class Call:
    """One call of git: `answer` carries it out; one that lasts is asked by way of `lasting`."""

    def __init__(self, arguments: Sequence[str], cwd: str, env: Mapping[str, str], clock: Callable[[], float]) -> None:
        self._env = dict(env)
        self._clock = clock
        words = list(arguments)
        self._cwd = cwd
        while words and words[0].startswith("-") and words[0] != "--version":
            self._take_option(words)
        if not words:
            raise NotImplementedError("git without a command")
        self.command, self._arguments = words[0], words[1:]

    def _take_option(self, words: list[str]) -> None:
        option = words.pop(0)
        if option == "--no-optional-locks":
            self._env["GIT_OPTIONAL_LOCKS"] = "0"
        elif option == "-C":
            self._cwd = os.path.join(self._cwd, words.pop(0))
        elif option == "-c":
            key, _, value = words.pop(0).partition("=")
            number = int(self._env.get("GIT_CONFIG_COUNT") or 0)
            self._env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
            self._env["GIT_CONFIG_COUNT"] = str(number + 1)
        else:
            raise NotImplementedError(f"git {option}")

    def _repo(self) -> Repo:
        return Repo(self._cwd, self._env, self._clock)

    def lasting(self) -> Lasting | None:
        """What answers piece by piece, if this command does. Raises Failure where there is no repository."""
        if self.command not in ("cat-file", "diff-tree", "update-ref"):
            return None
        return lasting(self._repo(), self.command, self._arguments)

    def answer(self, stdin: bytes) -> Steps[Done]:
        """All that the command does. Raises Failure as git fails, and NotImplementedError for what it is not to do."""
        if self.command in ("--version", "version"):
            return questions.version(self._arguments)
        if self.command == "init":
            return (yield from questions.init(self._cwd, self._arguments))
        if self.command == "clone":
            return (yield from self._clone())
        known = COMMANDS.get(self.command)
        if known is None:
            raise NotImplementedError(f"git {self.command} {' '.join(self._arguments)}")
        done = known(self._repo(), self._arguments, stdin)
        return done if isinstance(done, Done) else (yield from done)

    def _clone(self) -> Steps[Done]:
        source = next(word for word in self._arguments if not word.startswith("-"))
        start = Repo(os.path.normpath(os.path.join(self._cwd, source)), self._env, self._clock)
        return (yield from exchanging.clone(self._cwd, self._arguments, self._env, start))


def person(arguments: Sequence[str], cwd: str, env: Mapping[str, str], clock: Callable[[], float]) -> Steps[Done]:
    """One call of git (`["commit", "-m", "…"]`), step by step; closed before its end it is killed."""
    return ended(Call(arguments, cwd, env, clock).answer(b""))
