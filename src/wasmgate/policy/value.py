"""The settings of a policy: module, name, configuration, limits and capabilities.

They are a value: making one checks every argument and reads no file. gateway.yaml has the same
names, with units (see `wasmgate.config`).
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from wasmgate._native import is_token
from wasmgate.errors import ConfigError
from wasmgate.origins import Arguments, Origin
from wasmgate.origins.paths import unwritable
from wasmgate.policy.capabilities import Capabilities, names
from wasmgate.policy.isolation import Isolation, Tenants, contradiction
from wasmgate.policy.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


__all__ = ["LONGEST_NAME", "FailurePolicy", "Json", "PolicyValue"]

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"

LONGEST_NAME = 64
_NAME = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{LONGEST_NAME - 1}}}")


class FailurePolicy(StrEnum):
    """What happens to a request when a policy fails: traps, or runs out of fuel or memory."""

    CLOSED = "closed"
    """The request is answered 503."""

    OPEN = "open"
    """The request continues without that policy."""


# The types of each argument, and an example.
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "name": ((str,), "a str"),
    "root_id": ((str,), "a str"),
    "vm_id": ((str,), "a str"),
    "limits": ((Limits,), "wasmgate.Limits(…)"),
    "capabilities": ((Capabilities,), "wasmgate.Capabilities(…)"),
    "tenants": ((Tenants, type(None)), "wasmgate.Tenants(…)"),
    "allow_on_headers_stop_iteration": ((bool,), "True or False"),
}


@dataclass(frozen=True)
class PolicyValue:
    """The checked arguments of `Policy`."""

    module: str | Path
    _: KW_ONLY
    name: str = ""
    root_id: str = ""
    # Configurations contain keys and passwords: repr() does not show them.
    configuration: Json | bytes = field(default=None, repr=False, compare=False)
    vm_configuration: Json | bytes = field(default=None, repr=False, compare=False)
    limits: Limits = field(default_factory=Limits)
    capabilities: Capabilities = field(default_factory=Capabilities)
    failure_policy: FailurePolicy = FailurePolicy.CLOSED
    strip_request_headers: tuple[str, ...] = ()
    allow_on_headers_stop_iteration: bool = False
    vm_id: str = ""
    isolation: Isolation = Isolation.POLICY
    tenants: Tenants | None = None
    origin: Origin | None = field(default=None, repr=False, compare=False)
    """Where the policy is written, for its errors; None: in the call that makes it."""
    configuration_bytes: bytes = field(init=False, repr=False)
    vm_configuration_bytes: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        self._check_module()
        self._check_kinds()
        set_field(self, "name", self.name or Path(self.module).stem)
        if not _NAME.fullmatch(self.name):
            hint = "give name= with at most 64 letters, digits, '_', '.' and '-'"
            raise self.wrong("name", f"{self.name!r} cannot name a policy", hint)
        for name, kind in (("failure_policy", FailurePolicy), ("isolation", Isolation)):
            set_field(self, name, self._choice(name, kind))
        set_field(self, "strip_request_headers", self._stripped_headers())
        self._check_isolation()
        # Encoded now: a later edit of the caller's dictionary must not change a policy.
        for name in ("configuration", "vm_configuration"):
            set_field(self, f"{name}_bytes", self._encoded(name))

    def wrong(self, argument: str, text: str, hint: str) -> ConfigError:
        """Return the error for an argument, with the place of the argument.

        Args:
            argument: The name of the argument.
            text: What is wrong.
            hint: What to write instead.
        """
        return ConfigError(text, where=self.written_at().place((argument,)), hint=hint)

    def written_at(self) -> Origin:
        """Return where the policy is written: in a file, or in the arguments of a call."""
        return self.origin or Arguments("Policy", configured_by="configuration")

    def _check_module(self) -> None:
        module: object = self.module
        if not isinstance(module, (str, Path)) or not str(module).strip():
            text = f"the module must be a name or a path, not {module!r}"
            raise self.wrong("module", text, "write Policy('own.wasm'), or Policy('rate_limit')")

    def _choice(self, argument: str, kind: type[StrEnum]) -> StrEnum:
        value = getattr(self, argument)
        try:
            return kind(value)
        except ValueError:
            choices = " or ".join(repr(str(one)) for one in kind)
            text = f"{argument} must be {choices}, not {value!r}"
            raise self.wrong(
                argument, text, f"write {argument}={str(next(iter(kind)))!r}"
            ) from None

    def _stripped_headers(self) -> tuple[str, ...]:
        where = self.written_at().place(("strip_request_headers",))
        argument = "strip_request_headers"
        stripped = names(getattr(self, argument), argument, where=where, example="x-user")
        for name in stripped:
            if not is_token(name.encode("utf-8", "surrogatepass")):
                hint = "write the name alone, such as 'x-user'"
                raise self.wrong(argument, f"{name!r} is not a header name", hint)
        return tuple(name.lower() for name in stripped)

    def _check_kinds(self) -> None:
        """Check the types now, and not when the policy is loaded. Raises ConfigError."""
        for name, (kinds, written) in _KINDS.items():
            if not isinstance(value := getattr(self, name), kinds):
                text = f"{name} must be {written}, not {type(value).__name__}"
                raise self.wrong(name, text, f"write {name}={written}")

    def _check_isolation(self) -> None:
        wrong = contradiction(self.isolation, self.vm_id, tenants=self.tenants is not None)
        if wrong is not None:
            raise self.wrong("isolation", wrong, "take one of the two arguments out")

    def _encoded(self, name: str) -> bytes:
        value = getattr(self, name)
        try:
            match value:
                case None:
                    return b""
                case bytes():
                    return value
                case str():
                    return value.encode()
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            return text.encode()
        except (TypeError, ValueError, RecursionError) as error:
            path, kind = unwritable(value)
            place = self.written_at().place((name, *path))
            hint = "use dict, list, str, int, float, bool and None; or give bytes"
            raise ConfigError(
                f"{place}: {kind} in the {name} of policy {self.name!r} cannot be written as JSON",
                where=place,
                hint=hint,
            ) from error

    def named(self, name: str) -> Self:
        """Return the policy under another name.

        Args:
            name: The new name.
        """
        renamed = copy.copy(self)  # the arguments are checked and encoded already
        object.__setattr__(renamed, "name", name)
        return renamed
