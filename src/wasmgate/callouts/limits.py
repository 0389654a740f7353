"""Limits of callouts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from wasmgate.errors import ConfigError
from wasmgate.upstream import UpstreamLimits

__all__ = ["CalloutLimits"]


@dataclass(frozen=True, kw_only=True)
class CalloutLimits:
    """Limits of the callouts of one event loop, and of the gateway threads that it has started.

    A callout that exceeds a limit fails.

    Raises:
        ConfigError: A value is not a number above 0.
    """

    in_flight: int = 1024
    """Callouts of all policies in flight at the same time; an open gRPC stream counts as one."""

    per_policy: int = 256
    """Callouts of one policy in flight at the same time."""

    request: int = 1024 * 1024
    """Bytes of a request: body, message, Redis query, or arguments of a foreign function."""

    response: int = 4 * 1024 * 1024
    """Bytes of a response."""

    time: float = 60.0
    """Seconds from the start of a callout to its response; a shorter timeout of the policy takes
    precedence. gRPC streams have no such limit: they end with the request that opened them, or
    with the policy."""

    @property
    def bounds(self) -> tuple[int, int, int, int, float]:
        """The limits as the extension takes them."""
        return self.in_flight, self.per_policy, self.request, self.response, self.time

    @property
    def upstream(self) -> UpstreamLimits:
        """The bounds of the connections to an upstream that is not a cluster."""
        return UpstreamLimits(connections=self.per_policy, read=self.time)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or value <= 0 or (field.name != "time" and not isinstance(value, int)):
                raise ConfigError(
                    f"{field.name} must be a number above 0, not {value!r}",
                    where=f"CalloutLimits({field.name}=…)",
                    hint=f"write {field.name}={field.default!r}: bytes, numbers and seconds"
                    " have no unit in Python",
                )
