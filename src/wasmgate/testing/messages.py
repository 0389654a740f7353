"""Requests, responses and log lines of tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeAlias

from wasmgate._native import masked

if TYPE_CHECKING:
    from wasmgate._native import Effects

__all__ = ["Fields", "Given", "LogLine", "Request", "Response", "encoded"]

Given: TypeAlias = "Mapping[str, str] | Iterable[tuple[str, str]]"
"""Header fields as a test may give them."""

_LEVELS = ("trace", "debug", "info", "warn", "error", "critical")


class Fields(tuple[tuple[str, str], ...]):
    """Header fields in their order, names in lower case."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = [(name, _masked(name, value)) for name, value in self]
        return f"Fields({shown!r})"

    def get(self, name: str) -> str | None:
        """Return the first value of a field, or None.

        Args:
            name: The name of the field, in any case.
        """
        return next((value for known, value in self if known == name.lower()), None)

    def all(self, name: str) -> list[str]:
        """Return all values of a field.

        Args:
            name: The name of the field, in any case.
        """
        return [value for known, value in self if known == name.lower()]

    @classmethod
    def decoded(cls, fields: Iterable[tuple[bytes, bytes]]) -> Fields:
        """Return the fields of a message as text; bytes that are not ASCII are Latin-1.

        Args:
            fields: The names and values as bytes.

        Source:
            RFC 9110 section 5.5.
        """
        return cls((name.decode("latin-1"), value.decode("latin-1")) for name, value in fields)


def _masked(name: str, value: str) -> str:
    """Return a value for the report of a test with credentials masked."""
    return masked(name.encode("latin-1"), value.encode("latin-1")).decode("latin-1")


NO_FIELDS = Fields()


@dataclass(frozen=True, kw_only=True)
class Message:
    """The received part of a request or response."""

    headers: Fields
    """The header fields."""

    body: bytes = b""
    """The received part of the body."""

    trailers: Fields = NO_FIELDS
    """The trailer fields."""

    complete: bool = False
    """Whether the whole message was received."""

    def grown(self, body: bytes, *, end: bool) -> Self:
        """Return the message with more of its body.

        Args:
            body: The bytes to append.
            end: Whether the message is complete.
        """
        return replace(self, body=self.body + body, complete=self.complete or end)


@dataclass(frozen=True, kw_only=True)
class Request(Message):
    """A request to the upstream."""

    method: str
    """The method."""

    path: str
    """The path with its query."""

    authority: str
    """Host and port, as in `:authority`."""


@dataclass(frozen=True, kw_only=True)
class Response(Message):
    """A response to the client."""

    status: int
    """The status code."""


@dataclass(frozen=True)
class LogLine:
    """A log line of a policy, or of the host about it."""

    policy: str
    """The name of the policy."""

    level: str
    """trace, debug, info, warn, error or critical."""

    message: str
    """The text."""


def encoded(fields: Given) -> list[tuple[bytes, bytes]]:
    """Encode fields for the host."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


def log_lines(effects: Effects) -> list[LogLine]:
    """Return the log lines of a step."""
    return [LogLine(policy, _LEVELS[level], message) for policy, level, message in effects.logs]
