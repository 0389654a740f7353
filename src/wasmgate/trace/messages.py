"""Requests and responses as values, and as JSON without loss."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

__all__ = ["Fields", "Request", "Response", "masked", "read_request", "read_response", "written"]

Fields: TypeAlias = "tuple[tuple[bytes, bytes], ...]"


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request. `target` is path and query, byte-exact; names of headers are in lower case."""

    method: str = "GET"
    target: bytes = b"/"
    headers: Fields = ()
    body: bytes = b""
    trailers: Fields = ()
    scheme: str = "http"


@dataclass(frozen=True, kw_only=True)
class Response:
    """A response, or the answer to a callout."""

    status: int = 200
    headers: Fields = ()
    body: bytes = b""
    trailers: Fields = ()


Message = TypeVar("Message", Request, Response)

# As the host masks them in a trace.
_SECRETS = (b"authorization", b"cookie", b"proxy-authorization", b"set-cookie")


def masked(message: Message) -> Message:
    """Return a message without the values that prove who somebody is."""
    return replace(message, headers=_hidden(message.headers), trailers=_hidden(message.trailers))


def _hidden(fields: Fields) -> Fields:
    return tuple(
        (name, b"*** (%d bytes)" % len(value) if name.lower() in _SECRETS else value)
        for name, value in fields
    )


def written(message: Request | Response) -> dict[str, Any]:
    """Return a message as JSON has it: header fields as Latin-1, a body that is no text apart."""
    fields = {"headers": _as_text(message.headers)}
    last = {"trailers": _as_text(message.trailers)} if message.trailers else {}
    try:
        body = {"body": message.body.decode()}
    except UnicodeDecodeError:
        body = {"body_base64": base64.b64encode(message.body).decode()}
    if isinstance(message, Response):
        return {"status": message.status, **fields, **body, **last}
    first = {"method": message.method, "target": message.target.decode("latin-1")}
    return {**first, "scheme": message.scheme, **fields, **body, **last}


def _as_text(fields: Fields) -> list[list[str]]:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in fields]


def read_request(data: dict[str, Any]) -> Request:
    """Read what `written` made. Raises ValueError, KeyError, TypeError for anything else."""
    return Request(
        method=str(data["method"]),
        target=data["target"].encode("latin-1"),
        scheme=str(data["scheme"]),
        headers=_fields(data["headers"]),
        body=_body(data),
        trailers=_fields(data.get("trailers", [])),
    )


def read_response(data: dict[str, Any]) -> Response:
    """Read what `written` made. Raises ValueError, KeyError, TypeError for anything else."""
    return Response(
        status=int(data["status"]),
        headers=_fields(data["headers"]),
        body=_body(data),
        trailers=_fields(data.get("trailers", [])),
    )


def _fields(pairs: list[list[str]]) -> Fields:
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs)


def _body(data: dict[str, Any]) -> bytes:
    if "body_base64" not in data:
        return str(data["body"]).encode()
    try:
        return base64.b64decode(data["body_base64"], validate=True)
    except binascii.Error as error:
        raise ValueError(f"body_base64: {error}") from error
