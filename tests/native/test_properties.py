"""Properties: what the host knows of a request, and what policies tell each other."""

from __future__ import annotations

import struct

import pytest

from tests.native.chain_request import Request
from tests.native.scripted import asked, chain, outcomes, scripted
from wasmgate._native import Chain, Host


def number(value: int) -> str:
    """Write 8 bytes as the guest shows them."""
    shown = repr(struct.pack("<q", value))[2:-1]
    return shown.replace("\\x00", "\\x00")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("plugin_name", "guest"),
        ("plugin_root_id", "root"),
        ("plugin_vm_id", "guest"),
        ("request.path", "/a/b?c=d&e"),
        ("request.url_path", "/a/b"),
        ("request.query", "c=d&e"),
        ("request.host", "shop.example"),
        ("request.scheme", "https"),
        ("request.method", "PUT"),
        ("request.protocol", "HTTP/1.1"),
        ("request.id", "17"),
        ("request.referer", "here"),
        ("request.useragent", "test"),
        ("request.headers.x-request-id", "17"),
        ("request.headers.absent", "None"),
        ("source.address", "192.0.2.1:4711"),
        ("source.port", number(4711)),
        ("destination.address", "127.0.0.1:80"),
        ("destination.port", number(80)),
        ("connection.tls_version", "None"),
        ("nothing.of.it", "None"),
    ],
)
def test_a_property_of_a_request(host: Host, path: str, value: str) -> None:
    """By Envoy's names; what is not known is NOT_FOUND, the SDK's None."""
    policies = chain(host, f"request_headers: property {path}", root_id="root")
    request = Request(
        policies,
        method="PUT",
        scheme="https",
        target=b"/a/b?c=d&e",
        headers=[
            (b"host", b"shop.example"),
            (b"x-request-id", b"17"),
            (b"referer", b"here"),
            (b"user-agent", b"test"),
        ],
    )
    assert outcomes(request) == [f"property {path} = {value}"]


def test_an_ipv6_address_is_in_brackets(host: Host) -> None:
    """As in a URL."""
    policies = chain(host, "request_headers: property source.address")
    request = Request(policies, client_address=("2001:db8::1", 4711))
    assert outcomes(request) == ["property source.address = [2001:db8::1]:4711"]


def test_an_unknown_client_has_no_address(host: Host) -> None:
    """A Unix socket."""
    policies = chain(host, "request_headers: property source.address")
    assert outcomes(Request(policies, client_address=None)) == ["property source.address = None"]


def test_properties_of_a_response(host: Host) -> None:
    """Code, headers and sizes, numbers as 8 bytes."""
    paths = ("response.code", "response.headers.x-a", "response.size", "request.size")
    policies = chain(host, *(f"log: property {path}" for path in paths))
    request = Request(policies, method="POST", headers=[(b"content-length", b"3")])
    request.request_body(b"abc", end=True).response(201, [(b"x-a", b"1")])
    request.response_body(b"abcde", end=True).close()
    got = [text.rsplit(" = ", 1)[1] for text in outcomes(request)]
    assert got == [number(201), "1", number(5), number(3)]


def test_one_policy_sets_a_property_and_another_reads_it(host: Host) -> None:
    """Within one stream, through all its phases."""
    policies = Chain(
        [
            scripted(host, "request_headers: set_property wasmgate.user ada", name="a"),
            scripted(
                host,
                "request_headers: property wasmgate.user",
                "log: property wasmgate.user",
                name="b",
            ),
        ]
    )
    request = Request(policies).response(200).close()
    assert outcomes(request)[1:] == ["property wasmgate.user = ada"] * 2


def test_a_property_is_of_one_request(host: Host) -> None:
    """The next one does not have it."""
    policies = chain(host, "request_headers: property a.b", "request_headers: set_property a.b 1")
    got = [outcomes(Request(policies).close())[0] for _ in range(2)]
    assert got == ["property a.b = None", "property a.b = None"]


def test_what_a_policy_set_comes_before_what_the_host_knows(host: Host) -> None:
    """As with Envoy's filter state."""
    got = asked(host, "set_property request.path mine", "property request.path")
    assert got == ["Ok", "mine"]


def test_properties_are_bounded(host: Host) -> None:
    """64 KiB a stream; the SDK panics past it, and the log says why."""
    request = Request(chain(host, f"request_headers: set_property a {'x' * 70000}"))
    assert request.status == 503
    assert "the properties of this stream are full" in request.said


def test_a_property_can_be_set_again_when_there_is_room_for_one(host: Host) -> None:
    """The old value makes room for the new one."""
    value = "x" * 40000
    got = asked(host, f"set_property a {value}", f"set_property a {value}", log_bytes=1 << 20)
    assert got == ["Ok", "Ok"]
