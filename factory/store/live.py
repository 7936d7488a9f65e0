"""Live output: what an agent that is at work has done so far, for whoever follows it on this machine."""

from contextlib import suppress
from pathlib import Path

from factory.store.state import LIVE

_MOST_BYTES = 20_000_000


class LiveOutput:
    """The output of one run, in a file that is there while the run is under way. A disk that refuses it ends no run."""

    def __init__(self, state: Path, item_id: str) -> None:
        self.path = state / LIVE / item_id
        self._room = _MOST_BYTES

    def add(self, output: bytes) -> None:
        """Take what it prints."""
        if self._room <= 0:
            return
        with suppress(OSError):
            if self._room == _MOST_BYTES:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.path.unlink(missing_ok=True)  # of a run that was killed
            self._room -= len(output)
            with self.path.open("ab") as file:
                file.write(output)

    def end(self) -> None:
        """The run is over: its output is among its artifacts."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
