"""The capabilities of a policy: what it may use outside its own memory. Nothing by default."""

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
    """The path on this system; relative to the current directory when the policy is loaded."""

    at: str
    """The path in the policy's file system: `keys/` becomes `/keys`."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a policy may use outside its own memory. Nothing by default.

    A denied resource looks to the policy as if it did not exist; the denial is logged as
    `PermissionDenied` and counted (`Host.denials`).

    Raises:
        ConfigError: An entry is invalid.
    """

    net: tuple[str, ...] = ()
    """Upstreams of callouts: names of clusters, and addresses like "auth.internal:8080"."""

    env: tuple[str, ...] = ()
    """Names of environment variables that the policy may read, with their values when it is
    loaded."""

    read: tuple[str | Path | Mount, ...] = ()
    """Files and folders that the policy may read. It sees "keys/" as "/keys". They are opened when
    the policy is loaded, and cannot be written."""

    foreign_functions: tuple[str, ...] = ()
    """Names of foreign functions that reach outside. Those that only compute need no entry."""

    metrics: tuple[str, ...] = ()
    """Metrics that the policy may define: names, and prefixes that end in "*"."""

    shared_data: tuple[str, ...] = ()
    """`vm_id`s of policies whose shared queues the policy may use; it may always use its own."""

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
        """Return the policy's path and the path on this system for each entry of `read`."""
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
    """Check that `values` is a list of texts, and not one text, and return it as a tuple.

    `also` are other types that an entry may have. Raises ConfigError.
    """
    kinds = (str, *also)
    if isinstance(values, (list, tuple)) and all(isinstance(value, kinds) for value in values):
        return tuple(values)
    # A single name is shown; another value may be a secret.
    said, shown = (repr(values), values) if isinstance(values, str) else (None, example)
    raise ConfigError(
        f"{what} must be a list of names, not {said or 'a ' + type(values).__name__}",
        where=where,
        hint=f"write a list, also of one: [{shown!r}]",
    )
