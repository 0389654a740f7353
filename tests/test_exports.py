"""The public names."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

import wasmgate
import wasmgate.config
import wasmgate.errors
import wasmgate.policy


def test_all_is_sorted() -> None:
    """As every `__all__` in the project."""
    assert sorted(wasmgate.__all__) == wasmgate.__all__


@pytest.mark.parametrize("name", wasmgate.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """Also those that are loaded by their first use."""
    assert getattr(wasmgate, name) is not None


def test_dir_lists_the_public_names() -> None:
    """What completion in a shell shows."""
    assert dir(wasmgate) == wasmgate.__all__


def test_every_error_is_public() -> None:
    """Callers import every error from the top of the package."""
    assert set(wasmgate.errors.__all__) <= set(wasmgate.__all__)


def test_the_version_is_that_of_the_distribution() -> None:
    """It stands in one place, the workspace's Cargo.toml."""
    assert importlib.metadata.version("wasmgate") == wasmgate.__version__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """Names that are loaded late do not change what Python says."""
    with pytest.raises(AttributeError, match="module 'wasmgate' has no attribute 'Gatewya'"):
        wasmgate.Gatewya  # noqa: B018


@pytest.mark.parametrize("heavy", ["pydantic", "uvicorn", "typer", "yaml", "wasmgate._native"])
def test_importing_the_package_is_cheap(heavy: str) -> None:
    """An app that imports wasmgate pays for what it uses."""
    program = f"import sys, wasmgate; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
