"""Where a gateway runs and what is started for it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
PEERS = HERE / "peers"
MEMORY = 4096  # tokens, as many as jwt_auth remembers

PLAIN, KNOWN, NEW = "gateway.plain", "gateway.known", "gateway.new"


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a gateway is to run, and what it is to do."""

    port: int
    upstream: str
    folder: Path
    programs: Path
    public_pem: str | None
    """The issuer's key; without one the gateway only forwards."""

    def write(self, name: str, text: str) -> str:
        """Write a file for the gateway and return its path."""
        path = self.folder / name
        path.write_text(text, "utf-8")
        return str(path)


@dataclass(frozen=True)
class Launch:
    """What to start."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A gateway that can be measured."""

    name: str
    launch: Callable[[Site], Launch]
    questions: tuple[str, ...] = (PLAIN, KNOWN, NEW)
    missing: Callable[[Path], str | None] = lambda _: None
    """Says what is not there, if anything; it is given the folder of the compiled programs."""


def installed(name: str) -> Callable[[Path], str | None]:
    """Return a check for a program on the path."""
    return lambda _: None if program(name) else f"{name} is not installed"


def built(name: str) -> Callable[[Path], str | None]:
    """Return a check for a program that we compile."""
    return lambda programs: None if (programs / name).exists() else f"{name} was not built"


def program(name: str) -> str | None:
    """Return the path of a program, or nothing; Debian's servers are where only root looks."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
