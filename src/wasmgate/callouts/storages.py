"""Where shared limits count: the URLs of the package `limits`, what each needs, and its ways."""

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

    from limits.aio.storage import Storage

    from wasmgate.policy.capabilities import Capabilities

__all__ = ["PATTERN", "close", "identifiers", "open_storage", "refuse", "require", "wrong"]

# What can count without losing the hits of others at the same time.
PATTERN = r"^(memory|memcached|(redis|valkey)(s|\+unix|\+cluster|\+sentinel)?)://"
# The package that speaks with each, which is installed by the extra of the same name as the server.
_PACKAGES = {"memory": "limits", "redis": "redis", "valkey": "valkey", "memcached": "memcachio"}
_EXTRAS = {"memory": "limits"}
# Memcached takes a longer time for a date, 1970 at that: https://docs.memcached.org/protocols/basic
_MEMCACHED_REMEMBERS = 30 * 24 * 60 * 60


def require(url: str, capabilities: Iterable[Capabilities], *, where: str) -> None:
    """Refuse a storage that cannot be used, before a request needs it.

    Nothing is asked of `memory://` while no policy may count. Raises ConfigError, never with the
    URL, which may hold a password.
    """
    if problem := wrong(url):
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


def wrong(url: str) -> str:
    """Say what is wrong with the form of an URL, without repeating it; nothing if it is right."""
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
    server, form = match[1], match[3] or ""
    several = server.startswith("memcached") or form in {"+cluster", "+sentinel"}
    single = server.startswith(("redis", "valkey")) and form in {"", "s"}
    addresses = parts.netloc.rpartition("@")[2].split(",")
    example = f"{parts.scheme}://10.0.0.1:7000,10.0.0.2:7000"
    problems = {
        f"must name a socket, like {parts.scheme}:///run/it.sock": form == "+unix"
        and len(parts.path) <= 1,
        f"must name one host, like {parts.scheme}://10.0.0.1:6379": single
        and not _is_address(parts.netloc, port=6379),
        f"must name every host with its port, like {example}": several
        and not all(map(_is_address, addresses)),
        f"must end in the name of the service, like {example}/mymaster": form == "+sentinel"
        and not parts.path.strip("/"),
    }
    return next((problem for problem, there in problems.items() if there), "")


def _is_address(text: str, port: int | None = None) -> bool:
    try:
        parts = urlsplit(f"//{text}")
        return bool(parts.hostname and (parts.port or port))
    except ValueError:  # of the port
        return False


def _server(url: str) -> str:
    return next(server for server in _PACKAGES if url.startswith(server))


def open_storage(url: str) -> Storage:
    """Return the storage of an URL; it connects when it is used."""
    from limits.storage import storage_from_string  # noqa: PLC0415 (an optional package)

    parts, options = urlsplit(url), dict[str, Any]()
    if _server(url) == "redis":
        options["implementation"] = "redispy"  # the client of redis.io
    if parts.scheme.endswith(("+cluster", "+sentinel")):
        # `limits` reads these as they are written, so "%40" would not be "@".
        named = {"username": parts.username, "password": parts.password}
        options |= {key: unquote(text) for key, text in named.items() if text}
    if parts.scheme.endswith("+cluster"):
        # By default every fifth redirection closes all connections, and what was under way on them
        # is sent again: it would count twice.
        options["reinitialize_steps"] = 0
    if parts.scheme.endswith("+sentinel"):
        options["use_replicas"] = False  # they lag, and `remaining` would be what was left before
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
    # `limits` has no word for it. Memcached's client is there only after its first use.
    places = (getattr(bridge, name, None) for name in ("storage", "_storage", "storage_replica"))
    yield from (client for client in places if client is not None)
    yield from getattr(getattr(bridge, "sentinel", None), "sentinels", ())


def identifiers(url: str, policy: str, strategy: str, key: str) -> tuple[str, ...]:
    """Return what tells a policy's hits of a key from all others."""
    # Each strategy keeps something else under its key: Redis has one type for a key.
    parts = (policy, strategy, key)
    if _server(url) != "memcached":
        return parts
    # Its keys have 250 bytes, and a space or an end of line in one would begin the next command.
    return (hashlib.sha256("/".join(parts).encode()).hexdigest(),)


def refuse(url: str, strategy: str, seconds: int) -> None:
    """Raise ValueError, with the reason, if a server cannot count so."""
    if _server(url) != "memcached":
        return
    if strategy == "moving-window":
        raise ValueError("memcached has no moving-window: say sliding-window")
    windows = 2 if strategy == "sliding-window" else 1  # which it must remember
    if seconds * windows > _MEMCACHED_REMEMBERS:
        raise ValueError(f"memcached has no {strategy} longer than {30 // windows} days")
