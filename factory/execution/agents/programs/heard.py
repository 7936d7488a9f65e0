"""What has been heard of an agent so far: the same values, whichever program printed them."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from factory.model.failure import Failure
from factory.model.result import MOST_TOKENS, MOST_USD, Usage
from factory.model.text import label, said

_MOST_DENIALS = 50
_TELLING = ("command", "file_path", "filePath", "path", "pattern", "url", "query", "skill", "description")
_FENCED = re.compile(r"^```[a-z]*\n(.*?)^```", re.DOTALL | re.MULTILINE)

Event = Mapping[str, object]  # one line of a stream, parsed


@dataclass(frozen=True)
class Heard:
    """What an agent has told of its work. Its words and numbers are bounded here, and believed by nobody yet."""

    finished: bool = False  # it has said that it came to its end; an exit status says nothing of that
    session: str = ""  # by which the same conversation can be taken up again
    model: str = ""
    version: str = ""
    usage: Usage = field(default_factory=Usage)  # so far
    message: str = ""  # the last that it said
    result: bytes | None = None  # what stands for `result.json` in all of that, however long it was
    step: str = ""  # what it does at this moment
    steps: int = 0  # tools that it has used
    denials: tuple[str, ...] = ()  # tools that it was not allowed to use
    retries: int = 0  # of requests to its model
    trouble: Failure | None = None  # the last that was said to go wrong, whether or not it got over it
    failure: Failure | None = None  # that it ended with
    reset: str = ""  # what it was told of when a limit is reset

    def says(self, message: str) -> "Heard":
        """With something that it said."""
        return replace(self, message=said(message), result=result_in(message)) if message.strip() else self

    def does(self, step: str) -> "Heard":
        """With a tool that it uses now."""
        return replace(self, step=label(step), steps=self.steps + 1)

    def uses(self, tool: str, given: object) -> "Heard":
        """With a tool that it uses now, told with the command, the file or whatever else it is given to work on."""
        told = (text(given, key) for key in _TELLING) if isinstance(given, Mapping) else ()
        return self.does(": ".join(filter(None, (tool, next(filter(None, told), "")))))

    def denied(self, tool: str) -> "Heard":
        """With a tool that it was not allowed to use."""
        return replace(self, denials=(*self.denials, label(tool))[:_MOST_DENIALS])

    def failed(self, failure: Failure) -> "Heard":
        """At its end, with what kept it from its work."""
        return replace(self, finished=True, failure=failure)


Parser = Callable[
    [Heard, Event], Heard
]  # what is heard once a line has come; lines that it does not know change nothing


def text(event: Event, *path: str) -> str:
    """A text within an event; empty where there is none."""
    found = within(event, *path)
    return found if isinstance(found, str) else ""


def within(event: object, *path: str) -> object:
    """What lies in an event below these keys; None where nothing does."""
    for key in path:
        event = event.get(key) if isinstance(event, Mapping) else None
    return event


def listed(event: Event, *path: str) -> Sequence[object]:
    """A list within an event; empty where there is none."""
    found = within(event, *path)
    return found if isinstance(found, list) else []


def count(event: Event, *path: str) -> int:
    """A number of tokens within an event, bounded; 0 where there is none."""
    found = within(event, *path)
    return max(0, min(found, MOST_TOKENS)) if isinstance(found, int) else 0


def dollars(event: Event, *path: str) -> float | None:
    """An amount of USD within an event, bounded; None where there is none, or it is no number."""
    found = within(event, *path)
    good = isinstance(found, int | float) and not isinstance(found, bool) and found == found
    return max(0.0, min(float(found), MOST_USD)) if good and isinstance(found, int | float) else None


def result_in(message: str) -> bytes | None:
    """The last fenced block of a message that is a JSON object with a status: what an agent without a file says."""
    for block in reversed(_FENCED.findall(message)):
        try:
            found = json.loads(block)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and "status" in found:
            told: str = block
            return told.encode()
    return None
