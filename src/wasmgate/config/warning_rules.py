"""Warnings about valid but unlikely configurations, at start and in `wasmgate check`."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from wasmgate import trust
from wasmgate.foreign import LIMITS_HIT
from wasmgate.users import counted_by_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmgate.config.models import GatewayConfig, Match

__all__ = ["warnings"]


def warnings(config: GatewayConfig, *, workers: int = 1) -> list[str]:
    """Return one line for each setting that is valid but probably a mistake.

    Args:
        config: The configuration.
        workers: The number of worker processes.
    """
    return [
        *_multiplied_limits(config, workers),
        *_users_without_name(config),
        *_shadowed_routes(config),
        *_unused(config),
        *_untrusted(config),
    ]


def _multiplied_limits(config: GatewayConfig, workers: int) -> Iterator[str]:
    if workers == 1:
        return
    in_memory = config.limits.storage.startswith("memory:")
    for name, settings in config.policies.items():
        if PurePath(settings.module).stem == "rate_limit":
            yield (
                f"policies.{name}: each of the {workers} workers has its own counters, "
                f"so clients get up to {workers} times the limit; run one worker, or divide it"
            )
        elif LIMITS_HIT in settings.capabilities.foreign_functions and in_memory:
            yield (
                f"policies.{name}: each of the {workers} workers has its own counters; "
                "name a storage that they share in limits.storage, such as redis://"
            )


def _users_without_name(config: GatewayConfig) -> Iterator[str]:
    policies = config.to_policies()
    for at, route in enumerate(config.routes):
        own = config.configured_by(route)
        chain = [own.get(name) or policies[name] for name in config.policies_of(route)]
        yield from (f"routes[{at}] ({route.name}): {text}" for text in counted_by_address(chain))


def _shadowed_routes(config: GatewayConfig) -> Iterator[str]:
    in_file_order = config.route_order == "file"
    for at, route in enumerate(config.routes):
        for earlier, other in enumerate(config.routes[:at]):
            covers = _covers if in_file_order else _equals
            if covers(other.match, route.match):
                yield (
                    f"routes[{at}] ({route.name}) is never taken: "
                    f"routes[{earlier}] ({other.name}) matches all of its requests first"
                )
                break


def _equals(first: Match, second: Match) -> bool:
    """Return whether two routes match the same requests; the first in the file takes them."""
    same_hosts = set(first.host) == set(second.host)
    return same_hosts and first.pattern == second.pattern and _asks(first) == _asks(second)


def _covers(wider: Match, narrower: Match) -> bool:
    (kind, pattern), (other_kind, other) = wider.pattern, narrower.pattern
    # A prefix without a final "/" matches whole segments, so only an equal one is surely covered.
    below = kind == "prefix" and other_kind in {"prefix", "path", "template"}
    inside = wider.pattern == narrower.pattern or (
        below and pattern.endswith("/") and other.startswith(pattern)
    )
    hosts = not wider.host or "*" in wider.host
    covers_hosts = hosts or (narrower.host and set(narrower.host) <= set(wider.host))
    asks = _asks(wider)
    return bool(inside and covers_hosts and (not any(asks) or asks == _asks(narrower)))


def _asks(match: Match) -> tuple[object, ...]:
    return match.methods, match.headers, match.query, match.cookies


def _untrusted(config: GatewayConfig) -> Iterator[str]:
    calls = [name for name, its in config.policies.items() if its.capabilities.net]
    if calls and (wrong := trust.problem()) is not None:
        yield f"policies.{calls[0]} may call others over TLS, and none could be trusted: {wrong}"


def _unused(config: GatewayConfig) -> Iterator[str]:
    clusters = {name for route in config.routes for name in route.forwards_to}
    clusters |= {name for its in config.policies.values() for name in its.capabilities.net}
    policies = {name for route in config.routes for name in config.policies_of(route)}
    policies |= set(config.background)
    for kind, defined, used, users in (
        ("clusters", config.clusters, clusters, "no route and no policy"),
        ("policies", config.policies, policies, "neither a route nor `background`"),
    ):
        yield from (f"{kind}.{name}: {users} uses it" for name in defined if name not in used)
