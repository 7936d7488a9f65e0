"""Renames that a merge follows: which file of a base became which other one of a side, as git's diffcore finds it."""

from collections import Counter
from collections.abc import Iterable

from tests.simulation.git.objects import LINK_MODE, Entry
from tests.simulation.git.patches import is_binary
from tests.simulation.git.repo import Repo
from tests.simulation.git.trees import Files

_MOST = 60_000  # the score of what is the same
_LEAST = _MOST // 2
_LEAST_BY_NAME = _LEAST + (_MOST - _LEAST) // 2
_CHUNK = 64  # bytes of a line that count as one
_MODES = (LINK_MODE, 0o160000)


def renames(repo: Repo, base: Files, side: Files, other: Files) -> dict[bytes, bytes]:
    """What became of each file that one side has no more, where the other one changed it or has it no more either."""
    gone = [path for path, entry in base.items() if path not in side and entry.mode not in _MODES]
    wanted = {path for path in gone if other.get(path) != base[path]}
    if not wanted:
        return {}
    new = sorted(path for path, entry in side.items() if path not in base and entry.mode not in _MODES)
    found = _exact(repo, base, side, sorted(gone), new)
    left = sorted(wanted - found.keys())
    _by_name(repo, (base, side), left, _without(new, found.values()), found)
    _by_score(repo, (base, side), left, _without(new, found.values()), found)
    return {source: target for source, target in found.items() if source in wanted}


def _without(paths: Iterable[bytes], used: Iterable[bytes]) -> list[bytes]:
    gone = set(used)
    return [path for path in paths if path not in gone]


def _name(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]


def _exact(repo: Repo, base: Files, side: Files, gone: list[bytes], new: list[bytes]) -> dict[bytes, bytes]:
    """The same content under another name; of several sources one that keeps its last name."""
    sources: dict[str, list[bytes]] = {}
    for path in gone:
        sources.setdefault(base[path].oid, []).append(path)
    found: dict[bytes, bytes] = {}
    for target in new:
        free = [path for path in sources.get(side[target].oid, ()) if path not in found]
        if free and repo.store.blob(side[target].oid):
            found[min(free, key=lambda path: _name(path) != _name(target))] = target
    return found


def _by_name(
    repo: Repo, sides: tuple[Files, Files], left: list[bytes], new: list[bytes], found: dict[bytes, bytes]
) -> None:
    """What is alike, and the only one of its last name on either side."""
    before, after = (Counter(map(_name, paths)) for paths in (left, new))
    targets = {_name(path): path for path in new}
    for source in left:
        name = _name(source)
        if (
            before[name] == after[name] == 1
            and _score(repo, sides[0][source], sides[1][targets[name]]) >= _LEAST_BY_NAME
        ):
            found[source] = targets[name]


def _by_score(
    repo: Repo, sides: tuple[Files, Files], left: list[bytes], new: list[bytes], found: dict[bytes, bytes]
) -> None:
    """What is most alike, and enough."""
    scored = []
    for target in new:
        for source in _without(left, found):
            score = _score(repo, sides[0][source], sides[1][target])
            if score >= _LEAST:
                scored.append((-score, _name(source) != _name(target), target, source))
    used: set[bytes] = set()
    for *_, target, source in sorted(scored, key=lambda each: each[:2]):
        if source not in found and target not in used:
            found[source] = target
            used.add(target)


def _score(repo: Repo, one: Entry, two: Entry) -> int:
    first, second = repo.store.blob(one.oid), repo.store.blob(two.oid)
    most = max(len(first), len(second))
    if not first or not second or most * (_MOST - _LEAST) < abs(len(first) - len(second)) * _MOST:
        return 0
    before, after = _chunks(first), _chunks(second)
    copied = sum(min(count, after[chunk]) for chunk, count in before.items())
    return copied * _MOST // most


def _chunks(data: bytes) -> Counter[bytes]:
    """How many bytes of a file are in which of its lines, or parts of these."""
    found: Counter[bytes] = Counter()
    if not is_binary(data):
        data = data.replace(b"\r\n", b"\n")
    for line in _lines(data):
        for at in range(0, len(line), _CHUNK):
            part = line[at : at + _CHUNK]
            found[part] += len(part)
    return found


def _lines(data: bytes) -> list[bytes]:
    parts = data.split(b"\n")
    return [*(part + b"\n" for part in parts[:-1]), *parts[-1:]]
