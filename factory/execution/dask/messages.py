"""What is said between an executor and the machines of its cluster: plain values, and bytes that are checked."""

from enum import StrEnum
from typing import NamedTuple

from factory.store.repository.far import Sent


class Parcel(NamedTuple):
    """One run for another machine: all that it needs, and nothing of the orchestrator's state."""

    key: str  # by which it is asked about; nothing else has it
    version: str  # of this program
    origin: str  # which repository it is of
    request: bytes  # a RunRequest, in JSON
    commits: Sent  # its base and its start, without what they lead to
    trees: tuple[str, ...]  # the files of these
    pack: bytes  # what of these trees the machine may lack; thin
    complete: bool  # whether the pack needs nothing of what was sent earlier


class Came(StrEnum):
    """What a machine answers."""

    OUTCOME = "outcome"
    LACKS = "lacks"  # the objects that the pack is based on
    REFUSED = "refused"  # it is no machine for this run, whoever tries


class Answer(NamedTuple):
    """What became of a parcel."""

    came: Came
    cache: str  # the name of the machine's object cache
    said: bytes  # the outcome in JSON, without its objects; or why not
    pack: bytes = b""  # the objects that the work brought


class News(NamedTuple):
    """How a run goes, since it was asked the last time."""

    doing: str
    alive: bool
    output: bytes


class About(NamedTuple):
    """What a worker process of the cluster says of itself."""

    version: str
    host: str
    cache: str
    trees: tuple[str, ...]  # that its object cache has
