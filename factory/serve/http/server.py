"""The server: HTTP over one socket, in the thread that runs it; the one door to uvicorn."""

import socket

import uvicorn
from starlette.types import ASGIApp

_MOST_CONNECTIONS = 128
_IDLE_S = 5
_ENDS_WITHIN_S = 1
_MOST_HEAD = 16_384  # bytes of a request before its body


class Server:
    """Answers until it is told to end; who is being answered then has a second."""

    def __init__(self, application: ASGIApp, place: socket.socket) -> None:
        config = uvicorn.Config(
            application,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=_ENDS_WITHIN_S,
            h11_max_incomplete_event_size=_MOST_HEAD,
        )
        self._server = uvicorn.Server(config)
        self._place = place

    def run(self) -> None:
        """Until its end."""
        self._server.run([self._place])

    def end(self) -> None:
        """From any thread."""
        self._server.should_exit = True
