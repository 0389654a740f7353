"""`wasmgate conformance`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from tests.cli.conftest import Command


def test_a_part_of_the_hostcalls_is_probed(wasmgate: Command) -> None:
    """Those with a text in their names."""
    done = wasmgate("conformance", "--hostcall", "get_log_level", "--json")
    assert (done.returncode, {one["hostcall"] for one in json.loads(done.stdout)}) == (
        0,
        {"proxy_get_log_level"},
    )


def test_the_table_ends_with_a_sum(wasmgate: Command) -> None:
    """Of probes, hostcalls and what is wrong."""
    done = wasmgate("conformance", "--hostcall", "get_log_level")
    assert done.stdout.splitlines()[-1].endswith("of 1 hostcalls, 0 not as they must be")


def test_a_name_that_no_hostcall_has_is_2(wasmgate: Command) -> None:
    """Nothing that is probed is no success."""
    done = wasmgate("conformance", "--hostcall", "proxy_http_cal1")
    assert (done.returncode, "no hostcall has 'proxy_http_cal1'" in done.stderr) == (2, True)


def test_a_narrow_terminal_shows_every_status(
    wasmgate: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words where the columns do not fit; in a wide one as numbers."""
    monkeypatch.setenv("COLUMNS", "80")
    narrow = wasmgate("conformance", "--hostcall", "get_log_level").stdout
    monkeypatch.setenv("COLUMNS", "300")
    wide = wasmgate("conformance", "--hostcall", "get_log_level").stdout
    assert max(map(len, narrow.splitlines())) <= 80
    assert (len(re.findall(r"\b0 OK\b", narrow)), "6 INVALID_MEMORY_ACCESS" in narrow) == (1, True)
    assert len(re.findall(r"│ +0 ", wide)) == 22
