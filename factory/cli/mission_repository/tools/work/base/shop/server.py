"""The server of the shop: HTTP on one side, pages and the API on the other."""

import json
import sqlite3
from http.server import BaseHTTPRequestHandler, HTTPServer

from shop import pages


def answer(data: sqlite3.Connection, method: str, path: str, body: bytes = b"") -> pages.Reply:
    """What the shop answers to a request."""
    try:
        sent = json.loads(body) if body else {}
    except ValueError:
        return pages.as_json({"error": "that is no JSON"}, 400)
    return pages.answer(data, method, path, sent)


def serve(data: sqlite3.Connection, port: int) -> None:
    """Open the shop on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(answer(data, "GET", self.path))

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"] or 0))
            self._reply(answer(data, "POST", self.path, sent))

        def _reply(self, reply: pages.Reply) -> None:
            body = reply.body.encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    HTTPServer(("127.0.0.1", port), Handler).serve_forever()
