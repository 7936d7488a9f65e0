"""Carts, as pages and by the API."""

import sqlite3

from shop.cart import Refused, lines, put, total
from shop.pages import Reply, as_json, as_page, route


@route("GET", "/api/carts/([a-z]+)")
def told(data: sqlite3.Connection, cart: str) -> Reply:
    """A cart, for programs."""
    found = lines(data, cart)
    return as_json({"lines": [line._asdict() for line in found], "cents": total(found)})


@route("POST", "/api/carts/([a-z]+)/lines")
def more(data: sqlite3.Connection, cart: str, sent: dict) -> Reply:
    """Put something into a cart."""
    try:
        put(data, cart, str(sent["article"]), int(sent["quantity"]))
    except KeyError as error:
        return as_json({"error": f"{error} is missing"}, 422)
    except Refused as error:
        return as_json({"error": str(error)}, error.status)
    return told(data, cart)._replace(status=201)


@route("GET", "/carts/([a-z]+)")
def page(data: sqlite3.Connection, cart: str) -> Reply:
    """A cart, for the one whose it is."""
    found = lines(data, cart)
    cents = total(found)
    return as_page("Your cart", *(f"{line.quantity} × {line.article}" for line in found), f"Total: {cents // 100}.{cents % 100}")
