"""The report of user testing: what a tester found of each assertion that it was asked about, and on what evidence."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import Field, JsonValue, ValidationError

from factory.model.base import FileName, Format, Said
from factory.model.mission.assertions import MOST_ASSERTIONS, AssertionId
from factory.model.text import label

EVIDENCE_FOLDER = "evidence"  # below $FACTORY_OUT
MOST_EVIDENCE_FILES = 100
MOST_EVIDENCE_BYTES = 10_000_000  # of all files together
LONGEST_EVIDENCE_NAME = 300
_MOST_NAMED = 50
_DEEPEST = 10  # folders
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")  # so that it is a plain name everywhere, and hidden nowhere


class TriedState(StrEnum):
    """What a tester says of an assertion."""

    PASS = "pass"
    FAIL = "fail"
    BLOCKED = "blocked"  # it could not be tried
    UNREAD = "unread"

    @property
    def needs_evidence(self) -> bool:
        """Whether it counts for nothing without a file that shows it."""
        return self in (TriedState.PASS, TriedState.FAIL)


class Tried(Format):
    """What was found of one assertion."""

    state: TriedState
    said: Said = ""
    evidence: Annotated[tuple[FileName, ...], Field(max_length=_MOST_NAMED)] = ()  # paths below $FACTORY_OUT


class UserReport(Format):
    """`data` in a tester's result.json."""

    assertions: Annotated[dict[AssertionId, Tried], Field(max_length=MOST_ASSERTIONS)]


def report_in(data: JsonValue) -> UserReport:
    """The report in a result's data. Raises ValueError, which says in one line what is wrong."""
    try:
        return UserReport.model_validate_json(json.dumps(data))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, ("data", *found["loc"])))
        raise ValueError(label(f"{where}: {found['msg'].removeprefix('Value error, ')}")) from None


def shortcomings(asked: Sequence[str], report: UserReport, left: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """(assertion, what is wrong) of each answer that does not count, `left` being the evidence files by path."""
    answers = report.assertions
    yield from ((each, "was not answered") for each in asked if each not in answers)
    yield from ((each, "was answered and was not asked about") for each in answers if each not in asked)
    for each in filter(answers.__contains__, asked):
        found = answers[each]
        if found.state.needs_evidence and not found.evidence:
            yield each, f"{found.state} counts only with a file below {EVIDENCE_FOLDER}/ that shows it"
        for name in found.evidence:
            if not left.get(name):
                yield each, f"its evidence {label(name)} {'is empty' if name in left else 'is not there'}"


def evidence_name_problem(name: str) -> str:
    """Why a path below $FACTORY_OUT cannot be that of an evidence file; empty when it can."""
    folder, *parts = name.split("/")
    if folder != EVIDENCE_FOLDER or not parts:
        return f"does not lie below {EVIDENCE_FOLDER}/"
    if len(name) > LONGEST_EVIDENCE_NAME or len(parts) > _DEEPEST:
        return f"has a path of more than {LONGEST_EVIDENCE_NAME} characters, or lies in more than {_DEEPEST} folders"
    if all(map(_PART.fullmatch, parts)):
        return ""
    return "has another name than of A-Z a-z 0-9 . _ -, 100 of them at most and no '.' or '-' first"
