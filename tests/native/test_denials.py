"""What a policy asks for without being allowed: one line, one count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.native.callout_guests import Texts, caller
from tests.native.chain_request import Request, load
from tests.native.scripted import scripted
from wasmgate._native import Chain

if TYPE_CHECKING:
    from wasmgate._native import Host


def calling(host: Host, upstream: bytes) -> Request:
    """Drive a request whose policy calls an upstream that is not allowed."""
    texts = Texts()
    module = caller(texts, "proxy_on_request_headers", texts.http_call(upstream=upstream))
    return Request(Chain([load(host, module)]))


def test_nobody_may_be_called_by_default(host: Host) -> None:
    """Not even this machine."""
    assert calling(host, b"127.0.0.1:80").callouts == []
    assert host.denials() == [("guest", "net", "127.0.0.1:80", 1)]


def test_a_value_is_escaped_and_cut(host: Host) -> None:
    """It comes from the guest: it may not write lines of its own into the log."""
    line = calling(host, b"a\n" + b"b" * 900).said[0]
    assert line.startswith(r"PermissionDenied: policy 'guest' may not reach 'a\nbbb")
    assert "\n" not in line
    assert len(host.denials()[0][2]) == 257


def test_each_request_counts(host: Host) -> None:
    """By policy, capability and value."""
    calling(host, b"one")
    calling(host, b"two")
    calling(host, b"one")
    assert host.denials() == [("guest", "net", "one", 2), ("guest", "net", "two", 1)]


def test_a_policy_that_only_starts_is_counted(host: Host) -> None:
    """So what it lacks is known before the first request."""
    scripted(host, "configure: define counter hits")
    assert host.denials() == [("guest", "metrics", "hits", 1)]


def test_what_is_allowed_is_not_counted(host: Host) -> None:
    """Nothing to say."""
    scripted(host, "configure: define counter hits", metrics=("hits",))
    assert host.denials() == []
