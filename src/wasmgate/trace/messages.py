"""Requests and responses as values, and their lossless form in JSON."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, TypeAlias, TypeVar

from wasmgate._native import masked as native_masked

__all__ = [
    "Fields",
    "Hide",
    "Request",
    "Response",
    "masked",
    "read_request",
    "read_response",
    "to_json",
]

Fields: TypeAlias = "tuple[tuple[bytes, bytes], ...]"


class _Masked:
    """A base class whose repr masks secrets."""

    def __repr__(self) -> str:
        own = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        own |= {name: _masked_fields(own[name]) for name in ("headers", "trailers")}
        if "target" in own:
            own["target"] = native_masked(b":path", own["target"])
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in own.items())})"


def _masked_fields(pairs: Fields) -> Fields:
    return tuple((name, native_masked(name, value)) for name, value in pairs)


@dataclass(frozen=True, kw_only=True, repr=False)
class Request(_Masked):
    """A request. `target` is path and query, byte-exact; names of headers are in lower case."""

    method: str = "GET"
    target: bytes = b"/"
    headers: Fields = ()
    body: bytes = b""
    trailers: Fields = ()
    scheme: str = "http"


@dataclass(frozen=True, kw_only=True, repr=False)
class Response(_Masked):
    """A response, or the answer to a callout."""

    status: int = 200
    headers: Fields = ()
    body: bytes = b""
    trailers: Fields = ()


Message = TypeVar("Message", Request, Response)


class Hide(Protocol):
    """Masks secrets; `Host.hide` decides what is secret."""

    def __call__(self, value: bytes, name: bytes | None = None) -> bytes:
        """Return the value of a field of this name, or any text, with secrets masked."""


def masked(message: Message, hide: Hide) -> Message:
    """Return a message with credentials masked."""
    shown: dict[str, Any] = {
        "headers": _hidden(message.headers, hide),
        "body": hide(message.body),
        "trailers": _hidden(message.trailers, hide),
    }
    if isinstance(message, Request):
        shown["target"] = hide(message.target, b":path")
    return replace(message, **shown)


def _hidden(fields: Fields, hide: Hide) -> Fields:
    return tuple((name, hide(value, name)) for name, value in fields)


def to_json(message: Request | Response) -> dict[str, Any]:
    """Return a message as values of JSON: fields in Latin-1, a body that is not UTF-8 in base64."""
    headers = {"headers": _as_text(message.headers)}
    last = {"trailers": _as_text(message.trailers)} if message.trailers else {}
    try:
        body = {"body": message.body.decode()}
    except UnicodeDecodeError:
        body = {"body_base64": base64.b64encode(message.body).decode()}
    if isinstance(message, Response):
        return {"status": message.status, **headers, **body, **last}
    first = {"method": message.method, "target": message.target.decode("latin-1")}
    return {**first, "scheme": message.scheme, **headers, **body, **last}


def _as_text(fields: Fields) -> list[list[str]]:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in fields]


def read_request(data: dict[str, Any]) -> Request:
    """Read what `to_json` made. Raises ValueError, KeyError, TypeError for anything else."""
    return Request(
        method=str(data["method"]),
        target=data["target"].encode("latin-1"),
        scheme=str(data["scheme"]),
        headers=_fields(data["headers"]),
        body=_body(data),
        trailers=_fields(data.get("trailers", [])),
    )


def read_response(data: dict[str, Any]) -> Response:
    """Read what `to_json` made. Raises ValueError, KeyError, TypeError for anything else."""
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
