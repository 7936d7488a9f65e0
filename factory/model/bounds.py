"""Bounds: what others than a repository's owner allow it; they come before what its own WORKFLOW.md says."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from factory.model.policy import DayBudget, Policy

_STRICTNESS = ("off", "auto", "required")


@dataclass(frozen=True)
class Bounds:
    """What a policy cannot exceed. One that says nothing bounds nothing."""

    foreign: bool = False  # whether whoever writes the policy is somebody else than whose machine this is
    budget: DayBudget = field(default_factory=DayBudget)
    sandbox: Literal["off", "auto", "required"] = "off"  # at least
    hidden: tuple[Path, ...] = ()  # files and folders that nothing in a cell may see

    def bound(self, policy: Policy) -> Policy:
        """The policy with what it may not say replaced."""
        if not self.foreign:
            return policy
        spent = [most for most in (self.budget.usd_per_day, policy.budget.usd_per_day) if most is not None]
        strict = self.budget.usd_per_day is not None and self.budget.unknown == "block"
        return policy.model_copy(
            update={
                "budget": DayBudget(
                    usd_per_day=min(spent, default=None), unknown="block" if strict else policy.budget.unknown
                ),
                "sandbox": max(self.sandbox, policy.sandbox, key=_STRICTNESS.index),
                "workspace": policy.workspace.model_copy(update={"root": None}),
                "notify": (),
                "secret_scan": policy.secret_scan if isinstance(policy.secret_scan, str) else "builtin",
            }
        )

    def overruled(self, policy: Policy) -> Iterator[str]:
        """What of a policy does not count, for people to know."""
        if not self.foreign:
            return
        if policy.workspace.root is not None:
            yield "workspace.root does not count: cells lie in the cache folder of whoever runs the fleet"
        if not isinstance(policy.secret_scan, str):
            yield "secret_scan does not count: a scanner of its own would run in no sandbox; builtin takes its place"
        if policy.notify:
            yield "notify does not count: its commands would run in no sandbox"
        if policy.sandbox == "off" != self.sandbox:
            yield f"sandbox: off does not count: the fleet asks for {self.sandbox}"


UNBOUND = Bounds()
