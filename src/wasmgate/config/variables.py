"""Expands `${NAME}` in a text of gateway.yaml, in the syntax of Compose.

    ${NAME}             the variable's value; an error when it is not set
    ${NAME:-text}       text when it is not set or empty; ${NAME-text} only when it is not set
    ${NAME:?message}    an error with the message when it is not set or empty; ${NAME?message}
    ${NAME:+text}       text when it is set and not empty, else nothing; ${NAME+text}
    $$                  one dollar sign

Texts and messages may contain variables. A dollar sign before anything else is kept: `$1`, `${1}`
and `$name` are groups of a regular expression, and `$` its end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Unexpanded", "expand"]

DEEPEST = 16

_DOLLAR = re.compile(r"\$(?:\$|\{(?![0-9]))")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_GROUP = re.compile(r"\$\{[0-9]+\}")
_INSIDE = re.compile(rf"{_DOLLAR.pattern}|{_GROUP.pattern}|\}}")


class Unexpanded(Exception):
    """A text cannot be expanded; `hint` says what to write or which variable to set."""

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.hint = hint


def expand(text: str, environment: Mapping[str, str]) -> str:
    """Return a text with its variables expanded. Raises Unexpanded."""
    return _Text(text, environment).expanded() if "$" in text else text


class _Text:
    def __init__(self, text: str, environment: Mapping[str, str]) -> None:
        self._text = text
        self._environment = environment
        self._at = 0

    def expanded(self) -> str:
        parts = []
        while found := _DOLLAR.search(self._text, self._at):
            parts.append(self._text[self._at : found.start()])
            self._at = found.end()
            parts.append("$" if found[0] == "$$" else self._variable(1, taken=True))
        return "".join([*parts, self._text[self._at :]])

    def _variable(self, depth: int, *, taken: bool) -> str:
        """Parse a variable after `${` up to its `}`; unless `taken`, it need not be set."""
        name = _NAME.match(self._text, self._at)
        if name is None or depth > DEEPEST:
            raise self._malformed()
        self._at = name.end()
        operator = _OPERATOR.match(self._text, self._at)
        if operator is not None:
            self._at = operator.end()
            return self._chosen(name[0], operator[0], depth, taken=taken)
        if self._text[self._at : self._at + 1] != "}":
            raise self._malformed()
        self._at += 1
        return self._value(name[0]) if taken else ""

    def _chosen(self, name: str, operator: str, depth: int, *, taken: bool) -> str:
        value = self._environment.get(name)
        if taken and value:
            value = _text_of(name, value)
        there = bool(value) if operator.startswith(":") else value is not None
        wanted = there if operator.endswith("+") else not there
        word = self._word(depth, taken=taken and wanted)
        if not wanted:
            return "" if operator.endswith("+") else value or ""
        if taken and operator.endswith("?"):
            said = f"the environment variable {name} is not set" + " or empty" * (":" in operator)
            raise Unexpanded(f"{said}: {word}" if word else said, _how_to_set(name))
        return word

    def _word(self, depth: int, *, taken: bool) -> str:
        """Parse a text up to and including the `}` that ends the variable."""
        parts = []
        while found := _INSIDE.search(self._text, self._at):
            parts.append(self._text[self._at : found.start()])
            self._at = found.end()
            if found[0] == "}":
                return "".join(parts)
            if _GROUP.fullmatch(found[0]):
                parts.append(found[0])
            else:
                parts.append("$" if found[0] == "$$" else self._variable(depth + 1, taken=taken))
        raise self._malformed()

    def _value(self, name: str) -> str:
        try:
            return _text_of(name, self._environment[name])
        except KeyError:
            raise Unexpanded(
                f"the environment variable {name} is not set",
                f"{_how_to_set(name)}, give it a default: ${{{name}:-default}},"
                f" or write $${{{name}}} if these characters are meant",
            ) from None

    def _malformed(self) -> Unexpanded:
        return Unexpanded(
            "'${' begins a variable, and this is not the name of one",
            "write ${NAME} or ${NAME:-default}, with letters, digits and '_' in the name;"
            " '$$' is one dollar sign",
        )


def _text_of(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:  # Python keeps bytes of other encodings as surrogates
        raise Unexpanded(
            f"the environment variable {name} is not UTF-8 text", _how_to_set(name)
        ) from None
    return value


def _how_to_set(name: str) -> str:
    return f"set {name} in the environment that the gateway starts in"
