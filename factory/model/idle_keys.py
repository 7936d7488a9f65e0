"""Idle keys: what in the policy is read and has no effect, so that silence about a key is never a promise."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pydantic import JsonValue

from factory.model.lifecycle import Lane
from factory.model.policy import Policy
from factory.model.states import lane_of

Path = tuple[str | int, ...]
_OF_TRACKER = "the queue in this repository is the tracker, and nobody else is asked"
_OF_CODEX = "no agent is of the kind codex-app-server"
_IDLE: Mapping[Path, str] = MappingProxyType(
    {("tracker", key): _OF_TRACKER for key in ("endpoint", "api_key", "project_slug", "provider")}
)
_FOR_APP_SERVERS = frozenset(
    {"command", "approval_policy", "thread_sandbox", "turn_sandbox_policy", "turn_timeout_ms", "read_timeout_ms"}
)
_APP_SERVER = "codex-app-server"
_STARTS = frozenset({Lane.INBOX, Lane.REWORK, Lane.ACTIVE})
_SAY_WHICH = "say which lane it is under tracker.lanes"


def idle_keys(given: JsonValue, policy: Policy) -> Iterator[tuple[Path, str]]:
    """(the path of a key that has no effect, why), for the front matter and the policy that it was read as."""
    for path, why in _IDLE.items():
        found = given
        for key in path:
            found = found.get(str(key)) if isinstance(found, dict) else None
        if found is not None:
            yield path, f"is without effect: {why}"
    if not any(agent.kind == _APP_SERVER for agent in policy.agents.values()):
        codex = given.get("codex") if isinstance(given, dict) else None
        idle = [key for key in codex if key in _FOR_APP_SERVERS] if isinstance(codex, dict) else []
        yield from ((("codex", key), f"is without effect: {_OF_CODEX}") for key in idle)
    yield from _idle_states(policy)


def _idle_states(policy: Policy) -> Iterator[tuple[Path, str]]:
    tracker = policy.tracker
    for number, state in enumerate(tracker.active_states):
        lane = lane_of(state, tracker.lanes)
        if lane not in _STARTS:
            why = f"it is the lane {lane}, in which nothing starts" if lane else f"no lane is called so; {_SAY_WHICH}"
            yield ("tracker", "active_states", number), f"{state!r} is without effect: {why}"
    for number, state in enumerate(tracker.terminal_states):
        lane = lane_of(state, tracker.lanes)
        if lane is not Lane.DONE:
            why = f"it is the lane {lane}, which ends nothing" if lane else f"no lane is called so; {_SAY_WHICH}"
            yield ("tracker", "terminal_states", number), f"{state!r} is without effect: {why}"
    counted = policy.agent.limits_by_state
    for state in policy.agent.max_concurrent_agents_by_state:
        lane = lane_of(state, tracker.lanes)
        if state not in counted:
            yield ("agent", "max_concurrent_agents_by_state", state), "is without effect: it is no number above 0"
        elif lane not in _STARTS:
            why = f"nothing starts in the lane {lane}" if lane else f"no lane is called so; {_SAY_WHICH}"
            yield ("agent", "max_concurrent_agents_by_state", state), f"is without effect: {why}"
