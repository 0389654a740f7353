"""The log lines of policies: one logger for each, `wasmgate.policy.<name>`."""

from __future__ import annotations

import logging

from wasmgate.telemetry.level_formatter import TRACE

__all__ = ["log_level", "log_line"]

_POLICIES = logging.getLogger("wasmgate.policy")
_HTTP = logging.getLogger("wasmgate.http")  # lines of the host itself
# The levels of proxy-wasm, trace to critical, as levels of the logging module.
_LEVELS = (TRACE, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


def log_level() -> int:
    """Return the lowest level, 0 (trace) to 5 (critical), that the policies' loggers show."""
    shown = _POLICIES.getEffectiveLevel()
    return next((number for number, level in enumerate(_LEVELS) if level >= shown), 5)


def log_line(policy: str, level: int, message: str) -> None:
    """Write a line of a policy, at a level of proxy-wasm; of the host if `policy` is empty."""
    (_POLICIES.getChild(policy) if policy else _HTTP).log(_LEVELS[level], "%s", message)
