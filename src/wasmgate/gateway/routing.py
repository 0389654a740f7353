"""The native router of a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate._native import Cluster, Router

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmgate._native import Chain
    from wasmgate.config import GatewayConfig

__all__ = ["router_of"]


def router_of(config: GatewayConfig, chains: Sequence[Chain]) -> Router:
    """Return the router of a configuration.

    Args:
        config: The configuration.
        chains: The policies of each route, in the order of the routes.

    Raises:
        ConfigError: A route or a cluster is invalid.
    """
    return Router(
        clusters=[
            Cluster(
                name=name,
                endpoints=[(endpoint.url, endpoint.weight) for endpoint in its.endpoints],
                lb_policy=its.lb_policy,
                panic_threshold=its.panic_threshold,
            )
            for name, its in config.clusters.items()
        ],
        routes=[route.native(chain) for route, chain in zip(config.routes, chains, strict=True)],
        file_order=config.route_order == "file",
        trusted_proxies=[str(network) for network in config.trusted_proxies],
        headers=config.server.headers,
        header_bytes=config.server.header_bytes,
        body=config.server.body,
        underscores=config.server.headers_with_underscores_action == "allow",
    )
