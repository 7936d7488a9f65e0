"""Commits of the project: the commits of a branch that changed anything besides the factory's own folders."""

from dataclasses import dataclass
from datetime import datetime

from factory.model.moments import moment_of, seconds_of
from factory.model.trailers import Trailer
from factory.store.repository.git import Git
from factory.store.repository.objects import Person
from factory.store.repository.trees import OWN_FOLDERS

_FIELDS = ("%H", "%ct", "%an", "%ae", "%s", f"%(trailers:key={Trailer.ITEM},valueonly,separator=%x2C)")
_FORM = "--format=" + "%x00".join(_FIELDS) + "%x00"


@dataclass(frozen=True)
class Incoming:
    """One such commit; `item_id` is empty when it was not the factory that merged it."""

    commit: str
    at: datetime
    by: Person
    subject: str
    item_id: str


def incoming(git: Git, head: str, most: int) -> list[Incoming]:
    """The newest so many of the first parents' line, newest first."""
    elsewhere = [f":(exclude,top){folder}" for folder in sorted(OWN_FOLDERS)]
    out = git.run("log", "--first-parent", f"-{most}", _FORM, head, "--", ":(top)", *elsewhere)
    values = out.decode("utf-8", "replace").split("\0")[:-1]
    rows = [values[start : start + len(_FIELDS)] for start in range(0, len(values), len(_FIELDS))]
    return [
        Incoming(commit.strip("\n"), moment_of(seconds_of(at)), Person(name, email), subject, item_id.strip())
        for commit, at, name, email, subject, item_id in rows
    ]
