"""The archive's index: a line for each finished item whose files are in the tree no more."""

from typing import Annotated

from pydantic import StringConstraints

from factory.model.base import Format
from factory.model.item import CommitId, ItemId
from factory.model.lifecycle import Outcome

Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
ObjectId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]


class ArchivedItem(Format):
    """A finished item: what it came to, and what its files were. History holds them, whatever commit brought them."""

    id: ItemId
    day: Day  # under which it lay
    outcome: Outcome
    title: str
    commit: CommitId  # the last that had its files
    item: ObjectId  # the blob of its file
    artifacts: ObjectId  # the tree of its artifacts

    @property
    def year(self) -> str:
        """The year that it was finished in, which its line is filed under."""
        return self.day[:4]

    def line(self) -> bytes:
        """The line as it is written, with its line end. Its id comes first, for whoever looks for it alone."""
        return self.model_dump_json().encode() + b"\n"
