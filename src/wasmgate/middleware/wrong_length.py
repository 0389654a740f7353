"""What is said when a policy changed the length of a body after it was announced."""

from __future__ import annotations

import logging

from wasmgate._asgi import problem

__all__ = ["ANSWER", "log_request", "log_response"]

_LOGGER = logging.getLogger("wasmgate.middleware")

ANSWER = problem(
    500,
    "Internal Server Error",
    "a policy changed the length of the body after it was announced",
)


def log_request(misfit: object) -> None:
    """Say how long the request's body is, and how long it was to be."""
    _LOGGER.error(
        "a policy changed the length of the request's body after it was announced: %r; "
        "a policy that changes bodies removes content-length in its callback for headers, or "
        "holds the body back until its end",
        misfit,
    )


def log_response(misfit: object) -> None:
    """Say the same of the response's."""
    _LOGGER.error(
        "a policy changed the length of the response's body after it was announced: %r; the "
        "response is cut",
        misfit,
    )
