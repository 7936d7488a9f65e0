"""Check runs of this clone: in which run a check passed beside folders of this machine that no commit tells of.

A file here only names a run. What that came to is read from the commits, so that no file here can make a check pass.
"""

from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from factory.model.base import Format, digest_of
from factory.model.errors import TooLarge
from factory.model.evidence import CheckKey, ReusedRun
from factory.store import files
from factory.store.state import CHECKS
from factory.store.system import System

_MOST = 2_000  # files; the oldest go first
_OLDEST_S = 30 * 24 * 3600.0
_MOST_BYTES = 10_000


class _Record(Format):
    key: str
    run: ReusedRun


class CheckRuns:
    """Remembers runs below `.git/factory/`; processes share it."""

    def __init__(self, state: Path, system: System) -> None:
        self._folder = state / CHECKS
        self._system = system

    def get(self, key: CheckKey, folders: str) -> ReusedRun | None:
        """The run in which a check with this key passed last, beside folders that looked like this."""
        name = _name(key, folders)
        try:
            data = files.read_regular(self._folder / f"{name}.json", _MOST_BYTES)
            found = _Record.model_validate_json(data) if data else None
        except (TooLarge, ValidationError):
            return None
        return found.run if found is not None and found.key == name else None

    def put(self, key: CheckKey, folders: str, run: ReusedRun) -> None:
        """Remember a run; where that cannot be written down the check is run again."""
        name = _name(key, folders)
        with suppress(OSError):
            path = self._folder / f"{name}.json"
            files.write(path, _Record(key=name, run=run).model_dump_json().encode())
            self._tidy()

    def _tidy(self) -> None:
        found = sorted(((path.lstat().st_mtime, path) for path in self._folder.glob("*.json")), reverse=True)
        now = self._system.time()
        for number, (changed, path) in enumerate(found):
            if number >= _MOST or now - changed > _OLDEST_S:
                with suppress(OSError):
                    path.unlink()


def _name(key: CheckKey, folders: str) -> str:
    told = digest_of([key.read, [*key.argv], key.environment, key.contract, folders])
    return told.removeprefix("sha256:")
