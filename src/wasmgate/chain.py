"""The policies of a chain, with unique names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType

from wasmgate.errors import ConfigError
from wasmgate.policy import LONGEST_NAME, Policy

__all__ = ["as_policies"]


def as_policies(values: object) -> list[Policy]:
    """Return the policies of a chain with unique names.

    The name identifies shared data, metrics and log lines: of two `policies.rate_limit(...)` the
    second is renamed "rate_limit_2" and has a limit of its own. Raises ConfigError for another
    value than a list of policies.
    """
    if isinstance(values, Policy):
        text = "policies must be a list, and this is one policy"
        raise ConfigError(text, where="policies=", hint="put it in brackets: policies=[…]")
    if isinstance(values, (str, bytes, Mapping, ModuleType)) or not isinstance(values, Iterable):
        kind = "a module" if isinstance(values, ModuleType) else f"a {type(values).__name__}"
        raise ConfigError(
            f"policies must be a list of policies, not {kind}",
            where="policies=",
            hint="write policies=[policies.rate_limit(limit='100/minute'), Policy('own.wasm')]",
        )
    checked = [_as_policy(value, where=f"policies[{at}]") for at, value in enumerate(values)]
    taken = {policy.name for policy in checked}
    named: dict[str, Policy] = {}
    for policy in checked:
        name, number = policy.name, 1
        while name in named or (number > 1 and name in taken):
            number += 1
            name = f"{policy.name[: LONGEST_NAME - len(str(number)) - 1]}_{number}"
        named[name] = policy if number == 1 else policy.named(name)
    return list(named.values())


def _as_policy(value: object, *, where: str) -> Policy:
    if isinstance(value, Policy):
        return value
    if isinstance(value, (str, Path)):
        hint = f"write Policy({str(value)!r})"
    elif callable(value):
        hint = f"call it: {getattr(value, '__name__', 'rate_limit')}(…)"
    else:
        hint = "write Policy('own.wasm'), or policies.rate_limit(limit='100/minute')"
    shown = repr(value) if isinstance(value, (str, Path)) else f"a {type(value).__name__}"
    raise ConfigError(f"{shown} is not a policy", where=where, hint=hint)
