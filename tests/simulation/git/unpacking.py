"""Another tree brought into index and files, with what a person has changed kept, or nothing done at all."""

import os
import stat
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.simulation.git.ignore import Ignored
from tests.simulation.git.index import Entry, Index, seen_of
from tests.simulation.git.objects import Entry as Blob
from tests.simulation.git.objects import Store
from tests.simulation.git.repo import Repo
from tests.simulation.git.steps import Failure, Steps
from tests.simulation.git.trees import Files, flat
from tests.simulation.git.worktree import check_out, differs, looked, place_of, remove


class Plan(NamedTuple):
    """What has to be done: files to remove, and files to write."""

    gone: list[bytes]
    come: list[tuple[bytes, Blob]]
    lost: list[bytes]  # what is not staged any more, and would be removed with what lies there now


class Words(NamedTuple):
    """How a command speaks of what it would overwrite."""

    what: str
    advice: str
    before: str


CHECKOUT = Words("checkout", "switch branches", "")
MERGE = Words("merge", "merge", "")


def two_way(repo: Repo, index: Index, old: str, new: str, words: Words) -> Plan:
    """From what one tree holds to what another does (git-read-tree, two tree merge). Raises Failure."""
    before, after = flat(repo.store, old), flat(repo.store, new)
    plan = Plan([], [], [])
    staged: list[bytes] = []
    edited: list[bytes] = []
    for path in sorted({path for path, _ in before.items() ^ after.items()}):
        one, two = before.get(path), after.get(path)
        entry = index.get(path)
        now = Blob(entry.mode, entry.oid) if entry else None
        if one is not None and entry is None and two is None:
            plan.lost.append(path)
        if now == two:
            continue
        if now != one or any((path, stage) in index.entries for stage in (1, 2, 3)):
            staged.append(path)
        elif entry is not None and _is_edited(repo, index, path, entry):
            edited.append(path)
        elif two is None:
            plan.gone.append(path)
        else:
            plan.come.append((path, two))
    ignored = Ignored(repo)
    lost = [path for path in plan.lost if looked(repo.root, path) and not _ignored_here(ignored, path)]
    _refuse(words, staged, edited, list(_in_the_way(repo, index, plan)), lost)
    return plan


def _is_edited(repo: Repo, index: Index, path: bytes, entry: Entry) -> bool:
    seen = looked(repo.root, path)
    return seen is not None and not entry.skip and differs(repo.root, path, entry, seen, index.at)


def _in_the_way(repo: Repo, index: Index, plan: Plan) -> Iterable[bytes]:
    """What nobody keeps track of where a file has to be; what is ignored may be overwritten."""
    ignored = Ignored(repo)
    going = set(plan.gone)
    for path, _ in plan.come:
        if index.get(path) is not None:
            continue
        seen = looked(repo.root, path)
        if seen is None:
            parts = path.split(b"/")
            above = (b"/".join(parts[:number]) for number in range(1, len(parts)))
            for folder in above:
                there = looked(repo.root, folder)
                if there is not None and not stat.S_ISDIR(there.st_mode):
                    if folder not in going and not ignored(folder, is_folder=False):
                        yield folder
                    break
        elif stat.S_ISDIR(seen.st_mode):
            for place, _, names in os.walk(place_of(repo.root, path)):
                below = os.fsencode(place)[len(os.fsencode(repo.root)) + 1 :]
                if any(below + b"/" + os.fsencode(name) not in going for name in names):
                    yield path
                    break
        elif not _ignored_here(ignored, path):
            yield path


def _ignored_here(ignored: Ignored, path: bytes) -> bool:
    parts = path.split(b"/")
    folders = (b"/".join(parts[:number]) for number in range(1, len(parts)))
    return any(ignored(folder, is_folder=True) for folder in folders) or ignored(path, is_folder=False)


def _refuse(
    words: Words, staged: Sequence[bytes], edited: Sequence[bytes], untracked: Sequence[bytes], lost: Sequence[bytes]
) -> None:
    said = ""
    for paths in (staged, edited):
        if paths:
            said += f"error: Your local changes to the following files would be overwritten by {words.what}:\n"
            said += "".join(f"\t{os.fsdecode(path)}\n" for path in paths)
            said += f"Please commit your changes or stash them before you {words.advice}.\n"
    for paths, verb in ((untracked, "overwritten"), (lost, "removed")):
        if paths:
            said += f"error: The following untracked working tree files would be {verb} by {words.what}:\n"
            said += "".join(f"\t{os.fsdecode(path)}\n" for path in sorted(set(paths)))
            said += f"Please move or remove them before you {words.advice}.\n"
    if said:
        raise Failure(f"{words.before}{said}Aborting\n", 1)


def carry_out(repo: Repo, index: Index, plan: Plan) -> Steps[None]:
    """Remove files and write files, and have the index say so."""
    for path in plan.gone:
        index.remove(path)
        yield from remove(repo, path)
    for path, blob in plan.come:
        seen = yield from check_out(repo, repo.root, path, blob.mode, blob.oid)
        index.put(path, Entry(blob.mode, blob.oid, seen_of(seen)))


def one_way(repo: Repo, index: Index, tree: str) -> Plan:
    """To what a tree holds, whatever is staged or edited (`reset --hard`)."""
    after = flat(repo.store, tree)
    plan = Plan([path for path in sorted({path for path, _ in index.entries}) if path not in after], [], [])
    for path, blob in after.items():
        entry = index.get(path)
        seen = looked(repo.root, path)
        if (
            entry is None
            or (entry.mode, entry.oid) != blob
            or seen is None
            or differs(repo.root, path, entry, seen, index.at)
        ):
            plan.come.append((path, blob))
    return plan


def index_of(store: Store, tree: str, known: Index) -> Index:
    """An index that holds a tree; what is remembered of files that are the same is kept."""
    held: Files = flat(store, tree)
    made = Index(at=known.at)
    for path, blob in held.items():
        entry = known.get(path)
        same = entry is not None and (entry.mode, entry.oid) == blob
        made.entries[path, 0] = entry if same and entry else Entry(blob.mode, blob.oid)
    made.changed = True
    return made
