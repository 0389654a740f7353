"""Tenants of a policy, and policies as routes configure them, in gateway.yaml."""

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
from wasmgate.config.names import FieldName, Text
from wasmgate.config.units import Count, Duration
from wasmgate.config.wrong import wrong
from wasmgate.policy.isolation import Tenants

__all__ = ["RoutePolicy", "RoutePolicySettings", "TenantSettings"]


class TenantSettings(Model):
    """What names the tenant of a request, and how many there are; see `wasmgate.Tenants`."""

    header: FieldName | None = None
    """A request header. What a client sends is believed: let an earlier policy set it."""

    property: Text | None = None
    """A property, such as `wasmgate.user`, which an earlier policy may have set."""

    max: Count = Tenants.max
    """Tenants at a time; over it the one that is idle longest goes, with what it remembers."""

    idle: Duration = Tenants.idle
    """Without a request for so long a tenant goes, with what it remembers."""

    @model_validator(mode="after")
    def _one_key(self) -> TenantSettings:
        if self.header and self.property:
            text = "must name a header or a property, not both"
            raise wrong("tenants", text, "take one of the two out")
        return self

    def to_tenants(self) -> Tenants:
        """Return the same as `Tenants`."""
        return Tenants(
            header=self.header or "", property=self.property or "", max=self.max, idle=self.idle
        )


class RoutePolicySettings(Model):
    """What a route says of a policy that it names."""

    configuration: JsonValue = Field(repr=False)
    """Instead of the policy's own, as a root context in the same virtual machine."""


def _as_mapping(value: object) -> object:
    """Read `limit` as `{limit: null}`."""
    if isinstance(value, str):
        return {value: None}
    if isinstance(value, Mapping) and len(value) == 1:
        return value
    raise wrong(
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
                            "configuration": {"description": "Instead of the policy's own."}
                        },
                        "required": ["configuration"],
                        "additionalProperties": False,
                    },
                },
            ]
        }
    ),
]
