"""What one policy may use."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from wasmgate.errors import ConfigError

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one policy may use. Sizes are bytes; fuel is about one instruction, so about 1 ns."""

    fuel: int = 10_000_000
    """For one callback; about 10 ms."""

    start_fuel: int = 200_000_000
    """For starting and configuring an instance, where guests built with Go need more."""

    memory: int = 32 * 1024 * 1024
    """Linear memory of one instance; there is one instance on each thread."""

    body: int = 1024 * 1024
    """Body bytes held while the policy pauses; more is answered 413, or waits to be read."""

    headers: int = 128
    """Fields in one header map; more is answered 431."""

    header_bytes: int = 64 * 1024
    """Names and values of one header map together; more is answered 431."""

    log_bytes: int = 16 * 1024
    """Log text that one callback may write; the rest is dropped."""

    step_callbacks: int = 64
    """Callbacks that one step may cause beside its own: `proxy_on_queue_ready` for values that it
    queued, and what follows `proxy_done`. The rest waits for the next turn of the event loop."""

    step_fuel: int = 20_000_000
    """Fuel of all these callbacks together. One of them may always run, with its `fuel`."""

    background_share: float = 0.05
    """The share of one core's time, on each thread, for what the policy does in the background:
    ticks, queues, and callouts of no request. What goes beyond it waits."""

    def __post_init__(self) -> None:
        for limit in dataclasses.fields(self):
            value = getattr(self, limit.name)
            if limit.name == "background_share":
                _check_share(value)
            elif not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(
                    f"limits.{limit.name} must be a whole number above 0, not {value!r}",
                    where=f"Limits({limit.name}=…)",
                    hint=f"write {limit.name}={_written(limit.default)};"
                    " units such as 32MiB are for gateway.yaml",
                )


def _written(number: object) -> str:
    """Return a number as a person would write it: 32 * 1024**2."""
    if not isinstance(number, int):
        return repr(number)
    for power in (2, 1):
        if number % 1024**power == 0:
            return f"{number // 1024**power} * 1024" + ("**2" if power == 2 else "")  # noqa: PLR2004
    return f"{number:_}"


def _check_share(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        raise ConfigError(
            f"limits.background_share must be a number above 0 and at most 1, not {value!r}",
            where="Limits(background_share=…)",
            hint="write background_share=0.05 for 5 % of a core",
        )
