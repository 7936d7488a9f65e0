"""A person's clean-up: pack-refs and gc."""

import os
from collections.abc import Sequence

from tests.simulation.git import files
from tests.simulation.git.asked import asked
from tests.simulation.git.moving import all_tips, reachable, store_pack
from tests.simulation.git.objects import GITLINK
from tests.simulation.git.pack import packed, packs_in
from tests.simulation.git.refs import Refs, packed_data
from tests.simulation.git.repo import Repo
from tests.simulation.git.steps import Done, Steps, fatal
from tests.simulation.git.transaction import in_the_way, peeled

_OLD_S = 14 * 24 * 3600


def pack_refs(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git pack-refs --all [--prune]`."""
    asked("pack-refs", arguments, "--all --prune")
    yield from _pack_refs(Refs(repo))
    return Done()


def _pack_refs(refs: Refs) -> Steps[None]:
    place = f"{refs.repo.common_dir}/packed-refs"
    lock = files.Lock(place)
    if not (yield from lock.take_in_time(refs.repo.clock, 1.0)):
        raise fatal(lock.taken())
    yield f"{lock.place} was taken"
    if files.kind(f"{place}.new"):
        lock.release()
        raise fatal(f"unable to write new packed-refs: {in_the_way(f'{place}.new')}")
    loose = {}
    for name in refs.names():
        held = refs.loose(name)
        if held and not held.startswith("ref: ") and refs.repo.store.has(held):
            loose[name] = held
    every = {**refs.packed(), **loose}
    sync = refs.repo.config.fsyncs("reference")
    files.write(f"{place}.new", packed_data(every, peeled(refs, every)), flags=os.O_EXCL, sync=sync)
    yield f"{place}.new was written"
    os.rename(f"{place}.new", place)
    yield "packed-refs was replaced"
    lock.release()
    for name, oid in loose.items():
        yield from _prune_ref(refs, name, oid)


def _prune_ref(refs: Refs, name: str, oid: str) -> Steps[None]:
    """Remove a reference's own file, if it still says what was packed."""
    lock = files.Lock(refs.place(name))
    if files.exists(lock.place):
        return
    lock.take()
    yield f"{lock.place} was taken"
    if refs.loose(name) == oid:
        files.remove(lock.path)
        yield f"{lock.path} was removed"
    lock.release()
    keep = "/".join(name.split("/")[:2])
    files.remove_empty(lock.path.rpartition("/")[0], f"{refs.repo.common_dir}/{keep}")


def gc(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git gc [-q] [--prune=now]`: one pack of all that is reachable; what is not, and old, goes."""
    told = asked("gc", arguments, "-q --quiet", "--prune=")
    place = f"{repo.common_dir}/gc.pid"
    if files.exists(place) and files.exists(f"{place}.lock"):
        raise fatal("gc is already running (use --force if not)")
    yield from files.replace(place, b"1 simulated")
    try:
        refs = Refs(repo)
        yield from _pack_refs(refs)
        tips = all_tips(refs)
        tips += [entry.oid for entry in repo.index().entries.values() if entry.mode != GITLINK]
        wanted = reachable(repo, tips)
        old = [pack for pack in packs_in(repo.store.folders[0]) if not files.exists(f"{pack.path}.keep")]
        kept = [pack for pack in packs_in(repo.store.folders[0]) if files.exists(f"{pack.path}.keep")]
        held = {oid for pack in kept for oid in pack.index.names()}
        yield from _repack(repo, {oid: kind for oid, kind in wanted.items() if oid not in held}, [p.path for p in old])
        yield from _prune(repo, set(wanted) | held, now=told.values.get("--prune") == "now")
        listed = "".join(f"{refs.read(name)}\t{name}\n" for name in refs.names())
        yield from files.put(f"{repo.common_dir}/info/refs", os.fsencode(listed))
    finally:
        files.remove(place)
    return Done()


def _repack(repo: Repo, wanted: dict[str, str], old: Sequence[str]) -> Steps[None]:
    if wanted:
        contents = [(oid, kind, repo.store.expect(oid, kind)) for oid, kind in wanted.items()]
        yield "objects were listed"
        data, entries = packed(contents)
        yield from store_pack(repo, data, entries, None)
        old = [path for path in old if not path.endswith(data[-20:].hex())]
    for path in old:
        for oid in _only_there(repo, path, wanted):
            found = repo.store.read(oid)
            if found is not None and not files.exists(repo.store.loose(oid)):
                yield from repo.store.write_loose(*found)
        for end in (".idx", ".rev", ".bitmap", ".pack"):
            yield from files.away(path + end)
    repo.store.packs(anew=True)


def _only_there(repo: Repo, path: str, wanted: dict[str, str]) -> list[str]:
    pack = next(pack for pack in packs_in(repo.store.folders[0]) if pack.path == path)
    return [oid for oid in pack.index.names() if oid not in wanted]


def _prune(repo: Repo, packed_now: set[str], *, now: bool) -> Steps[None]:
    """Remove loose files that are in a pack by now, and those that nothing leads to and that are old."""
    folder = repo.store.folders[0]
    for name in sorted(os.listdir(folder)):
        if len(name) != 2:
            continue
        for rest in sorted(os.listdir(f"{folder}/{name}")):
            place = f"{folder}/{name}/{rest}"
            seen = files.kind(place)
            old = seen is not None and (now or repo.clock() - seen.st_mtime > _OLD_S)
            if name + rest in packed_now or old:
                yield from files.away(place)
        files.remove_empty(f"{folder}/{name}", folder)
