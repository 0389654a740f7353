"""What callouts may use, and where shared limits count, in gateway.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from wasmgate.callouts.limits import CalloutLimits
from wasmgate.config.addresses import Storage
from wasmgate.config.base import Model
from wasmgate.config.units import Count, Duration, Size

__all__ = ["CalloutSettings", "SharedLimits"]


class SharedLimits(Model):
    """Limits that policies share by `wasmgate.limits.hit`."""

    storage: Annotated[Storage, Field(repr=False)] = "memory://"
    """Where they count: a URL of the package `limits`, such as redis://127.0.0.1:6379."""


class CalloutSettings(Model):
    """What the callouts of policies may use, in each worker; see `wasmgate.CalloutLimits`."""

    in_flight: Count = CalloutLimits.in_flight
    """Callouts of all policies at the same time."""

    per_policy: Count = CalloutLimits.per_policy
    """Callouts of one policy at the same time."""

    request: Size = CalloutLimits.request
    """Bytes that a callout sends."""

    response: Size = CalloutLimits.response
    """Bytes of its answer."""

    time: Duration = CalloutLimits.time
    """Until the whole answer is there."""

    def to_limits(self) -> CalloutLimits:
        """Return the same as `CalloutLimits`."""
        return CalloutLimits(**self.model_dump())
