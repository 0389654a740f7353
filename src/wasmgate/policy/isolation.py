"""Isolation: a virtual machine is shared by the policies of one `vm_id`, or is of one tenant."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from wasmgate.errors import ConfigError

__all__ = ["Isolation", "Tenants", "contradiction"]

TenantKey: TypeAlias = tuple[Literal["host", "header", "property"], str]


class Isolation(StrEnum):
    """The owner of a virtual machine with its memory, shared data and limits."""

    POLICY = "policy"
    """The policy, or all policies of its `vm_id`."""

    TENANT = "tenant"
    """One tenant of the policy: the VM is made at its first request and dropped when idle."""


@dataclass(frozen=True, kw_only=True)
class Tenants:
    """The key of a request's tenant, and the number of tenants of a policy.

    Without `header` and `property` the key is the host of the request. The key is read before the
    policy's first callback; requests without a key share one tenant.

    Raises:
        ConfigError: Both keys are given, or a number is not above 0.
    """

    header: str = ""
    """A request header. A client's value is trusted: let an earlier policy set the header."""

    property: str = ""
    """A property, such as "wasmgate.user", which an earlier policy may set."""

    max: int = 1024
    """Tenants at the same time; above it the least recently used one is dropped with its state."""

    idle: float = 300.0
    """Seconds without a request after which a tenant is dropped with its state."""

    def __post_init__(self) -> None:
        if self.header and self.property:
            raise ConfigError(
                "tenants are named by a header or by a property, not by both",
                where="Tenants(header=…, property=…)",
                hint="take one of the two arguments out",
            )
        given: tuple[object, ...] = self.max, self.idle
        numbers = all(isinstance(value, (int, float)) for value in given)
        if not numbers or self.max < 1 or not 0 < self.idle < float("inf"):
            raise ConfigError(
                f"tenants need room and time: max {self.max!r}, idle {self.idle!r}",
                where="Tenants(max=…, idle=…)",
                hint="max is a number above 0, idle seconds above 0: 300.0, not '5m'",
            )

    def key(self) -> TenantKey:
        """Return the kind of the key, "host", "header" or "property", and its name."""
        if self.header:
            return "header", self.header
        return ("property", self.property) if self.property else ("host", "")


def contradiction(isolation: Isolation, vm_id: str, *, tenants: bool) -> str | None:
    """Return which settings contradict each other, if any; `tenants`: that setting is given."""
    if isolation is Isolation.TENANT and vm_id:
        return "vm_id lets policies share a VM and isolation: tenant gives it to one tenant alone"
    if isolation is Isolation.POLICY and tenants:
        return "tenants needs isolation: tenant"
    return None
