"""A short run of the differential fuzzer, always with the same inputs."""

from __future__ import annotations

from tests.fuzz.differential import fuzz


async def test_nothing_differs_without_a_reason() -> None:
    """Both forms, and nginx where it is installed, forward and answer the same."""
    findings = await fuzz(numbers=range(400), width=8, patience=2)
    assert (findings.inputs, findings.found) == (400, {})
