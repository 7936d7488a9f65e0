"""A factory whose work is done by a real program, and what came of its one item."""

import json
from collections.abc import Sequence

import pytest

from tests.real_agents.programs import installed
from tests.world import World

_KEYS = {"claude": "ANTHROPIC_API_KEY", "codex": "OPENAI_API_KEY", "opencode": "OPENAI_API_KEY"}
# Fewer of what the programs do by themselves before they give up: each is tried out here, and not how patient it is.
_HURRY = {
    "CLAUDE_CODE_MAX_RETRIES": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "npm_config_registry": "http://127.0.0.1:9",
}


def agent(kind: str, address: str) -> dict[str, object]:
    """The entry of an agent in WORKFLOW.md."""
    url = address if kind == "claude" else f"{address}/v1"
    named = {} if kind == "claude" else {"model": "m"}
    return {"kind": kind, "url": url, "secrets": [_KEYS[kind]], "env": [*_HURRY], "network": True, **named}


def among(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the programs on the path, with keys for them; skip the test where there are none."""
    place, why = installed()
    if place is None:
        pytest.skip(why)
    monkeypatch.setenv("PATH", str(place), prepend=":")
    for name, value in {**_HURRY, **dict.fromkeys(_KEYS.values(), "k-of-a-script-0123")}.items():
        monkeypatch.setenv(name, value)


def factory_of(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    agents: dict[str, dict[str, object]],
    more: str = "",
    tools: Sequence[str] = (),
    **contract: object,
) -> None:
    """One item for the agent `it`, under a contract that asks for `right` in a.txt."""
    among(monkeypatch)
    world.policy(f"agents: {json.dumps(agents)}\nretry: {{initial_ms: 1}}\n{more}")
    asked: dict[str, object] = {
        "worker": {"agent": "it", "tools": list(tools)},
        "checks": [{"name": "right", "run": ["grep", "-q", "right", "a.txt"], "when": "delivery"}],
        "limits": {"minutes": 2},
        "retry": {"max_attempts": 2},
    }
    world.contract("scripted", **{**asked, **contract})
    world.write("queue/inbox/one.yaml", "title: Write right into a.txt\n")
