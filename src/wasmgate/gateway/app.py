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
from wasmgate.errors import ConfigError
from wasmgate.foreign import ForeignFunctions
from wasmgate.gateway.asgi.downstream import Cut
from wasmgate.gateway.asgi.forwarding import AsgiForwarder
from wasmgate.gateway.deployment import Deployment
from wasmgate.gateway.websocket.serving import serve_websocket
from wasmgate.messages import kind_of, request_part
from wasmgate.policy.artifacts import cache_folder
from wasmgate.scope import UNUSUAL, arrival, canonical
from wasmgate.telemetry.policy_log import log_level

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from wasmgate._asgi import Message, Receive, Scope, Send
    from wasmgate._native import Router
    from wasmgate.config import GatewayConfig
    from wasmgate.foreign import Function

__all__ = ["Gateway", "create_app", "freeze_heap", "gateway_of"]


class Server(Protocol):
    """A server of the gateway without ASGI, which gets each new deployment."""

    def deploy(self, deployment: Deployment) -> None:
        """Serve requests that begin from now on with this deployment; on the server's loop."""

    def deploy_soon(self, deployment: Deployment) -> None:
        """Do the same from any thread."""

    def instances(self, host: Host) -> int:
        """Return the number of its instances of the host's policies."""


class Gateway:
    """Routes requests through policies to clusters: an ASGI app to serve, or to mount in another.

    Everything is loaded and checked here.

        app.mount("/api", Gateway.from_file("gateway.yaml"))

    Args:
        config: The configuration.
        transports: Transports that serve clusters in place of the network, by cluster name.
        foreign_functions: Functions by name, for policies whose capabilities have the name (see
            `wasmgate.foreign`).

    Raises:
        ConfigError: The configuration or an argument is invalid.
        PolicyLoadError: A policy cannot be compiled, started or configured.

    Source:
        The ASGI specification, HTTP & WebSocket protocol 2.5 and lifespan protocol 2.0.
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
        """Read gateway.yaml; `reload()` reads it again.

        Args:
            path: The file.
            transports: As for `Gateway`.
            foreign_functions: As for `Gateway`.

        Returns:
            The gateway that the file describes.

        Raises:
            ConfigError: The file or an argument is invalid.
            PolicyLoadError: A policy cannot be compiled, started or configured.
        """
        gateway = cls(load(path), transports=transports, foreign_functions=foreign_functions)
        gateway._path = Path(path)
        return gateway

    @property
    def config(self) -> GatewayConfig:
        """The configuration in use."""
        return self._deployment.config

    @property
    def in_process(self) -> bool:
        """Whether a transport in this process serves a cluster in place of the network."""
        return bool(self._transports)

    @property
    def router(self) -> Router:
        """The router of the configuration in use."""
        return self._deployment.router

    @property
    def dropped_headers(self) -> int:
        """Number of request headers that were dropped for an underscore in their name."""
        return self._deployment.router.dropped_headers

    async def reload(self, config: GatewayConfig | None = None) -> None:
        """Replace the configuration without losing a request.

        The new configuration is loaded and compiled while requests run, and then replaces the old
        one in one step: requests finish with the policies and the routes that they began with. A
        policy that is the same as before, to the bytes of its module, keeps its instances with
        their state; of another one the shared data stays, such as counters.

        Args:
            config: The new configuration; None reads the file again.

        Raises:
            ConfigError: The configuration is invalid, or there is no file. Nothing has changed.
            PolicyLoadError: A policy cannot be compiled, started or configured. Nothing has
                changed.
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
        """Number of instances of policies, on this thread and on those of servers."""
        return self._host.instances() + sum(its.instances(self._host) for its in self._servers)

    def attach(self, server: Server) -> None:
        """Let a server serve this gateway, also after a reload.

        Args:
            server: The server, which gets each new deployment.
        """
        server.deploy(self._deployment)
        self._servers.append(server)

    def detach(self, server: Server) -> None:
        """Remove a server that has ended.

        Args:
            server: A server that was attached.
        """
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
        """Serve one ASGI connection.

        Args:
            scope: The connection.
            receive: Returns the next event of the server.
            send: Takes the next event for the server.

        Raises:
            AsgiError: The scope has no type.
            NotImplementedError: The type is not one of "http", "websocket" and "lifespan".
        """
        if scope.get("type") != "http":
            await self._beside(scope, receive, send)
            return
        deployment = self._deployment
        state = deployment.loop_state()
        first: Message | None = None
        opened = deployment.router.open_scope(scope)
        if opened is None:
            try:
                arrived = arrival(scope)
            except UNUSUAL:
                arrived = canonical(scope)
            if arrived[3] in {"2", "3"}:
                # No field says whether a body follows (RFC 9113 §8.1), so the client is asked.
                first = request_part(await receive())
                if first["type"] == "http.disconnect":
                    return
            ended = first is not None and not (first.get("body") or first.get("more_body"))
            try:
                opened = deployment.router.open(*arrived, ended=ended)
            except UNUSUAL:
                opened = deployment.router.open(*canonical(scope), ended=ended)
        exchange, effects = opened
        try:
            extensions = scope.get("extensions") or ()
            forwarder = AsgiForwarder(state, exchange, receive, send, extensions)
            await forwarder.run(effects, first)
        except Cut:
            # uvicorn cuts what its app leaves unfinished and writes one line; for an exception it
            # would write a traceback. Other servers, and middleware, may complete the response.
            server = getattr(send, "__self__", None)
            if not type(server).__module__.startswith("uvicorn."):
                raise

    async def _beside(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection that is not HTTP."""
        match scope.get("type"):
            case "websocket":
                await serve_websocket(self._deployment, scope, receive, send)
            case "lifespan":
                await self._lifespan(receive, send)
            case str(unknown):
                raise NotImplementedError(f"ASGI connections of type {unknown!r}")
            case missing:
                raise broken("scope['type']", "a str", missing)

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
    """Return the gateway of $WASMGATE_CONFIG, or of gateway.yaml: a factory for servers.

    A server must leave `scope["client"]` alone, because `trusted_proxies` is compared with it, and
    must not add fields of its own to upstreams' responses:

        uvicorn --no-proxy-headers --no-server-header --no-date-header
                --factory wasmgate.gateway:create_app

    Raises:
        ConfigError: The file is invalid.
        PolicyLoadError: A policy cannot be compiled, started or configured.
    """
    gateway = Gateway.from_file(os.environ.get("WASMGATE_CONFIG", "gateway.yaml"))
    freeze_heap()
    return gateway


def gateway_of(path: Path, config: GatewayConfig) -> Gateway:
    """Return the gateway of a file that has been read already; `reload()` reads it again.

    Args:
        path: The file.
        config: What it says.

    Raises:
        ConfigError: The configuration is invalid.
        PolicyLoadError: A policy cannot be compiled, started or configured.
    """
    gateway = Gateway(config)
    gateway._path = path  # noqa: SLF001 (of this module)
    return gateway


def freeze_heap() -> None:
    """Release free memory to the system and exclude live objects from garbage collection.

    For a process that only serves, at the end of its start. The objects of the start, modules and
    validators for the most part, live as long as the process; a full collection of them takes 10
    ms, during which no request is served.
    """
    gc.collect()
    gc.freeze()
    trim_memory()
