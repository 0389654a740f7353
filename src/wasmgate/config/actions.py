"""What a route of gateway.yaml does: forwards, redirects, answers; and what it rewrites."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from wasmgate._native import REDIRECT_STATUSES
from wasmgate.config.addresses import Host, Prefix
from wasmgate.config.base import Model
from wasmgate.config.invalid import invalid
from wasmgate.config.names import FieldName, Text

__all__ = [
    "HashBy",
    "HeaderChanges",
    "QueryRewrite",
    "Redirect",
    "RegexRewrite",
    "Respond",
    "Weight",
]

_HIGHEST_PORT = 65_535


def _redirect_status(value: int) -> int:
    if value not in REDIRECT_STATUSES:
        known = ", ".join(map(str, REDIRECT_STATUSES))
        hint = "write 301 or 308 for what has moved for good, else 302 or 307"
        raise invalid("status", f"must be one of {known}", hint)
    return value


def _status(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int) or not 200 <= value <= 599:  # noqa: PLR2004
        raise invalid("status", "must be a status from 200 to 599", "write status: 503")
    return value


def _port(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _HIGHEST_PORT:
        raise invalid("port", "must be a port from 1 to 65535", "write port: 8443")
    return value


def _weight(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1_000_000:  # noqa: PLR2004
        raise invalid(
            "weight", "must be a whole number from 0 to 1000000", "write { stable: 90, canary: 10 }"
        )
    return value


Weight = Annotated[
    int, BeforeValidator(_weight), Field(json_schema_extra={"minimum": 0, "maximum": 1_000_000})
]
Port = Annotated[
    int, BeforeValidator(_port), Field(json_schema_extra={"minimum": 1, "maximum": _HIGHEST_PORT})
]


class RegexRewrite(Model):
    """Replaces what a regular expression matches in the path."""

    pattern: Text
    """The expression; it need not match the whole path."""

    substitution: str
    """What replaces each match: `$1` and `${name}` are its groups."""

    def native(self) -> tuple[str, str, str]:
        """Return it as the native `Route` takes it."""
        return "regex", self.pattern, self.substitution


class QueryRewrite(Model):
    """Changes the query of the forwarded request."""

    set: dict[Text, str] = Field(default_factory=dict)
    """Parameters that are set, in place of those of the same name."""

    remove: tuple[Text, ...] = ()
    """Parameters that are left out."""

    def native(self) -> tuple[list[str], list[tuple[str, str]]]:
        """Return it as the native `Route` takes it."""
        return list(self.remove), list(self.set.items())


class HeaderChanges(Model):
    """Changes headers: removes, sets, then adds.

    Values may have variables such as `%{client_address}`; `%%` is a percent sign.
    """

    set: dict[FieldName, str] = Field(default_factory=dict)
    """Headers that are set, in place of those of the same name."""

    add: dict[FieldName, str] = Field(default_factory=dict)
    """Headers that are added beside those of the same name."""

    remove: tuple[FieldName, ...] = ()
    """Headers that are removed."""

    def native(self) -> tuple[list[str], list[tuple[str, str]], list[tuple[str, str]]]:
        """Return it as the native `Route` takes it."""
        return list(self.remove), list(self.set.items()), list(self.add.items())


class Redirect(Model):
    """Sends the client elsewhere. A key that is left out stays as in the request."""

    status: Annotated[
        int,
        AfterValidator(_redirect_status),
        Field(json_schema_extra={"enum": [*REDIRECT_STATUSES]}),
    ] = 302
    """The status."""

    scheme: Literal["http", "https"] | None = None
    """The scheme."""

    host: Host | None = None
    """The host."""

    port: Port | None = None
    """The port; by default that of the request, or that of a scheme that changes."""

    prefix: Prefix | None = None
    """Replaces the matched prefix in the path."""

    path: Text | None = None
    """The whole path; `{id}` is a variable of the route's template, or a group of its regex."""

    strip_query: bool = False
    """Whether the query is left out."""

    @model_validator(mode="after")
    def _one_path(self) -> Redirect:
        if self.prefix is not None and self.path is not None:
            text = "has prefix and path: the new path is one of them"
            raise invalid("redirect", text, "take one of the two out")
        return self

    def native(self) -> tuple[Any, ...]:
        """Return it as the native `Route` takes it."""
        path = None
        if self.prefix is not None:
            path = ("prefix", self.prefix, "")
        elif self.path is not None:
            path = ("path", self.path, "")
        return self.status, self.scheme, self.host, self.port, path, self.strip_query


class Respond(Model):
    """Answers a request without an upstream."""

    status: Annotated[
        int, BeforeValidator(_status), Field(json_schema_extra={"minimum": 200, "maximum": 599})
    ] = 200
    """The status."""

    headers: dict[FieldName, str] = Field(default_factory=dict)
    """Headers; Content-Length is added."""

    body: str = Field(default="", repr=False)
    """The body. `{file: path}` becomes the file's text."""

    def native(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """Return it as the native `Route` takes it."""
        return self.status, list(self.headers.items()), self.body.encode()


class HashBy(Model):
    """What keeps requests together on one cluster and endpoint; one key."""

    header: FieldName | None = None
    """A header."""

    cookie: FieldName | None = None
    """A cookie."""

    query: Text | None = None
    """A parameter of the query."""

    client_address: Literal[True] | None = None
    """The address of the client."""

    path: Literal[True] | None = None
    """The path."""

    @model_validator(mode="after")
    def _one(self) -> HashBy:
        if len(self._named()) != 1:
            text = f"must have one of the keys {', '.join(type(self).model_fields)}"
            raise invalid("hash_by", text, "write hash_by: { cookie: session }")
        return self

    def _named(self) -> dict[str, str | bool]:
        return {key: value for key, value in self if value is not None}

    def native(self) -> tuple[str, str]:
        """Return it as the native `Route` takes it."""
        ((kind, name),) = self._named().items()
        return kind, name if isinstance(name, str) else ""
