"""One mistake in a configuration: its line, its key path, and words for what pydantic found."""

from __future__ import annotations

import re
import types
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from wasmgate.config.names import FORMS
from wasmgate.config.references import guess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic_core import ErrorDetails

    from wasmgate.config.references import Key

__all__ = ["Problem", "explain", "key_path"]


@dataclass(frozen=True)
class Problem:
    """A mistake at a line (from 1) and a path of keys and list positions."""

    line: int
    path: Key
    text: str

    def shown(self, file: str) -> str:
        """Return "gateway.yaml:14: routes[1].cluster: no cluster is named 'ordrs'"."""
        where = f"{key_path(self.path)}: " if self.path else ""
        return f"{file}:{self.line}: {where}{self.text}"


def key_path(path: Key) -> str:
    """Write a path as a person would: routes[1].cluster."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        elif re.fullmatch(r"[A-Za-z0-9_-]+", key):
            text += f".{key}" if text else key
        else:
            text += f"[{key[:64]!r}]"
    return text


def explain(error: ErrorDetails, model: type[BaseModel]) -> tuple[Key, str]:
    """Say in plain words what pydantic found, and where."""
    path = tuple(key for key in error["loc"] if key != "[key]")
    context = error.get("ctx", {})
    if error["type"] == "extra_forbidden":
        return path, _unknown(path, model)
    if error["type"] in _WORDS:
        return path, _WORDS[error["type"]](context)
    return path, error["msg"]


_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "is required",
    "enum": lambda ctx: f"must be {ctx['expected']}",
    "literal_error": lambda ctx: f"must be {ctx['expected']}",
    "string_type": lambda _: "must be text (write numbers and true, false in quotes)",
    "string_too_short": lambda _: "must not be empty",
    "string_pattern_mismatch": lambda ctx: _form(ctx["pattern"]),
    "int_type": lambda _: "must be a whole number",
    "greater_than_equal": lambda ctx: f"must be at least {ctx['ge']}",
    "less_than_equal": lambda ctx: f"must be at most {ctx['le']}",
    "dict_type": lambda _: "must be a mapping (key: value)",
    "model_type": lambda _: "must be a mapping (key: value)",
    "tuple_type": lambda _: "must be a list, such as [a, b]",
}


def _form(pattern: str) -> str:
    return FORMS.get(pattern, f"must match {pattern}")


def _unknown(path: Key, model: type[BaseModel]) -> str:
    key = str(path[-1])
    known = list(_fields(path[:-1], model))
    return f"unknown key{guess(key, known)}; known are {', '.join(known)}"


def _fields(path: Key, model: type[BaseModel]) -> Mapping[str, Any]:
    """Follow a path through the models to the fields that may stand at its end."""
    kind: Any = model
    for key in path:
        kind = _member(kind, key)
    return kind.model_fields if _is_model(kind) else {}


def _member(kind: Any, key: str | int) -> Any:  # noqa: ANN401 (a type, whatever it is)
    if _is_model(kind):
        field = kind.model_fields.get(str(key))
        kind = field.annotation if field else None
    else:
        # dict[Name, X] and tuple[X, ...]: what they hold.
        kind = next((arg for arg in reversed(typing.get_args(kind)) if arg is not ...), None)
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) is types.UnionType:
        kind = next((arg for arg in typing.get_args(kind) if arg is not types.NoneType), None)
    return kind


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
