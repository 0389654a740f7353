"""Why a callout failed."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CalloutFailed", "Status"]


class Status(IntEnum):
    """The gRPC status codes that the host itself uses (grpc.io/docs/guides/status-codes)."""

    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class CalloutFailed(Exception):
    """A callout has no response. The message goes to logs and to the policy: it has no secrets.

    `status` is a gRPC status code.
    """

    def __init__(self, message: str, status: int = Status.UNAVAILABLE) -> None:
        super().__init__(message)
        self.status = status
