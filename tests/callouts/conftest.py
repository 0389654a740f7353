"""Callouts are tested on both event loops: their transports differ in what they allow."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
import uvloop

from tests.gateway.serving import form

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["form"]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every asynchronous test twice."""
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def _cache(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile each guest once."""
    monkeypatch.setenv("WASMGATE_CACHE", str(artifacts))


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what policies and their callouts said so far; ask for it before they are loaded."""
    caplog.set_level(logging.INFO, logger="wasmgate.policy")
    return lambda: [r.getMessage() for r in caplog.records if r.name.startswith("wasmgate.policy.")]
