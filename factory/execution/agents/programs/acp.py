"""Any agent that speaks the Agent Client Protocol, as `factory-acp` tells of it."""

from dataclasses import replace

from factory.execution.agents.agent import Task
from factory.execution.agents.programs.heard import Event, Heard, count, dollars, text
from factory.execution.agents.programs.program import Program
from factory.execution.agents.programs.trouble import trouble
from factory.model.base import Argv
from factory.model.failure import Failure, FailureClass
from factory.model.result import Usage
from factory.model.text import label

_ANEW = "prompt.anew"  # the whole prompt, for one that has forgotten the session
_AUTH_REQUIRED = -32000
_REASONS = {
    "max_tokens": Failure(FailureClass.CONTEXT, "its model came to the most tokens that it may answer with"),
    "max_turn_requests": Failure(FailureClass.MAX_TURNS, "it came to the most requests that it may make in a turn"),
    "refusal": Failure(FailureClass.REFUSAL, "it refused to go on"),
    "cancelled": Failure(FailureClass.CRASH, "it says that it was cancelled"),
}


def acp(heard: Heard, event: Event) -> Heard:
    """What is heard once a line has come."""
    match event.get("type"):
        case "begin":
            begun = replace(heard, session=label(text(event, "session")))
            return replace(begun, version=label(f"{text(event, 'agent')} {text(event, 'version')}".strip()))
        case "tool":
            return heard.does(text(event, "title") or text(event, "kind"))
        case "denied":
            return heard.denied(text(event, "title") or text(event, "kind"))
        case "message":
            return heard.says(text(event, "text"))
        case "usage":
            return replace(heard, usage=_usage(heard.usage, event))
        case "end":
            reason = text(event, "reason")
            return replace(heard, finished=reason in (*_REASONS, "end_turn"), failure=_REASONS.get(reason))
        case "error":
            known = FailureClass.AUTH if event.get("code") == _AUTH_REQUIRED else None
            return heard.failed(trouble(text(event, "data", "details") or text(event, "message"), known))
    return heard


def _usage(before: Usage, event: Event) -> Usage:
    """What the session has come to by then; its tokens come with the end of a turn, its cost by itself."""
    usd = dollars(event, "usd")
    return Usage.model_construct(
        input_tokens=count(event, "input_tokens") or before.input_tokens,
        output_tokens=count(event, "output_tokens") or before.output_tokens,
        usd=before.usd if usd is None else usd,
    )


def _argv(task: Task) -> Argv:
    """`tools` are kinds of tools that the protocol knows."""
    asked = [word for kind in task.tools for word in ("--allow", kind)]
    model = ["--model", task.model] if task.model else []
    session: list[str] = []
    if task.session:
        session = ["--session", task.session, "--anew", task.cell.give(_ANEW, task.whole_prompt.encode())]
    return ("factory-acp", *asked, *model, *session, "--", *task.command.argv)


ACP = Program(
    argv=_argv,
    parser=acp,
    env=lambda _: {},
    install="pip install 'git-factory[acp]'",
    key="",
    tried="",
    library="acp",
    session_files=(".",),  # where any of them keeps what it needs nobody knows
    counts_on=True,
)
