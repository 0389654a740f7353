"""The access log of `wasmgate run`: one line for each response, in uvicorn's layout."""

from __future__ import annotations

import http
import logging

from wasmgate._native import masked
from wasmgate.telemetry.level_formatter import LevelFormatter

__all__ = ["AccessFormatter", "MaskedTarget", "log_access"]

_LOGGER = logging.getLogger("wasmgate.access")


def log_access(client: str, method: str, target: str, version: str, status: int) -> None:
    """Write the line of a response.

    Args:
        client: Address and port of the client.
        method: The method of the request.
        target: The target of the request; the caller has masked its secrets.
        version: The version of HTTP, such as `1.1`.
        status: The status code of the response.
    """
    _LOGGER.info('%s - "%s %s HTTP/%s" %d', client, method, target, version, status)


class AccessFormatter(LevelFormatter):
    """Adds the name of the status, which is the last argument of the record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        line = super().format(record)
        status = record.args[-1] if isinstance(record.args, tuple) else 0
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
