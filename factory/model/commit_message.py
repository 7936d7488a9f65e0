"""Messages of the factory's commits: a subject, what was said, and trailers."""

from factory.model.journal import Entry
from factory.model.text import counted, printable
from factory.model.trailers import Trailer


def message_of(item_id: str, entry: Entry) -> str:
    """The message of the commit that is a move."""
    came = entry.source or "-"
    subject = f"factory: {item_id} {came} -> {entry.to}" + (f" (run {entry.run})" if entry.run else "")
    trailers = [Trailer.ITEM.line(item_id), Trailer.MOVE.line(f"{came} -> {entry.to}"), Trailer.ACTOR.line(entry.actor)]
    if entry.run:
        trailers.insert(2, Trailer.RUN.line(entry.run))
    parts = [subject, quoted(entry.reason or ""), "\n".join(trailers)]
    return "\n\n".join(part for part in parts if part) + "\n"


def archive_message(before: str, count: int, actor: str) -> str:
    """The message of the commit that takes items out of the tree which were finished before a day."""
    subject = f"factory: archive {counted(count, 'item')} finished before {before}"
    return f"{subject}\n\n{Trailer.ARCHIVE.line(before)}\n{Trailer.ACTOR.line(actor)}\n"


def quoted(text: str) -> str:
    """What workers and people said, for a commit message: only the factory's own lines may look like its trailers."""
    return "\n".join(f"> {printable(line)}" if line.strip() else "" for line in text.splitlines()).strip("\n")
