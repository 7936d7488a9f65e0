"""The lines of a journal, read as far as they can be, and those of a patch."""

from collections import Counter
from collections.abc import Iterator

from pydantic import ValidationError

from factory.model.journal import Entry

_KINDS = (b"old mode", b"new mode", b"new file", b"deleted file")


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


def lines_in(patch: bytes) -> Counter[bytes]:
    """The lines that a patch adds and takes away, wherever they stand: what stays the same when it is rebased."""
    found: Counter[bytes] = Counter()
    heading = False
    for line in patch.split(b"\n"):
        if line.startswith(b"diff --git "):
            heading = True
        elif line.startswith((b"@@ ", b"GIT binary patch")):
            heading = False
        elif heading:
            found[line] += line.startswith(_KINDS)
        elif line[:1] in b"+-" or not line.startswith((b" ", b"\\")):
            found[line] += bool(line)
    return +found
