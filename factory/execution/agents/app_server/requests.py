"""What the client says: each request and notification of the handshake, of the turns and of the end."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from factory.execution.agents.app_server.item_tool import NAME, SPEC
from factory.execution.agents.programs.heard import Event

_PROVIDER = "factory"
KEY = "OPENAI_API_KEY"
_INSTRUCTIONS = (
    f"You work on one item of a queue, in a folder of your own; nobody can be asked while you work. "
    f"Once the item is done, call the tool {NAME} with action deliver; if only a person can say how to go on, "
    f"call it with action ask."
)
CONTINUE = (
    f"Your turn ended, and the item is not delivered yet. Go on where you stopped, without beginning anew. "
    f"When all that it asks for is done, call {NAME} with action deliver; "
    f"if you cannot go on without an answer, call it with action ask."
)


@dataclass(frozen=True)
class Settings:
    """What a conversation is held with, the same from its beginning to its end."""

    prompt: str
    folder: str  # where it works, as it sees it
    name: str  # of its thread, for people
    approval: JsonValue  # its approval policy
    sandbox: JsonValue  # of the thread
    sandbox_policy: JsonValue  # of each turn
    max_turns: int = 20
    item: Mapping[str, JsonValue] | None = None  # what the tool shows; None: there is no tool, and one turn is all
    model: str | None = None
    url: str | None = None  # of its model
    key: str | None = None  # to log in with, where the model is at its usual place
    session: str | None = None  # the thread to be gone on with
    whole_prompt: str = ""  # where that is not there any more


def initialize(version: str) -> Event:
    """Who speaks; without the capability it takes no tools of others."""
    client = {"name": "factory", "title": "factory", "version": version}
    return {"method": "initialize", "params": {"clientInfo": client, "capabilities": {"experimentalApi": True}}}


def login(key: str) -> Event:
    """Log in: the server takes no key from its environment."""
    return {"method": "account/login/start", "params": {"type": "apiKey", "apiKey": key}}


def thread_start(settings: Settings) -> Event:
    """A new thread."""
    tools: dict[str, object] = {"dynamicTools": [SPEC], "developerInstructions": _INSTRUCTIONS} if settings.item else {}
    return {"method": "thread/start", "params": {**_of_thread(settings), **tools}}


def thread_resume(settings: Settings, thread: str) -> Event:
    """The thread of a round before, with the tools that it has had since its beginning."""
    return {"method": "thread/resume", "params": {"threadId": thread, **_of_thread(settings)}}


def thread_name(settings: Settings, thread: str) -> Event:
    """A name for people."""
    return {"method": "thread/name/set", "params": {"threadId": thread, "name": settings.name}}


def turn_start(settings: Settings, thread: str, words: str) -> Event:
    """A turn, with what the agent is told in it."""
    params = {
        "threadId": thread,
        "input": [{"type": "text", "text": words}],
        "cwd": settings.folder,
        "approvalPolicy": settings.approval,
        "sandboxPolicy": settings.sandbox_policy,
    }
    return {"method": "turn/start", "params": _said(params)}


def turn_steer(thread: str, turn: str, words: str) -> Event:
    """Something that the agent is told in the midst of a turn."""
    told = [{"type": "text", "text": words}]
    return {"method": "turn/steer", "params": {"threadId": thread, "expectedTurnId": turn, "input": told}}


def turn_interrupt(thread: str, turn: str) -> Event:
    """The end of a turn that is under way."""
    return {"method": "turn/interrupt", "params": {"threadId": thread, "turnId": turn}}


def _of_thread(settings: Settings) -> dict[str, object]:
    params: dict[str, object] = {
        "cwd": settings.folder,
        "approvalPolicy": settings.approval,
        "sandbox": settings.sandbox,
        "model": settings.model,
    }
    if settings.url:
        provider = {"name": _PROVIDER, "base_url": settings.url, "env_key": KEY, "wire_api": "responses"}
        params |= {"modelProvider": _PROVIDER, "config": {"model_providers": {_PROVIDER: provider}}}
    return _said(params)


def _said(params: Mapping[str, object]) -> dict[str, object]:
    """Without what nobody said."""
    return {name: value for name, value in params.items() if value is not None}
