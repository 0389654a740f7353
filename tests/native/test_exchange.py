"""`Router` and `Exchange` across the border: what Python hands in and gets back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.native.chain_request import load
from wasmgate import modules
from wasmgate._native import Chain, Cluster, Effects, Exchange, Route, Router
from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmgate._native import Host

Fields = list[tuple[bytes, bytes]]
ENDPOINTS = ("http://127.0.0.1:9001", "http://127.0.0.1:9002")


def router(chain: Chain | None = None, **changes: Any) -> Router:  # noqa: ANN401 (keyword arguments)
    """Make a router with the route /v1/ to / of one cluster, and one for everything else."""
    policies = chain or Chain([])
    arguments: dict[str, Any] = {
        "clusters": [
            Cluster(name="site", endpoints=[(url, 1) for url in ENDPOINTS], lb_policy="round_robin")
        ],
        "routes": [
            route(policies, "/v1/", path_rewrite=("prefix", "/", ""), timeout=1.5),
            route(policies),
        ],
        "trusted_proxies": [],
        "headers": 100,
        "header_bytes": 8192,
        "body": None,
    }
    return Router(**(arguments | changes))


def route(chain: Chain, prefix: str = "/", **changes: Any) -> Route:  # noqa: ANN401 (keyword arguments)
    """Make a route to the cluster `site`."""
    arguments = {"name": "test", "path": ("prefix", prefix), "clusters": [("site", 1)]}
    return Route(chain=chain, **(arguments | changes))


def begin(
    where: Router,
    target: bytes = b"/",
    headers: Sequence[tuple[bytes, bytes]] = (),
    *,
    method: str = "GET",
    http_version: str = "1.1",
) -> tuple[Exchange, Effects | None]:
    """Open an exchange for api.example."""
    fields = [(b"host", b"api.example"), *headers]
    client, server = ("192.0.2.7", 5000), ("127.0.0.1", 8080)
    return where.open(client, server, "http", http_version, method, target, fields)


def answer(effects: Effects | None) -> tuple[int, str]:
    """Return status and detail of a problem that ended the exchange."""
    assert effects is not None
    assert effects.response_head is not None
    assert effects.response_end
    status, fields = effects.response_head
    assert dict(fields)[b"content-type"] == b"application/problem+json"
    assert dict(fields)[b"content-length"] == str(len(effects.response_body or b"")).encode()
    problem = json.loads(effects.response_body or b"")
    assert problem["status"] == status
    return status, problem["detail"]


def test_a_request_without_policies_asks_nothing_and_is_ready_to_be_sent() -> None:
    """The head has the target byte for byte, repeats, and what the upstream should know."""
    exchange, effects = begin(router(), b"/v1/a%2Fb?b=%20+x&c", [(b"x", b"1"), (b"x", b"2")])
    assert effects is None
    assert not exchange.body_follows
    upstream = exchange.upstream
    assert upstream is not None
    assert ("site", ENDPOINTS[0], 1.5) == (upstream.cluster, upstream.endpoint, upstream.timeout)
    assert (upstream.method, upstream.target, upstream.length) == ("GET", b"/a%2Fb?b=%20+x&c", 0)
    expected = [
        (b"host", b"api.example"),
        (b"x", b"1"),
        (b"x", b"2"),
        (b"x-forwarded-for", b"192.0.2.7"),
        (b"x-forwarded-proto", b"http"),
        (b"x-forwarded-host", b"api.example"),
        (b"x-forwarded-port", b"80"),
        (b"via", b"1.1 wasmgate"),
    ]
    assert expected == upstream.headers
    lines = b"".join(b"%b: %b\r\n" % field for field in expected)
    assert b"GET /a%2Fb?b=%20+x&c HTTP/1.1\r\n" + lines + b"\r\n" == upstream.head


@pytest.mark.parametrize(
    ("fields", "follows", "length"),
    [
        ([], False, 0),
        ([(b"content-length", b"0")], False, 0),
        ([(b"content-length", b"5")], True, 5),
        ([(b"transfer-encoding", b"chunked")], True, None),
    ],
)
def test_framing_says_whether_a_body_follows(
    fields: Fields,
    follows: bool,  # noqa: FBT001 (a parameter of the test)
    length: int | None,
) -> None:
    """RFC 9112 section 6.3, and what the upstream's head announces."""
    exchange, effects = begin(router(), headers=fields, method="POST")
    assert (effects, exchange.body_follows) == (None, follows)
    assert exchange.upstream is not None
    assert exchange.upstream.length == length


def test_bodies_that_nobody_changes_ask_nothing() -> None:
    """Chunks go on as they are in both directions."""
    exchange, _ = begin(router(), headers=[(b"content-length", b"5")], method="POST")
    assert exchange.on_request_body(b"hel", end=False) is None
    assert exchange.on_request_body(b"lo", end=True) is None
    assert exchange.on_response_headers(200, [(b"content-length", b"2")], end=False) is None
    assert exchange.on_response_body(b"ok", end=True) is None


