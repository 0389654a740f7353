"""Parses the options of `wasmgate trace` into the inputs of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wasmgate.errors import ConfigError
from wasmgate.policy.capabilities import KINDS
from wasmgate.trace import Request, Response

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["answers_of", "capabilities_of", "content", "request_of", "response_of"]


def request_of(line: str, headers: list[str], body: Path | None, trailers: list[str]) -> Request:
    """Return the request of `METHOD:/path`, with the fields that HTTP/1.1 needs."""
    method, _, target = line.partition(":")
    if not method.isalpha() or not target.startswith("/"):
        raise typer.BadParameter(f"{line!r} is not METHOD:/path", param_hint="--request")
    data = content(body) if body is not None else b""
    given = _fields(headers, "--header")
    names = {name for name, _ in given}
    fields = [] if b"host" in names else [(b"host", b"localhost")]
    fields += given
    if trailers:
        # RFC 9112 section 7.1.2: only a chunked body has them.
        fields = [field for field in fields if field[0] != b"content-length"]
        fields.append((b"transfer-encoding", b"chunked"))
    elif data and b"content-length" not in names:
        fields.append((b"content-length", str(len(data)).encode()))
    return Request(
        method=method.upper(),
        target=target.encode(),
        headers=tuple(fields),
        body=data,
        trailers=_fields(trailers, "--trailer"),
    )


def response_of(
    status: int, headers: list[str], body: Path | None, trailers: list[str]
) -> Response:
    """Return the response of the upstream."""
    return Response(
        status=status,
        headers=_fields(headers, "--response-header"),
        body=content(body) if body is not None else b"",
        trailers=_fields(trailers, "--response-trailer"),
    )


def answers_of(texts: list[str]) -> dict[str, list[Response]]:
    """Return the answers to callouts by name, from `NAME=STATUS:BODY`, in their order."""
    answers: dict[str, list[Response]] = {}
    for text in texts:
        name, _, rest = text.partition("=")
        status, _, body = rest.partition(":")
        if not name or not status.isdecimal():
            raise typer.BadParameter(f"{text!r} is not NAME=STATUS:BODY", param_hint="--answer")
        answers.setdefault(name, []).append(Response(status=int(status), body=body.encode()))
    return answers


def capabilities_of(texts: list[str]) -> dict[str, list[str]]:
    """Return the entries of capabilities by their kind, from `KIND=VALUE`."""
    entries: dict[str, list[str]] = {}
    for text in texts:
        kind, _, value = text.partition("=")
        if kind not in KINDS or not value:
            raise typer.BadParameter(
                f"{text!r} is not KIND=VALUE; kinds are {', '.join(KINDS)}",
                param_hint="--capability",
            )
        entries.setdefault(kind, []).append(value)
    return entries


def content(path: Path) -> bytes:
    """Read a file. Raises ConfigError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        hint = "name a file that this user may read"
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint=hint) from error


def _fields(texts: list[str], option: str) -> tuple[tuple[bytes, bytes], ...]:
    fields = []
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise typer.BadParameter(f"{text!r} is not 'name: value'", param_hint=option)
        fields.append((name.strip().lower().encode(), value.strip().encode()))
    return tuple(fields)
