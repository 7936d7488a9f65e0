"""Claude Code, as `claude -p --output-format stream-json --verbose` prints it."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from factory.execution.agents.agent import Task
from factory.execution.agents.programs.heard import Event, Heard, count, dollars, listed, text, within
from factory.execution.agents.programs.program import Program
from factory.execution.agents.programs.trouble import of_status, of_words, trouble
from factory.model.base import Argv
from factory.model.failure import FailureClass
from factory.model.result import Usage
from factory.model.text import label

_TOOLS = ("Read", "Glob", "Grep", "Edit", "Write", "Bash")
_WRITING = "Edit|MultiEdit|Write|NotebookEdit"
_HOOK_S = 60
# Only with this exit status its model is told of it, and of what is on the standard error; a long text would fill it.
_TOLD = 'said=$("$@" 2>&1 </dev/null) || { printf "%s\\n" "$said" | tail -c 4000 >&2; exit 2; }'
_SKILL = "Skill"  # without which it offers its model none

_CODES = {  # what it calls an answer of its service that was none
    "authentication_failed": FailureClass.AUTH,
    "billing_error": FailureClass.BILLING,
    "rate_limit": FailureClass.RATE_LIMIT,
    "overloaded": FailureClass.OVERLOADED,
    "model_not_found": FailureClass.MODEL_NOT_FOUND,
}
_ENDINGS = {"error_max_turns": FailureClass.MAX_TURNS, "error_max_budget_usd": FailureClass.BUDGET}

_LATEST = 9_999_999_999
_MILLISECONDS = (10**12, 10**13)  # between these a time is told in milliseconds


def claude(heard: Heard, event: Event) -> Heard:
    """What is heard once a line of its stream has come."""
    match event.get("type"):
        case "system":
            return _of_system(heard, event)
        case "assistant":
            return _of_message(heard, event)
        case "result":
            return _of_end(heard, event)
        case "rate_limit_event" if text(event, "rate_limit_info", "status") == "rejected":
            return replace(heard, reset=f"resets_at: {_second(within(event, 'rate_limit_info', 'resetsAt'))}")
    return heard


def _second(told: object) -> int:
    """A second since 1970 that has ten digits, of a number of seconds or of milliseconds."""
    whole = told if isinstance(told, int) and not isinstance(told, bool) else 0
    return max(0, min(whole // 1000 if _MILLISECONDS[0] <= whole <= _MILLISECONDS[1] else whole, _LATEST))


def _of_system(heard: Heard, event: Event) -> Heard:
    if event.get("subtype") == "init":
        model, version = label(text(event, "model")), label(text(event, "claude_code_version"))
        return replace(heard, session=label(text(event, "session_id")), model=model, version=version)
    if event.get("subtype") == "api_retry":
        said = trouble(text(event, "error"), of_status(event.get("error_status")))
        return replace(heard, retries=heard.retries + 1, trouble=said)
    return heard


def _of_message(heard: Heard, event: Event) -> Heard:
    code = text(event, "error")
    for part in listed(event, "message", "content"):
        heard = heard.says(str(within(part, "text") or "")) if within(part, "type") == "text" else heard
        if within(part, "type") == "tool_use":
            heard = heard.uses(str(within(part, "name") or ""), within(part, "input"))
    return replace(heard, trouble=trouble(heard.message, _CODES.get(code))) if code else heard


def _of_end(heard: Heard, event: Event) -> Heard:
    usage = Usage.model_construct(
        input_tokens=sum(
            count(event, "usage", each)
            for each in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        ),
        cached_input_tokens=count(event, "usage", "cache_read_input_tokens"),
        cache_write_tokens=count(event, "usage", "cache_creation_input_tokens"),
        output_tokens=count(event, "usage", "output_tokens"),
        usd=dollars(event, "total_cost_usd"),
    )
    heard = replace(heard.says(text(event, "result")), usage=usage)
    for denied in listed(event, "permission_denials"):
        heard = heard.denied(str(within(denied, "tool_name") or ""))
    if event.get("is_error") is False and event.get("subtype") == "success":
        refused = event.get("stop_reason") == "refusal"
        return heard.failed(trouble(heard.message, FailureClass.REFUSAL)) if refused else replace(heard, finished=True)
    words = "; ".join(map(str, listed(event, "errors"))) or text(event, "result")
    known = heard.trouble.kind if heard.trouble and heard.trouble.kind in _CODES.values() else None
    ending = _ENDINGS.get(text(event, "subtype"))
    return heard.failed(trouble(words, ending, known, of_words(words), of_status(event.get("api_error_status"))))


def _argv(task: Task) -> Argv:
    """As little as it needs: nothing that the worktree plants is read, and what is not allowed is denied."""
    tools = (*(task.tools or _TOOLS), *([_SKILL] if task.skills else []))
    known = ",".join(dict.fromkeys(tool.partition("(")[0] for tool in tools))
    argv = ["claude", "-p", "--output-format", "stream-json", "--verbose", "--setting-sources", "user"]
    argv += ["--permission-mode", "dontAsk", "--max-turns", str(task.max_turns)]
    argv += ["--model", task.model] if task.model else []
    argv += ["--resume", task.session] if task.session else []
    argv += ["--settings", _hooks(task.on_write)] if task.on_write else []
    argv += ["--max-budget-usd", f"{task.budget_left.usd:.2f}"] if task.budget_left.usd is not None else []
    return (*argv, "--tools", known, "--allowedTools", *tools)


def _hooks(commands: Sequence[Argv]) -> str:
    """Settings by which it runs these after each file that it writes, and is told what those print that fail."""
    lines = (shlex.join(("sh", "-c", _TOLD, "on_write", *command)) for command in commands)
    hooks = [{"type": "command", "command": line, "timeout": _HOOK_S} for line in lines]
    return json.dumps({"hooks": {"PostToolUse": [{"matcher": _WRITING, "hooks": hooks}]}})


def _env(task: Task) -> Mapping[str, str]:
    own = {"ANTHROPIC_BASE_URL": task.url} if task.url else {}
    return own | dict.fromkeys(
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY"), "1"
    )


CLAUDE = Program(
    argv=_argv,
    parser=claude,
    env=_env,
    install="npm install -g @anthropic-ai/claude-code",
    key="ANTHROPIC_API_KEY",
    tried="2.1.197",
    hosts=("api.anthropic.com:443",),
    skills=".claude/skills",
    on_write=True,
    proxied=True,
    session_files=(".claude/projects",),
)
