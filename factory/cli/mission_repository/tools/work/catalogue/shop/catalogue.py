"""What the shop sells."""

import sqlite3


def articles(data: sqlite3.Connection) -> list[dict[str, object]]:
    """Every article, by name."""
    rows = data.execute("SELECT name, cents, stock FROM articles ORDER BY name")
    return [{"name": name, "cents": cents, "stock": stock} for name, cents, stock in rows]
