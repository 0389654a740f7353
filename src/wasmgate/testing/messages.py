"""Requests, responses and log lines as a test sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeAlias

from wasmgate._native import masked

if TYPE_CHECKING:
    from wasmgate._native import Effects

__all__ = ["Fields", "Given", "LogLine", "Request", "Response", "encoded"]

Given: TypeAlias = "Mapping[str, str] | Iterable[tuple[str, str]]"
"""Header fields as a test writes them."""

_LEVELS = ("trace", "debug", "info", "warn", "error", "critical")


class Fields(tuple[tuple[str, str], ...]):
    """Header fields in their order, names in lower case."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = [(name, _masked(name, value)) for name, value in self]
        return f"Fields({shown!r})"

    def get(self, name: str) -> str | None:
        """Return the first value of a name in any case, or None."""
        return next((value for known, value in self if known == name.lower()), None)

    def all(self, name: str) -> list[str]:
        """Return all values of a name in any case."""
        return [value for known, value in self if known == name.lower()]

    @classmethod
    def decoded(cls, fields: Iterable[tuple[bytes, bytes]]) -> Fields:
        """Take the bytes of a message; what is not ASCII is read as latin-1 (RFC 9110 §5.5)."""
        return cls((name.decode("latin-1"), value.decode("latin-1")) for name, value in fields)


def _masked(name: str, value: str) -> str:
    """Return a value as reports of tests show it: credentials of a real client may be in it."""
    return masked(name.encode("latin-1"), value.encode("latin-1")).decode("latin-1")


NO_FIELDS = Fields()


@dataclass(frozen=True, kw_only=True)
class Message:
    """What has come of a request or of a response."""

    headers: Fields
    body: bytes = b""
    trailers: Fields = NO_FIELDS
    complete: bool = False
    """All of it has come."""

    def grown(self, body: bytes, *, end: bool) -> Self:
        """Return it with more of its body; `end`: and that was all."""
        return replace(self, body=self.body + body, complete=self.complete or end)


@dataclass(frozen=True, kw_only=True)
class Request(Message):
    """What reaches the upstream."""

    method: str
    path: str
    """With its query."""

    authority: str


@dataclass(frozen=True, kw_only=True)
class Response(Message):
    """What reaches the client."""

    status: int


@dataclass(frozen=True)
class LogLine:
    """What a policy said, or the host about it."""

    policy: str
    level: str
    """trace, debug, info, warn, error or critical."""

    message: str


def encoded(fields: Given) -> list[tuple[bytes, bytes]]:
    """Return fields as the host takes them."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


def log_lines(effects: Effects) -> list[LogLine]:
    """Return what was said in a step."""
    return [LogLine(policy, _LEVELS[level], message) for policy, level, message in effects.logs]
