"""Attributes: what a span says besides its name and times, by names that others know where there are any.

Those that begin with `gen_ai.` and `error.` are OpenTelemetry's; docs/traces.md says of which version.
"""

import re
from collections.abc import Mapping

from factory.model.agent import AgentIdentity
from factory.model.journal import Entry, SeatVerdict
from factory.model.result import Usage

Attribute = str | int | float | bool

# Whose models these are, by how their names begin; an agent that works for several says `provider/model`.
_PROVIDERS = (
    (re.compile(r"claude|anthropic/"), "anthropic"),
    (re.compile(r"gpt|o\d|codex|openai/"), "openai"),
    (re.compile(r"gemini|google/"), "gcp.gemini"),
    (re.compile(r"(mistral|devstral|codestral)"), "mistral_ai"),
    (re.compile(r"deepseek"), "deepseek"),
    (re.compile(r"grok|xai/"), "x_ai"),
)


def of_item(item_id: str, contract: str | None, last: Entry) -> dict[str, Attribute]:
    """What is said of an item as a whole."""
    return _known(
        {
            "factory.item.id": item_id,
            "factory.contract": contract,
            "factory.outcome": last.outcome,
            "factory.runs": last.run,
            "factory.rounds": last.round,
        }
    )


def of_stay(began: Entry, ended: Entry | None) -> dict[str, Attribute]:
    """What is said of a time in a lane."""
    return _known(
        {
            "factory.lane": began.to,
            "factory.journal.seq": began.seq,
            "factory.event": ended.event if ended else None,
            "error.type": ended.failure if ended else None,
        }
    )


def of_run(began: Entry, ended: Entry | None) -> dict[str, Attribute]:
    """What is said of a run: tokens and cost are the worker's and the machine seats' together, as in the journal."""
    told = {**of_stay(began, ended), "factory.run": began.run, "factory.round": began.round}
    told |= _known({"factory.worker": began.worker})
    if ended is None:
        return told
    told |= _known({"factory.attempt": ended.attempt, "factory.sandbox": ended.sandbox})
    told |= _of_usage(ended.usage) if ended.usage else {}
    if ended.agent is None and not (ended.usage and ended.usage.tokens):
        return told  # a command, and no model
    agent = ended.agent or AgentIdentity()
    return told | _known(
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": began.worker,
            "gen_ai.agent.version": agent.version,
            "gen_ai.conversation.id": agent.session,
            "gen_ai.provider.name": _provider(agent.model or ""),
            "gen_ai.request.model": agent.model,
        }
    )


def of_seat(verdict: SeatVerdict) -> dict[str, Attribute]:
    """What is said of a seat; who sat in it stays in the journal, as it may be a person."""
    told = {"factory.seat": verdict.seat, "factory.decision": verdict.decision}
    return _known({**told, "factory.verdict.lost": bool(verdict.lost) or None})


def _of_usage(usage: Usage) -> dict[str, Attribute]:
    told: dict[str, Attribute | None] = {"factory.cost.usd": usage.usd}
    if usage.estimated:
        told["factory.cost.estimated"] = True
    if usage.tokens:
        told["gen_ai.usage.input_tokens"] = usage.input_tokens
        told["gen_ai.usage.output_tokens"] = usage.output_tokens
        told["gen_ai.usage.cache_read.input_tokens"] = usage.cached_input_tokens or None
        told["gen_ai.usage.cache_creation.input_tokens"] = usage.cache_write_tokens or None
    return _known(told)


def _provider(model: str) -> str | None:
    return next((name for pattern, name in _PROVIDERS if pattern.match(model.lower())), None)


def _known(told: Mapping[str, Attribute | None]) -> dict[str, Attribute]:
    """What is known of it, in plain values."""
    plain = {key: str(value) if isinstance(value, str) else value for key, value in told.items()}
    return {key: value for key, value in plain.items() if value is not None and value != ""}
