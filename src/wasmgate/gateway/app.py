"""The gateway as an ASGI app."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from wasmgate._asgi import broken, fail_startup, require_asyncio
from wasmgate._native import Host, trim_memory
from wasmgate.config import load
from wasmgate.driver import log_level
from wasmgate.errors import ConfigError
from wasmgate.foreign import ForeignFunctions
from wasmgate.gateway.asgi.downstream import Cut
from wasmgate.gateway.asgi.forwarding import AsgiForwarder
from wasmgate.gateway.deployment import Deployment
from wasmgate.gateway.websocket.refusal import refuse
from wasmgate.messages import kind_of, request_part
from wasmgate.policy.artifacts import cache_folder
from wasmgate.scope import UNUSUAL, arrival, canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from wasmgate._asgi import Message, Receive, Scope, Send
    from wasmgate._native import Router
    from wasmgate.config import GatewayConfig
    from wasmgate.foreign import Function

__all__ = ["Gateway", "create_app", "freeze_heap"]


class Server(Protocol):
    """What serves a gateway without ASGI; it is told of each new configuration."""

    def deploy(self, deployment: Deployment) -> None:
        """Serve requests that begin from now on with this deployment; on the server's loop."""

    def deploy_soon(self, deployment: Deployment) -> None:
        """Do the same from any thread."""

    def instances(self, host: Host) -> int:
        """Return how many instances of the host's policies it has."""


class Gateway:
    """Routes requests through policies to clusters: an ASGI app to serve, or to mount in another.

    `transports` serve clusters in place of the network, by cluster name. Policies that have a name
    of `foreign_functions` in their capabilities may call that function (see `wasmgate.foreign`).
    Everything is loaded and checked here: raises ConfigError or PolicyLoadError.

        app.mount("/api", Gateway.from_file("gateway.yaml"))
    """

    def __init__(
        self,
        config: GatewayConfig,
        *,
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
        foreign_functions: Mapping[str, Function] | None = None,
    ) -> None:
        self._foreign_functions = ForeignFunctions.of(foreign_functions or {})
        self._host = Host(
            cache=cache_folder(), log_level=log_level(), **self._foreign_functions.for_host()
        )
        self._transports = dict(transports or {})
        self._path: Path | None = None
        self._reloading = threading.Lock()
        self._deployment = self._deployed(config)
        self._servers: list[Server] = []

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
        foreign_functions: Mapping[str, Function] | None = None,
    ) -> Gateway:
        """Read gateway.yaml; `reload()` reads it again."""
        gateway = cls(load(path), transports=transports, foreign_functions=foreign_functions)
        gateway._path = Path(path)
        return gateway

    @property
    def config(self) -> GatewayConfig:
        """The configuration in use."""
        return self._deployment.config

    @property
    def in_process(self) -> bool:
        """Whether something in this process serves a cluster, in place of the network."""
        return bool(self._transports)

    @property
    def router(self) -> Router:
        """Where requests go, as the configuration in use says."""
        return self._deployment.router

    @property
    def dropped_headers(self) -> int:
        """How many request headers were dropped because their names have an underscore."""
        return self._deployment.router.dropped_headers

    async def reload(self, config: GatewayConfig | None = None) -> None:
        """Take `config`, or what the file says now, without losing a request.

        It is loaded and compiled beside the requests that run, then takes their place in one step:
        they finish with the policies and the routes they began with. Policies that are the same as
        before, to the bytes of their modules, go on with all that they remember; of others what
        policies share stays, such as counters. Raises ConfigError or PolicyLoadError; then nothing
        has changed.
        """
        await asyncio.to_thread(self._replace, config)

    def _replace(self, config: GatewayConfig | None) -> None:
        with self._reloading:
            if config is None:
                if self._path is None:
                    raise ConfigError(
                        "there is no file to read again",
                        hint="pass the new configuration to reload()",
                    )
                config = load(self._path)
            old = self._deployment
            self._deployment = self._deployed(config, previous=old)
        for server in list(self._servers):
            server.deploy_soon(self._deployment)
        for loop in old.loops():
            loop.call_soon_threadsafe(self._start)
        old.retire()

    @property
    def instances(self) -> int:
        """How many instances of policies there are, on this thread and those of servers."""
        return self._host.instances() + sum(its.instances(self._host) for its in self._servers)

    def attach(self, server: Server) -> None:
        """Have a server serve this gateway, also after a reload."""
        server.deploy(self._deployment)
        self._servers.append(server)

    def detach(self, server: Server) -> None:
        """Let a server that has ended go."""
        self._servers.remove(server)

    def _start(self) -> None:
        self._deployment.start()

    def _deployed(self, config: GatewayConfig, previous: Deployment | None = None) -> Deployment:
        config.require_storage()
        config.require_trust()
        return Deployment(
            config,
            self._host,
            transports=self._transports,
            functions=self._foreign_functions.asynchronous,
            previous=previous,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        match scope.get("type"):
            case "http":
                await self._http(scope, receive, send)
            case "websocket":
                await refuse(scope, receive, send)
            case "lifespan":
                await self._lifespan(receive, send)
            case str(unknown):
                raise NotImplementedError(f"ASGI connections of type {unknown!r}")
            case missing:
                raise broken("scope['type']", "a str", missing)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        deployment = self._deployment
        state = deployment.loop_state()
        try:
            arrived = arrival(scope)
        except UNUSUAL:
            arrived = canonical(scope)
        first: Message | None = None
        if not arrived[3].startswith("1"):
            # No field says whether a body follows (RFC 9113 §8.1), so the client is asked.
            first = request_part(await receive())
            if first["type"] == "http.disconnect":
                return
        ended = first is not None and not (first.get("body") or first.get("more_body"))
        try:
            exchange, effects = deployment.router.open(*arrived, ended=ended)
        except UNUSUAL:
            exchange, effects = deployment.router.open(*canonical(scope), ended=ended)
        try:
            extensions = scope.get("extensions") or ()
            forwarder = AsgiForwarder(state, exchange, receive, send, extensions=extensions)
            await forwarder.run(effects, first)
        except Cut:
            # uvicorn cuts what its app leaves unfinished and writes one line; for an exception it
            # would write a traceback. Other servers, and middleware, may complete the response.
            server = getattr(send, "__self__", None)
            if not type(server).__module__.startswith("uvicorn."):
                raise

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        try:
            require_asyncio()
        except ConfigError as error:
            await fail_startup(receive, send, error)
        while kind_of(await receive()) == "lifespan.startup":
            self._start()
            await send({"type": "lifespan.startup.complete"})
        self._deployment.close_loop()
        await send({"type": "lifespan.shutdown.complete"})


def create_app() -> Gateway:
    """Make the gateway that $WASMGATE_CONFIG describes, or gateway.yaml: a factory for servers.

    A server must leave `scope["client"]` alone, for `trusted_proxies` judges forwarded fields, and
    must not add fields of its own to what upstreams send:

        uvicorn --no-proxy-headers --no-server-header --no-date-header
                --factory wasmgate.gateway:create_app
    """
    gateway = Gateway.from_file(os.environ.get("WASMGATE_CONFIG", "gateway.yaml"))
    freeze_heap()
    return gateway


def freeze_heap() -> None:
    """Put a start behind this process: for a process that does nothing but serve.

    What a start left free goes back to the system. What it made, modules and validators for the
    most part, is left out of every later garbage collection: a full one takes 10 ms, in which no
    request is served.
    """
    gc.collect()
    gc.freeze()
    trim_memory()
