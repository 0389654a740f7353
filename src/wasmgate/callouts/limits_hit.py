"""`wasmgate.limits.hit`: rate limits that processes and machines share, by the package `limits`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wasmgate.callouts import storages
from wasmgate.callouts.failure import CalloutFailed, Status

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.aio.storage import Storage
    from limits.aio.strategies import RateLimiter

__all__ = ["STRATEGIES", "LimitsHit"]

STRATEGIES = {
    "fixed-window": "FixedWindowRateLimiter",
    "moving-window": "MovingWindowRateLimiter",
    "sliding-window": "SlidingWindowCounterRateLimiter",
}
_NAMESPACE = "wasmgate"
_LONGEST_KEY = 1024
_HIGHEST_COST = 1_000_000
_HIGHEST_COSTS = {"moving-window": 1_000}  # this strategy stores an entry for each unit
_PARSED = 256  # parsed limits that are kept


class LimitsHit:
    """Counts hits in one storage, given by a URL of `wasmgate.callouts.storages`.

    Keys are separate for each policy.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._storage: Storage | None = None
        self._strategies: dict[str, RateLimiter] = {}
        self._items: dict[str, RateLimitItem] = {}

    async def __call__(self, policy: str, arguments: bytes) -> bytes:
        """Count a hit and return whether it is within the limit.

        `arguments` are JSON: `{"key": "…", "limit": "100/minute", "cost": 1, "strategy":
        "fixed-window"}`, the last two optional. Returns JSON: `{"allowed": true, "remaining": 99,
        "reset": 1700000000.0}`, where `reset` is the Unix time in seconds when the window ends, or
        `{"error": "…"}`. Raises CalloutFailed when the storage does not answer.
        """
        try:
            key, limit, cost, strategy = _arguments(arguments)
            item = self._item(limit)
            storages.refuse(self._url, strategy, item.get_expiry())
        except ValueError as error:
            return json.dumps({"error": str(error)}).encode()
        limiter = self._strategy(strategy)
        identifiers = storages.identifiers(self._url, policy, strategy, key)
        try:
            allowed = await limiter.hit(item, *identifiers, cost=cost)
            window = await limiter.get_window_stats(item, *identifiers)
        except Exception as error:
            # The text of the error is left out: it may contain the URL with a password.
            raise CalloutFailed(
                f"the storage of limits does not answer: {type(error).__name__}"
            ) from error
        result = {"allowed": allowed, "remaining": window.remaining, "reset": window.reset_time}
        return json.dumps(result).encode()

    async def close(self) -> None:
        """Close the connections to the storage, if it has any."""
        storage, self._storage = self._storage, None
        self._strategies.clear()
        if storage is not None:
            await storages.close(storage)

    def _item(self, limit: str) -> RateLimitItem:
        item = self._items.get(limit)
        if item is None:
            from limits import parse  # noqa: PLC0415 (an optional package)

            try:
                item = parse(limit)
            except ValueError:
                raise ValueError(
                    f"{limit!r} is not a limit: write it like '100/minute' or '5 per 10 seconds'"
                ) from None
            if len(self._items) >= _PARSED:
                self._items.clear()
            item.namespace = _NAMESPACE
            self._items[limit] = item
        return item

    def _strategy(self, name: str) -> RateLimiter:
        limiter = self._strategies.get(name)
        if limiter is None:
            from limits.aio import strategies  # noqa: PLC0415 (an optional package)

            try:
                self._storage = self._storage or storages.open_storage(self._url)
                limiter = getattr(strategies, STRATEGIES[name])(self._storage)
            except Exception as error:
                raise CalloutFailed(
                    f"the storage of limits cannot be used: {type(error).__name__}",
                    Status.INTERNAL,
                ) from error
            self._strategies[name] = limiter
        return limiter


def _arguments(data: bytes) -> tuple[str, str, int, str]:
    try:
        said = json.loads(data)
        key, limit = said["key"], said["limit"]
        cost, strategy = said.get("cost", 1), said.get("strategy", "fixed-window")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError("the arguments must be an object of JSON with key and limit") from None
    if not all(isinstance(text, str) for text in (key, limit, strategy)):
        raise ValueError("key, limit and strategy must be text")
    if strategy not in STRATEGIES:
        raise ValueError(f"there is no strategy {strategy!r}; there is: {', '.join(STRATEGIES)}")
    try:
        key.encode()
    except UnicodeEncodeError:  # JSON can contain a lone surrogate
        raise ValueError("key must be text") from None
    if len(key) > _LONGEST_KEY:
        raise ValueError(f"a key must not be longer than {_LONGEST_KEY} characters")
    highest = _HIGHEST_COSTS.get(strategy, _HIGHEST_COST)
    if not isinstance(cost, int) or isinstance(cost, bool) or not 1 <= cost <= highest:
        raise ValueError(f"cost must be a whole number from 1 to {highest:,}")
    return key, limit, cost, strategy
