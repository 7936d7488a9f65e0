"""What an editor shows beside the keys of agents, roles, prices and usage."""

from collections.abc import Mapping
from types import MappingProxyType

SECRETS = "Names of environment variables that are let through; their values are masked in everything written."
ENV = "Names of environment variables that are let through, besides the safe few."
NETWORK = 'true, false, or the hosts that alone can be reached: [example.org, "127.0.0.1:8080"].'
ARGV = "The program and its arguments, a list; no shell. Each element is a template."

OF_AGENTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Agent": {
            "kind": "claude, codex, codex-app-server, opencode, acp; or command, which is an argv template.",
            "model": "Its model, also for review.distinct_models.",
            "url": "The address of the service that has its model, where that is not the usual one.",
            "run": ARGV,
            "env": ENV,
            "secrets": f"{SECRETS} Or a mapping: the name that the agent sees, and the variable that holds it.",
            "network": f"What of the network it may use, working or in a seat: {NETWORK}",
        },
        "RoleAgent": {
            "agent": "Its name under agents.",
            "labels": "Only for items with all of these labels.",
            "contracts": "Only under these contracts.",
            "rounds": "Only in these rounds, counted from 1.",
            "attempts": "Only for these attempts of a round, counted from 1.",
        },
        "Price": {
            "input": "US dollars for a million tokens read.",
            "output": "US dollars for a million tokens written.",
            "cached_input": "US dollars for a million tokens read from a cache; otherwise as input.",
            "cache_write": "US dollars for a million tokens written to a cache; otherwise as input.",
        },
        "Usage": {
            "input_tokens": "Tokens read, those from a cache and those written to one included.",
            "cached_input_tokens": "Of the tokens read those that came from a cache.",
            "cache_write_tokens": "Of the tokens read those that were written to a cache.",
            "estimated": "Whether usd is reckoned from the prices in WORKFLOW.md. The factory writes it.",
            "incomplete": "Whether usd is only a part, as of the rest nobody said. The factory writes it.",
            "output_tokens": "Tokens written.",
            "usd": "US dollars.",
        },
    }
)
