"""One problem of a configuration: its line, its key path, and a message for pydantic's error."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from wasmgate.config.names import FORMS
from wasmgate.config.references import Mistake, guess
from wasmgate.origins import key_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic_core import ErrorDetails

    from wasmgate.origins import Key

__all__ = ["EXAMPLES", "WORDS", "Problem", "explain"]


@dataclass(frozen=True)
class Problem:
    """A problem at a line (from 1) and a path of keys and list indices."""

    line: int
    path: Key
    text: str
    hint: str
    """What to write or do instead."""

    def shown(self, file: str) -> str:
        """Return "gateway.yaml:14: routes[1].cluster: no cluster is named 'ordrs'"."""
        where = f"{key_path(self.path)}: " if self.path else ""
        return f"{file}:{self.line}: {where}{self.text}"


def explain(error: ErrorDetails, model: type[BaseModel]) -> Mistake:
    """Return what pydantic found, where, and what to write instead."""
    path = tuple(key for key in error["loc"] if key != "[key]")
    context = error.get("ctx", {})
    if error["type"] == "extra_forbidden":
        return Mistake(path, *_unknown(path, model))
    if error["type"] == "missing":
        return Mistake(path, "is required", f"add {EXAMPLES[str(path[-1])]}")
    if "hint" in context:
        return Mistake(path, str(context["text"]), str(context["hint"]))
    text, hint = WORDS.get(error["type"], _other_kind)(context)
    return Mistake(path, text, hint)


EXAMPLES = {
    "cluster": "cluster: site, the name of one under clusters",
    "clusters": "clusters: { site: { endpoints: [http://127.0.0.1:9001] } }",
    "configuration": "configuration: { … }, or write the policy's name alone",
    "endpoints": "endpoints: [http://127.0.0.1:9001]",
    "host": "host: api.example",
    "hash_by": "hash_by: { cookie: session }",
    "match": "match: { prefix: / }",
    "methods": "methods: [GET, HEAD]",
    "policies": "policies: [ … ], names of those under policies",
    "prefix": "prefix: /orders/, the beginning of the path",
    "prefix_rewrite": "prefix_rewrite: /, which replaces the matched prefix",
    "module": "module: rate_limit, or the path of a .wasm file",
    "respond": "respond: { status: 200, body: ok }",
    "pattern": "pattern: ^/v1/(.*)$, what is replaced",
    "routes": "routes: [{ match: { prefix: / }, cluster: site }]",
    "substitution": "substitution: /$1, what replaces it",
    "url": "url: http://127.0.0.1:9001",
}
"""An example of each key that a hint may propose."""

_MAPPING = (
    "must be a mapping (key: value)",
    "write its keys below it, each with a ':' and a space: key: value",
)
_LIST = "must be a list, such as [a, b]", "put it in brackets: [ ], also when there is one entry"
_WHOLE = "must be a whole number", "write digits alone, without quotes and units: 10_000_000"

WORDS: dict[str, Callable[[Mapping[str, Any]], tuple[str, str]]] = {
    "enum": lambda ctx: (f"must be {ctx['expected']}", f"write {ctx['expected']}"),
    "literal_error": lambda ctx: (f"must be {ctx['expected']}", f"write {ctx['expected']}"),
    "string_type": lambda _: (
        "must be text (write numbers and true, false in quotes)",
        "put the value in quotes, or take a list or mapping out that stands for it",
    ),
    "string_too_short": lambda _: ("must not be empty", "write a name, or take the key out"),
    "string_pattern_mismatch": lambda ctx: _form(ctx["pattern"]),
    "bool_type": lambda _: ("must be true or false", "write true or false, without quotes"),
    "bool_parsing": lambda _: ("must be true or false", "write true or false, without quotes"),
    "int_type": lambda _: _WHOLE,
    "int_parsing_size": lambda _: _WHOLE,
    "greater_than_equal": lambda ctx: (
        f"must be at least {ctx['ge']}",
        f"write a number from {ctx['ge']} on, or take the key out for the default",
    ),
    "less_than_equal": lambda ctx: (
        f"must be at most {ctx['le']}",
        f"write a number up to {ctx['le']}",
    ),
    "dict_type": lambda _: _MAPPING,
    "model_type": lambda _: _MAPPING,
    "tuple_type": lambda _: _LIST,
}
"""Message and hint for each kind of error, by pydantic's names."""


def _other_kind(_context: Mapping[str, Any]) -> tuple[str, str]:
    return "this kind of value cannot stand here", "see the key in the reference of gateway.yaml"


def _form(pattern: str) -> tuple[str, str]:
    return FORMS[pattern]


def _unknown(path: Key, model: type[BaseModel]) -> tuple[str, str]:
    key = str(path[-1])
    known = list(_fields(path[:-1], model))
    close = guess(key, known)
    elsewhere = next((own for own in _ELSEWHERE.get(key.lower(), ()) if own in known), None)
    if elsewhere:
        close, hint = f" (did you mean {elsewhere!r}?)", f"write {EXAMPLES[elsewhere]}"
    else:
        hint = f"write {close.split(chr(39))[1]}" if close else "take the key out"
    return f"unknown key{close}; known are {', '.join(known)}", hint


_ELSEWHERE = {
    **dict.fromkeys(("paths", "pathprefix", "path_prefix", "uri", "url", "location"), ("prefix",)),
    **dict.fromkeys(("method", "verb", "verbs"), ("methods",)),
    **dict.fromkeys(("weighted_clusters", "split", "traffic_split"), ("clusters",)),
    **dict.fromkeys(("return", "direct_response", "response"), ("respond",)),
    **dict.fromkeys(("hash_policy", "sticky", "hash_on"), ("hash_by",)),
    **dict.fromkeys(("hosts", "domain", "domains", "hostname", "server_name"), ("host",)),
    **dict.fromkeys(("backend", "service", "target", "proxy_pass"), ("cluster",)),
    **dict.fromkeys(("upstream", "upstreams"), ("cluster", "clusters", "endpoints")),
    **dict.fromkeys(("services", "backends"), ("clusters", "endpoints")),
    **dict.fromkeys(("servers", "targets", "nodes", "hosts", "urls"), ("endpoints", "host")),
    **dict.fromkeys(("plugins", "middlewares", "filters", "http_filters"), ("policies",)),
    **dict.fromkeys(("config", "settings", "options"), ("configuration",)),
    **dict.fromkeys(("wasm", "file", "code", "plugin"), ("module",)),
    **dict.fromkeys(("strip_prefix", "rewrite"), ("prefix_rewrite",)),
}
"""Keys of other gateways, and those of gateway.yaml that mean the same."""


def _fields(path: Key, model: type[BaseModel]) -> Mapping[str, Any]:
    """Follow a path through the models and return the fields at its end."""
    kind: Any = model
    for key in path:
        kind = _member(kind, key)
    return kind.model_fields if _is_model(kind) else {}


def _member(kind: Any, key: str | int) -> Any:  # noqa: ANN401 (any type)
    if _is_model(kind):
        field = kind.model_fields.get(str(key))
        kind = field.annotation if field else None
    else:
        # dict[Name, X] and tuple[X, ...]: the type of their values.
        kind = next((arg for arg in reversed(typing.get_args(kind)) if arg is not ...), None)
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) is types.UnionType:
        kind = next((arg for arg in typing.get_args(kind) if arg is not types.NoneType), None)
    return kind


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
