"""`wasmgate.limits.hit`: limits that all processes and machines share, in the `limits` package."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wasmgate.callouts.failure import CalloutFailed, Status

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.aio.strategies import RateLimiter

__all__ = ["STRATEGIES", "LimitsHit"]

STRATEGIES = {
    "fixed-window": "FixedWindowRateLimiter",
    "moving-window": "MovingWindowRateLimiter",
    "sliding-window": "SlidingWindowCounterRateLimiter",
}
_NAMESPACE = "wasmgate"
_LONGEST_KEY = 1024
_PARSED = 256  # limits kept ready; a policy has a handful


class LimitsHit:
    """Counts hits in one storage, an URL as `limits` has them.

    The keys of a policy are its own.
    """

    def __init__(self, storage: str) -> None:
        self._url = storage
        self._strategies: dict[str, RateLimiter] = {}
        self._items: dict[str, RateLimitItem] = {}

    async def __call__(self, policy: str, arguments: bytes) -> bytes:
        """Count a hit, and say whether it is within the limit.

        Arguments: `{"key": "…", "limit": "100/minute", "cost": 1, "strategy": "fixed-window"}`, the
        last two optional. Result: `{"allowed": true, "remaining": 99, "reset": 1700000000.0}`,
        seconds since 1970 when the window ends, or `{"error": "…"}`. Raises CalloutFailed.
        """
        try:
            key, limit, cost, strategy = _arguments(arguments)
            item, limiter = self._item(limit), self._strategy(strategy)
        except ValueError as error:
            return json.dumps({"error": str(error)}).encode()
        try:
            allowed = await limiter.hit(item, policy, key, cost=cost)
            window = await limiter.get_window_stats(item, policy, key)
        except Exception as error:
            # Not its text: it may hold the URL, and so a password.
            raise CalloutFailed(
                f"the storage of limits does not answer: {type(error).__name__}"
            ) from error
        result = {"allowed": allowed, "remaining": window.remaining, "reset": window.reset_time}
        return json.dumps(result).encode()

    async def close(self) -> None:
        """Close the connections to the storage, if it has any."""
        if not self._strategies:
            return
        limiters = list(self._strategies.values())
        self._strategies.clear()
        # `limits` has no word for it: its storages for Redis and Valkey keep the client there.
        client = getattr(getattr(limiters[0].storage, "bridge", None), "storage", None)
        if client is not None and hasattr(client, "aclose"):
            await client.aclose()

    def _item(self, limit: str) -> RateLimitItem:
        item = self._items.get(limit)
        if item is None:
            parse = _limits().parse
            try:
                item = parse(limit)
            except ValueError:
                raise ValueError(
                    f"{limit!r} is no limit: write it like '100/minute' or '5 per 10 seconds'"
                ) from None
            if len(self._items) >= _PARSED:
                self._items.clear()
            item.namespace = _NAMESPACE
            self._items[limit] = item
        return item

    def _strategy(self, name: str) -> RateLimiter:
        limiter = self._strategies.get(name)
        if limiter is None:
            if name not in STRATEGIES:
                raise ValueError(
                    f"there is no strategy {name!r}; there is: {', '.join(STRATEGIES)}"
                )
            limits = _limits()
            try:
                storage = self._storage(limits)
                limiter = getattr(limits.aio.strategies, STRATEGIES[name])(storage)
            except Exception as error:
                raise CalloutFailed(
                    f"the storage of limits cannot be used: {type(error).__name__}",
                    Status.INTERNAL,
                ) from error
            self._strategies[name] = limiter
        return limiter

    def _storage(self, limits: Any) -> Any:  # noqa: ANN401 (limits is imported on first use)
        for known in self._strategies.values():
            return known.storage
        # The client of redis.io; for Valkey and Memcached there is one each.
        options = {"implementation": "redispy"} if self._url.startswith("redis") else {}
        return limits.storage.storage_from_string(f"async+{self._url}", **options)


def _limits() -> Any:  # noqa: ANN401 (as above)
    try:
        import limits  # noqa: PLC0415 (an optional package)
        import limits.aio.strategies  # noqa: PLC0415
        import limits.storage  # noqa: PLC0415
    except ImportError:
        raise CalloutFailed(
            "the package limits is missing: pip install 'wasmgate[limits]'", Status.UNIMPLEMENTED
        ) from None
    return limits


def _arguments(data: bytes) -> tuple[str, str, int, str]:
    try:
        said = json.loads(data)
        key, limit = said["key"], said["limit"]
        cost, strategy = said.get("cost", 1), said.get("strategy", "fixed-window")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError("the arguments must be an object of JSON with key and limit") from None
    if not all(isinstance(text, str) for text in (key, limit, strategy)):
        raise ValueError("key, limit and strategy must be text")
    if len(key) > _LONGEST_KEY:
        raise ValueError(f"a key must not be longer than {_LONGEST_KEY} characters")
    if not isinstance(cost, int) or isinstance(cost, bool) or cost < 1:
        raise ValueError("cost must be a whole number above 0")
    return key, limit, cost, strategy
