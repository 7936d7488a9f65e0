"""Codex, as `codex exec --json` prints it."""

from dataclasses import replace

from factory.execution.agents.agent import Task
from factory.execution.agents.programs.heard import Event, Heard, count, listed, text
from factory.execution.agents.programs.program import Program
from factory.execution.agents.programs.trouble import trouble
from factory.model.base import Argv
from factory.model.result import Usage
from factory.model.text import label

_DENIED = "declined"
_KEY = "OPENAI_API_KEY"


def codex(heard: Heard, event: Event) -> Heard:
    """What is heard once a line of its stream has come. Its errors can be told apart by their words alone."""
    match event.get("type"):
        case "thread.started":
            return replace(heard, session=label(text(event, "thread_id")))
        case "turn.started":
            return replace(heard, finished=False, failure=None)
        case "item.started" | "item.completed":
            return _of_item(heard, event)
        case "error":
            said = text(event, "message")
            return replace(heard, trouble=trouble(said), retries=heard.retries + said.startswith("Reconnecting"))
        case "turn.failed":
            return heard.failed(trouble(text(event, "error", "message")))
        case "turn.completed":
            usage = Usage.model_construct(
                input_tokens=count(event, "usage", "input_tokens"),
                cached_input_tokens=count(event, "usage", "cached_input_tokens"),
                cache_write_tokens=count(event, "usage", "cache_write_input_tokens"),
                output_tokens=count(event, "usage", "output_tokens"),
            )
            return replace(heard, usage=usage, finished=True)  # of the thread: it goes on counting in a later turn
    return heard


def _of_item(heard: Heard, event: Event) -> Heard:
    begun, kind = event.get("type") == "item.started", text(event, "item", "type")
    if kind == "agent_message" and not begun:
        return heard.says(text(event, "item", "text"))
    if kind in ("agent_message", "reasoning", "error", ""):
        return heard
    what = text(event, "item", "command") or text(event, "item", "tool") or kind
    if begun:
        return heard.uses(what, next(iter(listed(event, "item", "changes")), None))
    return heard.denied(what) if text(event, "item", "status") == _DENIED else heard


def _argv(task: Task) -> Argv:
    """Its own sandbox does nothing within ours, and ends well all the same: ours is what contains it."""
    argv = ["codex", "exec", "--json", "--skip-git-repo-check", "-s", "danger-full-access"]
    argv += ["-m", task.model] if task.model else []
    if task.url:
        provider = {"name": "factory", "base_url": task.url, "env_key": _KEY, "wire_api": "responses"}
        argv += ["-c", 'model_provider="factory"']
        argv += [word for key, value in provider.items() for word in ("-c", f'model_providers.factory.{key}="{value}"')]
    return (*argv, *(("resume", task.session) if task.session else ()), "-")


CODEX = Program(
    argv=_argv,
    parser=codex,
    env=lambda _: {},
    install="npm install -g @openai/codex",
    key="OPENAI_API_KEY",
    tried="0.169.0",
    hosts=("api.openai.com:443",),
    skills=".codex/skills",
    proxied=True,
    session_files=(".codex/sessions",),
    counts_on=True,
)
