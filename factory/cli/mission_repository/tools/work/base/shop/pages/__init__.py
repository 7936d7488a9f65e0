"""The pages of the shop and the calls of its API: each module here says which requests it answers."""

import json
import re
import sqlite3
from collections.abc import Callable
from html import escape
from importlib import import_module
from pkgutil import iter_modules
from typing import NamedTuple


class Reply(NamedTuple):
    """What is answered to a request."""

    status: int
    kind: str
    body: str


Route = Callable[..., Reply]
ROUTES: list[tuple[str, re.Pattern[str], Route]] = []


def route(method: str, pattern: str) -> Callable[[Route], Route]:
    """Let a function answer such requests; it is given the database, the words of the path, and what was sent."""

    def known(function: Route) -> Route:
        ROUTES.append((method, re.compile(pattern), function))
        return function

    return known


def as_json(what: object, status: int = 200) -> Reply:
    """An answer for programs."""
    return Reply(status, "application/json", json.dumps(what))


def as_page(title: str, *lines: str) -> Reply:
    """An answer for people, in lines of text."""
    body = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return Reply(200, "text/html; charset=utf-8", f"<!doctype html><title>{escape(title)}</title>{body}\n")


def answer(data: sqlite3.Connection, method: str, path: str, sent: object) -> Reply:
    """What the first function says that knows such a request."""
    for known, pattern, function in ROUTES:
        found = pattern.fullmatch(path)
        if found and known == method:
            return function(data, *found.groups(), *([sent] if method == "POST" else []))
    return as_json({"error": f"there is no {path}"}, 404)


@route("GET", "/health")
def health(_data: sqlite3.Connection) -> Reply:
    """Whether the shop is open."""
    return as_json({"open": True})


for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
