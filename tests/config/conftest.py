"""A folder to write a gateway.yaml into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from wasmgate import ConfigError
from wasmgate.config import load

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write gateway.yaml, without the indentation of the test, and return its path."""

    def write_text(text: str) -> Path:
        path = tmp_path / "gateway.yaml"
        path.write_text(dedent(text).lstrip("\n"), "utf-8")
        return path

    return write_text


@pytest.fixture
def mistakes(write: Write) -> Callable[[str], list[str]]:
    """Load a text and return its problems, each from its line on."""

    def load_text(text: str) -> list[str]:
        path = write(text)
        with pytest.raises(ConfigError) as caught:
            load(path)
        return [line.removeprefix(f"{path}:") for line in caught.value.problems]

    return load_text
