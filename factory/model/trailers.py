"""The trailers at the end of the factory's commit messages: what a commit did, to which item, and who had it done."""

from enum import StrEnum


class Trailer(StrEnum):
    """The key of one trailer, as git's `%(trailers:key=…)` takes it."""

    ITEM = "Factory-Item"
    MOVE = "Factory-Move"
    RUN = "Factory-Run"
    SUBJECT = "Factory-Subject"  # what was judged, of a commit that brings content in
    ARCHIVE = "Factory-Archive"  # the day before which everything was finished that it takes out of the tree
    ACTOR = "Factory-Actor"

    def line(self, value: object) -> str:
        """`Key: value`, as it stands in a message."""
        return f"{self}: {value}"
