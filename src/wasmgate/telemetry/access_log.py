"""The access log of `wasmgate run`: one line for each response, in uvicorn's layout."""

from __future__ import annotations

import http
import logging

from wasmgate._native import masked
from wasmgate.telemetry.level_formatter import LevelFormatter

__all__ = ["AccessFormatter", "MaskedTarget", "log_access"]

_LOGGER = logging.getLogger("wasmgate.access")
_OF_A_WEBSOCKET = 7


def log_access(
    client: str,
    method: str,
    target: str,
    version: str,
    status: int,
    *,
    frames: tuple[int, int] | None = None,
) -> None:
    """Write the line of a response, or of a WebSocket connection that has ended.

    Args:
        client: Address and port of the client.
        method: The method of the request.
        target: The target of the request; the caller has masked its secrets.
        version: The version of HTTP, such as `1.1`.
        status: The status code of the response.
        frames: Of a WebSocket connection, the bytes from the client and those for it.
    """
    if frames is None:
        _LOGGER.info('%s - "%s %s HTTP/%s" %d', client, method, target, version, status)
    else:
        line = '%s - "%s %s HTTP/%s" %d Switching Protocols, %d bytes in, %d bytes out'
        _LOGGER.info(line, client, method, target, version, status, *frames)


class AccessFormatter(LevelFormatter):
    """Adds the name of the status, which is the last argument of a response's record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        line = super().format(record)
        args = record.args if isinstance(record.args, tuple) else (0,)
        if len(args) == _OF_A_WEBSOCKET:
            return line
        status = args[-1]
        try:
            return f"{line} {http.HTTPStatus(int(str(status))).phrase}"
        except ValueError:
            return line


class MaskedTarget(logging.Filter):
    """Masks secrets in the targets that uvicorn's own protocol logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record's third argument; it is always logged."""
        if isinstance(record.args, tuple):
            client, method, target, *rest = record.args
            shown = masked(b":path", str(target).encode()).decode("utf-8", "replace")
            record.args = (client, method, shown, *rest)
        return True
