"""Resource limits of one policy."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from wasmgate._native import DEFAULT_LIMITS
from wasmgate.errors import ConfigError

__all__ = ["Limits"]

_MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Resource limits of one policy; the defaults are those of the host.

    Sizes are in bytes. A unit of fuel is about one instruction, which takes about 1 ns.

    Raises:
        ConfigError: A value is not a whole number above 0, or a share is not in (0, 1].
    """

    fuel: int = DEFAULT_LIMITS["fuel"]
    """Fuel of one callback: 10,000,000 by default, about 10 ms."""

    start_fuel: int = DEFAULT_LIMITS["start_fuel"]
    """Fuel for starting and configuring an instance, of which guests built with Go need more."""

    memory: int = DEFAULT_LIMITS["memory"]
    """Linear memory of one instance; each thread has one instance."""

    body: int = DEFAULT_LIMITS["body"]
    """Bytes of a buffered body; more is answered 413, or not read until the policy continues."""

    headers: int = DEFAULT_LIMITS["headers"]
    """Fields in one header map; more is answered 431."""

    header_bytes: int = DEFAULT_LIMITS["header_bytes"]
    """Names and values of one header map together; more is answered 431."""

    log_bytes: int = DEFAULT_LIMITS["log_bytes"]
    """Log text of one callback; the rest is dropped."""

    step_callbacks: int = DEFAULT_LIMITS["step_callbacks"]
    """Callbacks that one step may cause beside its own: `proxy_on_queue_ready` for values that it
    queued, and callbacks after `proxy_done`. The rest is deferred to the next turn of the event
    loop."""

    step_fuel: int = DEFAULT_LIMITS["step_fuel"]
    """Fuel of all these callbacks together. One of them may always run, with its `fuel`."""

    background_share: float = DEFAULT_LIMITS["background_share"] / _MILLION
    """The share of one core's time, on each thread, for the policy's work in the background: ticks,
    queues, and callouts of no request. Work above it is deferred."""

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

    def changed(self) -> dict[str, float]:
        """Return the limits that differ from their defaults, by name."""
        fields = {limit.name: limit.default for limit in dataclasses.fields(self)}
        given = {name: getattr(self, name) for name in fields}
        return {name: value for name, value in given.items() if value != fields[name]}


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
