"""Everything here is about the path without ASGI."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from tests.gateway.serving import FORMS, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETTINGS, "http", FORMS["direct"])


@pytest.fixture
def unused_address() -> Iterator[tuple[str, int]]:
    """Give an address that answers no attempt to connect: its backlog is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as stack:
        for _ in range(4):
            attempt = stack.enter_context(socket.socket())
            attempt.settimeout(0)
            attempt.connect_ex(full.getsockname())
        yield full.getsockname()
