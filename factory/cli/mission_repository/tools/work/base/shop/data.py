"""The data of the shop: one SQLite database."""

import sqlite3

ARTICLES = (("apple", 35, 40), ("bread", 295, 12), ("cheese", 415, 5), ("jam", 380, 9))  # name, cents, in stock
TABLES = """
CREATE TABLE IF NOT EXISTS articles (name TEXT PRIMARY KEY, cents INTEGER NOT NULL, stock INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS lines (
  cart TEXT NOT NULL, article TEXT NOT NULL REFERENCES articles, quantity INTEGER NOT NULL, UNIQUE (cart, article));
CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, buyer TEXT NOT NULL, cents INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ordered (
  "order" INTEGER NOT NULL REFERENCES orders, article TEXT NOT NULL, quantity INTEGER NOT NULL);
"""


def opened(path: str) -> sqlite3.Connection:
    """The database at a path, with what it begins with."""
    data = sqlite3.connect(path)
    with data:
        data.executescript(TABLES)
        data.executemany("INSERT OR IGNORE INTO articles VALUES (?, ?, ?)", ARTICLES)
    return data
