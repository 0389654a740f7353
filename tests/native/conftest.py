"""A host with a cache of compiled modules that outlives one test."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from wasmgate._native import Chain, Host

if TYPE_CHECKING:
    from pathlib import Path

# `nox -s fuzz_host` asks for it.
settings.register_profile("thorough", max_examples=20_000, deadline=None)


@pytest.fixture(autouse=True)
def _nothing_left() -> None:
    """Take what dropped streams of another test said: it comes with the thread's next step."""
    gc.collect(1)  # an exception that was caught keeps the frames of its test, and their streams
    while Chain([]).tick()[0] == 0:
        pass


@pytest.fixture
def host(artifacts: Path) -> Host:
    """Make a host for one test; every log line is kept."""
    return Host(cache=str(artifacts), log_level=0)
