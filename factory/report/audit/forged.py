"""Forged trailers: what only the factory writes, in a commit of somebody else."""

import re
from collections.abc import Iterator

from factory.report.audit.authorship import Authorship
from factory.report.audit.rules import Rule, Violation
from factory.report.audit.transition import Transition
from factory.store.repository.ancestry import Told

# As git reads trailers, in any case and with or without a space; and anywhere below the subject, since people do.
_TRAILER = re.compile(r"^(factory-(?:item|move|run|subject|archive))[ \t]*[:=]", re.IGNORECASE | re.MULTILINE)


class Forged:
    """Sees every commit before the first one is checked, and tells of each where it is, or else at the end."""

    def __init__(self, authorship: Authorship) -> None:
        self._authorship = authorship
        self._found: dict[str, Violation] = {}  # what has not been told yet, by commit

    def look(self, told: Told) -> None:
        """See a commit, on the line or beside it."""
        if not self._authorship.of_factory(told.author):
            below = told.message.replace("\r", "\n").partition("\n")[2]
            if found := _TRAILER.search(below):
                text = f"carries the factory's trailer {found[1]}, and {told.author} made it"
                self._found[told.commit] = Violation(Rule.FORGED, told.commit, "", text)

    def check(self, transition: Transition) -> Iterator[Violation]:
        """What is wrong with the trailers of a commit."""
        found = self._found.get(transition.step.commit)
        yield from [found] if found else []

    def advance(self, transition: Transition) -> None:
        """Go on to a commit, of which everything is told."""
        self._found.pop(transition.step.commit, None)

    def rest(self) -> Iterator[Violation]:
        """Forged trailers of the commits that lie beside the line."""
        yield from self._found.values()
