"""What the extension knows of field names."""

from __future__ import annotations

import pytest

from wasmgate._native import is_hop_by_hop


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"connection", True),
        (b"Keep-Alive", True),
        (b"proxy-connection", True),
        (b"proxy-authenticate", True),
        (b"TE", True),
        (b"transfer-encoding", True),
        (b"upgrade", True),
        (b"content-length", False),
        (b"host", False),
        (b"x-connection", False),
        (b"", False),
    ],
)
def test_hop_by_hop_fields_are_known_by_their_names(name: bytes, *, expected: bool) -> None:
    """In any case of their letters (RFC 9110 section 7.6.1)."""
    assert is_hop_by_hop(name) is expected
