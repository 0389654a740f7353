"""Clusters of gateway.yaml: endpoints, and how one is picked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from wasmgate._native import LB_POLICIES
from wasmgate.config.addresses import Endpoint, endpoint_url
from wasmgate.config.base import Model
from wasmgate.config.health import HealthCheck
from wasmgate.config.invalid import invalid
from wasmgate.config.units import Count, Duration

__all__ = ["NOT_EMPTY", "Cluster", "EndpointSettings"]

_HIGHEST_WEIGHT = 1000


def _not_empty(values: tuple[object, ...]) -> tuple[object, ...]:
    if not values:
        text = "must have at least one entry"
        raise invalid("empty", text, "write one, such as [http://127.0.0.1:9001] for endpoints")
    return values


# Not `min_length`: pydantic counts the valid entries only, and would call a list of mistakes empty.
NOT_EMPTY = (AfterValidator(_not_empty), Field(json_schema_extra={"minItems": 1}))


def _lb_policy(name: str) -> str:
    if name not in LB_POLICIES:
        known = ", ".join(LB_POLICIES)
        raise invalid("lb_policy", f"must be one of {known}", f"write one of {known}")
    return name


def _whole(value: object, highest: int, what: str, hint: str) -> object:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= highest:
        raise invalid(what, f"must be a whole number from 0 to {highest}", hint)
    return value


def _weight(value: object) -> object:
    return _whole(value, _HIGHEST_WEIGHT, "weight", "write weight: 2 for twice the requests")


def _percent(value: object) -> object:
    text = value.removesuffix("%").strip() if isinstance(value, str) else value
    number = int(text) if isinstance(text, str) and text.isdecimal() else text
    return _whole(number, 100, "percent", "write panic_threshold: 50%, or 0% for never")


class EndpointSettings(Model):
    """A server of a cluster."""

    url: Endpoint
    """Its URL: scheme, host and port."""

    weight: Annotated[
        int,
        BeforeValidator(_weight),
        Field(json_schema_extra={"minimum": 0, "maximum": _HIGHEST_WEIGHT}),
    ] = 1
    """Its share of the requests, relative to those of the other endpoints."""


def _as_endpoint(value: object) -> object:
    """Read a URL alone as `{url: …}`."""
    if isinstance(value, (Mapping, EndpointSettings)):
        return value
    if not isinstance(value, str):
        text = "must be a URL, or a URL with a weight"
        raise invalid("endpoint", text, "write http://127.0.0.1:9001, or { url: …, weight: 2 }")
    return {"url": endpoint_url(value)}


_WEIGHT = {"type": "integer", "minimum": 0, "maximum": _HIGHEST_WEIGHT, "default": 1}
_MAPPING = {
    "type": "object",
    "properties": {"url": {"type": "string"}, "weight": _WEIGHT},
    "required": ["url"],
    "additionalProperties": False,
}
EndpointOrUrl = Annotated[
    EndpointSettings,
    BeforeValidator(_as_endpoint),
    WithJsonSchema({"anyOf": [{"type": "string"}, _MAPPING]}),
]


class Cluster(Model):
    """Equivalent endpoints, and how requests are balanced over them."""

    endpoints: Annotated[tuple[EndpointOrUrl, ...], *NOT_EMPTY]
    """URLs of scheme, host and port, or `{url: …, weight: …}`."""

    lb_policy: Annotated[
        str, AfterValidator(_lb_policy), Field(json_schema_extra={"enum": [*LB_POLICIES]})
    ] = "round_robin"
    """The balancing algorithm."""

    panic_threshold: Annotated[
        int,
        BeforeValidator(_percent),
        WithJsonSchema({"type": "string", "pattern": "^(100|[0-9]{1,2}) ?%$"}),
    ] = 50
    """When fewer endpoints than this are healthy, requests go to all of them."""

    health_check: HealthCheck | None = None
    """How endpoints are checked; without it they are taken to be healthy."""

    connections: Count = 256
    """Maximum of open connections to one endpoint."""

    connect_timeout: Duration = 5.0
    """Time to get a connection: waiting for the pool, DNS, TCP and TLS together."""

    read_timeout: Duration = 60.0
    """Time between two reads of a response that is due."""

    @property
    def urls(self) -> tuple[str, ...]:
        """The URLs of the endpoints."""
        return tuple(endpoint.url for endpoint in self.endpoints)
