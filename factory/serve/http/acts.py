"""Acts: verdicts, answers and levers that a person gives in a page, by the same doors as the commands."""

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from factory.line.person.answers import answer
from factory.line.person.editing import Desk, editing
from factory.line.person.levers import cancel, hold, pause, resume, retry
from factory.line.person.verdict import Answer, give
from factory.model.base import Format
from factory.model.errors import UsageError
from factory.model.verdict import Decision, Finding
from factory.store.repository.repository import Repository
from factory.store.system import System

_MANY = 100
_Words = Annotated[str, Field(max_length=20_000)]
_Key = Annotated[str, Field(max_length=100)]


class GivenVerdict(Format):
    """`POST /api/v1/<id>/verdict`, as `factory review` takes it."""

    decision: Literal["approve", "rework", "reject", "escalate"]
    subject: _Key | None = None  # what whoever decides has seen; another one that came meanwhile is not judged by it
    seat: _Key | None = None
    notes: _Words | None = None
    accept: Annotated[tuple[_Key, ...], Field(max_length=_MANY)] = ()
    handoff: Annotated[dict[_Key, _Words], Field(max_length=_MANY)] = {}
    findings: Annotated[tuple[Finding, ...], Field(max_length=_MANY)] = ()

    def carry_out(self, desk: Desk, item_id: str) -> str:
        """Edit the verdict file, and say so. Raises FactoryError."""
        decision, seen = Decision(self.decision), self.subject or ""
        said = Answer(decision, self.notes, self.accept, self.handoff, self.findings, seen)
        return give(desk, item_id, self.seat, said)


class GivenAnswers(Format):
    """`POST /api/v1/<id>/answers`, as `factory answer` takes them."""

    decisions: Annotated[dict[_Key, _Words], Field(min_length=1, max_length=_MANY)]

    def carry_out(self, desk: Desk, item_id: str) -> str:
        """Edit the file of answers, and say so. Raises FactoryError."""
        return answer(desk, item_id, self.decisions)


_LEVERS: Mapping[str, Callable[[Desk, str], str]] = MappingProxyType(
    {
        "retry": retry,
        "hold": hold,
        "release": lambda desk, item_id: hold(desk, item_id, off=True),
        "cancel": cancel,
        "pause": pause,
        "resume": resume,
    }
)


class PulledLever(Format):
    """`POST /api/v1/<id>/lever`, as `factory retry`, `hold`, `cancel` and `mission` do it."""

    lever: Literal["retry", "hold", "release", "cancel", "pause", "resume"]

    def carry_out(self, desk: Desk, item_id: str) -> str:
        """Edit or move the item's file, and say so. Raises FactoryError."""
        return _LEVERS[self.lever](desk, item_id)


ACTS: Mapping[str, type[GivenVerdict] | type[GivenAnswers] | type[PulledLever]] = MappingProxyType(
    {"verdict": GivenVerdict, "answers": GivenAnswers, "lever": PulledLever}
)


def act(root: Path, system: System, kind: str, item_id: str, body: bytes) -> str:
    """Do what a body asks for, one of `ACTS`, and say it in a sentence. Raises FactoryError."""
    try:
        asked = ACTS[kind].model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"this is no {kind}: {where}: {first['msg']}") from None
    with closing(Repository(root, system)) as opened, editing(opened) as desk:
        return asked.carry_out(desk, item_id)
