"""Asynchronous foreign functions: `proxy_on_foreign_function` brings their results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate.callouts.failure import CalloutFailed, Status
from wasmgate.callouts.limits_hit import LimitsHit
from wasmgate.foreign import LIMITS_HIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmgate._native import Callout
    from wasmgate.callouts.limits import CalloutLimits
    from wasmgate.foreign import AsyncFunction

__all__ = ["ForeignCalls"]


class ForeignCalls:
    """Calls asynchronous foreign functions by name, on one event loop."""

    def __init__(
        self, functions: Mapping[str, AsyncFunction], storage: str, limits: CalloutLimits
    ) -> None:
        self._functions = functions
        self._limits = limits
        self._hit = LimitsHit(storage)

    async def close(self) -> None:
        """Close the connections to the storage of shared limits."""
        await self._hit.close()

    async def call(self, callout: Callout) -> bytes:
        """Call a function and return its result. Raises CalloutFailed and the function's errors."""
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
                f"the function returned {type(result).__name__} instead of bytes", Status.INTERNAL
            )
        if len(result) > self._limits.response:
            raise CalloutFailed(
                f"the result is larger than {self._limits.response} bytes",
                Status.RESOURCE_EXHAUSTED,
            )
        return result
