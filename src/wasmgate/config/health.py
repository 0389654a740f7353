"""Health checks of clusters in gateway.yaml."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from wasmgate.config.addresses import Host
from wasmgate.config.base import Model
from wasmgate.config.invalid import invalid
from wasmgate.config.matching import Method, Path
from wasmgate.config.names import FieldName
from wasmgate.config.units import Count, Duration

__all__ = ["HealthCheck"]

_LOWEST, _HIGHEST = 100, 599


def _statuses(value: object) -> object:
    """Read `200`, `"200-299"`, or a list of them, as pairs."""
    written = value if isinstance(value, (list, tuple)) else [value]
    return tuple(_range(one) for one in written)


def _range(value: object) -> object:
    if isinstance(value, tuple):
        return value
    found = re.fullmatch(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", str(value))
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if isinstance(value, bool) or not _LOWEST <= first <= last <= _HIGHEST:
        text = "must be a status, such as 200, or a range, such as 200-299"
        raise invalid("statuses", text, "write statuses: [200, 204] or statuses: 200-299")
    return first, last


_ONE = {
    "anyOf": [
        {"type": "integer"},
        {"type": "string", "pattern": "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$"},
    ]
}
Statuses = Annotated[
    tuple[tuple[int, int], ...],
    BeforeValidator(_statuses),
    WithJsonSchema({"anyOf": [*_ONE["anyOf"], {"type": "array", "items": _ONE}], "default": 200}),
]


class HealthCheck(Model):
    """How endpoints of a cluster are checked: by a request, or by a connection alone."""

    path: Path = "/"
    """The path of the request."""

    method: Method = "GET"
    """Its method."""

    host: Host | None = None
    """Its host; by default that of the endpoint."""

    headers: dict[FieldName, str] = Field(default_factory=dict)
    """Further headers of it."""

    statuses: Statuses = ((200, 200),)
    """The statuses of a healthy endpoint."""

    tcp: bool = False
    """Whether a connection is enough; nothing is sent then."""

    interval: Duration = 10.0
    """Time between two checks of an endpoint; varied by 10 %."""

    timeout: Duration = 2.0
    """Time for a check, from connecting to the last byte."""

    unhealthy_threshold: Count = 3
    """Failed checks in a row after which an endpoint is excluded; of the first checks one is
    enough."""

    healthy_threshold: Count = 2
    """Passed checks in a row after which it is included again."""

    @model_validator(mode="after")
    def _one_kind(self) -> HealthCheck:
        asks = {"path", "method", "host", "headers", "statuses"} & self.model_fields_set
        if self.tcp and asks:
            text = f"has tcp and {min(asks)}: a check by TCP sends no request"
            raise invalid("health_check", text, "take one of the two out")
        return self

    def expects(self, status: int) -> bool:
        """Return whether a healthy endpoint may answer with a status.

        Args:
            status: The status.
        """
        return any(first <= status <= last for first, last in self.statuses)
