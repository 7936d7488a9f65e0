"""Server-sent events: one when something else is to be seen. The event loop and its clock are the library's."""

import json

import anyio
from starlette.types import Receive, Scope, Send

from factory.serve.http.picture import Picture, Pictures
from factory.serve.http.watcher import Watcher

EVENTS = "text/event-stream; charset=utf-8"
MOST_FOLLOWERS = 32
_LOOK_S = 0.05
_SILENT_S = 15.0  # after which a line without meaning keeps proxies and dead connections from lasting
_PATIENCE_S = 10.0  # with a client that takes nothing


class EventStream:
    """One client that follows, until it is gone, takes nothing any more, or the server ends."""

    def __init__(self, pictures: Pictures, watcher: Watcher, headers: dict[str, str]) -> None:
        self._pictures = pictures
        self._watcher = watcher
        self._headers = {**headers, "content-type": EVENTS}

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as ASGI asks for it."""
        self._watcher.followers += 1
        self._watcher.wake()
        try:
            headers = [(name.encode(), value.encode()) for name, value in self._headers.items()]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async with anyio.create_task_group() as group:
                group.start_soon(_until_gone, receive, group.cancel_scope)
                await self._tell(send)
                group.cancel_scope.cancel()
        finally:
            self._watcher.followers -= 1

    async def _tell(self, send: Send) -> None:
        told, silent = None, 0.0
        while not self._watcher.ended:
            picture = self._pictures.last
            if picture is not None and (told is None or picture.number != told.number):
                if not await _sent(send, _event(picture, told)):
                    return
                told, silent = picture, 0.0
            elif silent >= _SILENT_S:
                if not await _sent(send, b":\n\n"):
                    return
                silent = 0.0
            await anyio.sleep(_LOOK_S)
            silent += _LOOK_S


def _event(picture: Picture, told: Picture | None) -> bytes:
    """`moved` when another commit or edit is to be seen, else `live`."""
    kind = "live" if told is not None and told.moved == picture.moved else "moved"
    data = json.dumps({"head": picture.snapshot.head, "number": picture.number})
    return f"id: {picture.number}\nevent: {kind}\ndata: {data}\n\n".encode()


async def _sent(send: Send, data: bytes) -> bool:
    """Whether the client took it."""
    with anyio.move_on_after(_PATIENCE_S) as scope:
        await send({"type": "http.response.body", "body": data, "more_body": True})
    return not scope.cancelled_caught


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
