"""What tests of several parts share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled modules of this run."""
    folder = tmp_path_factory.mktemp("artifacts")
    folder.chmod(0o700)
    return folder
