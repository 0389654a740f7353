"""Foreign functions of an application: what its policies may ask of it by name.

A policy calls one with `proxy_call_foreign_function` (proxy-wasm/spec 0.2.1, "Foreign function
interface") and must have its name in `Capabilities.foreign_functions`. A function takes the
arguments as bytes and answers bytes. A plain function answers within the policy's callback, so the
event loop waits for it: it computes or looks something up, and never waits itself. An `async def`
is awaited outside of the callback, and the policy gets the result later, in
`proxy_on_foreign_function`.
"""

from __future__ import annotations

import _thread
import functools
import inspect
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

__all__ = ["LIMITS_HIT", "AsyncFunction", "ForeignFunctions", "Function", "SyncFunction"]

SyncFunction: TypeAlias = "Callable[[bytes], bytes]"
AsyncFunction: TypeAlias = "Callable[[bytes], Awaitable[bytes]]"
Function: TypeAlias = "SyncFunction | AsyncFunction"


class HostFunctions(TypedDict):
    """Functions as `_native.Host` takes them."""

    foreign_functions: Mapping[str, SyncFunction]
    asynchronous_functions: Sequence[str]


_LOGGER = logging.getLogger("wasmgate.foreign")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:-]{0,127}")
# Ours, now and later.
_RESERVED = "wasmgate"
# Ours, and asynchronous: see `wasmgate.callouts.limits_hit`.
LIMITS_HIT = "wasmgate.limits.hit"


@dataclass(frozen=True)
class ForeignFunctions:
    """The functions of one application by name, apart by how they answer."""

    synchronous: Mapping[str, SyncFunction]
    asynchronous: Mapping[str, AsyncFunction]

    @classmethod
    def of(cls, functions: Mapping[str, Function]) -> ForeignFunctions:
        """Tell functions apart.

        Raises ConfigError for a name that cannot be used or is the host's own, and for what is not
        callable.
        """
        synchronous: dict[str, SyncFunction] = {}
        asynchronous: dict[str, AsyncFunction] = {}
        for name, function in functions.items():
            _check(name, function)
            if _is_async(function):
                asynchronous[name] = function  # type: ignore[assignment]
            else:
                synchronous[name] = _logging_errors(name, function)  # type: ignore[arg-type]
        return cls(synchronous, asynchronous)

    def for_host(self) -> HostFunctions:
        """Return the arguments of `_native.Host` that make the functions known to it."""
        return {
            "foreign_functions": self.synchronous,
            "asynchronous_functions": [*self.asynchronous, LIMITS_HIT],
        }


def _check(name: str, function: object) -> None:
    from wasmgate._native import built_in_functions  # noqa: PLC0415 (describing policies is cheap)

    where = f"foreign_functions[{name!r}]"
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot name a foreign function",
            where=where,
            hint="use at most 128 letters, digits and '_', '.', '/', ':', '-', like 'acme.lookup'",
        )
    if name in built_in_functions() or name.startswith(_RESERVED):
        raise ConfigError(
            f"the name {name!r} is the host's own", where=where, hint="choose another name"
        )
    if not callable(function):
        hint = "give a function that takes bytes and returns bytes: def or async def"
        raise ConfigError(f"{function!r} is not callable", where=where, hint=hint)


def _is_async(function: Function) -> bool:
    return any(map(inspect.iscoroutinefunction, (function, type(function).__call__)))


def _logging_errors(name: str, function: SyncFunction) -> SyncFunction:
    """Wrap a function: what it raises is logged before the policy gets INTERNAL_FAILURE."""

    @functools.wraps(function)
    def call(arguments: bytes) -> bytes:
        try:
            return function(arguments)
        except KeyboardInterrupt:
            # It is the program's: it comes again once the policy's callback has returned.
            _thread.interrupt_main()
            raise
        except Exception:
            # The policy's own log line has the type alone, because this may show request data.
            _LOGGER.debug("the foreign function %r raised", name, exc_info=True)
            raise

    return call
