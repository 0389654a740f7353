"""Storages of shared limits: URLs of the package `limits`, their packages and their limitations."""

from __future__ import annotations

import hashlib
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from wasmgate.errors import ConfigError
from wasmgate.foreign import LIMITS_HIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from urllib.parse import SplitResult

    from limits.aio.storage import Storage

    from wasmgate.policy.capabilities import Capabilities

__all__ = ["PATTERN", "close", "identifiers", "open_storage", "refuse", "require", "url_problem"]

# Storages whose counters are atomic: concurrent hits are not lost.
PATTERN = r"^(memory|memcached|(redis|valkey)(s|\+unix|\+cluster|\+sentinel)?)://"
# The client package of each server; the extra of wasmgate that installs it has the server's name.
_PACKAGES = {"memory": "limits", "redis": "redis", "valkey": "valkey", "memcached": "memcachio"}
_EXTRAS = {"memory": "limits"}
# Memcached reads a longer expiry as a Unix time: https://docs.memcached.org/protocols/basic
_MEMCACHED_REMEMBERS = 30 * 24 * 60 * 60


def require(url: str, capabilities: Iterable[Capabilities], *, where: str) -> None:
    """Check that a storage can be used, before a request needs it.

    `memory://` is not checked while no policy has the capability for `wasmgate.limits.hit`. Raises
    ConfigError without the URL, which may contain a password.
    """
    if problem := url_problem(url):
        raise ConfigError(
            f"the storage of shared limits {problem}",
            where=where,
            hint="write redis://127.0.0.1:6379, or memory:// for one process",
        )
    server = _server(url)
    used = any(LIMITS_HIT in each.foreign_functions for each in capabilities)
    missing = [each for each in ("limits", _PACKAGES[server]) if not find_spec(each)]
    if missing and (used or server != "memory"):
        raise ConfigError(
            f"shared limits in {urlsplit(url).scheme}:// need a package that is missing: "
            f"{' and '.join(dict.fromkeys(missing))}",
            where=where,
            hint=f"pip install 'wasmgate[{_EXTRAS.get(server, server)}]'",
        )


def url_problem(url: str) -> str:
    """Return what is wrong with the form of a URL, without repeating it; empty if it is valid."""
    match = re.match(PATTERN, url)
    if match is None:
        return (
            "must begin with memory://, memcached://, redis://, rediss://, redis+unix://, "
            "redis+cluster://, redis+sentinel://, or the same with valkey"
        )
    try:
        parts = urlsplit(url)
    except ValueError:  # "[" and no "]"
        return "must be a URL"
    return _server_problem(parts, match[1], match[3] or "")


def _server_problem(parts: SplitResult, server: str, form: str) -> str:
    several = server.startswith("memcached") or form in {"+cluster", "+sentinel"}
    single = server.startswith(("redis", "valkey")) and form in {"", "s"}
    addresses = parts.netloc.rpartition("@")[2].split(",")
    example = f"{parts.scheme}://10.0.0.1:7000,10.0.0.2:7000"
    if form == "+unix" and len(parts.path) <= 1:
        return f"must name a socket, like {parts.scheme}:///run/it.sock"
    if single and not _is_address(parts.netloc, port=6379):
        return f"must name one host, like {parts.scheme}://10.0.0.1:6379"
    if several and not all(map(_is_address, addresses)):
        return f"must name every host with its port, like {example}"
    if form == "+sentinel" and not parts.path.strip("/"):
        return f"must end in the name of the service, like {example}/mymaster"
    return ""


def _is_address(text: str, port: int | None = None) -> bool:
    try:
        parts = urlsplit(f"//{text}")
        return bool(parts.hostname and (parts.port or port))
    except ValueError:  # of the port
        return False


def _server(url: str) -> str:
    return next(server for server in _PACKAGES if url.startswith(server))


def open_storage(url: str) -> Storage:
    """Return the storage of a URL; it connects on first use."""
    from limits.storage import storage_from_string  # noqa: PLC0415 (an optional package)

    parts, options = urlsplit(url), dict[str, Any]()
    if _server(url) == "redis":
        options["implementation"] = "redispy"  # the client of redis.io
    if parts.scheme.endswith(("+cluster", "+sentinel")):
        # `limits` does not decode these: "%40" would stay "%40" instead of "@".
        named = {"username": parts.username, "password": parts.password}
        options |= {key: unquote(text) for key, text in named.items() if text}
    if parts.scheme.endswith("+cluster"):
        # By default every fifth redirection closes all connections, and commands in flight are sent
        # again: such a hit would count twice.
        options["reinitialize_steps"] = 0
    if parts.scheme.endswith("+sentinel"):
        options["use_replicas"] = False  # replicas lag: `remaining` would be out of date
    storage: Storage = storage_from_string(f"async+{url}", **options)  # type: ignore[assignment]
    return storage


async def close(storage: Storage) -> None:
    """Close all connections of a storage."""
    for client in _clients(getattr(storage, "bridge", None)):
        if hasattr(client, "aclose"):
            await client.aclose()
        else:
            client.connection_pool.close()


def _clients(bridge: Any) -> Iterator[Any]:  # noqa: ANN401 (a class of `limits` for each server)
    # `limits` has no public name for its clients. That of Memcached exists after its first use.
    places = (getattr(bridge, name, None) for name in ("storage", "_storage", "storage_replica"))
    yield from (client for client in places if client is not None)
    yield from getattr(getattr(bridge, "sentinel", None), "sentinels", ())


def identifiers(url: str, policy: str, strategy: str, key: str) -> tuple[str, ...]:
    """Return the parts of the key under which a storage counts the hits of a policy."""
    # The strategy is a part, because each stores another type of value: Redis has one type a key.
    parts = (policy, strategy, key)
    if _server(url) != "memcached":
        return parts
    # A key of Memcached has at most 250 bytes and neither spaces nor line ends.
    return (hashlib.sha256("/".join(parts).encode()).hexdigest(),)


def refuse(url: str, strategy: str, seconds: int) -> None:
    """Raise ValueError, with the reason, if a server has no such strategy or window.

    `seconds` is the length of the window.
    """
    if _server(url) != "memcached":
        return
    if strategy == "moving-window":
        raise ValueError("memcached has no moving-window: say sliding-window")
    windows = 2 if strategy == "sliding-window" else 1  # stored at the same time
    if seconds * windows > _MEMCACHED_REMEMBERS:
        raise ValueError(f"memcached has no {strategy} longer than {30 // windows} days")
