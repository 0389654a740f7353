"""How many clients may be connected to `wasmgate run` at once (`server.connections`)."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmgate.config import GatewayConfig

__all__ = ["clients"]

# Descriptors of a process beside those of clients and upstreams: standard streams, modules, the
# event loop and its callouts; and those of each thread.
_OWN, _OF_THREAD = 64, 8
_UNLIMITED = 1 << 30


def clients(config: GatewayConfig, *, threads: int) -> tuple[int, str]:
    """Return the bound, and a warning if the process may not have descriptors for so many.

    Each client has a descriptor, and a request under way may have another one for its upstream. So
    by default all that is left for connections is for clients, less what the clusters'
    `connections` allow, but at least the half of it.
    """
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        descriptors = _UNLIMITED
    left = descriptors - min(_OWN + _OF_THREAD * threads, descriptors // 2)
    upstreams = sum(
        max(its.connections, threads) * len(its.endpoints) for its in config.clusters.values()
    )
    room = max(1, left - min(upstreams, left // 2))
    wanted = config.server.connections
    if wanted is None:
        return room, ""
    if wanted <= room:
        return wanted, ""
    return wanted, (
        f"server.connections allows {wanted} clients, and with {descriptors} descriptors {room} "
        "can be served beside the connections to upstreams: raise the limit (`ulimit -n`, "
        "LimitNOFILE)"
    )
