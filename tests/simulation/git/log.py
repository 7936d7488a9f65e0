"""`git log` in the forms that programs ask for it."""

import re
from collections.abc import Iterable, Iterator, Sequence

from tests.simulation.git.asked import Asked, asked, lines
from tests.simulation.git.difftree import names, raw
from tests.simulation.git.objects import EMPTY_TREE, Commit
from tests.simulation.git.pathspec import Pathspec
from tests.simulation.git.pretty import formatted, person
from tests.simulation.git.repo import Repo
from tests.simulation.git.revisions import Revisions, unknown
from tests.simulation.git.steps import Done, fatal
from tests.simulation.git.trees import Change, compared
from tests.simulation.git.walk import walked

_FLAGS = (
    "--first-parent --topo-order --reverse --raw --no-abbrev --no-renames --name-only -z -g --fixed-strings --no-merges"
)
_COUNT = re.compile(r"-(\d+)")


def log(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Done:
    """`git log --format=…`."""
    counts = [found[1] for word in arguments if (found := _COUNT.fullmatch(word))]
    rest = [word for word in arguments if not _COUNT.fullmatch(word)]
    told = asked("log", rest, _FLAGS, "--format= --diff-filter= --author= --max-count=")
    if "--format=" not in "".join(arguments):
        raise NotImplementedError(f"git log {' '.join(arguments)}")
    if "-g" in told.on:
        return _of_reflog(repo, told)
    most = int(counts[-1]) if counts else int(told.values.get("--max-count", -1))
    named, paths = told.rest, told.paths
    revisions = Revisions(repo)
    if told.split:
        for name in named:
            if not revisions.find(name.lstrip("^")):
                raise fatal(f"bad revision '{name}'")
    else:
        at = next(
            (at for at, name in enumerate(named) if ".." not in name and not revisions.find(name.lstrip("^"))), None
        )
        if at is not None:
            raise unknown(named[at])
    meant = Pathspec(paths, repo.prefix, repo.env)
    flags = {"first_parent": "--first-parent" in told.on, "topo": "--topo-order" in told.on}
    steps = walked(repo, named or ["HEAD"], paths=meant, **flags)
    said = _limited(_shown(repo, told, steps, meant), most)
    return Done(out=b"".join(reversed(list(said)) if "--reverse" in told.on else said))


def _limited(shown: Iterable[bytes], most: int) -> Iterator[bytes]:
    for number, each in enumerate(shown):
        if number == most:
            return
        yield each
        if number + 1 == most:
            return


def _shown(repo: Repo, told: Asked, steps: Iterable[tuple[str, Commit]], meant: Pathspec) -> Iterator[bytes]:
    letters = told.values.get("--diff-filter")
    author = told.values.get("--author")
    differs = {"--raw", "--name-only"} & told.on
    end = b"\0" if "-z" in told.on else b"\n"
    for oid, commit in steps:
        if author is not None and not _by(commit, author, fixed="--fixed-strings" in told.on):
            continue
        if "--no-merges" in told.on and len(commit.parents) > 1:
            continue
        body = b""
        if differs or letters is not None:
            changes = [each for each in _changes(repo, told, oid, meant) if letters is None or each.letter in letters]
            if not changes and letters is not None:
                continue
            zeros = "-z" in told.on
            if "--raw" in told.on:
                body = raw(changes, zeros=zeros)
            elif "--name-only" in told.on:
                body = names(changes, zeros=zeros)
        yield formatted(told.values["--format"], oid, commit) + end + (b"\n" if body else b"") + body


def _by(commit: Commit, wanted: str, *, fixed: bool) -> bool:
    name, email, _ = person(commit.author)
    told = (name + b" <" + email + b">").decode("utf-8", "surrogateescape")
    return wanted in told if fixed else re.search(wanted, told) is not None


def _changes(repo: Repo, told: Asked, oid: str, meant: Pathspec) -> list[Change]:
    """What a commit changed, where it is shown: of a merge, only along the first parent's line."""
    commit = repo.store.commit(oid)
    if len(commit.parents) > 1 and "--first-parent" not in told.on:
        return []
    before = repo.store.commit(commit.parents[0]).tree if commit.parents else EMPTY_TREE
    return [change for change in compared(repo.store, before, commit.tree, meant.reaches) if meant(change.path)]


def _of_reflog(repo: Repo, told: Asked) -> Done:
    if told.values["--format"] != "%H":
        raise NotImplementedError("git log -g in other formats than %H")
    revisions = Revisions(repo)
    name = revisions.refs.expand(told.rest[0])
    if name is None:
        raise fatal(f"bad revision '{told.rest[0]}'") if told.split else unknown(told.rest[0])
    return Done(out=lines(*(new for _, new, _ in revisions.refs.log(name))))
