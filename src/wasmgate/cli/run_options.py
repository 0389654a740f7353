"""The options of `wasmgate run`, as a value."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LogLevel", "RunOptions"]


class LogLevel(StrEnum):
    """The lowest level that is logged."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of `wasmgate run`; `wasmgate.cli.run` describes each."""

    config: Path
    host: str | None = None
    port: int | None = None
    threads: int | None = None
    workers: int = 1
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    log_level: LogLevel = LogLevel.INFO
    access_log: bool = False
    asgi: bool = False

    def contradiction(self) -> str | None:
        """Return why the options do not fit together, or nothing."""
        if self.asgi and (self.workers > 1 or self.threads or self.tls_certificate):
            return "--asgi serves with one process, one thread and without TLS"
        if (self.tls_certificate is None) != (self.tls_key is None):
            return "--tls-certificate and --tls-key go together"
        return None

    @property
    def threads_of_a_process(self) -> int:
        """How many threads serve in each process."""
        return self.threads or (1 if self.asgi else max(1, _cores() // self.workers))


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
