"""The metrics: numbers about flow, quality, reviews, cost and handoffs, each of which docs/metrics.md defines."""
