"""Policies around an ASGI app: pure ASGI, stateless, one object a request."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wasmgate._asgi import rewritten, target, with_length
from wasmgate._tls import of_scope as tls_of_scope
from wasmgate.artifacts import cache_folder
from wasmgate.callouts import storages, targets
from wasmgate.callouts.limits import CalloutLimits
from wasmgate.callouts.performer import Settings
from wasmgate.chain import as_policies
from wasmgate.driver import Drivers, log_level
from wasmgate.exchange import Exchange
from wasmgate.foreign import ForeignFunctions
from wasmgate.handshake import Handshake
from wasmgate.users import counted_by_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmgate._asgi import ASGIApp, Receive, Scope, Send
    from wasmgate._native import Effects, Stream
    from wasmgate.foreign import Function
    from wasmgate.policy import Policy

__all__ = ["PolicyMiddleware"]

_LOGGER = logging.getLogger("wasmgate.policy")
# Ways around `http.response.body`, where policies would not see what is sent.
_BODY_EXTENSIONS = ("http.response.pathsend", "http.response.zerocopysend")


class PolicyMiddleware:
    """Runs `policies` in order on every request to `app`, and in reverse on every response.

    `http` requests pass whole; of `websocket` connections the handshake's request head passes;
    with `lifespan` the policies of its thread start, before the app, else with the first request.
    Modules are compiled and tried here, once: a policy that cannot be used raises ConfigError or
    PolicyLoadError now, not on the first request.

    `route_name` is what policies read as the property of that name: some are for some routes only.
    `clusters` are upstreams that policies call by name: "http://host:port" or "https://host:port".
    Policies that have a name of `foreign_functions` in their capabilities may call that function
    (see `wasmgate.foreign`). `limits_storage` is where `wasmgate.limits.hit` counts, a URL of the
    `limits` package. `callout_limits` bound what all of it may use.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        policies: Sequence[Policy],
        route_name: str = "",
        clusters: Mapping[str, str] | None = None,
        foreign_functions: Mapping[str, Function] | None = None,
        limits_storage: str = "memory://",
        callout_limits: CalloutLimits | None = None,
    ) -> None:
        from wasmgate._native import Chain, Host  # noqa: PLC0415 (importing wasmgate stays cheap)

        checked = as_policies(policies)
        for policy in checked:
            where = f"policy {policy.name!r}: capabilities.net"
            targets.require(policy.capabilities.net, clusters or {}, where=where)
        capabilities = [policy.capabilities for policy in checked]
        storages.require(limits_storage, capabilities, where="limits_storage")
        for warning in counted_by_address(checked):
            _LOGGER.warning("%s, unless a PolicyMiddleware around this one names the user", warning)
        self.app = app
        self.foreign_functions = ForeignFunctions.of(foreign_functions or {})
        self.host = Host(
            cache=cache_folder(), log_level=log_level(), **self.foreign_functions.for_host()
        )
        # Kept, because better code comes to a plugin for as long as there is one.
        self.plugins = [policy.load(self.host) for policy in checked]
        self.chain = Chain(self.plugins, route_name=route_name)
        self.drivers = Drivers(
            self.chain,
            Settings(
                clusters=targets.fixed(clusters or {}),
                functions=self.foreign_functions.asynchronous,
                storage=limits_storage,
                limits=callout_limits or CalloutLimits(),
                deny=self.host.deny,
            ),
        )
        self._sees_responses = self.chain.response_headers or self.chain.response_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            if scope["type"] == "lifespan":
                self.drivers.current().start()
            await self.app(scope, receive, send)

    def _open(self, scope: Scope) -> tuple[Stream, Effects | None, bool]:
        self.drivers.current()  # with the first request of a thread its policies start to tick
        return self.chain.open(
            scope.get("client"),
            scope.get("server"),
            "https" if scope.get("scheme") in {"https", "wss"} else "http",
            scope.get("http_version", "1.1"),
            scope.get("method", "GET"),
            target(scope),
            scope["headers"],
            tls_of_scope(scope) if scope.get("extensions") else None,
        )

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        stream, effects, body_follows = self._open(scope)
        exchange = Exchange(
            stream,
            self.drivers,
            receive,
            send,
            body_follows=body_follows,
            head_only=scope.get("method") == "HEAD",
        )
        try:
            if effects is not None:
                forwarded = effects if effects.forward else await exchange.until_forwarded(effects)
                if forwarded is None:
                    return
                exchange.begin(forwarded)
                head = forwarded.request_head
                if head is not None:
                    scope = rewritten(scope, head)
                if body_follows and (forwarded.request_end or forwarded.request_body is not None):
                    scope = with_length(scope, forwarded)
            if scope.get("extensions") and self._sees_responses:
                kept = {k: v for k, v in scope["extensions"].items() if k not in _BODY_EXTENSIONS}
                scope = {**scope, "extensions": kept}
            await self.app(scope, exchange.receive, exchange.send)
        finally:
            exchange.release()

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        stream, effects, _ = self._open(scope)
        handshake = Handshake(stream, self.drivers, receive, send)
        try:
            if effects is not None:
                forwarded = await handshake.until_forwarded(scope, effects)
                if forwarded is None:
                    return
                if forwarded.request_head is not None:
                    scope = rewritten(scope, forwarded.request_head)
            await self.app(scope, handshake.receive, send)
        finally:
            handshake.release()
