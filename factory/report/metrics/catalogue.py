"""The catalogue: every number there is. docs/metrics.md says how each is reckoned."""

from enum import StrEnum
from typing import NamedTuple


class Form(StrEnum):
    """What a number looks like."""

    NUMBER = "number"
    SPREAD = "spread"  # median, p85, p95 and mean of what was measured


class Metric(NamedTuple):
    """One number, or one for each value of its labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    form: Form = Form.NUMBER


_FLOW = (
    Metric("items_ended", "Items that ended.", ("outcome",)),
    Metric("throughput_per_day", "Items applied or accepted, a day."),
    Metric("lead_time_seconds", "From submission to a good end.", form=Form.SPREAD),
    Metric("cycle_time_seconds", "From the first start to a good end.", form=Form.SPREAD),
    Metric("lane_time_seconds", "In a lane, of an item that ended well, worked on or waiting.", ("lane", "part")),
    Metric("flow_efficiency_ratio", "Time worked on, of all lead time."),
    Metric("wip_items", "Open items.", ("lane",)),
    Metric("wip_mean_items", "Open items, on the average over the period."),
    Metric("wip_age_seconds", "Since an open item was submitted.", form=Form.SPREAD),
    Metric("lane_age_seconds", "Since an open item came into its lane.", ("lane",), Form.SPREAD),
)
_QUALITY = (
    Metric("first_pass_ratio", "Items that ended well without a rework or a block."),
    Metric("rounds", "Rounds of an item that ended well.", form=Form.SPREAD),
    Metric("rework_ratio", "Reworks for each ended run.", ("cause",)),
    Metric("block_ratio", "Blocks for each ended run.", ("cause",)),
    Metric("release_ratio", "Releases for each ended run.", ("cause",)),
    Metric("failures", "Runs that failed.", ("class",)),
    Metric("broken_claims_ratio", "Runs whose claims did not hold."),
    Metric("scope_drift_ratio", "Items whose patch left their scope."),
    Metric("assertions_changed", "Assertions that were changed after their plan was approved."),
    Metric("breaker_open_seconds", "How long breakers kept work back.", ("of",)),
)
_REVIEW = (
    Metric("verdicts", "What seats decided.", ("decision",)),
    Metric("verdict_seconds", "From being asked to a verdict.", ("by",), Form.SPREAD),
    Metric("overturned_ratio", "Verdicts against which the review ended."),
)
_COST = (
    Metric("runs", "Runs that ended.", ("ended_by",)),
    Metric("run_seconds", "How long a run took.", form=Form.SPREAD),
    Metric("tokens", "Tokens used.", ("kind",)),
    Metric("usd", "What runs have cost."),
    Metric("usd_unknown_runs", "Runs of which nobody said what they cost."),
    Metric("usd_per_run", "What a run costs."),
    Metric("tokens_per_run", "Tokens of a run."),
    Metric("usd_per_finished_item", "What all runs of an item that ended well have cost."),
    Metric("tokens_per_finished_item", "Tokens of all runs of an item that ended well."),
    Metric("wasted_runs", "Runs whose work never landed."),
    Metric("wasted_usd", "What these have cost."),
    Metric("wasted_tokens", "Their tokens."),
    Metric("wasted_usd_ratio", "Their share of the cost."),
)
_HANDOFF = (
    Metric("loose_ends", "What workers left undone or came across."),
    Metric("loose_ends_answered", "What became of it.", ("answer",)),
    Metric("loose_end_seconds", "How long it was open.", form=Form.SPREAD),
    Metric("loose_ends_open", "What nobody has answered yet."),
    Metric("handoff_loss_ratio", "What went with its item, unanswered."),
)
METRICS = {metric.name: metric for metric in (*_FLOW, *_QUALITY, *_REVIEW, *_COST, *_HANDOFF)}
