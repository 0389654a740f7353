"""What bounds callouts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from wasmgate.errors import ConfigError

__all__ = ["CalloutLimits"]


@dataclass(frozen=True, kw_only=True)
class CalloutLimits:
    """What the callouts of policies may use, on each event loop. Over a limit a callout fails."""

    in_flight: int = 1024
    """Callouts of all policies at the same time; an open gRPC stream counts."""

    per_policy: int = 256
    """The same for one policy."""

    request: int = 1024 * 1024
    """Bytes that a callout sends: body, message, Redis query, a foreign function's arguments."""

    response: int = 4 * 1024 * 1024
    """Bytes of its answer."""

    time: float = 60.0
    """Seconds that a callout may take, also when the policy allows more or says nothing. Streams
    of gRPC may take longer: they end with the request that opened them, or with the policy."""

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
