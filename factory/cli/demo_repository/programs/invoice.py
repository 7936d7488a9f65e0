"""Invoices: amounts of money in whole cents."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

Line = tuple[int, int]  # the price of one in cents, and how many


def rounded(amount: Decimal) -> int:
    """Whole cents; half a cent is rounded up, as the tax office wants it."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def tax_on(cents: int, rate: str) -> int:
    """The tax on an amount at a rate such as 0.19."""
    return rounded(cents * Decimal(rate))


def invoice_total(lines: list[Line], rate: str, discount: str = "0") -> int:
    """The sum of all lines less the discount, with tax."""
    net = sum(price * count for price, count in lines)
    net -= rounded(net * Decimal(discount))
    return net + tax_on(net, rate)


def statement_average(totals: list[int]) -> int:
    """The mean of invoice totals for statistics, where half a cent goes to the even side."""
    mean = Decimal(sum(totals)) / len(totals)
    return int(mean.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
