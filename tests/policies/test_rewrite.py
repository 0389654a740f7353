"""The module rewrite.wasm: what goes on and what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.native.chain_request import Request
from wasmgate import PolicyLoadError
from wasmgate._native import Chain, Host
from wasmgate.policies import FieldRules, rewrite

if TYPE_CHECKING:
    from wasmgate import Policy


def chain(host: Host, policy: Policy) -> Chain:
    """Load a policy alone."""
    return Chain([policy.load(host)])


def target(own: Chain, sent: bytes) -> bytes:
    """Return the target that goes on."""
    request = Request(own, target=sent)
    assert request.upstream.head is not None
    return request.upstream.head[0]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"/v1/orders?a=%2F&b=/v1/", b"/orders?a=%2F&b=/v1/"),
        (b"/v1/%2e%2e/a", b"/%2e%2e/a"),
        (b"/v1//evil.example", b"/evil.example"),
        (b"/v10", b"/v10"),
        (b"/user/7", b"/accounts/7"),
        (b"/v1/user/7?q", b"/accounts/7?q"),
    ],
)
def test_paths_are_rewritten(host: Host, sent: bytes, expected: bytes) -> None:
    """The prefix first, then the pattern; the query stays."""
    own = chain(
        host, rewrite(path_prefix={"/v1/": "/"}, path_regex=[(r"^/user/(\d+)$", "/accounts/$1")])
    )
    assert target(own, sent) == expected


@pytest.mark.parametrize(
    ("prefix", "replacement", "sent", "expected"),
    [
        ("/", "/api", b"/users?a=/", b"/api/users?a=/"),
        ("/", "/api/", b"/", b"/api/"),
        ("/v1", "/", b"/v1", b"/"),
        ("/v1/", "/v2", b"/v1/a", b"/v2/a"),
        ("/admin", "/x", b"/%61dmin/a", b"/x/a"),
    ],
)
def test_a_prefix_is_replaced_with_one_slash_between(
    host: Host, prefix: str, replacement: str, sent: bytes, expected: bytes
) -> None:
    """However the two are written; as the route's `prefix_rewrite` does."""
    assert target(chain(host, rewrite(path_prefix={prefix: replacement})), sent) == expected


@pytest.mark.parametrize(
    ("replacement", "expected"),
    [("/v${1}_old", b"/v7_old"), ("/v${1}old", b"/v7old"), ("/x/$1/y", b"/x/7/y")],
)
def test_a_group_is_put_in_with_text_behind_it(
    host: Host, replacement: str, expected: bytes
) -> None:
    """Braces say where its number ends."""
    own = chain(host, rewrite(path_regex=[("^/u/([0-9]+)$", replacement)]))
    assert target(own, b"/u/7") == expected


@pytest.mark.parametrize(
    ("replacement", "spelling"),
    [
        ("/v$1_old", "write ${1}_old"),
        ("/v$1old", "write ${1}old"),
        ("/x/$3/y", "the pattern has ${1}"),
        (r"/x/\1", "write ${1}"),
        (r"/x/\g<1>", "write ${1}"),
        ("/x/%1", "write ${1}"),
        ("/x/{1}", "write ${1}"),
        ("/x/${name}", "the pattern has ${1}"),
    ],
)
def test_a_group_that_cannot_be_meant_is_refused_at_start(
    host: Host, replacement: str, spelling: str
) -> None:
    """With the key and the right spelling."""
    policy = rewrite(path_regex=[("^/u/([0-9]+)$", replacement)])
    with pytest.raises(PolicyLoadError) as caught:
        policy.load(host)
    assert "path_regex[0].replacement: " in str(caught.value)
    assert spelling in str(caught.value)


def test_a_pattern_that_cannot_be_read_is_told_what_is_wrong(host: Host) -> None:
    """And the right spelling."""
    policy = rewrite(path_regex=[("(", "/")])
    with pytest.raises(PolicyLoadError) as caught:
        policy.load(host)
    expected = "path_regex[0].pattern: `(`: unclosed group; close it with ), or write \\( for"
    assert expected in str(caught.value)


def test_a_value_of_another_type_is_refused_by_its_key(host: Host) -> None:
    """And by its place in the JSON text, which the gateway maps to its own file."""
    rules: Any = {"set": {"x-tier": "gold", "x-debug": True}}
    with pytest.raises(PolicyLoadError) as caught:
        rewrite(request_headers=rules).load(host)
    expected = "request_headers.set.x-debug: expected a string, got true; write it in quotes"
    assert expected in str(caught.value)


def test_the_longest_path_within_the_limits_is_searched_within_the_fuel(host: Host) -> None:
    """With as many patterns as may be, all of which look at every byte."""
    patterns = [("(a|b|c)*(d|e)+x$", "/b")] * 12
    own = chain(host, rewrite(path_regex=patterns))
    longest = b"/" + b"a" * 4095
    assert target(own, longest) == longest


def test_a_path_that_is_too_long_to_search_is_answered(host: Host) -> None:
    """Going on as it is would be a way around the rewriting."""
    request = Request(chain(host, rewrite(path_regex=[("^/a", "/b")])), target=b"/" + b"a" * 5000)
    assert (request.status, request.passed) == (414, False)


def test_the_host_is_replaced(host: Host) -> None:
    """In place of what the client sent."""
    own, fields = chain(host, rewrite(host="orders:8080")), [(b"host", b"public.example")]
    _, effects, _ = own.open(None, None, "http", "1.1", "GET", b"/", fields)
    assert effects is not None
    assert effects.request_head is not None
    assert effects.request_head.authority == b"orders:8080"


def test_rules_for_request_headers_are_done_in_order(host: Host) -> None:
    """Remove, set, add, append."""
    rules: FieldRules = {
        "append": {"x-b": "3"},
        "add": {"x-a": "2", "x-b": "2"},
        "set": {"x-b": "1"},
        "remove": ["x-a"],
    }
    sent = [(b"x-a", b"0"), (b"x-b", b"0"), (b"x-b", b"0"), (b"x-c", b"0")]
    request = Request(chain(host, rewrite(request_headers=rules)), headers=sent)
    assert request.upstream.head is not None
    own = sorted(field for field in request.upstream.head[1] if field[0].startswith(b"x-"))
    assert own == [(b"x-a", b"2"), (b"x-b", b"1"), (b"x-b", b"3"), (b"x-c", b"0")]


def test_rules_for_response_headers_are_done(host: Host) -> None:
    """Also where the response has repeated fields."""
    rules: FieldRules = {"remove": ["server"], "add": {"cache-control": "no-store"}}
    response = [(b"server", b"a"), (b"set-cookie", b"1"), (b"set-cookie", b"2")]
    request = Request(chain(host, rewrite(response_headers=rules))).response(200, response)
    assert request.client.head is not None
    expected = [(b"set-cookie", b"1"), (b"set-cookie", b"2"), (b"cache-control", b"no-store")]
    assert request.client.head[1] == expected


def test_nothing_to_do_changes_nothing(host: Host) -> None:
    """The head goes on as it came."""
    request = Request(chain(host, rewrite()), target=b"/a?b", headers=[(b"x-a", b"1")])
    assert request.upstream.head == (b"/a?b", [(b"x-a", b"1")])
