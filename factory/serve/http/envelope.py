"""The envelope: what goes along with every answer, and how an error is told."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from factory.model.errors import BusyError, FactoryError, told_by
from factory.model.moments import rfc3339
from factory.model.text import printable
from factory.serve.http.access import Refused
from factory.serve.http.picture import NoPicture
from factory.store.system import System

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
)
JSON = "application/json"
_CODES = {404: "not_found", 405: "method_not_allowed"}


def answer(
    content: bytes, kind: str = JSON, *, status: int = 200, more: Mapping[str, str] = MappingProxyType({})
) -> Response:
    """An answer; `more` are headers, which go before those that every answer has."""
    return Response(content, status, {**HEADERS, **more, "content-type": kind})


def as_json(value: object) -> bytes:
    """A value for programs."""
    return json.dumps(value).encode() + b"\n"


def error(status: int, code: str, message: str, more: Mapping[str, str] = MappingProxyType({})) -> Response:
    """An error, as the Symphony specification has them."""
    return answer(as_json({"error": {"code": code, "message": printable(message)}}), status=status, more=more)


def of_http(_request: Request, raised: Exception) -> Response:
    """Of what the framework refuses."""
    assert isinstance(raised, HTTPException)
    status = HTTPStatus(raised.status_code)
    code = _CODES.get(status, status.name.lower())
    return error(status, code, raised.detail or status.phrase, raised.headers or {})


def of_access(_request: Request, raised: Exception) -> Response:
    """Of what is not allowed."""
    assert isinstance(raised, Refused)
    return error(raised.status, raised.code, raised.message)


def of_no_picture(system: System) -> Callable[[Request, Exception], Response]:
    """Of a factory that cannot be looked at."""

    def told(_request: Request, raised: Exception) -> Response:
        assert isinstance(raised, NoPicture)
        said = {"code": raised.code, "message": printable(raised.message)}
        return answer(as_json({"generated_at": rfc3339(system.now()), "error": said}), status=503)

    return told


def of_factory(_request: Request, raised: Exception) -> Response:
    """Of what a command would have refused, in its words."""
    assert isinstance(raised, FactoryError | OSError)
    if isinstance(raised, OSError):
        return error(503, "unavailable", f"the system refused: {told_by(raised)}")
    hint = f"; next: {raised.hint}" if raised.hint else ""
    busy = isinstance(raised, BusyError)
    return error(503 if busy else 409, "busy" if busy else "refused", f"{raised.message}{hint}")
