"""The pytest plugin; wasmgate is imported when a test first uses the fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmgate.testing.host import PolicyHost

__all__ = ["policy_host"]


@pytest.fixture
def policy_host() -> Iterator[PolicyHost]:
    """Return a `wasmgate.testing.PolicyHost`, closed after the test."""
    from wasmgate.testing.host import PolicyHost  # noqa: PLC0415 (on first use)

    host = PolicyHost()
    yield host
    host.close()
