"""Parcels: what goes with each run to other machines, of which most know most of it already."""

import threading
from collections.abc import Iterable, Mapping
from functools import cached_property

from factory.execution.dask.messages import About, Answer, Came, Parcel
from factory.execution.request import RunRequest
from factory.store.repository.far import commits_alone, content_of, pack_of_trees, root_of
from factory.store.repository.repository import Repository

_REMEMBERED = 100  # trees of each machine


class Parcels:
    """Makes parcels, and remembers what each machine's object cache holds. Threads may share it."""

    def __init__(self, repository: Repository, branch: str) -> None:
        self._repository = repository
        self._branch = branch
        self._known: dict[str, list[str]] = {}  # trees by the name of the cache, the newest last
        self._lock = threading.Lock()

    @cached_property
    def origin(self) -> str:
        """By what machines tell this repository from others."""
        return root_of(self._repository, self._branch)

    def begin(self, machines: Mapping[str, About]) -> None:
        """Begin anew with the machines that there are."""
        with self._lock:
            self._known = {each.cache: list(reversed(each.trees)) for each in machines.values()}

    def parcel(self, request: RunRequest, key: str, version: str, *, complete: bool) -> Parcel:
        """All that a machine needs for a run; `complete`: even one that has nothing of this repository."""
        trees = content_of(self._repository, request.start, request.base)
        common = () if complete else self._common()
        everywhere = bool(common) and set(trees) <= set(common)
        known = common if everywhere else self._here(common)
        pack = b"" if everywhere else pack_of_trees(self._repository, trees, known)
        commits = commits_alone(self._repository, request.base, request.start)
        return Parcel(key, version, self.origin, request.to_json(), commits, trees, pack, not known)

    def missing(self, request: RunRequest, cache: str) -> tuple[bytes, tuple[str, ...]]:
        """(pack, trees): what one machine lacks for a run; an empty pack where that is nothing."""
        trees = content_of(self._repository, request.start, request.base)
        with self._lock:
            known = self._here(self._known.get(cache, ()))
        lacks = set(trees) - set(known)
        return pack_of_trees(self._repository, trees, known) if lacks else b"", trees

    def delivered(self, cache: str, trees: tuple[str, ...]) -> None:
        """Remember that a machine has these trees now."""
        with self._lock:
            known = [each for each in self._known.get(cache, []) if each not in trees]
            self._known[cache] = [*known, *trees][-_REMEMBERED:]

    def note(self, answer: Answer, parcel: Parcel) -> None:
        """Remember what a machine has now, or that what it was thought to have is gone."""
        if answer.came is Came.LACKS:
            with self._lock:
                self._known[answer.cache] = []
        elif answer.came is Came.OUTCOME:
            self.delivered(answer.cache, parcel.trees)

    def _common(self) -> tuple[str, ...]:
        """The trees that every machine has."""
        with self._lock:
            caches = list(self._known.values())
        first, *others = caches or [[]]
        return tuple(tree for tree in first if all(tree in other for other in others))

    def _here(self, trees: Iterable[str]) -> tuple[str, ...]:
        """Those that are here as well: a machine may have more, of another clone, and nothing can be based on that."""
        found = tuple(trees)
        kinds = self._repository.objects.kinds(found) if found else []
        return tuple(tree for tree, kind in zip(found, kinds, strict=True) if kind == "tree")
