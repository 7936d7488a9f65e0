"""Read samples: what checks of this clone were seen to read beyond their `reads`, one file for each check."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from factory.model.base import Format, digest_of
from factory.model.errors import TooLarge
from factory.store import files
from factory.store.state import READS

_MOST_BYTES = 200_000


class ReadSample(Format):
    """What one check of a contract was seen to read."""

    contract: str  # its name
    text: str  # the digest of what it said when the check was looked at last
    check: str
    beyond: tuple[str, ...] = ()  # what its `reads` did not cover then, as patterns
    seen: bool = True  # whether it could be looked at


class ReadSamples:
    """Remembers samples below `.git/factory/`; processes share it."""

    def __init__(self, state: Path) -> None:
        self._folder = state / READS

    def get(self, contract: str, check: str) -> ReadSample | None:
        """What was seen of a check last."""
        found = _read(self._path(contract, check))
        return found if found and (found.contract, found.check) == (contract, check) else None

    def put(self, sample: ReadSample) -> None:
        """Remember what was seen; where that cannot be written down it is looked at again."""
        with suppress(OSError):
            files.write(self._path(sample.contract, sample.check), sample.model_dump_json(indent=1).encode())

    def all(self) -> Iterator[ReadSample]:
        """What was seen of every check."""
        yield from filter(None, map(_read, sorted(self._folder.glob("*.json"))))

    def _path(self, contract: str, check: str) -> Path:
        return self._folder / f"{digest_of([contract, check]).removeprefix('sha256:')[:32]}.json"


def _read(path: Path) -> ReadSample | None:
    try:
        data = files.read_regular(path, _MOST_BYTES)
        return ReadSample.model_validate_json(data) if data else None
    except (TooLarge, ValidationError):
        return None
