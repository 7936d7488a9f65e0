"""A person's exchange with another repository on the same disk: fetch, push, pull, clone."""

import os
from collections.abc import Sequence

from tests.simulation.git import files, questions
from tests.simulation.git.asked import asked
from tests.simulation.git.branching import hard
from tests.simulation.git.config import set_value
from tests.simulation.git.joining import UNSAID, merge
from tests.simulation.git.moving import reachable, store_pack
from tests.simulation.git.objects import ZERO
from tests.simulation.git.pack import packed
from tests.simulation.git.refs import Refs, packed_data, set_symbolic
from tests.simulation.git.repo import Repo
from tests.simulation.git.revisions import Revisions, is_ancestor
from tests.simulation.git.steps import Done, Failure, Steps, fatal
from tests.simulation.git.transaction import Move, Refused, move_refs, peeled

_UNPACKED = 100  # fetch.unpackLimit: more than this stays one pack


def _other(repo: Repo, name: str) -> tuple[Repo, str | None]:
    """The repository of a remote, or at a path; the remote's name, if it has one."""
    url = repo.config.get(f"remote.{name}.url")
    place = os.path.join(repo.root if repo.work_tree else repo.git_dir, url or name)
    if not os.path.isdir(place):
        said = f"fatal: '{url or name}' does not appear to be a git repository\n"
        raise Failure(f"{said}fatal: Could not read from remote repository.\n")
    env = {key: value for key, value in repo.env.items() if not key.startswith(("GIT_DIR", "GIT_INDEX", "GIT_WORK"))}
    return Repo(place, env, repo.clock), name if url is not None else None


def _copy(source: Repo, target: Repo, tips: Sequence[str]) -> Steps[None]:
    """Bring over what these lead to and is not there."""
    wanted = [tip for tip in tips if not target.store.has(tip)]
    found = {oid: kind for oid, kind in reachable(source, wanted).items() if not target.store.has(oid)}
    contents = [(oid, kind, source.store.expect(oid, kind)) for oid, kind in found.items()]
    if len(contents) < _UNPACKED:
        for _, kind, data in contents:
            yield from target.store.write(kind, data)
    else:
        data, entries = packed(contents)
        yield from store_pack(target, data, entries, None)


