"""Targets below a mount, and versions as servers write them."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from wasmgate.scope import canonical, target

CASES = {
    "no mount": ("", b"/a%2Fb", b"x", b"/a%2Fb?x"),
    "below": ("/api", b"/api/x%2Fy", b"", b"/x%2Fy"),
    "the mount itself": ("/api", b"/api", b"q", b"/?q"),
    "with a slash": ("/api/", b"/api/x", b"", b"/x"),
    "encoded otherwise": ("/api", b"/%61p%69/x%2Fy", b"", b"/x%2Fy"),
    "not ASCII": ("/caf\u00e9", b"/caf%C3%A9/x", b"", b"/x"),
    "a longer segment": ("/api", b"/apis/x", b"", b"/apis/x"),
    "nothing": ("", b"", b"", b"/"),
    "a query alone": ("", b"", b"q", b"/?q"),
    "elsewhere": ("/api", b"/other", b"", b"/other"),
}


@pytest.mark.parametrize(("root", "raw_path", "query", "expected"), CASES.values(), ids=CASES)
def test_target_below_mount(root: str, raw_path: bytes, query: bytes, expected: bytes) -> None:
    """The path of the mount is taken off, however it is encoded, and nothing else."""
    path = unquote(raw_path.decode())
    scope = {"root_path": root, "raw_path": raw_path, "path": path, "query_string": query}
    assert target(scope)[1] == expected


@pytest.mark.parametrize(
    ("written", "rules"),
    [
        ("0.9", "1.0"),
        ("1.0", "1.0"),
        ("1", "1.0"),
        ("1.7", "1.1"),
        ("2.0", "2"),
        ("3.0", "3"),
        ("2", "2"),
        ("9.9", "9"),
        ("4", "4"),
    ],
)
def test_the_rules_of_a_version(written: str, rules: str) -> None:
    """A minor version that there is not is the highest one (RFC 9110 section 2.5)."""
    scope = {"type": "http", "method": "GET", "path": "/", "http_version": written}
    assert canonical(scope)[3] == rules


@pytest.mark.parametrize(
    ("written", "told"),
    [("https", "https"), ("HTTPS", "https"), ("Http", "http"), ("WSS", "https")],
)
def test_a_scheme_is_the_same_in_any_case(written: str, told: str) -> None:
    """RFC 3986 section 3.1; a policy that asks for https is told of it."""
    scope = {"type": "http", "method": "GET", "path": "/", "scheme": written}
    assert canonical(scope)[2] == told
