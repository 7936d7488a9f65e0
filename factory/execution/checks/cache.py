"""The check cache: how commands ended on trees, for the same tree, command and surroundings, and for nothing else."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from factory.model.base import Argv
from factory.store.logs import cut

_MOST = 500

Key = tuple[str, Argv, str]  # tree, command, digest of what surrounds them


@dataclass(frozen=True)
class CheckResult:
    """How one command ended."""

    exit_code: int | None
    problem: str
    seconds: float
    log: bytes
    reused: bool = False


class CheckCache:
    """A memory that threads share, of what ended well; the oldest go first."""

    def __init__(self) -> None:
        self._known: OrderedDict[Key, CheckResult] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> CheckResult | None:
        """How a command ended, if it is known."""
        with self._lock:
            return self._known.get(key)

    def put(self, key: Key, result: CheckResult) -> None:
        """Remember how a command ended, with no more of its log than would be committed."""
        with self._lock:
            self._known[key] = CheckResult(result.exit_code, result.problem, result.seconds, cut(result.log))
            while len(self._known) > _MOST:
                self._known.popitem(last=False)


class GatheringCache:
    """What those who gather evidence know: all that they ran themselves, and what ended well for others.

    What failed for others may have been the machine's fault, and a person may have mended that where nobody looks.
    """

    def __init__(self, shared: CheckCache, surroundings: str) -> None:
        self._shared = shared
        self._surroundings = surroundings
        self._own: dict[tuple[str, Argv], CheckResult] = {}

    def get(self, tree: str, argv: Argv) -> CheckResult | None:
        """How a command ended on a tree, if it is known."""
        return self._own.get((tree, argv)) or self._shared.get((tree, argv, self._surroundings))

    def put(self, tree: str, argv: Argv, result: CheckResult) -> None:
        """Remember how a command ended on a tree; for others only if it ended well."""
        self._own[tree, argv] = result
        if result.exit_code == 0:
            self._shared.put((tree, argv, self._surroundings), result)
