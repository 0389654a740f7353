"""Policies around an ASGI app: a pure ASGI middleware, stateless, with one object for a request."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from wasmgate import trust
from wasmgate._asgi import broken, fail_startup
from wasmgate.callouts import storages, targets
from wasmgate.callouts.limits import CalloutLimits
from wasmgate.callouts.performer import CalloutEnvironment
from wasmgate.chain import as_policies
from wasmgate.driver import Drivers
from wasmgate.errors import ConfigError
from wasmgate.foreign import ForeignFunctions
from wasmgate.messages import measured
from wasmgate.middleware.arguments import require
from wasmgate.middleware.http import RequestCycle
from wasmgate.middleware.websocket import Handshake
from wasmgate.policy.artifacts import cache_folder
from wasmgate.scope import UNUSUAL, USER, arrival, canonical, declared, frame, rewrite, without
from wasmgate.telemetry.policy_log import log_level
from wasmgate.users import counted_by_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmgate._asgi import ASGIApp, Receive, Scope, Send
    from wasmgate._native import Effects, Stream
    from wasmgate.foreign import Function
    from wasmgate.policy import Policy

__all__ = ["PolicyMiddleware"]

_LOGGER = logging.getLogger("wasmgate.policy")
# Extensions that send a body without `http.response.body`: policies would not see it.
_BODY_EXTENSIONS = ("http.response.pathsend", "http.response.zerocopysend")


class PolicyMiddleware:
    """Runs policies in order on each request to an app, and in reverse order on each response.

    Policies see whole `http` requests and responses, and the request head of a `websocket`
    handshake. They start with the server's `lifespan`, before the app, or else with the first
    request of the thread. Modules are compiled and tried once, here.

    The scope is changed in place and passed to the app. `scope["wasmgate.user"]` is the user that
    policies authenticated, a str; a `PolicyMiddleware` or a `Gateway` further in reads it, too.

    Args:
        app: The ASGI app.
        policies: The policies, in the order of a request.
        route_name: The value of the property `route_name`.
        clusters: Upstreams that policies call by name: "http://host:port" or "https://host:port".
        foreign_functions: Functions by name, for policies whose capabilities have the name (see
            `wasmgate.foreign`).
        limits_storage: The storage of `wasmgate.limits.hit`, a URL of the package `limits`.
        callout_limits: Limits of the callouts of all policies together.
        timeout: Seconds that policies may pause a request or a response; then it is answered 504,
            or its connection is cut if the response has begun. None: no limit. Time in which the
            policies wait for the client or the app does not count.
        headers_with_underscores_action: What happens to request headers with an underscore in their
            name, which WSGI and CGI confuse with others (`x_user`, `x-user`): "drop_header" or
            "allow".

    Raises:
        ConfigError: An argument is invalid.
        PolicyLoadError: A policy cannot be compiled, started or configured.

    Source:
        The ASGI specification, HTTP & WebSocket protocol 2.5 and lifespan protocol 2.0.
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
        timeout: float | None = 60.0,
        headers_with_underscores_action: Literal["drop_header", "allow"] = "drop_header",
    ) -> None:
        from wasmgate._native import Chain, Host  # noqa: PLC0415 (importing wasmgate stays cheap)

        require(
            route_name=route_name,
            clusters=clusters,
            foreign_functions=foreign_functions,
            limits_storage=limits_storage,
            callout_limits=callout_limits,
            timeout=timeout,
            headers_with_underscores_action=headers_with_underscores_action,
        )
        checked = as_policies(policies)
        upstreams = targets.fixed(clusters or {})
        for policy in checked:
            where = f"policy {policy.name!r}: capabilities.net"
            targets.require(policy.capabilities.net, clusters or {}, where=where)
        trust.require((clusters or {}).values(), where="clusters")
        capabilities = [policy.capabilities for policy in checked]
        if any(its.net for its in capabilities) and (wrong := trust.problem()) is not None:
            _LOGGER.warning(
                "policies may call others over TLS, and none could be trusted: %s", wrong
            )
        storages.require(limits_storage, capabilities, where="limits_storage")
        for warning in counted_by_address(checked):
            _LOGGER.warning("%s, unless a PolicyMiddleware around this one names the user", warning)
        self.app = app
        self.foreign_functions = ForeignFunctions.of(foreign_functions or {})
        self.host = Host(
            cache=cache_folder(), log_level=log_level(), **self.foreign_functions.for_host()
        )
        # Kept alive, because the compiler switches live plugins to optimised code.
        self.plugins = [policy.load(self.host) for policy in checked]
        self.chain = Chain(
            self.plugins,
            route_name=route_name,
            edge=True,
            underscores=headers_with_underscores_action == "allow",
        )
        self.drivers = Drivers(
            self.chain,
            CalloutEnvironment(
                clusters=upstreams,
                functions=self.foreign_functions.asynchronous,
                storage=limits_storage,
                limits=callout_limits or CalloutLimits(),
                deny=self.host.deny,
            ),
        )
        self._timeout = timeout
        self._measures = self.chain.response_body
        self._sees_responses = self.chain.response_headers or self.chain.response_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection.

        Args:
            scope: The connection.
            receive: Returns the next event of the server.
            send: Takes the next event for the server.

        Raises:
            AsgiError: The scope has no type.
        """
        if scope.get("type") != "http":
            await self._beside(scope, receive, send)
            return
        driver = self.drivers.current()  # the first call on a thread starts its policies
        opened = self.chain.open_scope(scope) or self._open(scope)
        stream, effects, body_follows, target = opened
        cycle = RequestCycle(stream, driver, receive, send, self._timeout)
        if body_follows:
            cycle.expect_body()
        head_only = scope.get("method") == "HEAD"
        if head_only or self._measures:
            cycle.keep_length(head_only=head_only, measures=self._measures)
        try:
            if effects is not None:
                forwarded = effects if effects.forward else await cycle.until_forwarded(effects)
                if forwarded is None:
                    return
                cycle.begin(forwarded)
                if (head := forwarded.request_head) is not None:
                    scope = rewrite(scope, head, target)
            if body_follows and not await self._framed(scope, cycle):
                return
            if (user := stream.user) is not None:
                scope[USER] = user
            if self._sees_responses and scope.get("extensions"):
                scope["extensions"] = without(scope["extensions"], _BODY_EXTENSIONS)
            await self.app(scope, cycle.receive, cycle.send)
        finally:
            cycle.release()

    @property
    def dropped_headers(self) -> int:
        """Number of request headers that were dropped for an underscore in their name."""
        return self.chain.dropped_headers

    def _open(self, scope: Scope) -> tuple[Stream, Effects | None, bool, bytes]:
        """Open a stream for any scope; the last item is path and query below the mount."""
        try:
            arrived = arrival(scope)
            return *self.chain.open(*arrived), arrived[5]
        except UNUSUAL:
            arrived = canonical(scope)
            return *self.chain.open(*arrived), arrived[5]

    async def _framed(self, scope: Scope, cycle: RequestCycle) -> bool:
        """Set the length of a request whose body may be changed; False: the request was answered.

        A policy with a callback for bodies may change a body with a declared length. So the app is
        called after the first part of the body passed the policies.
        """
        length = declared(scope["headers"])
        if cycle.holds_request or (self.chain.request_body and length is not None):
            first = await cycle.first_part()
            if first is None:
                return False
            body, end, changed = first
            if changed:
                scope["headers"] = measured(list(scope["headers"]), body, end=end)
                length = len(body) if end else None
            cycle.announce(length)
        frame(scope)
        return True

    async def _beside(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection that is not HTTP."""
        kind = scope.get("type")
        if kind == "websocket":
            await self._websocket(scope, receive, send)
        else:
            if not isinstance(kind, str):
                raise broken("scope['type']", "a str", kind)
            if kind == "lifespan":
                try:
                    driver = self.drivers.current()
                except ConfigError as error:
                    await fail_startup(receive, send, error)
                    raise
                driver.start()
            await self.app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        driver = self.drivers.current()
        stream, effects, _, target = self._open(scope)
        handshake = Handshake(stream, driver, receive, send, timeout=self._timeout)
        try:
            if effects is not None:
                forwarded = await handshake.until_forwarded(scope, effects)
                if forwarded is None:
                    return
                if (head := forwarded.request_head) is not None:
                    scope = rewrite(scope, head, target)
            if (user := stream.user) is not None:
                scope[USER] = user
            await self.app(scope, handshake.receive, send)
        finally:
            handshake.release()
