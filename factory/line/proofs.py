"""Proofs: how commands ended on trees, remembered for the same tree, command and environment, and for nothing else."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from factory.model.base import Argv
from factory.store.logs import cut

_MOST = 500

Key = tuple[str, Argv, str]  # tree, command, digest of the environment


@dataclass(frozen=True)
class Proof:
    """How one command ended."""

    exit_code: int | None
    problem: str
    seconds: float
    log: bytes
    reused: bool = False


class Proofs:
    """A memory that threads share; the oldest go first."""

    def __init__(self) -> None:
        self._known: OrderedDict[Key, Proof] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Proof | None:
        """How it ended, if it is known."""
        with self._lock:
            return self._known.get(key)

    def put(self, key: Key, proof: Proof) -> None:
        """Remember it, with no more of its log than would be committed."""
        with self._lock:
            self._known[key] = Proof(proof.exit_code, proof.problem, proof.seconds, cut(proof.log))
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
