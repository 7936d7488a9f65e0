"""Prices: what tokens of a model cost, where an agent does not say what it has cost."""

from typing import Annotated

from pydantic import Field

from factory.model.result import MOST_USD, Usage
from factory.model.section import Section

Rate = Annotated[float, Field(ge=0, le=1_000_000)]  # USD for a million tokens
_MILLION = 1_000_000


class Price(Section):
    """Of one model, in USD for a million tokens."""

    input: Rate
    output: Rate
    cached_input: Rate | None = None  # tokens that were read from a cache; else as others
    cache_write: Rate | None = None  # tokens that were written to one; else as others

    def of(self, usage: Usage) -> float:
        """What a usage costs, in USD, and no more than a run can have cost."""
        cached, written = usage.cached_input_tokens, usage.cache_write_tokens
        plain = max(0, usage.input_tokens - cached - written)
        rates = (self.input, self.cached_input, self.cache_write, self.output)
        counts = (plain, cached, written, usage.output_tokens)
        dear = sum(count * (self.input if rate is None else rate) for count, rate in zip(counts, rates, strict=True))
        return min(round(dear / _MILLION, 6), MOST_USD)


def estimated(usage: Usage, price: Price | None) -> Usage:
    """A usage with what it costs by a price; as it is where it says so itself, or where there is nothing to go by."""
    if usage.usd is not None or price is None or usage.tokens == 0:
        return usage
    return usage.model_copy(update={"usd": price.of(usage), "estimated": True})
