"""Checks that would not look at the change: where no sandbox stands over a checkout, and something leads there."""

from collections.abc import Iterator

from factory.execution.cell.leaks import INSTEAD, WOULD_NOT_SEE, Checkouts, leads_out
from factory.execution.cell.sandbox import Kind, Sandbox
from factory.execution.processes.process import scrubbed_environment
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.report.diagnosis import Diagnosis, Health


def astray(reader: SnapshotReader, snapshot: Snapshot, boundary: Sandbox) -> Iterator[Diagnosis]:
    """A sign for each contract with such a check; no cell is made for that."""
    if boundary.kind is Kind.BUBBLEWRAP:
        return
    repository = reader.repository
    roots = [view.root.resolve() for view in repository.views()]
    checkouts = Checkouts(roots, lambda path: repository.objects.find(snapshot.tree, path) is not None)
    for name, contract in reader.library.contracts(snapshot.tree):
        env = scrubbed_environment(contract.worker.env)
        for check in contract.checks:
            way = leads_out(check.run, env, repository.root, checkouts)
            if way:
                yield Diagnosis(
                    f"contract {name}", Health.BAD, f"the check {check.name} {WOULD_NOT_SEE}: {way}", INSTEAD
                )
                break
