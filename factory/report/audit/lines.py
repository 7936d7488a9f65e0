"""The lines of a journal, read as far as they can be."""

from collections.abc import Iterator

from pydantic import ValidationError

from factory.model.journal import Entry


def entry_of(line: bytes) -> Entry | None:
    """One line of a journal; None when it cannot be read."""
    try:
        return Entry.model_validate_json(line)
    except ValidationError:
        return None


def entries_of(journal: bytes) -> Iterator[Entry]:
    """The lines that can be read."""
    for line in journal.splitlines():
        entry = entry_of(line)
        if entry is not None:
            yield entry
