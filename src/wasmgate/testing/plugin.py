"""The pytest plugin: importing wasmgate waits until a test asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmgate.testing.host import PolicyHost

__all__ = ["policy_host"]


@pytest.fixture
def policy_host() -> Iterator[PolicyHost]:
    """Run policies without a server, with a clock that stands still: `wasmgate.testing`."""
    from wasmgate.testing.host import PolicyHost  # noqa: PLC0415 (only for who uses it)

    host = PolicyHost()
    yield host
    host.close()
