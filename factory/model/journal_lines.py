"""The lines of a journal, as a file has them."""

from functools import lru_cache

from pydantic import ValidationError

from factory.model.errors import InvalidFile, Problem
from factory.model.journal import Entry, History, fold

_LINES_KNOWN = 2000


@lru_cache(maxsize=_LINES_KNOWN)
def _entry(line: bytes) -> Entry:
    """A journal only ever grows: what was read of it before is known."""
    return Entry.model_validate_json(line)


def read(data: bytes, path: str) -> History:
    """The history in a journal's bytes. Raises InvalidFile naming the first bad line."""
    entries: list[Entry] = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            entry = _entry(line)
        except ValidationError as error:
            raise InvalidFile(Problem(path, number, 1, f"not a journal line: {error.errors()[0]['msg']}")) from None
        if entry.seq != number:
            raise InvalidFile(Problem(path, number, 1, f"the entry's seq is {entry.seq}, its place says {number}"))
        entries.append(entry)
    return fold(entries)
