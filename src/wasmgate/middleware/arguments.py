"""Checks the arguments of `PolicyMiddleware` that Python's types do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from wasmgate.callouts.limits import CalloutLimits
from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["require"]

_ACTIONS = ("drop_header", "allow")


def require(**arguments: Any) -> None:  # noqa: ANN401 (what a caller may give)
    """Check arguments by their names. Raises ConfigError."""
    for name, value in arguments.items():
        _CHECKS[name](name, value)


def _mapping(name: str, value: Any) -> None:  # noqa: ANN401 (any value)
    if value is not None and not isinstance(value, Mapping):
        _refuse(name, "must be a dict", value, f"write {name}={_EXAMPLES[name]}")


def _text(name: str, value: Any) -> None:  # noqa: ANN401 (any value)
    if not isinstance(value, str):
        _refuse(name, "must be a str", value, f"write {name}={_EXAMPLES[name]}")


def _limits(name: str, value: Any) -> None:  # noqa: ANN401 (any value)
    if value is not None and not isinstance(value, CalloutLimits):
        _refuse(name, "must be CalloutLimits", value, f"write {name}=CalloutLimits(in_flight=64)")


def _timeout(name: str, value: Any) -> None:  # noqa: ANN401 (any value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not None and not (number and value > 0):
        hint = "write seconds, like timeout=60, or None to let policies wait for ever"
        _refuse(name, "must be more than 0 seconds", value, hint)


def _action(name: str, value: Any) -> None:  # noqa: ANN401 (any value)
    if value not in _ACTIONS:
        _refuse(name, "must be an action", value, 'write "drop_header" or "allow"')


_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "route_name": _text,
    "clusters": _mapping,
    "foreign_functions": _mapping,
    "limits_storage": _text,
    "callout_limits": _limits,
    "timeout": _timeout,
    "headers_with_underscores_action": _action,
}
_EXAMPLES = {
    "route_name": "'orders'",
    "clusters": "{'site': 'http://127.0.0.1:9001'}",
    "foreign_functions": "{'acme.lookup': lookup}",
    "limits_storage": "'redis://127.0.0.1:6379'",
}


def _refuse(name: str, what: str, value: object, hint: str) -> NoReturn:
    # Text and numbers are shown; a value of another kind may be long, or hold a secret.
    short = isinstance(value, str | int | float) and name != "limits_storage"
    shown = repr(value) if short else f"a {type(value).__name__}"
    place = f"PolicyMiddleware({name}=…)"
    raise ConfigError(f"{place}: {name} {what}, not {shown}", where=place, hint=hint)
