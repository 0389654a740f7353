"""Quantities as a person writes them: 250ms, 5s, 32MiB, 10_000_000.

A bare number is refused where it could be read in two ways: a timeout of `5` may mean seconds or
milliseconds. Sizes are bytes without a unit.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from wasmgate.config.invalid import invalid

__all__ = ["Count", "Duration", "Share", "Size", "duration", "share", "size"]

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {
    "": 1,
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}
LONGEST = "24h"
LARGEST = 1024**4

_DIGITS = 40
_DURATION = r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h|d)"
_SHARE = r"([0-9]+(?:\.[0-9]+)?) ?%"
_SIZE = r"([0-9][0-9_]*) ?(B|KB|MB|GB|KiB|MiB|GiB)?"


def duration(value: object, *, longest: str = LONGEST) -> float:
    """Read a duration such as "250ms", "1.5s", "2m", "1h" or "1d" and return seconds.

    Raises PydanticCustomError, a ValueError, for anything else, 0 and more than `longest`.
    """
    seconds = _seconds(value) if isinstance(value, str) else None
    if seconds is None:
        raise invalid(
            "duration",
            "must be a duration with its unit, such as 5s or 250ms",
            "write a number and ms, s, m, h or d behind it",
        )
    if not 0 < seconds <= (_seconds(longest) or 0):
        text = f"must be longer than 0 and at most {longest}"
        raise invalid("duration", text, f"write a duration between 1ms and {longest}")
    return seconds


def _seconds(text: str) -> float | None:
    match = re.fullmatch(_DURATION, text)
    return float(match[1]) * SECONDS[match[2]] if match else None


def size(value: object) -> int:
    """Read a size such as 65536, "64KiB" or "10MB" and return bytes.

    Raises PydanticCustomError, a ValueError, for anything else, 0 and more than 1024 GiB.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        size_bytes = value
    else:
        match = re.fullmatch(_SIZE, value) if isinstance(value, str) else None
        if match is None:
            raise invalid(
                "size",
                "must be a size, such as 32MiB, 64KiB or 65536",
                "write bytes as a whole number, or with KB, MB, GB, KiB, MiB or GiB behind it",
            )
        # Python reads no number of thousands of digits; all of that length are too large.
        number = int(match[1]) if len(match[1]) <= _DIGITS else LARGEST + 1
        size_bytes = number * BYTES[match[2] or ""]
    if not 0 < size_bytes <= LARGEST:
        text = "must be more than 0 and at most 1024GiB"
        raise invalid("size", text, "write a size from 1 byte to 1024GiB")
    return size_bytes


def share(value: object) -> float:
    """Read a share such as "5%" or 0.05 and return it as a number.

    Raises PydanticCustomError, a ValueError, for anything else, 0 and more than 100%.
    """
    match = re.fullmatch(_SHARE, value) if isinstance(value, str) else None
    number = float(match[1]) / 100 if match else value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise invalid(
            "share", "must be a share, such as 5% or 0.05", "write a number and % behind it"
        )
    if not 0 < number <= 1:
        text = "must be more than 0 and at most 100%"
        raise invalid("share", text, "write a share such as 5%")
    return float(number)


Duration = Annotated[
    float,
    BeforeValidator(duration),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$", "examples": ["5s", "250ms"]}),
]
Size = Annotated[
    int,
    BeforeValidator(size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": LARGEST},
                {"type": "string", "pattern": f"^{_SIZE}$", "examples": ["32MiB", "64KiB"]},
            ]
        }
    ),
]
Share = Annotated[
    float,
    BeforeValidator(share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                {"type": "string", "pattern": f"^{_SHARE}$", "examples": ["5%"]},
            ]
        }
    ),
]
# Above 2**53 a JSON number is no longer exact everywhere.
Count = Annotated[int, Field(strict=True, ge=1, le=2**53)]
