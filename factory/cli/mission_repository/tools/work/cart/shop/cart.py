"""Carts: what visitors have put into them, and what that costs."""

import sqlite3
from typing import NamedTuple


class Line(NamedTuple):
    """So many of an article."""

    article: str
    quantity: int
    cents: int  # of one


class Refused(Exception):
    """Something cannot be put into a cart: the HTTP status that says so, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def put(data: sqlite3.Connection, cart: str, article: str, quantity: int) -> None:
    """Put so many more of an article into a cart. Raises Refused."""
    if quantity < 1:
        raise Refused(422, "a quantity is at least 1")
    if data.execute("SELECT 1 FROM articles WHERE name = ?", (article,)).fetchone() is None:
        raise Refused(404, f"there is no {article}")
    with data:
        data.execute(
            "INSERT INTO lines VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity",
            (cart, article, quantity),
        )


def lines(data: sqlite3.Connection, cart: str) -> list[Line]:
    """What is in a cart, by article."""
    rows = data.execute(
        "SELECT article, quantity, cents FROM lines JOIN articles ON name = article WHERE cart = ? ORDER BY article",
        (cart,),
    )
    return [Line(*row) for row in rows]


def total(found: list[Line]) -> int:
    """What lines cost together, in cents."""
    return sum(line.cents * line.quantity for line in found)
