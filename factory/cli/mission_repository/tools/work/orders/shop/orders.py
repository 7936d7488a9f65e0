"""Orders: what was bought, by whom, and for how much."""

import sqlite3
from typing import NamedTuple

from shop.cart import lines, total


class Order(NamedTuple):
    """An order that was placed."""

    buyer: str
    cents: int
    bought: list[tuple[str, int]]  # article, quantity


def place(data: sqlite3.Connection, cart: str, buyer: str) -> int | None:
    """Order what is in a cart, and empty it: the number of the order. None where it is empty."""
    found = lines(data, cart)
    if not found:
        return None
    with data:
        number = data.execute("INSERT INTO orders (buyer, cents) VALUES (?, ?)", (buyer, total(found))).lastrowid
        data.executemany("INSERT INTO ordered VALUES (?, ?, ?)", [(number, line.article, line.quantity) for line in found])
        data.execute("DELETE FROM lines WHERE cart = ?", (cart,))
    return number


def order(data: sqlite3.Connection, number: int) -> Order | None:
    """An order; None where there is none of this number."""
    row = data.execute("SELECT buyer, cents FROM orders WHERE id = ?", (number,)).fetchone()
    bought = data.execute('SELECT article, quantity FROM ordered WHERE "order" = ? ORDER BY article', (number,))
    return Order(*row, bought.fetchall()) if row else None
