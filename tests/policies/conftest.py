"""A host of its own for each test, and an issuer of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.policies.issuer import Issuer
from wasmgate._native import Host

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def host(artifacts: Path) -> Host:
    """Make a host for one test."""
    return Host(cache=str(artifacts))


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    """Make an issuer with one RSA key."""
    return Issuer()
