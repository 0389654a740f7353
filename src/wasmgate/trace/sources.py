"""The policies of a trace: one module, or the routes of a gateway."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from wasmgate._native import Chain
from wasmgate.gateway.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wasmgate._native import Effects, Exchange, Host, Stream
    from wasmgate.config import GatewayConfig
    from wasmgate.policy import Policy
    from wasmgate.trace.messages import Fields, Request

__all__ = ["GatewayPolicies", "ModulePolicies", "Opened", "Policies"]

_CLIENT, _SERVER, _VERSION = ("127.0.0.1", 50000), ("127.0.0.1", 80), "1.1"


class Opened(Protocol):
    """An opened request."""

    @property
    def stream(self) -> Stream | Exchange:
        """The stream or exchange of the request."""

    @property
    def effects(self) -> Effects | None:
        """The effects of its head."""

    @property
    def body_follows(self) -> bool:
        """True when the request has a body."""

    @property
    def tick(self) -> Callable[[], tuple[float | None, Effects]]:
        """Run the ticks that are due."""

    def head(self, effects: Effects | None) -> tuple[str, bytes, list[tuple[bytes, bytes]]]:
        """Return method, target and fields of the request to the upstream."""


class Policies(Protocol):
    """Policies that a request can pass."""

    @property
    def used(self) -> Sequence[Policy]:
        """The policies."""

    def load(self, host: Host) -> Callable[[Request], Opened]:
        """Load the policies and return a function that opens a request."""


class ModulePolicies:
    """Policies in order, as in a middleware."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.used = policies

    def load(self, host: Host) -> Callable[[Request], Opened]:
        """Load the policies. Raises ConfigError, PolicyLoadError."""
        return partial(_InChain, Chain([policy.load(host) for policy in self.used]))


class GatewayPolicies:
    """The routes of a gateway; the request chooses one."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self.used = list(config.to_policies().values())

    def load(self, host: Host) -> Callable[[Request], Opened]:
        """Load all policies. Raises ConfigError, PolicyLoadError."""
        return partial(_InGateway, Deployment(self._config, host))


def _arrival(
    request: Request,
) -> tuple[tuple[str, int], tuple[str, int], str, str, str, bytes, Fields]:
    """Return the arguments of `Chain.open` and `Router.open` for a request."""
    target, fields = request.target, request.headers
    return _CLIENT, _SERVER, request.scheme, _VERSION, request.method, target, fields


class _InChain:
    def __init__(self, chain: Chain, request: Request) -> None:
        self._request = request
        self.tick = chain.tick
        self.stream, self.effects, self.body_follows = chain.open(*_arrival(request))

    def head(self, effects: Effects | None) -> tuple[str, bytes, list[tuple[bytes, bytes]]]:
        changed = effects.request_head if effects is not None else None
        if changed is None:
            return self._request.method, self._request.target, list(self._request.headers)
        host = [(b"host", changed.authority)] if changed.authority else []
        return changed.method, changed.target, [*host, *changed.headers]


class _InGateway:
    def __init__(self, deployment: Deployment, request: Request) -> None:
        self.tick = Chain([loaded.plugin for loaded in deployment.loaded.values()]).tick
        self.stream, self.effects = deployment.router.open(*_arrival(request))
        self.body_follows = self.stream.body_follows

    def head(self, _effects: Effects | None) -> tuple[str, bytes, list[tuple[bytes, bytes]]]:
        upstream = self.stream.upstream
        if upstream is None:
            return "", b"", []
        return upstream.method, upstream.target, upstream.headers