def test_a_response_loses_what_is_about_the_connection() -> None:
    """Fields that Connection names, too; repeats stay."""
    exchange, _ = begin(router())
    fields = [
        (b"Set-Cookie", b"a"),
        (b"Connection", b"x-hop"),
        (b"X-Hop", b"1"),
        (b"Set-Cookie", b"b"),
        (b"Transfer-Encoding", b"chunked"),
    ]
    effects = exchange.on_response_headers(200, fields, end=False)
    assert effects is not None
    assert effects.response_head == (200, [(b"set-cookie", b"a"), (b"set-cookie", b"b")])


def test_an_interim_response_goes_no_further() -> None:
    """There are effects, and they ask nothing."""
    exchange, _ = begin(router())
    effects = exchange.on_response_headers(103, [(b"link", b"</a>")], end=False)
    assert effects is not None
    assert effects.response_head is None
    assert exchange.on_response_headers(200, [], end=True) is None


def test_policies_work_on_what_goes_on(host: Host) -> None:
    """A rewrite of the path reaches the upstream, after which the route replaces its prefix."""
    configuration = json.dumps({"request_headers": {"set": {"x-tier": "gold"}}}).encode()
    plugin = load(host, modules.locate("rewrite").read_bytes(), configuration=configuration)
    exchange, _ = begin(router(Chain([plugin])), b"/v1/orders")
    assert exchange.upstream is not None
    assert (b"x-tier", b"gold") in exchange.upstream.headers
    assert exchange.upstream.target == b"/orders"


@pytest.mark.parametrize(
    ("failure", "status"),
    [("connect", 502), ("protocol", 502), ("timeout", 504), ("no_healthy_endpoint", 503)],
)
def test_a_failure_is_answered(failure: str, status: int) -> None:
    """With problem+json, once."""
    exchange, _ = begin(router())
    assert answer(exchange.failed(failure))[0] == status
    again = exchange.failed(failure)
    assert again is None or not again.response_end


def test_a_failure_behind_the_head_cuts_the_connection() -> None:
    """It is too late for a status."""
    exchange, _ = begin(router())
    exchange.on_response_headers(200, [], end=False)
    effects = exchange.failed("protocol")
    assert effects is not None
    assert effects.reset


def test_an_unknown_failure_is_refused() -> None:
    """The message names those that there are."""
    exchange, _ = begin(router())
    with pytest.raises(ValueError, match="connect, protocol, timeout, no_healthy_endpoint"):
        exchange.failed("tired")


@pytest.mark.parametrize(
    ("target", "headers", "expected"),
    [
        (b"/%2e%2e/admin", [], (400, "the path has a dot segment")),
        (b"/a", [(b"host", b"b")], (400, "there is more than one Host field")),
        (b"/a", [(b"x", b"a\r\nb")], (400, "a field value has a control character")),
        (b"/a", [(b"x", b"y")] * 100, (431, "the header fields are too many or too long")),
        (b"/" + b"a" * 20_000, [], (414, "the request target is too long")),
    ],
)
def test_what_breaks_http_is_answered(
    target: bytes, headers: Fields, expected: tuple[int, str]
) -> None:
    """No policy sees it and nothing goes to the upstream."""
    exchange, effects = begin(router(), target, headers)
    assert answer(effects) == expected
    assert exchange.upstream is None


def test_endpoints_can_be_taken_out_and_back_in() -> None:
    """Without any the answer is 503."""
    where = router()
    for endpoint in ENDPOINTS:
        where.set_available("site", endpoint, available=False)
    assert answer(begin(where)[1]) == (503, "no upstream can take the request")
    where.set_available("site", ENDPOINTS[1], available=True)
    upstream = begin(where)[0].upstream
    assert upstream is not None
    assert upstream.endpoint == ENDPOINTS[1]
    with pytest.raises(KeyError):
        where.set_available("site", "http://elsewhere", available=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trusted_proxies": ["10.0.0.1/8"]}, "`10.0.0.1/8` is not an address range"),
        ({"routes": [route(Chain([]), clusters=[("no", 1)])]}, "there is no cluster `no`"),
        ({"routes": [route(Chain([]), "a")]}, "`a` is not a path prefix"),
        ({"routes": [route(Chain([]), hosts=["a:80"])]}, "`a:80` is not a host"),
    ],
)
def test_mistakes_are_named(changes: dict[str, Any], message: str) -> None:
    """As ConfigError, with what was written."""
    with pytest.raises(ConfigError, match=message):
        router(**changes)


@given(target=st.binary(max_size=24), value=st.binary(max_size=24))
def test_no_target_and_no_value_end_their_line(target: bytes, value: bytes) -> None:
    """A head has one line for each field, with any bytes; the bytes are forwarded unchanged."""
    exchange, effects = begin(router(), b"/" + target, [(b"x", value)])
    upstream = exchange.upstream
    if upstream is None:
        assert answer(effects)[0] == 400
    else:
        assert upstream.head.count(b"\n") == len(upstream.headers) + 2
        # RFC 9110 section 5.5: white space around a value is no part of it.
        assert upstream.headers[1] == (b"x", value.strip(b" \t"))
        assert upstream.target.endswith(target.removeprefix(b"v1/"))
