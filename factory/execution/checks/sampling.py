"""Sampling: now and then a check is run under strace, and what it reads is held against what it says it reads."""

from dataclasses import dataclass, replace

from factory.execution.cell.cell import Cell
from factory.execution.cell.sandbox import Kind
from factory.execution.checks.reads import reads_of
from factory.execution.checks.trace import Trace, traced, tracer
from factory.execution.request import RunRequest
from factory.model.base import Argv, digest
from factory.model.reads import MOST_NAMED
from factory.model.text import printable
from factory.store.read_samples import ReadSample, ReadSamples
from factory.store.repository.objects import Objects
from factory.store.system import System

_ONE_IN = 20
_TRACE = "trace"


@dataclass(frozen=True)
class Sampler:
    """Decides which runs are looked at, and remembers what was seen."""

    objects: Objects
    samples: ReadSamples
    system: System
    always: bool = False

    def wants(self, request: RunRequest, name: str) -> bool:
        """Whether to look at a run: the first of a check as its contract is now, and then one in twenty."""
        reads = reads_of(request.policy, request.contract, name)
        if reads is None or not tracer():
            return False
        known = self.samples.get(request.contract_name, name)
        new = known is None or known.text != text_of(request)
        return self.always or new or self.system.chance() < 1 / _ONE_IN

    def watched(self, cell: Cell, argv: Argv) -> Argv:
        """The argv that runs another one in a cell and tells there what it looks at."""
        return traced(argv, cell.out / _TRACE)

    def seen(self, cell: Cell, request: RunRequest, name: str, tree: str) -> tuple[str, ...]:
        """What a run in a cell, on a content, read beyond its `reads`; remembered."""
        reads, filesystem = reads_of(request.policy, request.contract, name), cell.filesystem
        contained = cell.boundary.kind is Kind.BUBBLEWRAP
        folder = filesystem.folder if contained else filesystem.tree
        if not contained:
            filesystem = replace(filesystem, checkouts=())
        told = Trace(self.objects, tree, filesystem, str(folder)).beyond(cell.out / _TRACE, reads) if reads else ()
        told = told and tuple(map(printable, told))  # what nobody can write down no `reads` can name
        self._remember(request, name, told)
        return told or ()

    def unseen(self, request: RunRequest, name: str) -> None:
        """Remember that a check cannot be looked at: it passes only by itself."""
        self._remember(request, name, None)

    def _remember(self, request: RunRequest, name: str, beyond: tuple[str, ...] | None) -> None:
        known = self.samples.get(request.contract_name, name)
        text = text_of(request)
        earlier = known.beyond if known and known.text == text else ()
        told = tuple(sorted({*earlier, *(beyond or ())})[:MOST_NAMED])
        self.samples.put(
            ReadSample(contract=request.contract_name, text=text, check=name, beyond=told, seen=beyond is not None)
        )

    def beyond(self, request: RunRequest, name: str) -> tuple[str, ...]:
        """What a check was seen to read and is not covered by what its contract says now."""
        known = self.samples.get(request.contract_name, name)
        reads = reads_of(request.policy, request.contract, name)
        return reads.lacking(known.beyond) if known and reads else ()


def text_of(request: RunRequest) -> str:
    """The digest of what a request's contract says."""
    return digest(request.contract_source) if request.contract_source else ""