def fetch(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git fetch [-q] [REMOTE [REFSPEC]]`; a refspec is `[+]SOURCE[:TARGET]`."""
    told = asked("fetch", arguments, "-q --prune")
    name = told.rest[0] if told.rest else "origin"
    other, remote = _other(repo, name)
    theirs = Refs(other)
    yield from files.put(repo.path("FETCH_HEAD"), b"")
    updates: list[tuple[str, str, bool, str]] = []
    for text in told.rest[1:]:
        source, _, target = text.removeprefix("+").partition(":")
        full = theirs.expand(source)
        oid = theirs.read(full) if full else None
        if oid is None or full is None:
            raise fatal(f"couldn't find remote ref {source}")
        updates.append((full, target, text.startswith("+"), oid))
        if remote is not None and not target and full.startswith("refs/heads/"):
            updates.append((full, f"refs/remotes/{remote}/{full[11:]}", True, oid))
    if not told.rest[1:] and remote is not None:
        for full in theirs.names("refs/heads/"):
            updates.append((full, f"refs/remotes/{remote}/{full[11:]}", True, theirs.read(full) or ""))
    yield from _copy(other, repo, [oid for *_, oid in updates])
    lines = "".join(f"{oid}\t\t{full[11:]} of {other.cwd}\n" for full, _, _, oid in updates)
    yield from files.put(repo.path("FETCH_HEAD"), lines.encode("utf-8", "surrogateescape"))
    refused = 0
    for full, target, forced, oid in updates:
        if target:
            why = repo.env.get("GIT_REFLOG_ACTION") or f"fetch {' '.join(arguments)}"
            refused += yield from _fetched(repo, why, (full, target, oid), forced=forced)
    return Done(1 if refused else 0)


def _fetched(repo: Repo, why: str, what: tuple[str, str, str], *, forced: bool) -> Steps[int]:
    _, target, oid = what
    refs = Refs(repo)
    target = target if target.startswith("refs/") else f"refs/heads/{target}"
    old = refs.read(target)
    if old == oid:
        return 0
    forward = old is None or is_ancestor(repo, old, oid)
    if not forward and not forced:
        return 1
    how = "storing head" if old is None else "fast-forward" if forward else "forced-update"
    try:
        yield from move_refs(refs, [Move(target, oid, old or ZERO)], f"{why}: {how}")
    except Refused:
        return 1
    return 0


def push(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git push [-q] [-f] [--atomic] REMOTE REFSPEC…`; a refspec is `[+]SOURCE[:TARGET]`."""
    told = asked("push", arguments, "-q -f --force --atomic")
    other, remote = _other(repo, told.rest[0])
    revisions = Revisions(repo)
    theirs = Refs(other)
    moves: list[tuple[Move, str, bool]] = []
    for text in told.rest[1:]:
        source, colon, target = text.removeprefix("+").partition(":")
        full = revisions.refs.expand(source) or source
        target = target if colon else full
        target = target if target.startswith("refs/") else f"refs/heads/{target}"
        oid = revisions.find(source) if source else ZERO
        if oid is None:
            said = f"error: src refspec {source} does not match any\n"
            raise Failure(f"{said}error: failed to push some refs to '{other.cwd}'\n", 1)
        forced = text.startswith("+") or bool({"-f", "--force"} & told.on)
        moves.append((Move(target, oid, theirs.read(target) or ZERO), source, forced))
    refused = [why for move, source, forced in moves if (why := _why_not(repo, other, move, source, forced=forced))]
    if refused and ("--atomic" in told.on or len(refused) == len(moves)):
        raise _failed(other, refused)
    wanted = [move for move, source, forced in moves if not _why_not(repo, other, move, source, forced=forced)]
    wanted = [move for move in wanted if move.new != move.old]
    yield from _copy(repo, other, [move.new for move in wanted if move.new != ZERO])
    try:
        yield from move_refs(theirs, wanted, "push")
    except Refused as error:
        raise _failed(other, [f" ! [remote rejected] {wanted[0].name[11:]} ({error})"]) from None
    for move in wanted:
        if remote is not None and move.name.startswith("refs/heads/"):
            mine = f"refs/remotes/{remote}/{move.name[11:]}"
            yield from move_refs(revisions.refs, [Move(mine, move.new)], "update by push")
    if refused:
        raise _failed(other, refused)
    return Done()


def _failed(other: Repo, refused: Sequence[str]) -> Failure:
    lines = "".join(f"{line}\n" for line in refused)
    return Failure(f"To {other.cwd}\n{lines}error: failed to push some refs to '{other.cwd}'\n", 1)


def _why_not(repo: Repo, other: Repo, move: Move, source: str, *, forced: bool) -> str:
    short = move.name.removeprefix("refs/heads/")
    if not other.bare and Refs(other).branch() == move.name and move.new != move.old:
        return f" ! [remote rejected] {source} -> {short} (branch is currently checked out)"
    if forced or move.old in (None, ZERO, move.new) or move.new == ZERO:
        return ""
    assert move.old is not None
    if not repo.store.has(move.old):
        return f" ! [rejected]        {source} -> {short} (fetch first)"
    behind = is_ancestor(repo, move.old, move.new)
    return "" if behind else f" ! [rejected]        {source} -> {short} (non-fast-forward)"


def pull(repo: Repo, arguments: Sequence[str], stdin: bytes) -> Steps[Done]:
    """`git pull [-q] --no-rebase REMOTE BRANCH`: a fetch, and a merge of it."""
    told = asked("pull", arguments, "-q --no-rebase --no-edit --ff-only")
    name, branch = told.rest
    told_as = Repo(repo.cwd, {**repo.env, "GIT_REFLOG_ACTION": f"pull {' '.join(arguments)}"}, repo.clock)
    done = yield from fetch(told_as, ["-q", name, branch], stdin)
    if done.status:
        return done
    other, remote = _other(repo, name)
    oid = Refs(other).read(f"refs/heads/{branch}")
    where = repo.config.get(f"remote.{name}.url") if remote else name
    text = f"Merge branch '{branch}' of {(where or '').removesuffix('.git')}"
    here = (Refs(repo).branch() or "").removeprefix("refs/heads/")
    text += f" into {here}" if here not in UNSAID else ""
    options = ["--ff-only"] if "--ff-only" in told.on else []
    return (yield from merge(told_as, [*options, "-m", text, oid or ""], stdin))


def _linked(source: str, target: str) -> Steps[None]:
    """All files of objects under a second name, as a clone on the same disk has them."""
    for folder, _, names in os.walk(source):
        below = f"{target}{folder[len(source) :]}"
        os.makedirs(below, exist_ok=True)
        for name in sorted(names):
            if not name.startswith("tmp_") and not name.endswith(".keep"):
                os.link(f"{folder}/{name}", f"{below}/{name}")
                yield f"{below}/{name} was made"


def clone(cwd: str, arguments: Sequence[str], env: dict[str, str], start: Repo) -> Steps[Done]:
    """`git clone [-q] [--bare] SOURCE FOLDER` of a repository on the same disk."""
    told = asked("clone", arguments, "-q --bare --no-local")
    _, folder = told.rest
    bare = "--bare" in told.on
    branch = (Refs(start).branch() or "refs/heads/master").removeprefix("refs/heads/")
    yield from questions.init(cwd, ["-q", *(["--bare"] if bare else []), "-b", branch, folder])
    made = Repo(os.path.join(cwd, folder), env, start.clock)
    theirs = Refs(start)
    names = theirs.names("refs/heads/")
    config = f"{made.common_dir}/config"
    source = start.root if start.work_tree else start.git_dir
    settings = [("remote.origin.url", source)]
    if not bare:
        settings += [
            ("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"),
            (f"branch.{branch}.remote", "origin"),
            (f"branch.{branch}.merge", f"refs/heads/{branch}"),
        ]
    for key, value in settings:
        yield from files.replace(config, set_value(config, key, value))
    if "--no-local" in told.on:
        yield from _copy(start, made, [oid for name in names if (oid := theirs.read(name))])
    else:
        yield from _linked(start.store.folders[0], made.store.folders[0])
    refs = Refs(made)
    below = "refs/heads/" if bare else "refs/remotes/origin/"
    listed = {f"{below}{name[11:]}": theirs.read(name) or "" for name in names}
    if listed:
        yield from files.replace(f"{made.common_dir}/packed-refs", packed_data(listed, peeled(refs, listed)))
    head = theirs.head()
    if not bare and head is not None:
        yield from set_symbolic(
            refs, "refs/remotes/origin/HEAD", f"refs/remotes/origin/{branch}", f"clone: from {source}"
        )
        yield from move_refs(refs, [Move("HEAD", head)], f"clone: from {source}")
        yield from hard(made, made.store.commit(head).tree)
    return Done()
