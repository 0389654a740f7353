"""URLs of endpoints, as every place that takes one reads them (rust/gateway/src/http)."""

from __future__ import annotations

__all__ = ["GOOD", "REFUSED"]

GOOD = {
    "http://127.0.0.1:9001": ("http://127.0.0.1:9001", "127.0.0.1", 9001, False),
    "https://orders.internal": ("https://orders.internal", "orders.internal", 443, True),
    "http://[::1]:80/": ("http://[::1]:80", "::1", 80, False),
    "HTTP://Orders_1.Example.": ("http://orders_1.example.", "orders_1.example.", 80, False),
}
"""What is written, and what is read: URL, host, port, whether the endpoint uses TLS."""

REFUSED = {
    "": "must be http://host:port",
    "127.0.0.1:9001": "must be http://host:port",
    "ftp://a": "must be http://host:port",
    "http://": "must be http://host:port",
    "http://.": "must be http://host:port",
    "http://-a": "must be http://host:port",
    "http://a..b": "must be http://host:port",
    "http://a~b": "must be http://host:port",
    "http://a:": "must be http://host:port",
    "http://a:b": "must be http://host:port",
    "http://a:+1": "must be http://host:port",
    "http://a:1:2": "must be http://host:port",
    "http://::1": "must be http://host:port",
    "http://[::1": "must be http://host:port",
    "http://[::1]x": "must be http://host:port",
    "http://[a]": "must be http://host:port",
    f"http://{'a' * 64}": "must be http://host:port",
    "http://a b": "without spaces",
    "http://a\n:80": "without spaces",
    "http://café": "in ASCII",
    "http://a:0": "must have a port from 1 to 65535",
    "http://a:65536": "must have a port from 1 to 65535",
    "http://[::1]:99999999999": "must have a port from 1 to 65535",
    "http://u@a": "without a user",
    "http://u:p@a:80": "without a user",
    "http://a/base": "without a path",
    "http://a//": "without a path",
    "http://a?b": "without a path",
    "http://a#b": "without a path",
}
"""What is written, and a part of the problem."""
