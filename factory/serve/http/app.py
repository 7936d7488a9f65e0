"""The application: which address says what, and does what."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from factory.model.errors import FactoryError
from factory.model.item import id_problem
from factory.model.moments import rfc3339
from factory.serve.http import envelope, symphony
from factory.serve.http.access import Access, Refused
from factory.serve.http.acts import ACTS, act
from factory.serve.http.metrics import CONTENT_TYPE, exposition
from factory.serve.http.page import Page, page
from factory.serve.http.picture import NoPicture, Picture, Pictures
from factory.serve.http.stream import EVENTS, MOST_FOLLOWERS, EventStream
from factory.serve.http.trigger import Trigger
from factory.serve.http.watcher import Watcher
from factory.store.system import System

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
_MOST_BYTES = 64 * 1024  # of a body
_BODY_WITHIN_S = 10.0
_HTML, _TEXT = "text/html; charset=utf-8", "text/plain; charset=utf-8"

Read = TypeVar("Read")
Handler = Callable[[Request], Awaitable[ASGIApp]]
Show = Callable[[Picture, bool], Page]  # of a picture, and whether something can be done from the page


@dataclass(frozen=True)
class Served:
    """What the application shows and does."""

    root: Path
    system: System
    access: Access
    pictures: Pictures
    watcher: Watcher
    trigger: Trigger | None  # None where the orchestrator is no part of this process
    show: Show = page


def application(served: Served) -> ASGIApp:
    """The factory over HTTP, as an ASGI application."""
    answers = _Answers(served)
    routes = [
        _route("/", GET=answers.page),
        _route("/metrics", GET=answers.metrics),
        _route("/api/v1/state", GET=answers.state),
        _route("/api/v1/status", GET=answers.status),
        _route("/api/v1/events", GET=answers.events),
        _route("/api/v1/refresh", POST=answers.refresh),
        _route("/api/v1/{item_id}", GET=answers.issue),
        _route("/api/v1/{item_id}/diff", GET=answers.diff),
        *(_route(f"/api/v1/{{item_id}}/{kind}", POST=partial(answers.act, kind)) for kind in ACTS),
    ]
    handlers = {
        HTTPException: envelope.of_http,
        Refused: envelope.of_access,
        NoPicture: envelope.of_no_picture(served.system),
        FactoryError: envelope.of_factory,
        OSError: envelope.of_factory,
    }
    return Starlette(routes=routes, exception_handlers=dict(handlers))


def _route(path: str, **handlers: Handler) -> Route:
    """An address, with what answers each method."""

    async def endpoint(request: Request) -> ASGIApp:
        handler = handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            raise HTTPException(405, headers={"allow": ", ".join(handlers)})
        return await handler(request)

    return Route(path, endpoint, methods=_METHODS)


class _Answers:
    """A method for each address."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._access = served.access
        self._pictures = served.pictures

    async def page(self, request: Request) -> ASGIApp:
        """For people."""
        show, act = self._served.show, self._access.act
        shown = await self._read(request, lambda picture: show(picture, act))
        return envelope.answer(shown.html, _HTML, more={"content-security-policy": shown.policy})

    async def metrics(self, request: Request) -> ASGIApp:
        """For Prometheus."""
        trigger = self._served.trigger
        passes = trigger.passes if trigger else None
        told = await self._read(request, lambda picture: exposition(picture, passes) + self._pictures.numbers())
        return envelope.answer(told.encode(), CONTENT_TYPE)

    async def state(self, request: Request) -> ASGIApp:
        """Symphony's view of it all."""
        return envelope.answer(await self._read(request, partial(_rendered, "state", symphony.state)))

    async def status(self, request: Request) -> ASGIApp:
        """What `factory status --json` says."""
        return envelope.answer(await self._read(request, partial(_rendered, "status", _status)))

    async def issue(self, request: Request) -> ASGIApp:
        """Symphony's view of one item."""
        item_id = request.path_params["item_id"]
        found = await self._read(request, lambda picture: symphony.issue(picture, item_id))
        if found is None:
            return envelope.error(404, "issue_not_found", f"there is no open item {item_id!r}")
        return envelope.answer(envelope.as_json(found))

    async def diff(self, request: Request) -> ASGIApp:
        """What `factory diff` says."""
        item_id = _id_in(request)
        patch = await self._read(request, lambda _: self._pictures.patch(item_id))
        return envelope.answer(patch.encode(errors="replace"), _TEXT)

    async def events(self, request: Request) -> ASGIApp:
        """That something else is to be seen."""
        await self._read(request, lambda _: None)
        if request.method == "HEAD":
            return envelope.answer(b"", EVENTS)
        if self._served.watcher.followers >= MOST_FOLLOWERS:
            return envelope.error(503, "too_many_followers", f"at most {MOST_FOLLOWERS} may follow at once")
        return EventStream(self._pictures, self._served.watcher, dict(envelope.HEADERS))

    async def refresh(self, request: Request) -> ASGIApp:
        """Ask for a pass."""
        self._access.to_trigger(request.headers, request.query_params.get("token", ""))
        trigger = self._served.trigger
        if trigger is None:
            said = "no orchestrator is part of this process; one elsewhere looks by itself when a file changes"
            return envelope.error(503, "orchestrator_unavailable", said)
        asked = {"queued": True, "coalesced": trigger.pull(), "requested_at": rfc3339(self._served.system.now())}
        return envelope.answer(envelope.as_json({**asked, "operations": ["poll", "reconcile"]}), status=202)

    async def act(self, kind: str, request: Request) -> ASGIApp:
        """A verdict, answers or a lever, from a person."""
        self._access.to_act(request.headers)
        item_id, body = _id_in(request), await _body(request)
        served = self._served
        said = await run_in_threadpool(act, served.root, served.system, kind, item_id, body)
        self._pictures.stale()
        served.watcher.wake()
        if served.trigger is not None:
            served.trigger.pull()
        return envelope.answer(envelope.as_json({"said": said}))

    async def _read(self, request: Request, what: Callable[[Picture], Read]) -> Read:
        """What the newest picture says to whoever may read, in a thread. Raises Refused and NoPicture."""
        self._access.to_read(request.headers, request.query_params.get("token", ""))
        return await run_in_threadpool(lambda: what(self._pictures.now()))


def _status(picture: Picture) -> object:
    return picture.status.as_json(picture.branch)


def _rendered(view: str, make: Callable[[Picture], object], picture: Picture) -> bytes:
    """The JSON of a picture's view, which is made once."""
    if view not in picture.made:
        picture.made[view] = envelope.as_json(make(picture))
    return picture.made[view]


def _id_in(request: Request) -> str:
    item_id: str = request.path_params["item_id"]
    if id_problem(item_id):
        raise HTTPException(404, f"{item_id!r} is no id of an item")
    return item_id


async def _body(request: Request) -> bytes:
    """At most so many bytes, within some seconds. Raises Refused."""
    body = bytearray()
    with anyio.move_on_after(_BODY_WITHIN_S) as scope:
        async for piece in request.stream():
            body += piece
            if len(body) > _MOST_BYTES:
                raise Refused(413, "too_large", f"a body may have at most {_MOST_BYTES} bytes")
    if scope.cancelled_caught:
        raise Refused(408, "request_timeout", f"the body did not come within {_BODY_WITHIN_S:g} s")
    return bytes(body)
