"""Long lists on pages."""

from collections.abc import Sequence


def page_count(items: int, per_page: int) -> int:
    """The number of pages that so many items need; no items still make no page."""
    if per_page < 1:
        raise ValueError("a page must have room for one item")
    return (items + per_page) // per_page


def page(items: Sequence[str], number: int, per_page: int) -> list[str]:
    """The items on a page, the first page being number 1."""
    start = (number - 1) * per_page
    return list(items[start : start + per_page])
