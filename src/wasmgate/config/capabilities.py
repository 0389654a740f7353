"""The capabilities of a policy, in gateway.yaml."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, PlainValidator, WithJsonSchema

from wasmgate.config.base import Model
from wasmgate.config.invalid import invalid
from wasmgate.config.names import MetricPattern, Text, Variable
from wasmgate.policy.capabilities import Capabilities, Mount, is_upstream

__all__ = ["CapabilitySettings"]


def _upstream(value: str) -> str:
    if not is_upstream(value):
        raise invalid(
            "upstream",
            "must be the name of a cluster or host:port, such as auth.internal:8080, no URL",
            "write host and port (1 to 65535) alone, such as net: [auth.internal:8080]",
        )
    return value


def _readable(value: object) -> object:
    """Accept text, and a `Mount` that the resolver made of it."""
    if isinstance(value, (str, Mount)) and value:
        return value
    raise invalid("path", "must be text", "write a path, such as read: [keys/]")


Upstream = Annotated[str, AfterValidator(_upstream)]
Readable = Annotated[
    Any, PlainValidator(_readable), WithJsonSchema({"type": "string", "minLength": 1})
]


class CapabilitySettings(Model):
    """What a policy may use outside its own memory. Nothing by default."""

    net: tuple[Upstream, ...] = ()
    """Upstreams of callouts: names of clusters, and addresses like auth.internal:8080."""

    env: tuple[Variable, ...] = ()
    """Names of environment variables that the policy may read."""

    read: tuple[Readable, ...] = ()
    """Files and folders that the policy may read; paths are relative to gateway.yaml."""

    foreign_functions: tuple[Text, ...] = ()
    """Names of foreign functions that reach outside; those that only compute need no entry."""

    metrics: tuple[MetricPattern, ...] = ()
    """Metrics that the policy may define: names, and prefixes that end in '*'."""

    shared_data: tuple[Text, ...] = ()
    """Policies whose shared queues the policy may use; it may always use its own."""

    def to_capabilities(self) -> Capabilities:
        """Return the settings as `Capabilities`."""
        return Capabilities(**dict(self))
