"""What one configuration becomes: policies compiled and started, routes checked and indexed."""

from __future__ import annotations

import asyncio
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from wasmgate._asgi import require_asyncio
from wasmgate._native import Chain
from wasmgate.callouts.performer import CalloutEnvironment
from wasmgate.callouts.targets import Cluster
from wasmgate.control.health import HealthChecks
from wasmgate.errors import ConfigError
from wasmgate.gateway.loaded_policies import ConfiguredPolicies, LoadedPolicy
from wasmgate.gateway.loop_state import LoopState
from wasmgate.gateway.routing import router_of
from wasmgate.upstream import HttpUpstream, UpstreamLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from wasmgate._native import Host, Plugin
    from wasmgate.config import GatewayConfig
    from wasmgate.foreign import AsyncFunction
    from wasmgate.upstream import Upstream

__all__ = ["Deployment"]


class Deployment:
    """A configuration in use, until the next one takes its place.

    Policies that are the same in `previous` go on as they are, with what they remember. Making one
    may take seconds, because modules are compiled; it needs no event loop. Raises ConfigError,
    PolicyLoadError.
    """

    def __init__(
        self,
        config: GatewayConfig,
        host: Host,
        *,
        transports: Mapping[str, httpx.AsyncBaseTransport] = MappingProxyType({}),
        functions: Mapping[str, AsyncFunction] = MappingProxyType({}),
        previous: Deployment | None = None,
    ) -> None:
        _check_transports(transports, config)
        self.config = config
        self._transports = transports
        self._functions = functions
        self._deny = host.deny
        self._states: dict[asyncio.AbstractEventLoop, LoopState] = {}
        before = previous.loaded if previous is not None else {}
        self.loaded: dict[str, LoadedPolicy] = {
            name: LoadedPolicy.of(policy, host, before.get(name))
            for name, policy in config.to_policies().items()
        }
        self.configured: ConfiguredPolicies = ConfiguredPolicies(
            config, self.loaded, previous.configured if previous is not None else None
        )
        # One chain has every policy that runs once: its ticks are everybody's.
        self.policies = Chain(self._plugins())
        passed = [self.configured.of(route) for route in config.routes]
        # Routes with the same policies share a chain.
        chains = {plugins: Chain(plugins) for plugins in passed}
        self.router = router_of(config, [chains[plugins] for plugins in passed])
        checks_before = previous.health if previous is not None else None
        self.health: HealthChecks = HealthChecks(config, self.router, checks_before)

    def loop_state(self) -> LoopState:
        """Return what there is for the running loop. Raises ConfigError without asyncio."""
        loop = require_asyncio()
        found = self._states.get(loop)
        if found is None:
            for other in [other for other in self._states if other.is_closed()]:
                del self._states[other]
            found = self._states[loop] = self._state(self.policies)
        return found

    def remote_state(self) -> LoopState:
        """Return what the running loop needs for policies that run on other threads."""
        return self._state(Chain([]))

    def _state(self, policies: Chain) -> LoopState:
        self.health.start()
        upstreams = {name: self._upstream(name) for name in self.config.clusters}
        return LoopState(upstreams, policies, self._callouts(upstreams))

    def limits(self) -> list[UpstreamLimits]:
        """Return the bounds of each cluster's endpoints, in the order of the clusters."""
        return [self._limits(name) for name in self.config.clusters]

    def handshake_time(self, cluster: str) -> float | None:
        """Return the seconds for a WebSocket's handshake; None: a transport serves the cluster."""
        limits = self._limits(cluster)
        return None if cluster in self._transports else limits.connect + limits.read

    def _plugins(self) -> list[Plugin]:
        passed = [plugin for route in self.config.routes for plugin in self.configured.of(route)]
        beside = [self.loaded[name].plugin for name in self.config.background]
        return list(dict.fromkeys([*passed, *beside]))

    def start(self) -> None:
        """Start the policies on the running loop's thread."""
        self.loop_state().driver.start()

    def loops(self) -> list[asyncio.AbstractEventLoop]:
        """Return the loops on which it serves."""
        return [loop for loop in list(self._states) if not loop.is_closed()]

    def close_loop(self) -> None:
        """Close what there is for the running loop."""
        loop = asyncio.get_running_loop()
        state = self._states.get(loop)
        if state is not None:
            self._close(loop)
            state.driver.close()
            del self._states[loop]

    def _close(self, loop: asyncio.AbstractEventLoop) -> None:
        if (state := self._states.get(loop)) is not None:
            state.close()

    def retire(self) -> None:
        """Close idle connections on every loop; requests in flight finish on this deployment."""
        self.health.stop()
        for loop in self.loops():
            loop.call_soon_threadsafe(self._close, loop)

    def _callouts(self, upstreams: Mapping[str, Upstream]) -> CalloutEnvironment:
        router, config = self.router, self.config
        return CalloutEnvironment(
            clusters={
                name: Cluster(partial(router.endpoint, name), upstream)
                for name, upstream in upstreams.items()
            },
            functions=self._functions,
            storage=config.limits.storage,
            limits=config.callouts.to_limits(),
            deny=self._deny,
        )

    def _limits(self, name: str) -> UpstreamLimits:
        cluster = self.config.clusters[name]
        return UpstreamLimits(
            connections=cluster.connections,
            connect=cluster.connect_timeout,
            read=cluster.read_timeout,
        )

    def _upstream(self, name: str) -> Upstream:
        limits = self._limits(name)
        if name not in self._transports:
            return HttpUpstream(limits=limits)
        from wasmgate.upstream.httpx_transport import TransportUpstream  # noqa: PLC0415 (needs httpx)

        return TransportUpstream(self._transports[name], limits=limits)


def _check_transports(
    transports: Mapping[str, httpx.AsyncBaseTransport], config: GatewayConfig
) -> None:
    strange = sorted(set(transports) - set(config.clusters))
    if strange:
        raise ConfigError(
            f"there is no cluster for the transports of {', '.join(strange)}",
            where="transports",
            hint="name each transport after a cluster of the configuration",
        )
