"""References: what they point to, on their own files and in packed-refs."""

import os
import re
from collections.abc import Iterator
from functools import lru_cache

from tests.simulation.git import files
from tests.simulation.git.objects import ZERO
from tests.simulation.git.repo import Repo
from tests.simulation.git.steps import Steps, fatal

_OID = re.compile(r"[0-9a-f]{40}")
_OWN = re.compile(r"[A-Z_]+|refs/(?:bisect|worktree|rewritten)/.*")
_DEPTH = 5
# git-check-ref-format(1)
_BAD = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|(?:^|/)\.|\.lock(?:/|$)|[/.]$|^/|^@$")

_packed: dict[bytes, dict[str, str]] = {}


def is_oid(text: str) -> bool:
    """Whether it is a whole object id."""
    return len(text) == 40 and _OID.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def well_formed(name: str) -> bool:
    """Whether git takes it for a reference's name."""
    return not _BAD.search(name) and (name.startswith("refs/") or _OWN.fullmatch(name) is not None)


class Refs:
    """The references of a repository."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo

    def place(self, name: str) -> str:
        """Where a reference has its own file."""
        return f"{self._folder(name)}/{name}"

    def log_place(self, name: str) -> str:
        """Where its log lies."""
        return f"{self._folder(name)}/logs/{name}"

    def _folder(self, name: str) -> str:
        own = not name.startswith("refs/heads/") and _OWN.fullmatch(name)
        return self.repo.git_dir if own else self.repo.common_dir

    def packed(self) -> dict[str, str]:
        """The references in packed-refs."""
        return parse_packed(files.read(f"{self.repo.common_dir}/packed-refs") or b"")

    def loose(self, name: str) -> str | None:
        """What a reference's own file holds: an object id, or `ref: ` and a name."""
        data = files.read(self.place(name))
        if data is None:
            return None
        text = os.fsdecode(data).strip()
        if text.startswith("ref:"):
            return f"ref: {text[4:].strip()}"
        return text[:40] if is_oid(text[:40]) else ""

    def raw(self, name: str) -> str | None:
        """What a reference holds, wherever; empty when it is broken, None when there is none."""
        found = self.loose(name)
        return found if found is not None else self.packed().get(name)

    def followed(self, name: str) -> str:
        """The reference that is meant in the end."""
        return self._resolved(name)[0]

    def read(self, name: str) -> str | None:
        """The object id that a reference leads to."""
        return self._resolved(name)[1] or None

    def _resolved(self, name: str) -> tuple[str, str | None]:
        """The reference that is meant in the end, and what it holds."""
        found = self.raw(name)
        for _ in range(_DEPTH):
            if found is None or not found.startswith("ref: "):
                break
            name = found[5:]
            found = self.raw(name)
        return name, found

    def head(self) -> str | None:
        """The commit that is checked out; None before the first."""
        return self.read("HEAD")

    def branch(self) -> str | None:
        """The full name of the branch that is checked out; None when the head is detached."""
        found = self.loose("HEAD")
        return found[5:] if found is not None and found.startswith("ref: ") else None

    def names(self, prefix: str = "refs/") -> list[str]:
        """All references below a prefix, sorted."""
        found = {name for name in self.packed() if name.startswith(prefix)}
        start = prefix.rpartition("/")[0]
        found.update(name for name in self._walk(self.repo.common_dir, start) if name.startswith(prefix))
        return sorted(name for name in found if self.raw(name))

    def _walk(self, folder: str, name: str) -> Iterator[str]:
        try:
            entries = list(os.scandir(f"{folder}/{name}"))
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(folder, f"{name}/{entry.name}")
            elif not entry.name.endswith(".lock"):
                yield f"{name}/{entry.name}"

    def expand(self, short: str) -> str | None:
        """The full name of a reference, by git's rules (gitrevisions)."""
        found = self.named(short)
        return found[0] if found else None

    def named(self, short: str) -> tuple[str, str] | None:
        """The full name of a reference, and what it holds."""
        for form in ("{}", "refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD"):
            name = form.format(short)
            if well_formed(name) and (held := self.raw(name)):
                return name, held
        return None

    def log(self, name: str) -> list[tuple[str, str, str]]:
        """(old, new, message) of a reference's log, newest first."""
        lines = (files.read(self.log_place(name)) or b"").decode(errors="replace").splitlines()
        found = []
        for line in reversed(lines):
            head, _, message = line.partition("\t")
            old, new = head.split(" ", 2)[:2]
            found.append((old, new, message))
        return found

    def append_log(self, name: str, old: str, new: str, message: str | None) -> None:
        """Note a move in a reference's log, where one is kept."""
        place = self.log_place(name)
        kept = name == "HEAD" or name.startswith(("refs/heads/", "refs/remotes/", "refs/notes/"))
        flags = os.O_APPEND
        if kept and self.repo.config.true("core.logAllRefUpdates", not self.repo.bare):
            files.make_folders(place)
        elif not files.exists(place):
            return
        who = self.repo.ident("COMMITTER")
        told = " ".join((message or "").split())
        line = f"{old} {new} {who}" + (f"\t{told}" if told else "") + "\n"
        files.write(place, line.encode("utf-8", "surrogateescape"), flags=flags)


def parse_packed(data: bytes) -> dict[str, str]:
    """The references that a packed-refs file lists."""
    found = _packed.get(data)
    if found is None:
        lines = (line for line in os.fsdecode(data).split("\n") if line and line[0] not in "#^")
        found = _packed[data] = {line[41:]: line[:40] for line in lines}
    return found


def packed_data(refs: dict[str, str], peeled: dict[str, str]) -> bytes:
    """A packed-refs file; `peeled` says to which objects tags lead."""
    lines = ["# pack-refs with: peeled fully-peeled sorted "]
    for name, oid in sorted(refs.items()):
        lines.append(f"{oid} {name}")
        if name in peeled:
            lines.append(f"^{peeled[name]}")
    return os.fsencode("".join(f"{line}\n" for line in lines))


def set_symbolic(refs: Refs, name: str, target: str, message: str | None) -> Steps[None]:
    """Have a symbolic reference (HEAD) lead to another one."""
    old = refs.read(name) or ZERO
    lock = files.Lock(refs.place(name))
    files.make_folders(lock.path)
    lock.take(f"Unable to lock '{name}': ")
    yield f"{lock.place} was taken"
    lock.write(f"ref: {target}\n".encode())
    yield f"{lock.place} was written"
    new = refs.read(target)
    if message is not None and new is not None:
        refs.append_log(name, old, new, message)
        yield f"the log of {name} was written"
    lock.commit()
    yield f"{name} was replaced"


def check_name(name: str) -> None:
    """Raises Failure for what is no reference's name."""
    if not well_formed(name):
        raise fatal(f"invalid ref format: {name}")
