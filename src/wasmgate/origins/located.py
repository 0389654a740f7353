"""The error of a policy that cannot be loaded, with the place of the mistake and a hint."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmgate.errors import PolicyLoadError
from wasmgate.origins.larger_limits import with_memory, with_start_fuel
from wasmgate.origins.paths import key_path
from wasmgate.origins.refusal import find

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmgate.origins import Origin
    from wasmgate.origins.paths import Key

__all__ = ["Refused", "located"]

_REFUSED = re.compile(
    r"policy '[^']*': (proxy_on_\w+) refused the configuration(?:; it said: (.*))?", re.DOTALL
)
# Prefixes of guests' messages: the name of the policy.
_PREFIX = re.compile(r"(?:[\w-]+: )?configuration: ")
_ADVICE = re.compile(r"; ((?:write|leave|use|take|name|set) .+)", re.DOTALL)
# The line of a text with several lines; the message has it already.
_PLACE = re.compile(r" at line \d+ column \d+$")
_BUNDLED = {"jwt_auth", "rate_limit", "rewrite"}


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The policy that was loaded: its name, module and configurations."""

    name: str
    module: str | Path
    origin: Origin
    configuration: bytes
    vm_configuration: bytes
    limits: Mapping[str, float]
    """Those that differ from the defaults."""

    as_text: frozenset[str]
    """The configurations that were given as text; the others were encoded as JSON."""


def located(error: PolicyLoadError, refused: Refused) -> PolicyLoadError:
    """Return the error with the place that it is about, and a hint."""
    refusal = _REFUSED.fullmatch(error.message)
    if refusal is None:
        path, hint = _of_load(error.message, refused)
        place = refused.origin.place(path)
        return PolicyLoadError(f"{place}: {error.message}", policy=refused.name, hint=hint)
    key = "vm_configuration" if refusal[1] == "proxy_on_vm_start" else "configuration"
    given: bytes = getattr(refused, key)
    found = find(refusal[2] or "", given, as_text=key in refused.as_text)
    line = found.line if key in refused.as_text else None
    place = refused.origin.place((key, *found.path), line)
    whole = _PREFIX.sub("", found.text, count=1)
    said = refused.origin.masked(whole)
    if said != whole:
        # The guest repeated a value that may be a secret, so its hint may repeat a part of it.
        said = _ADVICE.sub("", said)
    if not given:
        hint = f"give it one: {refused.origin.example(key)}"
        text = f"{place}: policy {refused.name!r} refused the configuration, which is empty"
        return PolicyLoadError(f"{text}: {said}", policy=refused.name, hint=hint)
    text = f"{place}: policy {refused.name!r} refused the configuration"
    hint = _what_to_write(said, found.path, refused)
    return PolicyLoadError(f"{text}: {said}" if said else text, policy=refused.name, hint=hint)


def _of_load(said: str, refused: Refused) -> tuple[Key, str]:
    python = refused.origin.in_python
    if fuel := re.search(r"used up its fuel of (\d+)", said):
        limits = with_start_fuel(refused.limits, int(fuel[1]), python=python)
        endless = "look for a loop in the module's start or configuration"
        hint = f"write {limits}; Go guests need more fuel to start" if limits else endless
        return ("limits", "start_fuel"), hint
    if "raise `memory`" in said:
        needed = max(int(number) for number in re.findall(r"(\d+) bytes", said))
        limits = with_memory(refused.limits, needed, python=python)
        whole = "no module may have so much; look for what its start or configuration allocates"
        return ("limits", "memory"), f"write {limits}" if limits else whole
    if "of the capability `read`" in said:
        return ("capabilities", "read"), "name files and folders that are there"
    if ": trapped in" in said:
        return ("configuration",), (
            "`wasmgate trace` with the same module and configuration shows what it did until then"
        )
    return ("module",), f"`wasmgate inspect {refused.module}` shows what the module is"


def _what_to_write(said: str, path: Key, refused: Refused) -> str:
    python = refused.origin.in_python
    # An entry of a list is named by the key of the list.
    keys = [key for key in path if isinstance(key, str)]
    key = keys[-1] if keys else "configuration"
    if python and "{file:" in said:
        return f"{key}=Path('…') reads a file, {key}={{'secret': …}} is a shared secret"
    advice = _ADVICE.search(said)
    hints = (
        _of_field(said, path, python=python),
        _PLACE.sub("", advice[1]) if advice else "",
        _of_choice(said),
        _of_kind(said, key, python=python),
    )
    for hint in hints:
        if hint:
            return hint
    if str(refused.module) in _BUNDLED:
        return f"see what the documentation of {refused.module} says of {key}"
    return f"see what the module's author says of {key}; `wasmgate trace` tries one offline"


def _of_field(said: str, path: Key, *, python: bool) -> str:
    """Return which key to add or to rename, from a message of serde."""
    if missing := re.search(r"missing field `([^`]+)`", said):
        return f"add {missing[1]} to {key_path(path) or 'the ' + _WHOLE[python]}"
    if unknown := re.search(r"unknown field `([^`]+)`(?:, expected (.*))?", said):
        known = re.findall(r"`([^`]+)`", unknown[2] or "")
        close = difflib.get_close_matches(unknown[1], known, n=1) or known
        return f"write {' or '.join(close)} instead" if close else f"take {unknown[1]} out"
    if others := re.search(r"unknown key; expected (?:one of )?(.*?)(?: at line|$)", said):
        known = others[1].split(", ")
        close = difflib.get_close_matches(str(path[-1]) if path else "", known, n=1)
        return f"write {close[0]} instead" if close else f"write one of {others[1]}"
    return ""


def _of_choice(said: str) -> str:
    """Return the allowed value that is probably meant, or all of them."""
    chosen = re.search(r"`([^`]+)` is not one of (.*?)(?:;| at line|$)", said)
    if chosen is None:
        return ""
    close = difflib.get_close_matches(chosen[1], chosen[2].split(", "), n=1)
    return f"write {close[0]} instead" if close else f"write one of {chosen[2]}"


def _of_kind(said: str, key: str, *, python: bool) -> str:
    """Return how a value of the expected type is written."""
    for expected, (in_yaml, in_python) in _KINDS.items():
        if re.search(rf"(?:expected|of type) {expected}", said):
            return f"{key}: {in_python if python else in_yaml}"
    return ""


_WHOLE = {True: "arguments", False: "configuration"}
_KINDS = {
    r"(?:a |an )?(?:string|borrowed string|str)\b": (
        "put the value in quotes",
        "give a str, in quotes",
    ),
    r"(?:a )?(?:sequence|array|list|tuple|\[\])": (
        "put it in brackets, also when there is one entry: [ … ]",
        "give a list, also when there is one entry: […]",
    ),
    r"(?:a )?(?:map|struct|object)\b": (
        "write a mapping: { key: value }",
        "give a dict: {'key': value}",
    ),
    r"(?:an? )?(?:bool|boolean)\b": (
        "write true or false, without quotes",
        "give True or False",
    ),
    r"(?:an? )?(?:[ui](?:8|16|32|64|size|nt)|u?int\d*|integer|number|f(?:32|64|loat\d*))\b": (
        "write a number of the range that is named, without quotes",
        "give a number of the range that is named, no str",
    ),
}
