"""Foreign functions of an application, before any policy calls one."""

from __future__ import annotations

import functools
import logging

import pytest

from wasmgate import ConfigError
from wasmgate.foreign import ForeignFunctions


async def later(arguments: bytes) -> bytes:
    """Answer later."""
    return arguments


class Later:
    """An object that is called like an `async def`."""

    async def __call__(self, arguments: bytes) -> bytes:
        """Answer later."""
        return arguments


@pytest.mark.parametrize("function", [later, Later(), functools.partial(later)])
def test_what_is_awaited_is_asynchronous(function: object) -> None:
    """A function, an object and a partial one."""
    functions = ForeignFunctions.of({"acme.later": function, "acme.now": bytes.upper})  # type: ignore[dict-item]
    assert (list(functions.synchronous), list(functions.asynchronous)) == (
        ["acme.now"],
        ["acme.later"],
    )


@pytest.mark.parametrize("name", ["verify_signature", "wasmgate.limits.hit", "wasmgate"])
def test_the_hosts_own_names_cannot_be_taken(name: str) -> None:
    """Neither a function that there is nor one that may come."""
    with pytest.raises(ConfigError, match="is the host's own"):
        ForeignFunctions.of({name: bytes.upper})


@pytest.mark.parametrize("name", ["", "a b", "\N{SNOWMAN}", "x" * 129])
def test_a_name_is_short_and_plain(name: str) -> None:
    """It is written in capabilities and logs."""
    with pytest.raises(ConfigError, match="cannot name a foreign function"):
        ForeignFunctions.of({name: bytes.upper})


def test_a_function_is_callable() -> None:
    """And is refused before the first request."""
    with pytest.raises(ConfigError, match=r"b'x' is not callable"):
        ForeignFunctions.of({"acme.x": b"x"})  # type: ignore[dict-item]


def test_what_a_function_raises_is_logged_for_who_debugs(caplog: pytest.LogCaptureFixture) -> None:
    """With its traceback, at level debug alone: its text may show what a client sent."""

    def broken(arguments: bytes) -> bytes:
        raise LookupError(arguments)

    functions = ForeignFunctions.of({"acme.broken": broken})
    with caplog.at_level(logging.DEBUG, "wasmgate.foreign"), pytest.raises(LookupError):
        functions.synchronous["acme.broken"](b"x")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", "the foreign function 'acme.broken' raised")
    ]
