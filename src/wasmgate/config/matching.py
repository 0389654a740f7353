"""The requests of a route in gateway.yaml: host, path, method, headers, query, cookies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from wasmgate._native import path_problem, value_problem
from wasmgate.config.addresses import HostPattern, Prefix, host_pattern
from wasmgate.config.base import Model
from wasmgate.config.invalid import invalid
from wasmgate.config.names import FieldName, Text

__all__ = ["Match", "Method", "ValueMatch"]

PATH_KINDS = ("prefix", "path", "template", "regex")


def _path(kind: str, hint: str) -> AfterValidator:
    def check(value: str) -> str:
        problem = path_problem(kind, value)
        if problem is not None:
            raise invalid(kind, _shortened(problem), hint)
        return value

    return AfterValidator(check)


def _shortened(problem: str) -> str:
    """Leave the value out, which may be long and is in the file anyway."""
    return "is " + problem.partition("` is ")[2]


Path = Annotated[str, _path("path", "write path: /login, other characters as %C3%A4")]
Template = Annotated[
    str, _path("template", "write template: /users/{id}, or /files/{rest:path} for all below")
]
Regex = Annotated[
    str,
    _path("regex", "write regex: /v[0-9]+/.*, in the syntax of RE2 and of Rust's regex crate"),
]


def _as_hosts(value: object) -> object:
    """Read `api.example` as `[api.example]`."""
    return (host_pattern(value),) if isinstance(value, str) else value


_HOSTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
Hosts = Annotated[tuple[HostPattern, ...], BeforeValidator(_as_hosts), WithJsonSchema(_HOSTS)]


def _method(value: str) -> str:
    if not value.isascii() or not value.isalpha() or value != value.upper():
        raise invalid(
            "method",
            "must be a method in capital letters, such as GET",
            f"write {value.upper() if value.isascii() and value.isalpha() else 'GET'}",
        )
    return value


Method = Annotated[str, AfterValidator(_method), Field(json_schema_extra={"pattern": "^[A-Z]+$"})]


class ValueConditions(Model):
    """What a value must be; one key."""

    exact: str | None = None
    """It is this."""

    prefix: Text | None = None
    """It begins with this."""

    suffix: Text | None = None
    """It ends with this."""

    contains: Text | None = None
    """This is in it."""

    regex: Text | None = None
    """The regular expression matches it from begin to end."""

    present: bool | None = None
    """Whether there is one."""

    @model_validator(mode="after")
    def _one(self) -> ValueConditions:
        named = {key: value for key, value in self if value is not None}
        if len(named) != 1:
            text = f"must have one of the keys {', '.join(type(self).model_fields)}"
            raise invalid("value", text, "write one, such as { prefix: curl/ }")
        if self.regex is not None and (problem := value_problem("regex", self.regex)):
            raise invalid("value", _shortened(problem), "write regex: '[0-9]+', as RE2 has it")
        return self

    def condition(self) -> tuple[str, str]:
        """Return the kind of the condition and its text."""
        if self.present is not None:
            return ("present" if self.present else "absent"), ""
        return next((key, value) for key, value in self if value is not None)


def _as_conditions(value: object) -> object:
    """Read `gold` as `{exact: gold}`."""
    return value if isinstance(value, (Mapping, ValueConditions)) else {"exact": value}


ValueMatch = Annotated[ValueConditions, BeforeValidator(_as_conditions)]


class Match(Model):
    """The requests of a route. A key that is left out matches every request."""

    host: Hosts = ()
    """The host of the request, compared without case and port: a name, `*.example` for every name
    below `example`, or a list of them."""

    prefix: Prefix | None = None
    """The beginning of the path, compared by whole segments."""

    path: Path | None = None
    """The whole path."""

    template: Template | None = None
    """The form of the path: `{id}` is a segment, `{rest:path}` all that is left."""

    regex: Regex | None = None
    """A regular expression that matches the path from begin to end, in linear time."""

    methods: tuple[Method, ...] = ()
    """The method is one of these."""

    headers: dict[FieldName, ValueMatch] = Field(default_factory=dict)
    """Values of headers: a text, or `exact`, `prefix`, `suffix`, `contains`, `regex`, `present`.
    Lines of one name are one value, joined by ", "."""

    query: dict[Text, ValueMatch] = Field(default_factory=dict)
    """Values of parameters of the query, decoded; of several with one name the first counts."""

    cookies: dict[FieldName, ValueMatch] = Field(default_factory=dict)
    """Values of cookies; of several with one name the first counts."""

    @model_validator(mode="after")
    def _one_path(self) -> Match:
        named = [kind for kind in PATH_KINDS if getattr(self, kind) is not None]
        if len(named) > 1:
            text = f"has {' and '.join(named)}: the path of a route is one of them"
            raise invalid("match", text, f"take {named[1]} out, or write a route for each")
        return self

    @property
    def pattern(self) -> tuple[str, str]:
        """The kind of the path's pattern, and the pattern: by default every path."""
        found = ((kind, getattr(self, kind)) for kind in PATH_KINDS)
        return next(((kind, text) for kind, text in found if text is not None), ("prefix", "/"))

    def native(self) -> dict[str, Any]:
        """Return the arguments of the native `Route`."""
        return {
            "hosts": list(self.host),
            "path": self.pattern,
            "methods": list(self.methods),
            "headers": _conditions(self.headers),
            "query": _conditions(self.query),
            "cookies": _conditions(self.cookies),
        }


def _conditions(values: Mapping[str, ValueConditions]) -> list[tuple[str, str, str]]:
    return [(name, *value.condition()) for name, value in values.items()]
