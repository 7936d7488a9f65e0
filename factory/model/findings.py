"""Findings over rounds: what is still open, and what was closed and how. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from factory.model.verdict import Finding

_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? ", re.MULTILINE)


@dataclass(frozen=True)
class Table:
    """Every finding of a seat, by key: open, or closed and how."""

    open: Mapping[str, Finding] = field(default_factory=dict)
    closed: Mapping[str, tuple[Finding, str]] = field(default_factory=dict)
    last: frozenset[str] = frozenset()  # what the last round was sent back with

    def reported(self, findings: Iterable[Finding]) -> "Table":
        """After a round was sent back with these."""
        new = {finding.key: finding for finding in findings if finding.seat}
        still = {key: row for key, row in self.closed.items() if key not in new}
        return replace(self, open={**self.open, **new}, closed=still, last=frozenset(new))

    def close(self, how: Mapping[str, str]) -> "Table":
        """After some of them were put right."""
        done = {key: (self.open[key], reason) for key, reason in how.items() if key in self.open}
        still = {key: finding for key, finding in self.open.items() if key not in done}
        return replace(self, open=still, closed={**self.closed, **done})

    def rows(self) -> list[dict[str, JsonValue]]:
        """For the next run and the next reviewers."""
        found: list[dict[str, JsonValue]] = [
            {**finding.model_dump(mode="json"), "key": key, "state": "open", "how": ""}
            for key, finding in self.open.items()
        ]
        return found + [
            {**finding.model_dump(mode="json"), "key": key, "state": "closed", "how": how}
            for key, (finding, how) in self.closed.items()
        ]


def changes_lines_of(patch: bytes, finding: Finding) -> bool:
    """Whether a patch changes what a finding is about: its lines or those beside them, or anything in its file."""
    name = finding.path.encode("utf-8", "surrogateescape")
    _, begun, section = patch.partition(b"diff --git a/%s b/%s\n" % (name, name))
    if not finding.path or not begun:
        return False
    if finding.line is None:
        return True
    section = section.partition(b"\ndiff --git ")[0]
    hunks = [(int(match[1]), int(match[2] or 1)) for match in _HUNK.finditer(section)]
    # A hunk comes with three lines before and after its changes: a change so close to a finding is about it.
    return not hunks or any(start <= finding.line <= start + count for start, count in hunks)
