"""Gateway policies in WebAssembly, inside any ASGI app or as a stand-alone gateway.

    from wasmgate import PolicyMiddleware, policies

    app.add_middleware(PolicyMiddleware, policies=[policies.rate_limit(limit="100/minute")])

Importing the package imports only the errors. The extension, and pydantic for gateway.yaml, are
imported on the first use of a name that needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from wasmgate.callouts.limits import CalloutLimits
from wasmgate.errors import (
    AsgiError,
    ConfigError,
    ConnectError,
    NoHealthyEndpoint,
    OutOfFuel,
    OutOfMemory,
    PolicyError,
    PolicyLoadError,
    PolicyTrap,
    UpstreamError,
    UpstreamTimeout,
    WasmgateError,
    WrongThread,
)

if TYPE_CHECKING:
    from wasmgate import policies
    from wasmgate.config import GatewayConfig
    from wasmgate.gateway import Gateway
    from wasmgate.middleware import PolicyMiddleware
    from wasmgate.policy import FailurePolicy, Policy
    from wasmgate.policy.capabilities import Capabilities
    from wasmgate.policy.isolation import Isolation, Tenants
    from wasmgate.policy.limits import Limits

    __version__: str

__all__ = [
    "AsgiError",
    "CalloutLimits",
    "Capabilities",
    "ConfigError",
    "ConnectError",
    "FailurePolicy",
    "Gateway",
    "GatewayConfig",
    "Isolation",
    "Limits",
    "NoHealthyEndpoint",
    "OutOfFuel",
    "OutOfMemory",
    "Policy",
    "PolicyError",
    "PolicyLoadError",
    "PolicyMiddleware",
    "PolicyTrap",
    "Tenants",
    "UpstreamError",
    "UpstreamTimeout",
    "WasmgateError",
    "WrongThread",
    "__version__",
    "policies",
]

# Modules of the packages of the extra `gateway`.
_OF_THE_GATEWAY = {"httptools", "yaml", "rich", "typer", "uvicorn", "uvloop"}
_LATER = {
    "Capabilities": "wasmgate.policy.capabilities",
    "FailurePolicy": "wasmgate.policy",
    "Gateway": "wasmgate.gateway",
    "GatewayConfig": "wasmgate.config",
    "Isolation": "wasmgate.policy.isolation",
    "Limits": "wasmgate.policy.limits",
    "Policy": "wasmgate.policy",
    "PolicyMiddleware": "wasmgate.middleware",
    "Tenants": "wasmgate.policy.isolation",
}


def __getattr__(name: str) -> object:
    if name in _LATER:
        try:
            value = getattr(importlib.import_module(_LATER[name]), name)
        except ModuleNotFoundError as error:
            if error.name in _OF_THE_GATEWAY:
                needed = f"wasmgate.{name} needs the package {error.name}"
                raise ImportError(f"{needed}: pip install 'wasmgate[gateway]'") from error
            raise
    elif name == "policies":
        value = importlib.import_module("wasmgate.policies")
    elif name == "__version__":
        value = importlib.import_module("importlib.metadata").version("wasmgate")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
