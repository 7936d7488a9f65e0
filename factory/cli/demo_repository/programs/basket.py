"""A shopping basket: things and how many of each."""

Basket = dict[str, int]


def with_item(name: str, count: int = 1, basket: Basket = {}) -> Basket:
    """The basket with so many more of a thing; a new basket if none is given."""
    if count < 1:
        raise ValueError("at least one")
    basket[name] = basket.get(name, 0) + count
    return basket


def total(basket: Basket, prices: dict[str, int]) -> int:
    """What a basket costs; a thing without a price cannot be bought."""
    missing = sorted(name for name in basket if name not in prices)
    if missing:
        raise KeyError(f"no price: {', '.join(missing)}")
    return sum(prices[name] * count for name, count in basket.items())
