"""The launch: what a sandbox itself tells of whether a process in it was begun, where the process has no say."""

import os
from types import TracebackType

_ENDED = b'"exit-code"'  # told only of a process that was begun (bwrap(1), --json-status-fd)


class Launch:
    """A pipe whose one end a sandbox gets, and nobody whom it contains."""

    def __enter__(self) -> "Launch":
        self._heard, self.told = os.pipe()
        os.set_blocking(self._heard, False)
        self._told_open = True
        return self

    def started(self) -> None:
        """The sandbox has its end now."""
        if self._told_open:
            os.close(self.told)
            self._told_open = False

    def began(self) -> bool:
        """Whether a process that has ended had been begun."""
        try:
            return _ENDED in os.read(self._heard, 1 << 16)
        except BlockingIOError:
            return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.started()
        os.close(self._heard)
