"""Who shares a virtual machine: the policies of one `vm_id`, or one tenant alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from wasmgate.errors import ConfigError

__all__ = ["Isolation", "Tenants", "contradiction"]

TenantKey: TypeAlias = tuple[Literal["host", "header", "property"], str]


class Isolation(StrEnum):
    """Whose memory, shared data and limits a policy's virtual machine has."""

    POLICY = "policy"
    """The policy's, or those of all policies of its `vm_id`."""

    TENANT = "tenant"
    """One tenant's: made at its first request, dropped when it is idle."""


@dataclass(frozen=True, kw_only=True)
class Tenants:
    """What names the tenant of a request, and how many tenants a policy has at a time.

    Without `header` and `property` the host that the client asked for is the tenant. The key is
    read when the policy has its turn; requests without it are one tenant. Raises ConfigError.
    """

    header: str = ""
    """A request header. What a client sends is believed: let an earlier policy set it."""

    property: str = ""
    """A property, such as "wasmgate.user", which an earlier policy may have set."""

    max: int = 1024
    """Tenants at a time; over it the one that is idle longest goes, with what it remembers."""

    idle: float = 300.0
    """Seconds without a request after which a tenant goes, with what it remembers."""

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
        """Return what names a tenant, and its name."""
        if self.header:
            return "header", self.header
        return ("property", self.property) if self.property else ("host", "")


def contradiction(isolation: Isolation, vm_id: str, *, tenants: bool) -> str | None:
    """Say what does not go together, if anything does not; `tenants` says that they are set."""
    if isolation is Isolation.TENANT and vm_id:
        return "vm_id lets policies share a VM and isolation: tenant gives it to one tenant alone"
    if isolation is Isolation.POLICY and tenants:
        return "tenants needs isolation: tenant"
    return None
