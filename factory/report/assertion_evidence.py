"""The files that show what was found of an assertion: what its check printed, or what its tester named."""

from collections.abc import Iterator
from contextlib import suppress

from factory.line.snapshot import SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.layout import run_file
from factory.model.mission.report import report_in
from factory.model.run_layout import check_log, worker_file


def evidence_of(reader: SnapshotReader, tree: str, assertion: str, item: str, run: int, day: str) -> Iterator[str]:
    """The paths of those of its files that are there: of the run that judged it, and of the day its item lies under."""
    folder = (tree, item, run, day)
    for name in (*_logs(reader, assertion, folder), *_shown(reader, assertion, folder)):
        path = run_file(item, run, name, day)
        if reader.archive.find(tree, path) is not None:
            yield path


def _logs(reader: SnapshotReader, assertion: str, folder: tuple[str, str, int, str]) -> Iterator[str]:
    with suppress(InvalidFile):
        evidence = reader.artifacts.evidence(*folder)
        for ran in evidence.ran if evidence else ():
            if ran.criterion == assertion:
                yield check_log(ran.name)


def _shown(reader: SnapshotReader, assertion: str, folder: tuple[str, str, int, str]) -> Iterator[str]:
    result = reader.artifacts.result(*folder)
    with suppress(ValueError):  # of a run that tested nothing
        tried = report_in(result.data).assertions.get(assertion) if result else None
        yield from (worker_file(name) for name in (tried.evidence if tried else ()))
