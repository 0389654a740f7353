"""Foreign functions that are answered later, by `proxy_on_foreign_function`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from wasmgate.callouts.failure import CalloutFailed, Status
from wasmgate.callouts.limits_hit import LimitsHit

if TYPE_CHECKING:
    from wasmgate._native import Callout
    from wasmgate.callouts.limits import CalloutLimits

__all__ = ["LIMITS_HIT", "ForeignCalls", "ForeignFunctions"]

ForeignFunctions: TypeAlias = Mapping[str, Callable[[bytes], Awaitable[bytes]]]
LIMITS_HIT = "wasmgate.limits.hit"


class ForeignCalls:
    """Calls functions by name, on one event loop."""

    def __init__(self, functions: ForeignFunctions, storage: str, limits: CalloutLimits) -> None:
        self._functions = functions
        self._limits = limits
        self._hit = LimitsHit(storage)

    async def call(self, callout: Callout) -> bytes:
        """Return a function's result. Raises CalloutFailed, and what the function raises."""
        if callout.name == LIMITS_HIT:
            return await self._hit(callout.policy, callout.body)
        function = self._functions.get(callout.name)
        if function is None:
            raise CalloutFailed(
                f"there is no asynchronous function {callout.name!r}", Status.UNIMPLEMENTED
            )
        result = await function(callout.body)
        if not isinstance(result, bytes):
            raise CalloutFailed(
                f"it returned {type(result).__name__} instead of bytes", Status.INTERNAL
            )
        if len(result) > self._limits.response:
            raise CalloutFailed(
                f"its result is larger than {self._limits.response} bytes",
                Status.RESOURCE_EXHAUSTED,
            )
        return result
