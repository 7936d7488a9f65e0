"""What an editor shows beside the keys of a fleet file."""

from collections.abc import Mapping
from types import MappingProxyType

OF_FLEETS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Fleet": {
            "max_concurrent_agents": "How many runs all repositories together have at once.",
            "sandbox": "What each repository must have at least: `required`, or the best that there is (`auto`).",
            "repositories": "The repositories that are at work.",
        },
        "Tenant": {
            "path": "The folder of the repository, from this file's folder on.",
            "name": "What it is called in what is told; without one as its folder is.",
            "weight": "Its share of the runs, beside the others that have work waiting.",
            "max_concurrent_agents": "How many runs it has at once at most, also when nobody else has work.",
            "budget": "The most that it may cost; that of its WORKFLOW.md counts where it is smaller.",
            "secrets": "By the variable that the repository has it in, where the value is; nobody else has it.",
        },
        "TenantBudget": {
            "usd_per_day": "US dollars a day, of all its items together.",
            "unknown": "What follows once nobody knows what a run cost: `block` until tomorrow, or `allow`.",
        },
        "SecretSource": {
            "env": "The variable of the fleet's environment that has the value.",
            "file": "The file that holds the value, from this file's folder on.",
        },
    }
)
