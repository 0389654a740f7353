"""Where compiled modules are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from wasmgate.policy.artifacts import cache_folder


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"WASMGATE_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/wasmgate/artifacts"),
        ({}, str(Path.home() / ".cache/wasmgate/artifacts")),
    ],
)
def test_the_nearest_wish_is_taken(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own variable, then the desktop's, then the home folder."""
    for name in ("WASMGATE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == expected
