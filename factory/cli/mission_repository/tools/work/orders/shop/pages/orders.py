"""Orders, as pages and by the API."""

import sqlite3

from shop.orders import order, place
from shop.pages import Reply, as_json, as_page, route


@route("POST", "/api/carts/([a-z]+)/order")
def placed(data: sqlite3.Connection, cart: str, sent: dict) -> Reply:
    """Order what is in a cart."""
    number = place(data, cart, str(sent.get("buyer", "")))
    if number is None:
        return as_json({"error": "the cart is empty"}, 409)
    return as_json({"order": number, "cents": order(data, number).cents}, 201)


@route("GET", "/orders/([0-9]+)")
def page(data: sqlite3.Connection, number: str) -> Reply:
    """An order, for people."""
    found = order(data, int(number))
    if found is None:
        return as_json({"error": f"there is no order {number}"}, 404)
    bought = (f"{quantity} × {article}" for article, quantity in found.bought)
    return as_page(f"Order {number}", f"For {found.buyer}", *bought, f"Total: {found.cents // 100}.{found.cents % 100:02}")
