"""Differences of trees and commits as `git diff-tree` and `git log` print them."""

from collections.abc import Callable, Iterable, Sequence

from tests.simulation.git.asked import Asked, asked
from tests.simulation.git.objects import EMPTY_TREE, ZERO, Commit, Entry
from tests.simulation.git.patches import counted, patch, quoted
from tests.simulation.git.pathspec import Pathspec
from tests.simulation.git.pretty import formatted
from tests.simulation.git.refs import is_oid
from tests.simulation.git.repo import Repo
from tests.simulation.git.revisions import Revisions
from tests.simulation.git.steps import Done, Failure
from tests.simulation.git.trees import Change, compared, of_paths

_FLAGS = (
    "-r -p --binary --full-index --no-renames --no-ext-diff --no-textconv --root --always --raw -z --no-abbrev"
    " --numstat --name-only --name-status --stdin --no-color -M --stat --summary --no-commit-id"
)


def diff_tree(repo: Repo, arguments: Sequence[str], stdin: bytes) -> Done:
    """`git diff-tree` of two trees, of a commit, or of each line of its input."""
    told = asked("diff-tree", arguments, _FLAGS, "--format=")
    answer = asker(repo, told)
    if "--stdin" in told.on:
        return Done(out=b"".join(answer(line) for line in stdin.split(b"\n") if line))
    revisions = Revisions(repo)
    trees = [revisions.tree(name) for name in told.rest[:2]]
    meant = Pathspec(told.rest[2:] + told.paths, repo.prefix, repo.env)
    if len(trees) < 2:
        raise NotImplementedError(f"git diff-tree {' '.join(arguments)}")
    return Done(out=printed(repo, told, list(of_paths(compared(repo.store, trees[0], trees[1], meant.reaches), meant))))


def asker(repo: Repo, told: Asked) -> Callable[[bytes], bytes]:
    """What answers one line of the input of `git diff-tree --stdin`."""
    form = told.values.get("--format")

    def answer(line: bytes) -> bytes:
        names = line.decode("utf-8", "surrogateescape").split(" ")
        if not names or not is_oid(names[0]):
            return line + b"\n"
        found = repo.store.read(names[0])
        if found is None:
            raise Failure(f"error: Could not read {names[0]}\nfatal: unable to read {names[0]}\n")
        if found[0] == "tree":
            return line + b"\n" + printed(repo, told, list(compared(repo.store, names[0], names[1])))
        return _of_commit(repo, told, names, form)

    return answer


def _of_commit(repo: Repo, told: Asked, names: Sequence[str], form: str | None) -> bytes:
    commit = repo.store.commit(names[0])
    parents = tuple(names[1:]) or commit.parents
    if len(parents) > 1:
        raise NotImplementedError("git diff-tree of a merge against all its parents")
    before = repo.store.commit(parents[0]).tree if parents else EMPTY_TREE
    changes = list(compared(repo.store, before, commit.tree)) if parents or "--root" in told.on else []
    if not changes and "--always" not in told.on:
        return b""
    return entry(told, form, names[0], commit._replace(parents=parents), printed(repo, told, changes))


def entry(told: Asked, form: str | None, oid: str, commit: Commit, body: bytes) -> bytes:
    """A commit as it is shown before what it changed."""
    end = b"\0" if "-z" in told.on else b"\n"
    head = f"{oid}".encode() if form is None else formatted(form, oid, commit)
    return head + end + (b"\n" if body and form is not None else b"") + body


def printed(repo: Repo, told: Asked, changes: Sequence[Change]) -> bytes:
    """Changes in the formats that were asked for."""
    if "-r" not in told.on and "-p" not in told.on:
        raise NotImplementedError("git diff-tree without -r")
    letters = {change.letter for change in changes}
    if {"--stat", "--summary"} & told.on or ("-M" in told.on and {"A", "D"} <= letters):
        raise NotImplementedError("renames")
    if not {"-p", "--numstat", "--name-only", "--name-status"} & told.on or "--raw" in told.on:
        return raw(changes, zeros="-z" in told.on) + (_numstat(repo, told, changes) if "--numstat" in told.on else b"")
    if "--numstat" in told.on:
        return _numstat(repo, told, changes)
    if "-p" in told.on:
        return patch(repo.store, changes)
    return names(changes, zeros="-z" in told.on, status="--name-status" in told.on)


def _side(side: Entry | None) -> tuple[str, str]:
    return (f"{side.mode:06o}", side.oid) if side else ("000000", ZERO)


def raw(changes: Iterable[Change], *, zeros: bool) -> bytes:
    """git's raw format, with whole object ids."""
    out = []
    for change in changes:
        (mode1, oid1), (mode2, oid2) = _side(change.old), _side(change.new)
        head = f":{mode1} {mode2} {oid1} {oid2} {change.letter}".encode()
        out.append(head + (b"\0" + change.path + b"\0" if zeros else b"\t" + quoted(change.path) + b"\n"))
    return b"".join(out)


def names(changes: Iterable[Change], *, zeros: bool, status: bool = False) -> bytes:
    """The paths, with their letters if asked for."""
    between, end = (b"\0", b"\0") if zeros else (b"\t", b"\n")
    out = b""
    for change in changes:
        out += change.letter.encode() + between if status else b""
        out += (change.path if zeros else quoted(change.path)) + end
    return out


def _numstat(repo: Repo, told: Asked, changes: Iterable[Change]) -> bytes:
    out = []
    for change in changes:
        found = counted(repo.store, change)
        numbers = b"-\t-" if found is None else b"%d\t%d" % found
        path = change.path + b"\0" if "-z" in told.on else quoted(change.path) + b"\n"
        out.append(numbers + b"\t" + path)
    return b"".join(out)
