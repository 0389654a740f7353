"""Limits of callouts and the storage of shared limits, in gateway.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from wasmgate.callouts.limits import CalloutLimits
from wasmgate.config.addresses import Storage
from wasmgate.config.base import Model
from wasmgate.config.units import Count, Duration, Size

__all__ = ["CalloutSettings", "SharedLimits"]


class SharedLimits(Model):
    """Rate limits that workers and machines share, by `wasmgate.limits.hit`."""

    storage: Annotated[Storage, Field(repr=False)] = "memory://"
    """The storage: a URL of the package `limits`, such as redis://127.0.0.1:6379."""


class CalloutSettings(Model):
    """Limits of the callouts of policies, in each worker; see `wasmgate.CalloutLimits`."""

    in_flight: Count = CalloutLimits.in_flight
    """Callouts of all policies in flight."""

    per_policy: Count = CalloutLimits.per_policy
    """Callouts of one policy in flight."""

    request: Size = CalloutLimits.request
    """Bytes of a request."""

    response: Size = CalloutLimits.response
    """Bytes of a response."""

    time: Duration = CalloutLimits.time
    """Timeout of a callout, from its start to the end of the response."""

    def to_limits(self) -> CalloutLimits:
        """Return the settings as `CalloutLimits`."""
        return CalloutLimits(**self.model_dump())
