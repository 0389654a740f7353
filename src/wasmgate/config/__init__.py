"""gateway.yaml: read by `load`, described by `json_schema`, checked for oddities by `warnings`.

    config = load("gateway.yaml")           # one ConfigError with every mistake, or a value
    config.routes[0].match.prefix           # "/orders/"
    config.clusters["orders"].endpoints     # ("http://127.0.0.1:9001", …)
    config.to_policies()["auth"]            # a wasmgate.Policy

In the models times are seconds (float) and sizes bytes (int); only the file has units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate.config.addresses import Address
from wasmgate.config.loading import load
from wasmgate.config.models import (
    LB_POLICIES,
    Cluster,
    GatewayConfig,
    Match,
    PolicySettings,
    Route,
    Server,
)
from wasmgate.config.warning_rules import warnings

if TYPE_CHECKING:
    from wasmgate.config.schema import json_schema

__all__ = [
    "LB_POLICIES",
    "Address",
    "Cluster",
    "GatewayConfig",
    "Match",
    "PolicySettings",
    "Route",
    "Server",
    "json_schema",
    "load",
    "warnings",
]


def __getattr__(name: str) -> object:
    if name != "json_schema":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # What describes gateway.yaml to editors is not imported by a gateway.
    from wasmgate.config.schema import json_schema  # noqa: PLC0415

    return json_schema
