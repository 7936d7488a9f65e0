"""Bounds: the kinds of values that an outcome is made of, each with what it may hold at most."""

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter

from factory.model.base import FileName, Name
from factory.model.evidence import Evidence
from factory.model.item import CommitId
from factory.model.mission.plan import MOST_SERVICES
from factory.model.result import Result
from factory.model.run_layout import is_check_log
from factory.model.verdict import Finding
from factory.store import yaml

_MOST_FILES = 20_000
_MOST_FINDINGS = 100
MOST_PATCH = 100_000_000  # bytes
MASKED_LONGER = 4  # times; a secret's name may be longer than the secret
MOST_ANSWERED = MASKED_LONGER * yaml.MAX_BYTES


def _plain(data: bytes) -> bytes:
    return b"".join((data,))  # which is the same object, unless it is of a kind of its own


def _side_by_side(found: Mapping[str, bytes]) -> Mapping[str, bytes]:
    for first, second in pairwise(sorted(f"{name}/" for name in found)):
        if second.startswith(first):
            raise ValueError(f"has {first[:-1]!r} as a file and as a folder")
    return found


def _checks_alone(logs: Mapping[str, bytes]) -> Mapping[str, bytes]:
    astray = next((name for name in logs if not is_check_log(name)), None)
    if astray is not None:
        raise ValueError(f"{astray!r} is no name of a check's log")
    return logs


def numbers_of_json(result: Result) -> Result:
    """A result whose data fit into a JSON file. Raises ValueError for others."""
    data = json.dumps(result.data, allow_nan=False)  # raises ValueError for a number that no JSON file can hold
    if len(data) > MOST_ANSWERED:
        raise ValueError(f"has more than {MOST_ANSWERED} bytes of data")
    return result


def of_objects(evidence: Evidence) -> Evidence:
    """Evidence that names git objects. Raises ValueError for other."""
    for name in (evidence.base, evidence.proposal, evidence.target, *filter(None, [evidence.tree])):
        _COMMIT.validate_python(name)
    return evidence


_COMMIT: TypeAdapter[str] = TypeAdapter(CommitId)
Plain = Annotated[bytes, AfterValidator(_plain)]
Files = Annotated[Mapping[FileName, Plain], Field(max_length=_MOST_FILES), AfterValidator(_side_by_side)]
Logs = Annotated[Files, AfterValidator(_checks_alone)]
ServiceLogs = Annotated[Mapping[Name, Plain], Field(max_length=MOST_SERVICES)]
Findings = Annotated[tuple[Finding, ...], Field(max_length=_MOST_FINDINGS)]
Proposed = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40})?$")]
Judged = Annotated[str, StringConstraints(pattern=r"^(sha256:[0-9a-f]{64})?$")]
