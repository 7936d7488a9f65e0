"""The launch: what a sandbox itself tells of whether a process in it was begun, where the process has no say."""

import os
import re
from types import TracebackType

_ENDED = b'"exit-code"'  # told only of a process that was begun (bwrap(1), --json-status-fd)
_FIRST = re.compile(rb'"child-pid": (\d+)')


class Launch:
    """A pipe whose one end a sandbox gets, and nobody whom it contains."""

    def __enter__(self) -> "Launch":
        self._heard, self.status_fd = os.pipe()
        os.set_blocking(self._heard, False)
        self._told_open = True
        self._text = b""
        return self

    def started(self) -> None:
        """The sandbox has its end now."""
        if self._told_open:
            os.close(self.status_fd)
            self._told_open = False

    def first(self) -> int | None:
        """The first process in the sandbox."""
        found = _FIRST.search(self._said())
        return int(found[1]) if found else None

    def began(self) -> bool:
        """Whether a process that has ended had been begun."""
        return _ENDED in self._said()

    def _said(self) -> bytes:
        try:
            self._text += os.read(self._heard, 1 << 16)
        except BlockingIOError:
            pass  # nothing new
        return self._text

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.started()
        os.close(self._heard)
