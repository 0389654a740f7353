"""The error that validators of gateway.yaml raise: what is wrong, and what to write instead."""

from __future__ import annotations

from pydantic_core import PydanticCustomError

__all__ = ["invalid"]


def invalid(kind: str, text: str, hint: str) -> PydanticCustomError:
    """Return the error to raise, a ValueError; neither text may repeat a long value."""
    # As context, because pydantic takes a message for a template.
    return PydanticCustomError(kind, "{text}", {"text": text, "hint": hint})
