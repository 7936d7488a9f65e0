"""An agent that speaks the Agent Client Protocol: it does what its first argument says, whatever it is asked."""

import asyncio
import os
import sys
from pathlib import Path
from typing import cast

import acp
from acp import schema

_FILE = "a.txt"
_KEPT = Path.home() / ".example/sessions/session-1"


class Agent:
    """Does what its first argument says."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._client: acp.Client

    def on_connect(self, client: acp.Client) -> None:
        self._client = client

    async def initialize(self, **_: object) -> schema.InitializeResponse:
        return schema.InitializeResponse(
            protocol_version=acp.PROTOCOL_VERSION,
            agent_capabilities=schema.AgentCapabilities(load_session=True),
            agent_info=schema.Implementation(name="example", version="1.2"),
        )

    async def new_session(self, **_: object) -> schema.NewSessionResponse:
        if self._what == "no-key":
            raise acp.RequestError.auth_required()
        if self._what in ("goes on", "forgets"):
            _KEPT.parent.mkdir(parents=True, exist_ok=True)
            _KEPT.write_text("0")
        models = [schema.SessionConfigSelectOption(value=each, name=each) for each in ("small", "large")]
        choice = schema.SessionConfigOptionSelect(
            id="model", name="Model", type="select", current_value="small", options=models
        )
        return schema.NewSessionResponse(session_id="session-1", config_options=[choice])

    async def load_session(self, session_id: str, **_: object) -> schema.LoadSessionResponse:
        if session_id != "session-0" and not (session_id == _KEPT.name and _KEPT.exists()):
            raise acp.RequestError.resource_not_found(session_id)
        await self._says(session_id, "Said long ago.")
        return schema.LoadSessionResponse()

    async def set_config_option(self, value: str, **_: object) -> schema.SetSessionConfigOptionResponse:
        if value not in ("small", "large"):
            raise acp.RequestError(-32602, f"model not found: {value}")
        return schema.SetSessionConfigOptionResponse(config_options=[])

    async def prompt(
        self, session_id: str, prompt: list[schema.TextContentBlock], **_: object
    ) -> schema.PromptResponse:
        match self._what:
            case "dies":
                os._exit(0)
            case "hangs":
                await asyncio.sleep(1000)
            case "rubbish":
                os.write(1, b'rubbish\n{}\n[1]\n{"jsonrpc": "2.0", "id": 99, "result": 1}\n')
                await asyncio.sleep(0.2)
                os._exit(0)
            case "refuses":
                return schema.PromptResponse(stop_reason="refusal")
            case "busy":
                raise acp.RequestError(-32603, "429 Too Many Requests")
            case "works":
                await self._works(session_id, prompt[0].text)
            case "forgets":
                answer = self._goes_on(prompt[0].text)
                _KEPT.rename(_KEPT.with_name("another"))
                return answer
            case "goes on":
                return self._goes_on(prompt[0].text)
        usage = schema.Usage(total_tokens=220, input_tokens=200, output_tokens=20)
        await self._says(session_id, "All ")
        await self._says(session_id, "done.")
        return schema.PromptResponse(stop_reason="end_turn", usage=usage)

    def _goes_on(self, asked: str) -> schema.PromptResponse:
        """Its work is wrong in the first turn of a session; what it has used is told of the whole of that."""
        turns = int(_KEPT.read_text()) + 1
        _KEPT.write_text(str(turns))
        Path(_FILE).write_text("right" if Path(_FILE).exists() else "wrong")
        Path("prompt.txt").write_text(asked)
        Path("turns.txt").write_text(str(turns))
        usage = schema.Usage(total_tokens=110 * turns, input_tokens=100 * turns, output_tokens=10 * turns)
        return schema.PromptResponse(stop_reason="end_turn", usage=usage)

    async def _works(self, session_id: str, asked: str) -> None:
        call = {"tool_call_id": "1", "title": f"Write {_FILE}", "kind": "edit"}
        await self._client.session_update(
            session_id, schema.ToolCallStart.model_validate({"session_update": "tool_call", **call})
        )
        options = [
            schema.PermissionOption(option_id="yes", name="Yes", kind="allow_once"),
            schema.PermissionOption(option_id="no", name="No", kind="reject_once"),
        ]
        answer = await self._client.request_permission(session_id, schema.ToolCallUpdate.model_validate(call), options)
        if isinstance(answer.outcome, schema.AllowedOutcome) and answer.outcome.option_id == "yes":
            Path(_FILE).write_text(f"{len(asked) > 0}\n")
        cost = schema.Cost(amount=0.5, currency="USD")
        await self._client.session_update(
            session_id, schema.UsageUpdate(session_update="usage_update", used=220, size=1000, cost=cost)
        )

    async def _says(self, session_id: str, text: str) -> None:
        await self._client.session_update(session_id, acp.update_agent_message_text(text))


if __name__ == "__main__":
    asyncio.run(acp.run_agent(cast(acp.Agent, Agent(sys.argv[1]))))
