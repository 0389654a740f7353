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
    from collections.abc import Callable, Container, Iterable, Mapping

    from wasmgate.upstream import Upstream

__all__ = ["Cluster", "Target", "fixed", "require", "target"]

_HTTPS = 443
_EXAMPLE = "write clusters={'site': 'http://127.0.0.1:9001'}, with a port from 1 to 65535"
_PLAIN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")


@dataclass(frozen=True)
class Cluster:
    """What the operator has named: its endpoints are the operator's word and are not checked.

    `endpoint` chooses the next one, None when there is none; `upstream` carries HTTP requests to
    it, and is None for the network.
    """

    endpoint: Callable[[], str | None]
    upstream: Upstream | None = None


@dataclass(frozen=True)
class Target:
    """Where a callout goes. `checked`: a policy named it, so its addresses are checked."""

    host: str
    port: int
    secure: bool
    checked: bool
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
        where = f"clusters[{name!r}]"
        try:
            if not isinstance(endpoint, str):
                raise TypeError(f"a {type(endpoint).__name__}")  # noqa: TRY301
            _endpoint(endpoint)
        except TypeError as error:
            raise ConfigError(
                f"an endpoint must be a str, not {error}", where=where, hint=_EXAMPLE
            ) from None
        except ValueError as error:
            raise ConfigError(f"the endpoint is {error}", where=where, hint=_EXAMPLE) from None
    return {name: Cluster(cycle([endpoint]).__next__) for name, endpoint in clusters.items()}


def require(net: Iterable[str], clusters: Container[str], *, where: str) -> None:
    """Refuse an entry of the capability `net` that leads nowhere. Raises ConfigError."""
    for name in net:
        if ":" not in name and name not in clusters:
            raise ConfigError(
                f"there is no cluster {name!r}",
                where=where,
                hint=f"put it in clusters, or write an address with its port, like {name}:8080",
            )


def target(name: str, clusters: Mapping[str, Cluster]) -> Target:
    """Return where `name` leads: to a cluster, or it is host:port. Port 443 means TLS.

    Raises CalloutFailed.
    """
    cluster = clusters.get(name)
    if cluster is not None:
        endpoint = cluster.endpoint()
        if endpoint is None:
            raise CalloutFailed(f"the cluster {name!r} has no healthy endpoint")
        host, port, secure = _endpoint(endpoint)
        return Target(host, port, secure, checked=False, upstream=cluster.upstream)
    plain = _PLAIN.fullmatch(name)
    if plain is None:
        raise CalloutFailed(
            f"there is no cluster {name!r}, and it is not host:port", Status.INVALID_ARGUMENT
        )
    port = int(plain[2])
    return Target(plain[1].strip("[]"), port, port == _HTTPS, checked=True)


def _endpoint(text: str) -> tuple[str, int, bool]:
    """Return host, port and whether TLS is spoken. Raises ValueError."""
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError(
            "neither http://host:port nor https://host:port, or its port too high"
        ) from None
    secure = url.scheme == "https"
    bare = url.path in {"", "/"} and not (url.query or url.fragment or "@" in url.netloc)
    if not (secure or url.scheme == "http") or not url.hostname or not bare:
        raise ValueError("neither http://host:port nor https://host:port")
    if port == 0:
        raise ValueError("of port 0, which nothing listens on")
    return url.hostname, port or (_HTTPS if secure else 80), secure
