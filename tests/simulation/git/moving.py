"""Commands that write objects and references, update-ref and index-pack, and which objects references lead to."""

import os
from collections.abc import Sequence

from tests.simulation.git import files
from tests.simulation.git.asked import asked
from tests.simulation.git.objects import EMPTY_TREE, ZERO, name_of
from tests.simulation.git.pack import Entry, index_of, unpacked
from tests.simulation.git.refs import Refs, check_name
from tests.simulation.git.repo import Repo
from tests.simulation.git.revisions import Revisions
from tests.simulation.git.steps import Done, Failure, Steps, fatal
from tests.simulation.git.transaction import Move, Refused, move_refs


def _oid(revisions: Revisions, name: str) -> str:
    if name == ZERO or not name:
        return ZERO
    found = revisions.find(name)
    if found is None:
        raise fatal(f"{name}: not a valid SHA1")
    return found


def update_ref(repo: Repo, arguments: Sequence[str], stdin: bytes) -> Steps[Done]:
    """`git update-ref NAME NEW [OLD]`, or `-d NAME [OLD]`."""
    told = asked("update-ref", arguments, "-d --no-deref", "-m")
    revisions = Revisions(repo)
    deref = "--no-deref" not in told.on
    message = told.values.get("-m")
    name, *values = told.rest
    if "-d" in told.on:
        old = _oid(revisions, values[0]) if values else None
        try:
            yield from move_refs(revisions.refs, [Move(name, ZERO, old, deref)], message)
        except Refused as refused:
            raise Failure(f"error: {refused}\n", 1) from None
        return Done()
    check_name(name)
    new, *olds = (_oid(revisions, value) for value in values)
    try:
        yield from move_refs(revisions.refs, [Move(name, new, olds[0] if olds else None, deref)], message)
    except Refused as refused:
        raise fatal(f"update_ref failed for ref '{name}': {refused}") from None
    return Done()


def index_pack(repo: Repo, arguments: Sequence[str], stdin: bytes) -> Steps[Done]:
    """`git index-pack --stdin [--keep=REASON]`."""
    told = asked("index-pack", arguments, "--stdin", "--keep=")
    entries = [Entry(bytes.fromhex(name_of(kind, data)), crc, offset) for kind, data, offset, crc in unpacked(stdin)]
    kept = yield from store_pack(repo, stdin, entries, told.values.get("--keep"))
    return Done(out=f"{'keep' if kept else 'pack'}\t{stdin[-20:].hex()}\n".encode())


def store_pack(repo: Repo, data: bytes, entries: Sequence[Entry], keep: str | None) -> Steps[bool]:
    """Put a pack and its index in their place; whether it was marked to be kept by this."""
    folder = f"{repo.store.folders[0]}/pack"
    os.makedirs(folder, exist_ok=True)
    place = f"{folder}/pack-{data[-20:].hex()}"
    sync = repo.config.fsyncs("pack")
    beside = {".pack": f"{folder}/tmp_pack_{data[-20:].hex()[:6]}", ".idx": f"{folder}/tmp_idx_{data[-20:].hex()[:6]}"}
    for name, content in ((".pack", data), (".idx", index_of(entries, data[-20:]))):
        files.remove(beside[name])  # of one that was killed
        files.write(beside[name], content, mode=0o444, sync=sync)
        yield f"{beside[name]} was written"
    kept = False
    if keep is not None:
        try:
            files.write(f"{place}.keep", f"{keep}\n".encode(), flags=os.O_EXCL, mode=0o600)
            kept = True
        except FileExistsError:
            pass
        yield f"{place}.keep was written"
    for name in (".pack", ".idx"):
        os.rename(beside[name], place + name)
        yield f"{place}{name} was put in its place"
    return kept


def reachable(repo: Repo, tips: Sequence[str]) -> dict[str, str]:
    """The kind of each object that these lead to, by its id."""
    found: dict[str, str] = {}
    waiting = list(tips)
    while waiting:
        oid = waiting.pop()
        if oid in found:
            continue
        read = repo.store.read(oid)
        if read is None:
            raise fatal(f"bad object {oid}")
        found[oid] = read[0]
        if read[0] == "commit":
            commit = repo.store.commit(oid)
            waiting += [commit.tree, *commit.parents]
        elif read[0] == "tree":
            waiting += [entry.oid for entry in repo.store.tree(oid).values() if entry.mode != 0o160000]
        elif read[0] == "tag":
            waiting.append(read[1][7:47].decode())
    found.pop(EMPTY_TREE, None)
    return found


def all_tips(refs: Refs) -> list[str]:
    """What all references, the head and their logs lead to."""
    names = refs.names()
    tips = [oid for name in ["HEAD", *names] if (oid := refs.read(name))]
    for name in ["HEAD", *names]:
        tips += [
            oid for old, new, _ in refs.log(name) for oid in (old, new) if oid != ZERO and refs.repo.store.has(oid)
        ]
    return tips
