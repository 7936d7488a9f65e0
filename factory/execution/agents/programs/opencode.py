"""opencode, as `opencode run --format json` prints it."""

import json
from collections.abc import Mapping
from dataclasses import replace

from factory.execution.agents.agent import Task
from factory.execution.agents.programs.heard import Event, Heard, count, dollars, text, within
from factory.execution.agents.programs.program import Program
from factory.execution.agents.programs.trouble import of_status, of_words, trouble
from factory.model.base import Argv
from factory.model.result import Usage
from factory.model.text import label

_REJECTED = "rejected permission"
_PROVIDER = "factory"


def opencode(heard: Heard, event: Event) -> Heard:
    """What is heard once a line of its stream has come."""
    if event.get("type") != "error":  # which may be that there is no such session
        heard = replace(heard, session=heard.session or label(text(event, "sessionID")))
    match event.get("type"):
        case "text":
            return heard.says(text(event, "part", "text"))
        case "tool_use":
            tool = text(event, "part", "tool")
            rejected = _REJECTED in text(event, "part", "state", "error")
            heard = heard.uses(tool, within(event, "part", "state", "input"))
            return heard.denied(tool) if rejected else heard
        case "step_finish":
            tokens = ("part", "tokens")
            cached, written = (count(event, *tokens, "cache", each) for each in ("read", "write"))
            used = Usage.model_construct(
                input_tokens=count(event, *tokens, "input") + cached + written,
                cached_input_tokens=cached,
                cache_write_tokens=written,
                output_tokens=count(event, *tokens, "output") + count(event, *tokens, "reasoning"),
                usd=dollars(event, "part", "cost") or None,  # it says 0 of a model whose price it does not know
            )
            finished = text(event, "part", "reason") == "stop"
            return replace(heard, usage=heard.usage.plus(used), finished=finished)
        case "error":
            words = text(event, "error", "data", "message") or text(event, "error", "name")
            status = of_status(within(event, "error", "data", "statusCode"))
            after = text(event, "error", "data", "responseHeaders", "retry-after")
            heard = replace(heard, reset=f"retry-after: {label(after)}") if after else heard
            return heard.failed(trouble(words, of_words(words), status))
    return heard


def _argv(task: Task) -> Argv:
    argv: tuple[str, ...] = ("opencode", "run", "--format", "json")
    argv += ("--session", task.session) if task.session else ()
    model = f"{_PROVIDER}/{task.model}" if task.url else task.model
    return (*argv, "--model", model) if model else argv


def _env(task: Task) -> Mapping[str, str]:
    """Its settings: it may work in its cell without being asked, and reach no page of the web."""
    settings: dict[str, object] = {
        "autoupdate": False,
        "share": "disabled",
        "permission": {"edit": "allow", "bash": "allow", "webfetch": "deny"},
    }
    if task.url:
        options = {"baseURL": task.url, "apiKey": "{env:OPENAI_API_KEY}"}
        models: dict[str, object] = {task.model: {}} if task.model else {}
        settings["provider"] = {_PROVIDER: {"npm": "@ai-sdk/openai-compatible", "options": options, "models": models}}
    # Nobody edits beside it, and where many processes compete its watcher was seen to wait for itself for ever.
    off = dict.fromkeys(("OPENCODE_DISABLE_AUTOUPDATE", "OPENCODE_EXPERIMENTAL_DISABLE_FILEWATCHER"), "1")
    return {"OPENCODE_CONFIG_CONTENT": json.dumps(settings), **off}


OPENCODE = Program(
    argv=_argv,
    parser=opencode,
    env=_env,
    install="npm install -g opencode-ai",
    key="OPENAI_API_KEY",
    tried="1.18.33",
    skills=".config/opencode/skills",
    proxied=True,
    session_files=tuple(f".local/share/opencode/opencode.db{each}" for each in ("", "-wal", "-shm")),
)
