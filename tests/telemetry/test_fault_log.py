"""How often the gateway warns about one subject."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wasmgate.telemetry.fault_log import BURST, FaultLog

if TYPE_CHECKING:
    import pytest


def test_lines_that_are_left_out_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    """By the next that is written, for each subject apart."""
    now = [0.0]
    log = FaultLog(logging.getLogger("wasmgate.gateway"), clock=lambda: now[0])
    for _ in range(BURST + 3):
        log.say("a", "a fails")
    log.say("b", "b fails")
    now[0] = 1.0
    log.say("a", "a fails")
    assert [each.message for each in caplog.records] == [
        *["a fails"] * BURST,
        "b fails",
        "a fails (3 such lines left out)",
    ]


def test_the_least_recently_named_subject_is_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    """Names that clients choose take no more memory than that."""
    log = FaultLog(logging.getLogger("wasmgate.gateway"), clock=lambda: 0.0)
    for _ in range(BURST + 1):
        log.say("a", "a fails")
    caplog.clear()
    for number in range(256):
        log.say(f"other {number}", "it fails")
    caplog.clear()
    log.say("a", "a fails")
    assert [each.message for each in caplog.records] == ["a fails"]
