"""Policies around an ASGI app: pure ASGI, stateless, one object a request."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from wasmgate import trust
from wasmgate._asgi import broken, fail_startup
from wasmgate.callouts import storages, targets
from wasmgate.callouts.limits import CalloutLimits
from wasmgate.callouts.performer import CalloutEnvironment
from wasmgate.chain import as_policies
from wasmgate.driver import Drivers, log_level
from wasmgate.errors import ConfigError
from wasmgate.foreign import ForeignFunctions
from wasmgate.messages import measured
from wasmgate.middleware.http import RequestCycle
from wasmgate.middleware.websocket import Handshake
from wasmgate.policy.artifacts import cache_folder
from wasmgate.scope import UNUSUAL, USER, arrival, canonical, declared, frame, rewrite, without
from wasmgate.users import counted_by_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmgate._asgi import ASGIApp, Receive, Scope, Send
    from wasmgate._native import Effects, Stream
    from wasmgate.foreign import Function
    from wasmgate.policy import Policy

__all__ = ["PolicyMiddleware"]

_LOGGER = logging.getLogger("wasmgate.policy")
_UNDERSCORES = ("drop_header", "allow")
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

    `timeout` is how many seconds policies alone may make a request or a response wait: it ends with
    504, or is cut once it has begun; None is for ever. What they wait for the client and the app is
    not counted. `headers_with_underscores_action` is "drop_header", or "allow" for the names of
    request headers that WSGI and CGI cannot tell from others (`x_user`, `x-user`).

    The scope goes on to the app, changed in place. `scope["wasmgate.user"]` is the user that
    policies found, a str; policies of a `PolicyMiddleware` or a `Gateway` further in know it, too.
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

        _require_timeout(timeout)
        _require_action(headers_with_underscores_action)
        checked = as_policies(policies)
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
        # Kept, because better code comes to a plugin for as long as there is one.
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
                clusters=targets.fixed(clusters or {}),
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
        """Serve one ASGI connection."""
        kind = scope.get("type")
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket":
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

    @property
    def dropped_headers(self) -> int:
        """How many request headers were dropped because their names have an underscore."""
        return self.chain.dropped_headers

    def _open(self, scope: Scope) -> tuple[Stream, Effects | None, bool, bytes]:
        """Open a stream; the last of the answer is path and query below the mount."""
        try:
            arrived = arrival(scope)
            return *self.chain.open(*arrived), arrived[5]
        except UNUSUAL:
            arrived = canonical(scope)
            return *self.chain.open(*arrived), arrived[5]

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        driver = self.drivers.current()  # a thread's first: its policies start to tick
        stream, effects, body_follows, target = self._open(scope)
        cycle = RequestCycle(
            stream,
            driver,
            receive,
            send,
            body_follows=body_follows,
            head_only=scope.get("method") == "HEAD",
            measures=self._measures,
            timeout=self._timeout,
        )
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

    async def _framed(self, scope: Scope, cycle: RequestCycle) -> bool:
        """Let the head say how long the body is that goes on with it; False: nothing goes on.

        A policy that looks at bodies may change them. So the app is called with the first part of
        a body whose length was announced, which comes without waiting for an answer.
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


def _require_timeout(timeout: float | None) -> None:
    if timeout is not None and not timeout > 0:
        raise ConfigError(
            f"timeout must be more than 0 seconds, not {timeout!r}",
            where="PolicyMiddleware",
            hint="write seconds, like timeout=60, or None to let policies wait for ever",
        )


def _require_action(action: str) -> None:
    if action not in _UNDERSCORES:
        raise ConfigError(
            f"there is no action {action!r} for names with underscores",
            where="PolicyMiddleware: headers_with_underscores_action",
            hint='write "drop_header" or "allow"',
        )
