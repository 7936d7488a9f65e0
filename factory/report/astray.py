"""Checks that would not look at the change: where no sandbox stands over a checkout, and something leads there."""

from collections.abc import Iterator

from factory.line.survey import Survey, Surveyor
from factory.report.sign import Health, Sign
from factory.work.outside import INSTEAD, WOULD_NOT_SEE, Checkouts, leads_out
from factory.work.process import scrubbed_environment
from factory.work.sandbox import Kind, Sandbox


def astray(surveyor: Surveyor, survey: Survey, boundary: Sandbox) -> Iterator[Sign]:
    """A sign for each contract with such a check; no cell is made for that."""
    if boundary.kind is Kind.BUBBLEWRAP:
        return
    repository = surveyor.repository
    roots = [view.root.resolve() for view in repository.views()]
    checkouts = Checkouts(roots, lambda path: repository.objects.find(survey.tree, path) is not None)
    for name, contract in surveyor.library.contracts(survey.tree):
        env = scrubbed_environment(contract.worker.env)
        for check in contract.checks:
            way = leads_out(check.run, env, repository.root, checkouts)
            if way:
                yield Sign(f"contract {name}", Health.BAD, f"the check {check.name} {WOULD_NOT_SEE}: {way}", INSTEAD)
                break
