"""All that a policy may do to a head: each pseudo-header, each field about framing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES: dict[str, tuple[str, ...]] = {
    ":method": ("PUT", "HEAD", "OPTIONS", "CONNECT", "get", "G@T", "GET /x"),
    ":path": ("/other?x=1", "*", "other", "http://evil.example/", "/a b", "/a#b", "/a/../b", "//b"),
    ":scheme": ("https", "ftp", "1"),
    ":authority": ("other.example", "a:99999", "a/b", "user@a", "a b", "[::1]:80", "[::1"),
    "host": ("other.example", "a/b"),
    ":status": (
        "204",
        "304",
        "404",
        "100",
        "101",
        "103",
        "199",
        "600",
        "20",
        "2000",
        "abc",
        "+204",
    ),
    "content-length": ("0", "3", "6", "999", "abc", "-1", "3, 3", "18446744073709551616"),
    "transfer-encoding": ("chunked", "gzip", "gzip, chunked", "identity", "x"),
    "connection": ("close", "keep-alive", "upgrade", "x-id", "content-length", "a b"),
    "upgrade": ("websocket", "h2c"),
    "te": ("trailers", "gzip"),
    "trailer": ("x-sum", "content-length"),
    "expect": ("100-continue", "x"),
    "keep-alive": ("timeout=5",),
    "proxy-connection": ("close",),
}
OF_REQUESTS = {":method", ":path", ":scheme", ":authority", "host", "te", "expect"}
OF_RESPONSES = {":status"}


def operations() -> Iterator[str]:
    """Give each program of the guest: set, emptied, added to, doubled, and removed."""
    for name, values in VALUES.items():
        maps = ["request"] if name not in OF_RESPONSES else []
        maps += ["response"] if name not in OF_REQUESTS else []
        for message in maps:
            callback = f"{message}_headers"
            for value in ("", *values):
                yield f"{callback}: set {message} {name} {value}"
                yield f"{callback}: add {message} {name} {value}"
            yield f"{callback}: add {message} {name} {values[0]}\n" * 2
            yield f"{callback}: remove {message} {name}"
            yield f"{callback}: set_fields {message} {name}={values[0]}"
    yield "request_headers: set_fields request x=y"
    yield "response_headers: set_fields response x=y"
