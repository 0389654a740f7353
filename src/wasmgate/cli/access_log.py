"""The access log of `wasmgate run`."""

from __future__ import annotations

import logging

from wasmgate._native import masked

__all__ = ["MaskedTarget"]


class MaskedTarget(logging.Filter):
    """Masks secrets in the targets that uvicorn's own protocol logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record's third argument; it is always logged."""
        if isinstance(record.args, tuple):
            client, method, target, *rest = record.args
            shown = masked(b":path", str(target).encode()).decode("utf-8", "replace")
            record.args = (client, method, shown, *rest)
        return True
