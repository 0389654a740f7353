"""Foreign functions: functions of the application that its policies may call by name.

A policy calls a function with `proxy_call_foreign_function` (proxy-wasm/spec 0.2.1, "Foreign
function interface"), if `Capabilities.foreign_functions` has its name. A function takes and returns
bytes. A plain function runs within the policy's callback and blocks the event loop, so it must not
wait. An `async def` is awaited outside of the callback, and `proxy_on_foreign_function` brings its
result.
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
    """Arguments of `_native.Host`."""

    foreign_functions: Mapping[str, SyncFunction]
    asynchronous_functions: Sequence[str]


_LOGGER = logging.getLogger("wasmgate.foreign")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:-]{0,127}")
# Reserved for foreign functions of the host.
_RESERVED = "wasmgate"
# An asynchronous foreign function of the host: see `wasmgate.callouts.limits_hit`.
LIMITS_HIT = "wasmgate.limits.hit"


@dataclass(frozen=True)
class ForeignFunctions:
    """The functions of one application by name, synchronous and asynchronous ones apart."""

    synchronous: Mapping[str, SyncFunction]
    asynchronous: Mapping[str, AsyncFunction]

    @classmethod
    def of(cls, functions: Mapping[str, Function]) -> ForeignFunctions:
        """Divide functions into synchronous and asynchronous ones.

        Raises ConfigError for an invalid or reserved name, and for a value that is not callable.
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
        """Return the arguments of `_native.Host` for the functions."""
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
    """Wrap a function: its exception is logged before the policy gets INTERNAL_FAILURE."""

    @functools.wraps(function)
    def call(arguments: bytes) -> bytes:
        try:
            return function(arguments)
        except KeyboardInterrupt:
            # For the program: the extension raises it again after the policy's callback.
            _thread.interrupt_main()
            raise
        except Exception:
            # The policy's log line has only the type, because the message may have request data.
            _LOGGER.debug("the foreign function %r raised", name, exc_info=True)
            raise

    return call
