"""The catalogue, as a page and by the API."""

import sqlite3

from shop.catalogue import articles
from shop.pages import Reply, as_json, as_page, route


@route("GET", "/api/articles")
def listed(data: sqlite3.Connection) -> Reply:
    """Every article, for programs."""
    return as_json(articles(data))


@route("GET", "/")
def page(data: sqlite3.Connection) -> Reply:
    """Every article with its price."""
    rows = data.execute("SELECT name, cents / 100, cents % 100 FROM articles ORDER BY name")
    return as_page("The shop", *(f"{name}: {whole}.{rest:02}" for name, whole, rest in rows))
