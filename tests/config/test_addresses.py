"""Hosts, endpoints, prefixes and networks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from wasmgate.config.addresses import Address, Endpoint, Host, ListenAddress, Network, Prefix

hosts = TypeAdapter[str](Host)
endpoints = TypeAdapter[str](Endpoint)
prefixes = TypeAdapter[str](Prefix)
networks = TypeAdapter[str](Network)
addresses = TypeAdapter[Address](ListenAddress)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:443", Address("::1", 443)),
        ("0.0.0.0:65535", Address("0.0.0.0", 65535)),
    ],
)
def test_an_address_is_host_and_port(text: str, expected: Address) -> None:
    """IPv6 in brackets, as in a URL."""
    assert addresses.validate_python(text) == expected


@pytest.mark.parametrize("text", ["127.0.0.1:8080", "[::1]:443", "api.example:1"])
def test_an_address_is_shown_as_it_is_written(text: str) -> None:
    """For the line that says where the gateway listens."""
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize(
    "value", ["", "8080", ":8080", "127.0.0.1", "::1:80", "[::1]", "a b:1", "h:99999", "h:-1", 8080]
)
def test_what_is_no_address_is_refused(value: object) -> None:
    """A port alone would not say on which address to listen."""
    with pytest.raises(ValidationError):
        addresses.validate_python(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("api.example", "api.example"),
        ("API.Example.", "api.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("a_b.internal", "a_b.internal"),
    ],
)
def test_a_host_is_kept_without_case_and_root_dot(text: str, expected: str) -> None:
    """As requests are compared with it."""
    assert hosts.validate_python(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("api.example:80", "without a port"),
        ("*.example", "without a pattern"),
        ("http://api.example", "must be a host name"),
        ("bücher.example", "xn--"),
        ("a..b", "must be a host name"),
        ("-a.example", "must be a host name"),
        ("a" * 64, "must be a host name"),
        ("", "must be a host name"),
        ("a b", "must be a host name"),
        ("[127.0.0.1]", "must be a host name"),
    ],
)
def test_what_is_no_host_is_refused(text: str, said: str) -> None:
    """With the reason, where there is a usual one."""
    with pytest.raises(ValidationError, match=said):
        hosts.validate_python(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://127.0.0.1:9001", "http://127.0.0.1:9001"),
        ("http://127.0.0.1:9001/", "http://127.0.0.1:9001"),
        ("https://Orders.Internal", "https://orders.internal"),
        ("http://[::1]:9001", "http://[::1]:9001"),
    ],
)
def test_an_endpoint_is_scheme_host_and_port(text: str, expected: str) -> None:
    """In one spelling, so that a pool is found by it."""
    assert endpoints.validate_python(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("127.0.0.1:9001", "must be http://host:port"),
        ("ftp://a:1", "must be http://host:port"),
        ("http://", "must be http://host:port"),
        ("http://a:0", "must have a port from 1 to 65535"),
        ("http://a:99999", "must have a port from 1 to 65535"),
        ("http://a:b", "must be http://host:port"),
        ("http://[::1", "must be http://host:port"),
        ("http://a b:1", "must be http://host:port"),
        ("http://a\r\nb:1", "must be http://host:port"),
        ("http://user:pass@a:1", "without a user"),
        ("http://a:1/v1", "without a path"),
        ("http://a:1?x", "without a path"),
        ("http://a:1#x", "without a path"),
    ],
)
def test_what_is_no_endpoint_is_refused(text: str, said: str) -> None:
    """Every URL that could send a request elsewhere than it seems."""
    with pytest.raises(ValidationError, match=said):
        endpoints.validate_python(text)


@given(st.text())
def test_an_endpoint_is_accepted_in_its_own_spelling(text: str) -> None:
    """An accepted value is accepted again, unchanged."""
    try:
        accepted = endpoints.validate_python("http://" + text)
    except ValidationError:
        return
    assert endpoints.validate_python(accepted) == accepted


@pytest.mark.parametrize("text", ["/", "/orders/", "/a%2Fb", "/a;b=c:@!$&'()*+,~"])
def test_a_prefix_is_the_beginning_of_a_path(text: str) -> None:
    """Byte for byte as it is on the wire."""
    assert prefixes.validate_python(text) == text


@pytest.mark.parametrize("text", ["", "orders", "/a?b", "/a#b", "/a b", "/ä", "/%zz", "/a\n", "*"])
def test_what_cannot_begin_a_path_is_refused(text: str) -> None:
    """No request would ever match it (RFC 3986 section 3.3)."""
    with pytest.raises(ValidationError, match="must be the beginning of a path"):
        prefixes.validate_python(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10.0.0.0/8", "10.0.0.0/8"), ("127.0.0.1", "127.0.0.1/32"), ("fd00::/8", "fd00::/8")],
)
def test_a_network_may_be_one_address(text: str, expected: str) -> None:
    """A proxy is named by itself or with its neighbours."""
    assert networks.validate_python(text) == expected


@pytest.mark.parametrize("text", ["", "localhost", "10.0.0.1/8", "10.0.0.0/33", "10.0.0"])
def test_what_is_no_network_is_refused(text: str) -> None:
    """An address with a shorter prefix may be either of two things."""
    with pytest.raises(ValidationError, match="must be an IP address, or a network"):
        networks.validate_python(text)
