"""One secret scan for a whole process: starting it takes longer than most of what a test does."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from factory.execution.redaction import redactor
from factory.execution.redaction.scanner import Scanner


class _Lasting:
    """A secret scan that goes on when whoever asked it has done."""

    def __init__(self, scanner: Scanner) -> None:
        self.make_ready, self.scan = scanner.make_ready, scanner.scan

    def close(self) -> None:
        pass


@contextmanager
def one_scan() -> Iterator[None]:
    """All that ask for a scan meanwhile ask the same one."""
    scanner = Scanner()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redactor, "Scanner", lambda: _Lasting(scanner))
        yield
    scanner.close()
