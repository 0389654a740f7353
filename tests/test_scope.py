"""Targets below a mount."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from wasmgate.scope import target

CASES = {
    "no mount": ("", b"/a%2Fb", b"x", b"/a%2Fb?x"),
    "below": ("/api", b"/api/x%2Fy", b"", b"/x%2Fy"),
    "the mount itself": ("/api", b"/api", b"q", b"/?q"),
    "with a slash": ("/api/", b"/api/x", b"", b"/x"),
    "encoded otherwise": ("/api", b"/%61p%69/x%2Fy", b"", b"/x%2Fy"),
    "not ASCII": ("/caf\u00e9", b"/caf%C3%A9/x", b"", b"/x"),
    "a longer segment": ("/api", b"/apis/x", b"", b"/apis/x"),
    "elsewhere": ("/api", b"/other", b"", b"/other"),
}


@pytest.mark.parametrize(("root", "raw_path", "query", "expected"), CASES.values(), ids=CASES)
def test_target_below_mount(root: str, raw_path: bytes, query: bytes, expected: bytes) -> None:
    """The path of the mount is taken off, however it is encoded, and nothing else."""
    path = unquote(raw_path.decode())
    scope = {"root_path": root, "raw_path": raw_path, "path": path, "query_string": query}
    assert target(scope)[1] == expected
