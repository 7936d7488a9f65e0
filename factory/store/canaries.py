"""The canaries that were tried in this clone: one file for each contract and environment, only ever a help."""

from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from factory.model.base import digest
from factory.model.canary_answer import Canary
from factory.store import files
from factory.store.state import CANARIES

_NAMED_BY = 16  # digits of an environment's digest


class Canaries:
    """Remembers canaries below `.git/factory/`."""

    def __init__(self, state: Path) -> None:
        self._folder = state / CANARIES

    def get(self, contract: str, rules: str, environment: str) -> Canary | None:
        """What was found for a contract as it is, in an environment."""
        found = _read(self._path(contract, environment))
        asked = (contract, rules, environment)
        return found if found and (found.contract, found.rules, found.environment) == asked else None

    def put(self, canary: Canary) -> None:
        """Remember what was found; where that cannot be written down it is found again."""
        with suppress(OSError):
            files.write(self._path(canary.contract, canary.environment), canary.model_dump_json(indent=1).encode())

    def newest(self) -> dict[str, Canary]:
        """What was found last under each contract's name, in whatever environment."""
        paths = [path for path in self._folder.glob("*.json") if path.is_file()]
        found = (_read(path) for path in sorted(paths, key=lambda path: path.stat().st_mtime))
        return {canary.contract: canary for canary in found if canary}

    def _path(self, contract: str, environment: str) -> Path:
        name = digest(environment.encode()).removeprefix("sha256:")[:_NAMED_BY]
        return self._folder / f"{contract}.{name}.json"


def _read(path: Path) -> Canary | None:
    data = files.read_regular(path)
    try:
        return Canary.model_validate_json(data) if data else None
    except ValidationError:
        return None
