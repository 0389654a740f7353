"""Why a callout got no answer."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CalloutFailed", "Status"]


class Status(IntEnum):
    """The codes of gRPC that the host itself gives (grpc.io/docs/guides/status-codes)."""

    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class CalloutFailed(Exception):
    """There is no answer; the message is for logs and for the policy, and names no secrets."""

    def __init__(self, message: str, status: int = Status.UNAVAILABLE) -> None:
        super().__init__(message)
        self.status = status
