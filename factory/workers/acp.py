"""Drives an agent that speaks the Agent Client Protocol through one turn: prompt in, a stream of JSON lines out.

`factory-acp [--allow KIND]… [--model MODEL] [--session ID [--anew FILE]] -- ARGV…` runs the agent in this folder, gives
it what comes over standard input (where it cannot go on with the session, what is in the file), answers its requests
for permission by the kinds of tools that are allowed, and prints a line for all that it tells: `begin`, `sign`, `tool`,
`denied`, `message`, `usage`, and at the end `end` or `error`.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

try:
    import acp
    from acp import schema
except ImportError:
    sys.exit("error: the protocol's library is not installed; install it with: pip install 'git-factory[acp]'")

_LONGEST_LINE = 10_000_000  # bytes of one message of the agent
_SIGN_S = 1.0  # between two lines that say no more than that it is alive
# What needs nobody's leave where nothing else is said: all that happens within the folder.
_ALLOWED = ("read", "edit", "delete", "move", "search", "execute", "think", "other")
_LEAVE = {True: ("allow_once", "allow_always"), False: ("reject_once", "reject_always")}


def main() -> None:
    """Exit status 1 when the agent did not come to the end of its turn."""
    parser = argparse.ArgumentParser(prog="factory-acp", description=__doc__)
    parser.add_argument("--allow", action="append", metavar="KIND", help="of tools; may be given several times")
    parser.add_argument("--model", help="one of those that the agent offers")
    parser.add_argument("--session", help="an earlier one, to go on with")
    parser.add_argument("--anew", metavar="FILE", type=Path, help="what it is told where that is not there any more")
    parser.add_argument("argv", nargs="+", help="the agent's")
    asked = parser.parse_args()
    logging.disable()  # the library tells of each line that is none of the protocol's, with a traceback
    told = _Told(frozenset(asked.allow or _ALLOWED))
    try:
        asyncio.run(_turn(told, _Asked(asked.argv, sys.stdin.read(), asked.model, asked.session, asked.anew)))
    except acp.RequestError as error:
        _say("error", code=error.code, message=str(error), data=error.data)
    except (
        OSError,
        ValueError,
    ) as error:  # it cannot be started, or has ended, or says what the protocol does not know
        _say("error", code=None, message=f"the agent did not go on: {error}", data=None)
    else:
        return
    sys.exit(1)


@dataclass(frozen=True)
class _Asked:
    """What is asked of an agent, and of which."""

    argv: Sequence[str]
    prompt: str
    model: str | None
    session: str | None  # an earlier one
    anew: Path | None  # what it is told where it cannot go on with that

    def words(self, opened: "_Opened") -> str:
        """What it is told in a session that is open now."""
        return self.prompt if opened.goes_on or not self.anew else self.anew.read_text()


async def _turn(told: "_Told", asked: _Asked) -> None:
    """One turn of one session, from the handshake to the reason why it stopped."""
    program, *arguments = asked.argv
    to_it = {"stderr": None, "limit": _LONGEST_LINE}  # what it writes besides goes where ours does
    folder = str(Path.cwd())
    client = cast(acp.Client, told)  # of which it does what an agent may ask of one that offers nothing more
    async with acp.spawn_agent_process(
        client, program, *arguments, env=os.environ, cwd=folder, transport_kwargs=to_it
    ) as (agent, _):
        met = await agent.initialize(acp.PROTOCOL_VERSION, schema.ClientCapabilities())
        opened = await _session(agent, met, folder, asked.session)
        _say(
            "begin",
            session=opened.id,
            agent=met.agent_info.name if met.agent_info else program,
            version=met.agent_info.version if met.agent_info else None,
        )
        if asked.model:
            await _choose(agent, opened, asked.model)
        told.begun = True  # what a session tells again of its past is not said now
        ended = await agent.prompt(opened.id, [schema.TextContentBlock(type="text", text=asked.words(opened))])
        told.flush()
        if ended.usage:
            _say("usage", **ended.usage.model_dump(exclude={"field_meta"}))
        _say("end", reason=ended.stop_reason)


@dataclass(frozen=True)
class _Opened:
    """A session, and what may be chosen in it."""

    id: str
    options: Sequence[schema.SessionConfigOptionSelect | schema.SessionConfigOptionBoolean]
    goes_on: bool = False  # whether it is the earlier one


async def _session(agent: acp.Agent, met: schema.InitializeResponse, folder: str, session: str | None) -> _Opened:
    """The earlier session where the agent still has it, else a new one."""
    if session and met.agent_capabilities and met.agent_capabilities.load_session:
        try:
            loaded = await agent.load_session(folder, session)
        except acp.RequestError:
            pass  # it has forgotten it
        else:
            return _Opened(session, (loaded and loaded.config_options) or (), goes_on=True)
    new = await agent.new_session(folder)
    return _Opened(new.session_id, new.config_options or ())


async def _choose(agent: acp.Agent, opened: _Opened, model: str) -> None:
    """Have the session use a model. Raises ValueError when the agent lets nobody choose one."""
    for option in opened.options:
        if isinstance(option, schema.SessionConfigOptionSelect) and "model" in (option.id, option.category):
            await agent.set_config_option(option.id, opened.id, model)
            return
    raise ValueError(f"it lets nobody choose a model, {model!r} is asked for")


@dataclass
class _Told:
    """The client's side: what the agent tells is printed, what it asks for is answered."""

    allowed: frozenset[str]
    begun: bool = False
    _message: list[str] = field(default_factory=list)
    _kinds: dict[str, tuple[str, str]] = field(default_factory=dict)  # of tool calls, with what they are called
    _signed: float = 0.0

    async def session_update(self, update: object, **_: object) -> None:
        """Print what the agent tells of its work."""
        if not self.begun:
            return
        match update:
            case schema.AgentMessageChunk(content=schema.TextContentBlock(text=text)):
                self._message.append(text)
            case schema.ToolCallStart():
                self.flush()
                self._kinds[update.tool_call_id] = update.kind or "other", update.title
                _say("tool", title=update.title, kind=update.kind or "other")
            case schema.UsageUpdate(cost=schema.Cost(amount=amount, currency="USD")):
                _say("usage", usd=amount)
        if time.monotonic() - self._signed > _SIGN_S:
            self._signed = time.monotonic()
            _say("sign")

    async def request_permission(
        self, tool_call: schema.ToolCallUpdate, options: list[schema.PermissionOption], **_: object
    ) -> schema.RequestPermissionResponse:
        """Answer at once; nobody is there to be asked."""
        kind, title = self._kinds.get(tool_call.tool_call_id, ("other", "a tool"))
        kind, title = tool_call.kind or kind, tool_call.title or title
        granted = kind in self.allowed
        if not granted:
            _say("denied", title=title, kind=kind)
        for wanted in _LEAVE[granted]:
            for option in options:
                if option.kind == wanted:
                    chosen = schema.AllowedOutcome(outcome="selected", option_id=option.option_id)
                    return schema.RequestPermissionResponse(outcome=chosen)
        return schema.RequestPermissionResponse(outcome=schema.DeniedOutcome(outcome="cancelled"))

    def flush(self) -> None:
        """Print what the agent has said since it last did something else."""
        text = "".join(self._message)
        self._message.clear()
        if text.strip():
            _say("message", text=text)


def _say(what: str, **told: object) -> None:
    sys.stdout.write(json.dumps({"type": what, **told}, default=str) + "\n")
    sys.stdout.flush()
