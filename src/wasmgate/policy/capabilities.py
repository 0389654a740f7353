"""What a policy may touch outside its own memory. Nothing by default."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wasmgate._native import CAPABILITIES
from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KINDS", "Capabilities", "Mount", "is_upstream", "names"]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UPSTREAM = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Mount:
    """A file or folder that a policy may read, and where the policy sees it."""

    path: Path
    """On this system; relative to the current directory when the policy is loaded."""

    at: str
    """`keys/` is seen as `/keys`."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a policy may touch outside its own memory. Nothing by default.

    What it asks for beyond that is answered as if it were not there, logged as `PermissionDenied`
    and counted (`Host.denials`). Raises ConfigError for an entry that cannot be used.
    """

    net: tuple[str, ...] = ()
    """Whom it may call: names of clusters, and addresses like "auth.internal:8080"."""

    env: tuple[str, ...] = ()
    """Environment variables it may read, by name; their values are taken when it is loaded."""

    read: tuple[str | Path | Mount, ...] = ()
    """Files and folders that it may read, below the root and by the names given here: it sees
    "keys/" as "/keys". They are opened when it is loaded; nothing is ever written."""

    foreign_functions: tuple[str, ...] = ()
    """Foreign functions that reach outside, by name. Those that only compute need no entry."""

    metrics: tuple[str, ...] = ()
    """Metrics that it may define: names, and prefixes that end in "*"."""

    shared_data: tuple[str, ...] = ()
    """Policies whose shared queues it may use, by their `vm_id`; its own are always open."""

    def __post_init__(self) -> None:
        for key, (fits, said) in _ENTRIES.items():
            where, example = f"Capabilities({key}=…)", _EXAMPLES[key]
            what, kinds = f"capabilities.{key}", _also(key)
            entries = names(getattr(self, key), what, where=where, example=example, also=kinds)
            for entry in entries:
                if not fits(str(entry)):
                    hint = f"write {key}=({example!r},)"
                    raise ConfigError(f"{entry!r} is not {said}", where=where, hint=hint)
            object.__setattr__(self, key, entries)

    def mounts(self) -> list[tuple[str, Path]]:
        """Return where the policy sees each entry of `read`, and the path on this system."""
        entries = (
            entry if isinstance(entry, Mount) else Mount(Path(entry), Path(entry).as_posix())
            for entry in self.read
        )
        return [(entry.at, entry.path) for entry in entries]


def _also(key: str) -> tuple[type, ...]:
    return (Path, Mount) if key == "read" else ()


def is_upstream(text: str) -> bool:
    """Return whether a text is the name of a cluster, "host:port" or "[IPv6]:port"."""
    match = _UPSTREAM.fullmatch(text)
    if match is None or (match[1].startswith("[") and match[2] is None):
        return False
    return match[2] is None or 0 < int(match[2]) <= _HIGHEST_PORT


def _is_pattern(text: str) -> bool:
    return text != "" and "*" not in text[:-1]


_ENTRIES: dict[str, tuple[Callable[[str], object], str]] = {
    "net": (is_upstream, "the name of a cluster or an address like auth.internal:8080"),
    "env": (_VARIABLE.fullmatch, "the name of an environment variable"),
    "read": (bool, "a path"),
    "foreign_functions": (bool, "the name of a foreign function"),
    "metrics": (_is_pattern, "the name of a metric or a prefix that ends in '*'"),
    "shared_data": (bool, "the name of a policy"),
}
_EXAMPLES = {
    "net": "auth.internal:8080",
    "env": "API_KEY",
    "read": "keys/",
    "foreign_functions": "acme.lookup",
    "metrics": "own_*",
    "shared_data": "limit",
}
KINDS = CAPABILITIES


def names(
    values: object, what: str, *, where: str, example: str, also: tuple[type, ...] = ()
) -> tuple[str, ...]:
    """Refuse what is easily written by mistake: one text where a list of them is meant.

    `also` is what an entry may be beside a text. Raises ConfigError.
    """
    kinds = (str, *also)
    if isinstance(values, (list, tuple)) and all(isinstance(value, kinds) for value in values):
        return tuple(values)
    # One name, as it was meant; what else stands there may be anything.
    said, shown = (repr(values), values) if isinstance(values, str) else (None, example)
    raise ConfigError(
        f"{what} must be a list of names, not {said or 'a ' + type(values).__name__}",
        where=where,
        hint=f"write a list, also of one: [{shown!r}]",
    )
