"""opencode, as `opencode run --format json` prints it."""

from dataclasses import replace

from factory.execution.agents.agent import Task
from factory.execution.agents.programs.heard import Event, Heard, count, dollars, text, within
from factory.execution.agents.programs.program import Program
from factory.execution.agents.programs.trouble import of_status, of_words, trouble
from factory.model.base import Argv
from factory.model.result import Usage
from factory.model.text import label

_REJECTED = "rejected permission"


def opencode(heard: Heard, event: Event) -> Heard:
    """What is heard once a line of its stream has come."""
    heard = replace(heard, session=heard.session or label(text(event, "sessionID")))
    match event.get("type"):
        case "text":
            return heard.says(text(event, "part", "text"))
        case "tool_use":
            tool = text(event, "part", "tool")
            rejected = _REJECTED in text(event, "part", "state", "error")
            return heard.does(tool).denied(tool) if rejected else heard.does(tool)
        case "step_finish":
            tokens = ("part", "tokens")
            cached = sum(count(event, *tokens, "cache", each) for each in ("read", "write"))
            used = Usage.model_construct(
                input_tokens=count(event, *tokens, "input") + cached,
                output_tokens=count(event, *tokens, "output") + count(event, *tokens, "reasoning"),
                usd=dollars(event, "part", "cost"),
            )
            finished = text(event, "part", "reason") == "stop"
            return replace(heard, usage=heard.usage.plus(used), finished=finished)
        case "error":
            words = text(event, "error", "data", "message") or text(event, "error", "name")
            status = of_status(within(event, "error", "data", "statusCode"))
            return heard.failed(trouble(words, of_words(words), status))
    return heard


def _argv(task: Task) -> Argv:
    argv = ["opencode", "run", "--format", "json"]
    return (*argv, "--model", task.model) if task.model else tuple(argv)


OPENCODE = Program(argv=_argv, parser=opencode, env={"OPENCODE_DISABLE_AUTOUPDATE": "1"}, tried="1.18.33")
