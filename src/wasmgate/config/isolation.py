"""Tenants of a policy, and the policies of a route, in gateway.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import (
    BeforeValidator,
    Field,
    JsonValue,
    WithJsonSchema,
    model_validator,
)

from wasmgate.config.base import Model
from wasmgate.config.invalid import invalid
from wasmgate.config.names import FieldName, Text
from wasmgate.config.units import Count, Duration
from wasmgate.policy.isolation import Tenants

__all__ = ["RoutePolicy", "RoutePolicySettings", "TenantSettings"]


class TenantSettings(Model):
    """The key and the number of tenants; see `wasmgate.Tenants`."""

    header: FieldName | None = None
    """A request header. A client's value is trusted: let an earlier policy set the header."""

    property: Text | None = None
    """A property, such as `wasmgate.user`, which an earlier policy may set."""

    max: Count = Tenants.max
    """Tenants at the same time; above it the least recently used one is dropped with its state."""

    idle: Duration = Tenants.idle
    """Time without a request after which a tenant is dropped with its state."""

    @model_validator(mode="after")
    def _one_key(self) -> TenantSettings:
        if self.header and self.property:
            text = "must name a header or a property, not both"
            raise invalid("tenants", text, "take one of the two out")
        return self

    def to_tenants(self) -> Tenants:
        """Return the settings as `Tenants`."""
        return Tenants(
            header=self.header or "", property=self.property or "", max=self.max, idle=self.idle
        )


class RoutePolicySettings(Model):
    """The settings of a policy for one route."""

    configuration: JsonValue = Field(repr=False)
    """Replaces the policy's configuration: a root context of its own in the same VM."""


def _as_mapping(value: object) -> object:
    """Read `limit` as `{limit: null}`."""
    if isinstance(value, str):
        return {value: None}
    if isinstance(value, Mapping) and len(value) == 1:
        return value
    raise invalid(
        "route_policy",
        "must be a policy's name, or one name: {configuration: …}",
        "write policies: [limit], or - limit: {configuration: {…}}",
    )


RoutePolicy = Annotated[
    dict[str, RoutePolicySettings | None],
    BeforeValidator(_as_mapping),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": {
                        "type": "object",
                        "properties": {
                            "configuration": {"description": "Replaces the policy's own."}
                        },
                        "required": ["configuration"],
                        "additionalProperties": False,
                    },
                },
            ]
        }
    ),
]
