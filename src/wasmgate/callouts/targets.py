"""What a policy's name for an upstream means: a cluster, or a host and a port."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wasmgate.callouts.failure import CalloutFailed, Status
from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wasmgate.upstream import Upstream

__all__ = ["Cluster", "Target", "fixed", "target"]

_HTTPS = 443
_PLAIN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")


@dataclass(frozen=True)
class Cluster:
    """What the operator has named: its endpoints are the operator's word and are not judged.

    `endpoint` chooses the next one, None when there is none; `upstream` carries HTTP requests to
    it, and is None for the network.
    """

    endpoint: Callable[[], str | None]
    upstream: Upstream | None = None


@dataclass(frozen=True)
class Target:
    """Where a callout goes. `judged`: a policy named it, so its addresses are judged."""

    host: str
    port: int
    secure: bool
    judged: bool
    upstream: Upstream | None = None

    @property
    def endpoint(self) -> str:
        """Scheme, host and port, as the upstream client has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"


def fixed(clusters: Mapping[str, str]) -> dict[str, Cluster]:
    """Return clusters of one endpoint each, "http://host:port" or "https://host:port".

    Raises ConfigError.
    """
    for name, endpoint in clusters.items():
        if _parsed(endpoint, judged=False) is None:
            raise ConfigError(
                f"{endpoint!r} is no endpoint: it must be http://host:port or https://host:port",
                where=f"clusters: {name}",
            )
    return {name: Cluster(cycle([endpoint]).__next__) for name, endpoint in clusters.items()}


def target(name: str, clusters: Mapping[str, Cluster]) -> Target:
    """Return where `name` leads: to a cluster, or it is host:port, or an URL of them.

    Port 443 and "https://" mean TLS. Raises CalloutFailed.
    """
    cluster = clusters.get(name)
    if cluster is None:
        found = _parsed(name, judged=True)
        if found is None:
            raise CalloutFailed(
                f"there is no cluster {name!r}, and it is no host:port", Status.INVALID_ARGUMENT
            )
        return found
    endpoint = cluster.endpoint()
    found = _parsed(endpoint, judged=False, upstream=cluster.upstream) if endpoint else None
    if found is None:
        raise CalloutFailed(f"the cluster {name!r} has no healthy endpoint")
    return found


def _parsed(text: str, *, judged: bool, upstream: Upstream | None = None) -> Target | None:
    if plain := _PLAIN.fullmatch(text):
        port = int(plain[2])
        return Target(plain[1].strip("[]"), port, port == _HTTPS, judged, upstream)
    try:
        url = urlsplit(text)
        port = url.port or (_HTTPS if url.scheme == "https" else 80)
    except ValueError:
        return None
    bare = url.path in {"", "/"} and not (url.query or url.fragment or "@" in url.netloc)
    if url.scheme not in {"http", "https"} or not url.hostname or not bare:
        return None
    return Target(url.hostname, port, url.scheme == "https", judged, upstream)
