"""The tool `queue_item`: how an agent sees its own item and tells of it, which comes to what a result.json would."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from pydantic import JsonValue, ValidationError

from factory.execution.agents.programs.heard import Event
from factory.model.base import Format, Said, SaidText
from factory.model.result import MOST_LOOSE_ENDS, Claim, CriterionAnswer, Handoff, Issue, Result, Status
from factory.model.text import cut, printable
from factory.store.yaml import MAX_BYTES

NAME = "queue_item"
_MOST_SHOWN = 100_000  # characters
_NEEDS_TEXT = frozenset({"note", "progress", "ask", "follow_up"})
_OF_DELIVER = frozenset({"acceptance", "left_undone", "commands", "data"})
_TEXT: dict[str, JsonValue] = {"type": "string"}
_DESCRIPTION = (
    "Your own item of the queue. show: read it. note, progress: say in `text` what you found, or what you do now. "
    "ask: put a question in `text` to a person and end your turn; the work waits for the answer. "
    "follow_up: tell in `text` of something outside this item that should become one (`severity`). "
    "deliver: say that the item is done, with a summary in `text`, and end your turn."
)
SPEC: Mapping[str, JsonValue] = {
    "type": "function",
    "name": NAME,
    "description": _DESCRIPTION,
    "inputSchema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["action"],
        "properties": {
            "action": {"type": "string", "enum": ["show", "note", "progress", "ask", "follow_up", "deliver"]},
            "item": {"type": "string", "description": "its id; another one than yours is refused"},
            "text": _TEXT,
            "severity": {"type": "string", "enum": ["blocker", "major", "minor", "note"]},
            "acceptance": {
                "type": "object",
                "description": "with deliver: pass, fail or unread for each criterion",
                "additionalProperties": {"type": "string", "enum": ["pass", "fail", "unread"]},
            },
            "left_undone": {"type": "array", "items": _TEXT, "description": "with deliver"},
            "commands": {
                "type": "array",
                "description": "with deliver: what you ran to prove it, each is run again",
                "items": {
                    "type": "object",
                    "properties": {"run": {"type": "array", "items": _TEXT}, "exit_code": {"type": "integer"}},
                    "required": ["run", "exit_code"],
                },
            },
            "data": {"description": "with deliver: the typed decision, where the contract asks for one"},
        },
    },
}


class _Call(Format):
    """The arguments of one call."""

    action: Literal["show", "note", "progress", "ask", "follow_up", "deliver"]
    item: str | None = None
    text: Said = ""
    severity: Literal["blocker", "major", "minor", "note"] = "minor"
    acceptance: dict[str, CriterionAnswer] = {}
    left_undone: tuple[SaidText, ...] = ()
    commands: tuple[Claim, ...] = ()
    data: JsonValue = None


@dataclass(frozen=True)
class Told:
    """What an agent has told of its item so far."""

    question: str = ""
    issues: tuple[Issue, ...] = ()
    delivered: Result | None = None

    @property
    def final(self) -> bool:
        """Whether it has delivered, or asked."""
        return bool(self.question) or self.delivered is not None

    def asks(self, question: str) -> "Told":
        """With a question, which is what it has come to."""
        return replace(self, question=question, delivered=None)

    def result(self) -> bytes | None:
        """What stands for `result.json`; None where it has told nothing that belongs there."""
        if not (self.final or self.issues):
            return None
        told = self.delivered or Result(status=Status.BLOCKED if self.question else Status.OK, question=self.question)
        handoff = told.handoff.model_copy(update={"issues": self.issues})
        whole = told.model_copy(update={"handoff": handoff})
        return json.dumps(whole.model_dump(mode="json", exclude_defaults=True)).encode()


class Replied(NamedTuple):
    """What a call comes to: what has been told by now, what it is answered, and what the agent says it does."""

    told: Told
    ok: bool
    text: str
    step: str = ""

    def answer(self) -> Event:
        """The answer of the conversation."""
        return {"success": self.ok, "contentItems": [{"type": "inputText", "text": self.text}]}


def call(told: Told, tool: object, arguments: object, item: Mapping[str, JsonValue] | None) -> Replied:
    """One call of a tool; whatever is not exactly one of these actions on the own item is answered as an error."""
    if item is None or tool != NAME:
        return Replied(told, False, f"there is no tool {printable(str(tool)[:100])!r} here")
    try:
        raw = arguments if isinstance(arguments, str) else json.dumps(arguments, allow_nan=False)
        if len(raw) > MAX_BYTES:
            return Replied(told, False, f"that is longer than the {MAX_BYTES} bytes that a result may have")
        asked = _Call.model_validate_json(raw)
        return _do(told, asked, item)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the arguments"
        return Replied(told, False, cut(printable(f"{where}: {first['msg']}"), 500))
    except (ValueError, RecursionError):
        return Replied(told, False, "the arguments are no JSON object")


def _do(told: Told, asked: _Call, item: Mapping[str, JsonValue]) -> Replied:
    problem = _problem(told, asked, item)
    if problem:
        return Replied(told, False, problem)
    match asked.action:
        case "show":
            return Replied(told, True, cut(json.dumps(item, ensure_ascii=False), _MOST_SHOWN))
        case "ask":
            return Replied(told.asks(asked.text), True, "A person will answer. End your turn now.", asked.text)
        case "follow_up":
            issue = Issue(severity=asked.severity, text=asked.text)
            return Replied(replace(told, issues=(*told.issues, issue)), True, "noted; go on with your own item")
        case "deliver":
            handoff = Handoff(left_undone=asked.left_undone, commands=asked.commands)
            result = Result(
                status=Status.OK, summary=asked.text, acceptance=asked.acceptance, data=asked.data, handoff=handoff
            )
            return Replied(replace(told, question="", delivered=result), True, "Delivered. End your turn now.")
    return Replied(told, True, "noted", asked.text)


def _problem(told: Told, asked: _Call, item: Mapping[str, JsonValue]) -> str:
    """Why a call is not done, though its arguments can be read; empty when it is."""
    if asked.item is not None and asked.item != item.get("id"):
        return "that is not your item; you see and change your own alone"
    if asked.action in _NEEDS_TEXT and not asked.text.strip():
        return f"say it in `text`: {asked.action} without one says nothing"
    astray = sorted(asked.model_fields_set & _OF_DELIVER) if asked.action != "deliver" else []
    if astray:
        return f"{', '.join(astray)} can be told with deliver alone"
    if asked.action == "follow_up" and len(told.issues) >= MOST_LOOSE_ENDS:
        return f"{MOST_LOOSE_ENDS} are told of already, and nobody reads more"
    return ""
