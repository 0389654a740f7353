"""The calls of a probe and their arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["WILD", "Argument", "Call", "Loaded", "Long", "Slot", "Text", "call", "pairs"]

WILD = -16
"""An address outside of every linear memory."""


@dataclass(frozen=True)
class Text:
    """Bytes in the guest's memory, passed as two parameters: address and length."""

    content: bytes


@dataclass(frozen=True)
class Slot:
    """The address of eight bytes of guest memory that the host writes a result to."""

    number: int = 0


@dataclass(frozen=True)
class Loaded:
    """The number that an earlier call wrote to a slot."""

    number: int = 0


@dataclass(frozen=True)
class Long:
    """A parameter of 64 bits."""

    number: int


Argument: TypeAlias = "int | Text | Slot | Loaded | Long"


@dataclass(frozen=True)
class Call:
    """A hostcall with its arguments."""

    name: str
    arguments: tuple[Argument, ...]
    module: str = "env"


def call(name: str, *arguments: Argument | bytes, module: str = "env") -> Call:
    """Make a call; arguments of bytes become `Text`."""
    made = tuple(Text(one) if isinstance(one, bytes) else one for one in arguments)
    return Call(name, made, module)


def pairs(*fields: tuple[bytes, bytes]) -> bytes:
    """Serialize a map as the ABI does (proxy-wasm/spec, abi-versions/v0.2.1, "Serialization")."""
    sizes = b"".join(
        len(name).to_bytes(4, "little") + len(value).to_bytes(4, "little") for name, value in fields
    )
    content = b"".join(name + b"\0" + value + b"\0" for name, value in fields)
    return len(fields).to_bytes(4, "little") + sizes + content
