"""What an editor shows beside the keys of WORKFLOW.md that are the Symphony specification's, and those near them."""

from collections.abc import Mapping
from types import MappingProxyType

_UNUSED = "Read, and without an effect: a key of the Symphony specification."

OF_SYMPHONY: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Agents": {
            "max_concurrent_agents": "Workers at a time, in each clone that makes passes.",
            "max_concurrent_checks": "Checks at a time, of deliveries and of the merge train; otherwise as workers.",
            "max_concurrent_reviews": "Machine seats that judge at a time; otherwise as many as workers.",
            "max_turns": "Turns of an agent.",
            "max_retry_backoff_ms": "The longest wait before another attempt, in milliseconds.",
            "max_concurrent_agents_by_state": "Workers at a time whose items came from a state or lane: {Todo: 3}.",
        },
        "Codex": {
            "command": "The shell line of an agent of the kind codex-app-server, run by bash -lc in its cell.",
            "approval_policy": "What such an agent asks approval for; it gets it at once. Otherwise never.",
            "thread_sandbox": "Its own sandbox, where no bubblewrap contains it.",
            "turn_sandbox_policy": "The same, of each turn.",
            "turn_timeout_ms": "Milliseconds that one turn of it may take.",
            "read_timeout_ms": "Milliseconds that each of its answers may take.",
            "stall_timeout_ms": "Milliseconds without output until a worker is stopped; 0 or less: never.",
        },
        "Hooks": {
            "after_create": "Run when a cell has been made; a failure ends the run.",
            "before_run": "Run before the worker; a failure ends the run.",
            "after_run": "Run after the worker; a failure is logged.",
            "before_remove": "Run before a cell is taken away; a failure is logged.",
            "timeout_ms": "How long each may take, in milliseconds.",
        },
        "Polling": {"interval_ms": "Milliseconds."},
        "Server": {
            "port": "The port on which factory run serves what is to be seen, from its start on; 0: any that is free.",
            "host": "An address of this machine alone; factory run --host takes any other one.",
        },
        "Tracker": {
            "kind": "queue: this repository's own.",
            "required_labels": "Labels without which an item does not start, in any case of letters.",
            "active_states": "States of a board in which items are worked on; a lane that is none of them waits.",
            "terminal_states": "States of a board in which an item is finished: what prompts call the lane done.",
            "lanes": "Which lane a state is, where its name does not say so: {Waiting for QA: review}.",
            "provider": _UNUSED,
            "endpoint": _UNUSED,
            "api_key": _UNUSED,
            "project_slug": _UNUSED,
        },
        "Workspace": {
            "keep": "true: an item has a folder of its own from run to run, which after_create fills, and not git.",
            "root": "A path, which may begin with ~ and hold $VAR; if not set, under the user's cache folder.",
        },
    }
)
