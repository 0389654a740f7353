"""The target of a callout: a cluster, or host and port."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from wasmgate._native import parse_endpoint
from wasmgate.callouts.failure import CalloutFailed, Status
from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from wasmgate.upstream import Upstream

__all__ = ["Cluster", "Target", "fixed", "require", "target"]

_HTTPS = 443
_EXAMPLE = "write clusters={'site': 'http://127.0.0.1:9001'}, with a port from 1 to 65535"
_PLAIN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")


@dataclass(frozen=True)
class Cluster:
    """A cluster of the operator: the addresses of its endpoints are not checked.

    `endpoint` chooses the next endpoint and returns its URL, or None if none is healthy.
    `upstream` is a transport for HTTP calls; None: the network.
    """

    endpoint: Callable[[], str | None]
    upstream: Upstream | None = None


@dataclass(frozen=True)
class Target:
    """Where a callout connects to.

    `checked`: the host is an entry of `net`, so the addresses that it resolves to are checked.
    """

    host: str
    port: int
    secure: bool
    checked: bool
    upstream: Upstream | None = None

    @property
    def endpoint(self) -> str:
        """The URL: scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"


def fixed(clusters: Mapping[str, str]) -> dict[str, Cluster]:
    """Return clusters of one endpoint each, "http://host:port" or "https://host:port".

    Raises ConfigError.
    """
    for name, endpoint in clusters.items():
        where = f"clusters[{name!r}]"
        try:
            if not isinstance(endpoint, str):
                raise TypeError(f"a {type(endpoint).__name__}")  # noqa: TRY301
            parse_endpoint(endpoint)
        except TypeError as error:
            raise ConfigError(
                f"an endpoint must be a str, not {error}", where=where, hint=_EXAMPLE
            ) from None
        except ValueError as error:
            problem = f"the endpoint {error.args[0]}"
            raise ConfigError(problem, where=where, hint=_EXAMPLE) from None
    return {name: Cluster(cycle([endpoint]).__next__) for name, endpoint in clusters.items()}


def require(net: Iterable[str], clusters: Container[str], *, where: str) -> None:
    """Check that each entry of `net` without a port is a cluster. Raises ConfigError."""
    for name in net:
        if ":" not in name and name not in clusters:
            raise ConfigError(
                f"there is no cluster {name!r}",
                where=where,
                hint=f"put it in clusters, or write an address with its port, like {name}:8080",
            )


def target(name: str, clusters: Mapping[str, Cluster]) -> Target:
    """Return the target of `name`: a cluster, or host:port. Port 443 means TLS.

    Raises CalloutFailed for another name, and for a cluster without a healthy endpoint.
    """
    cluster = clusters.get(name)
    if cluster is not None:
        endpoint = cluster.endpoint()
        if endpoint is None:
            raise CalloutFailed(f"the cluster {name!r} has no healthy endpoint")
        _, host, port, secure = parse_endpoint(endpoint)
        return Target(host, port, secure, checked=False, upstream=cluster.upstream)
    plain = _PLAIN.fullmatch(name)
    if plain is None:
        raise CalloutFailed(
            f"there is no cluster {name!r}, and it is not host:port", Status.INVALID_ARGUMENT
        )
    port = int(plain[2])
    return Target(plain[1].strip("[]"), port, port == _HTTPS, checked=True)
