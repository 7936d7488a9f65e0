"""Sparse: which paths git's own rules leave out of one working tree."""

import os
from collections.abc import Collection
from pathlib import Path

from factory.store.repository.git import Git
from factory.store.repository.objects import FILE, name_of

_PLAIN = "index.sparse=false"  # each path has an entry of its own


class Sparse:
    """The sparse checkout of one working tree; most have none."""

    def __init__(self, git: Git, git_dir: Path, state: Path) -> None:
        self._git = git
        self._git_dir = git_dir
        self._state = state

    @property
    def _asked(self) -> Path:
        return self._state / f"sparse-index-{self._git_dir.name.lstrip('.')}"

    @property
    def _nowhere(self) -> Path:
        """An empty folder: git shall ask itself, and lay nothing anywhere."""
        return self._state / f"sparse-{self._git_dir.name.lstrip('.')}"

    def on(self) -> bool:
        """Whether anything may be left out."""
        rules = self._git_dir / "info" / "sparse-checkout"
        asked = ("config", "--type=bool", "--default=false", "--get", "core.sparseCheckout")
        return rules.is_file() and self._git.text(*asked) == "true"

    def outside(self, paths: Collection[str]) -> list[str]:
        """Those of these paths that are left out: what git makes of an index that holds them alone."""
        if not paths or not self.on():
            return []
        self._nowhere.mkdir(exist_ok=True)
        for left in (self._asked, self._asked.with_name(f"{self._asked.name}.lock")):
            left.unlink(missing_ok=True)
        entry = f"{FILE} {name_of('blob', b'')}\t".encode()
        self._ask("update-index", "-z", "--index-info", stdin=b"".join(entry + os.fsencode(p) + b"\0" for p in paths))
        self._ask("sparse-checkout", "reapply")
        listed = self._ask("ls-files", "-t", "-z")
        self._asked.unlink()
        self._nowhere.rmdir()
        return skipped(listed)

    def _ask(self, *arguments: str, stdin: bytes = b"") -> bytes:
        places = {"GIT_DIR": self._git_dir, "GIT_WORK_TREE": self._nowhere, "GIT_INDEX_FILE": self._asked}
        env = {name: str(place) for name, place in places.items()}
        return self._git.run("-c", _PLAIN, *arguments, stdin=stdin, env=env)


def skipped(listed: bytes) -> list[str]:
    """The paths that are left out, of what `ls-files -t -z` prints."""
    return [os.fsdecode(record[2:]) for record in listed.split(b"\0") if record.startswith(b"S ")]
