"""What a policy asks, without a policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from wasmgate._native import Callout

GET = ((b":method", b"GET"), (b":path", b"/check?a=b"), (b":authority", b"auth.test"))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The fields of a `Callout`."""

    id: int = 1
    policy: str = "guest"
    kind: str = "http"
    upstream: str = "auth"
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    timeout: float | None = None
    service: str = "a.Service"
    method: str = "Check"
    name: str = ""
    username: str = ""
    password: str = ""
    end: bool = False


def http(*fields: tuple[bytes, bytes], **rest: object) -> Callout:
    """Return an HTTP call; fields of the same name take the place of what it has."""
    named = {name for name, _ in fields}
    headers = [*(each for each in GET if each[0] not in named), *fields]
    return asked(headers=headers, **rest)


def asked(**rest: object) -> Callout:
    """Return a callout."""
    return cast("Callout", Asked(**rest))  # type: ignore[arg-type]
