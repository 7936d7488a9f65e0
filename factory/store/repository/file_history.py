"""The history of files: what a file ever held in a history, and what somebody made in it."""

from factory.model.moments import seconds_of
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository


def brought(repository: Repository, head: str, path: str) -> list[tuple[str, str]]:
    """(commit, blob id) of everything that a file ever held behind a head; the first comes last."""
    arguments = ("--topo-order", "--format=%H", "--raw", "--no-abbrev", "--no-renames", "--diff-filter=AM", head)
    found: list[tuple[str, str]] = []
    commit = ""
    repository.objects.make_known(head)
    for line in repository.git.text("log", *arguments, "--", f":(literal,top){path}").split("\n"):
        if line.startswith(":"):
            found.append((commit, line.split(" ")[3]))
        elif line:
            commit = line
    return found


def brought_below(repository: Repository, head: str, folder: str, since: str = "") -> list[tuple[int, str, str]]:
    """(seconds since 1970, path, blob id) of what files below a folder held, after a commit or ever, oldest first."""
    arguments = ("--topo-order", "--reverse", "-z", "--format=%x01%ct", "--raw", "--no-abbrev", "--no-renames")
    repository.objects.make_known(head)
    known = [f"^{since}"] if since else []
    out = repository.git.run("log", *arguments, "--diff-filter=AM", head, *known, "--", f":(literal,top){folder}")
    found: list[tuple[int, str, str]] = []
    for record in out.decode("utf-8", "surrogateescape").split("\x01")[1:]:
        at, *changed = record.split("\0")
        for header, path in zip(changed[::2], changed[1::2], strict=False):
            found.append((seconds_of(at), path, header.split(" ")[3]))
    return found


def versions(repository: Repository, head: str, path: str) -> set[str]:
    """The blob id of everything that a file ever held behind a head."""
    return {blob for _, blob in brought(repository, head, path)}


def signed(repository: Repository, head: str, who: Person, *, without: str) -> str:
    """The newest commit behind a head that somebody made and that has no such trailer; empty when there is none."""
    form = f"--format=%H%x00%an%x00%ae%x00%(trailers:key={without},valueonly)%x01"
    repository.objects.make_known(head)
    out = repository.git.run("log", "--fixed-strings", f"--author={who}", form, head)
    for record in out.decode("utf-8", "surrogateescape").split("\x01\n")[:-1]:
        commit, name, email, trailer = record.split("\0")
        if Person(name, email) == who and not trailer.strip():
            return commit
    return ""
