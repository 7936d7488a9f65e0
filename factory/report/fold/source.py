"""A source: what the facts of one item are made from."""

from dataclasses import dataclass

from factory.model.lifecycle import Lane
from factory.store.repository.refs import NOTHING


@dataclass(frozen=True)
class Source:
    """Where an item lies, its file's blob, and the tree of its artifacts, which may be none."""

    id: str
    lane: Lane
    day: str
    blob: str
    artifacts: str
    archived: bool = False

    def below(self, path: str) -> str:
        """How git names what lies below its artifacts."""
        return f"{self.artifacts or NOTHING}:{path}"

    @property
    def key(self) -> str:
        """Equal where the facts are."""
        return f"{self.id} {self.lane} {self.blob} {self.artifacts}"
