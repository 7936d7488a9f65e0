"""Patches: made one after another by one lasting process, and applied to trees without a working tree."""

import tempfile
from pathlib import Path

from factory.store.repository.git import Conversation, Git

AS_WRITTEN = ("-r", "-p", "--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv")
_END = b"= that was all ="  # git says a line back that names no object; no line of a patch begins like this


class Patches:
    """Asks git for the difference of two trees, both of which are in the repository already."""

    def __init__(self, git: Git) -> None:
        self._git = Conversation(git, "diff-tree", "--stdin", *AS_WRITTEN)

    def between(self, old: str, new: str) -> bytes:
        """The difference of two trees, in a form that `git apply` takes."""
        if old == new:
            return b""
        lines: list[bytes] = []
        with self._git:
            self._git.send(b"%s %s\n%s\n" % (old.encode(), new.encode(), _END))
            self._git.read_line()  # the two trees
            while (line := self._git.read_line()) != _END:
                lines.append(line + b"\n")
        return b"".join(lines)

    def close(self) -> None:
        """Let the process end."""
        self._git.close()


def applied(git: Git, state: Path, tree: str, patch: bytes) -> str:
    """The tree that a patch, in the form above, makes of a tree. Raises GitError when it does not fit."""
    if not patch:
        return tree
    state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="patch-", dir=state) as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git.run("read-tree", tree, env=env)
        git.run("apply", "--cached", "--whitespace=nowarn", "-", env=env, stdin=patch)
        return git.run("write-tree", env=env).decode().strip()
