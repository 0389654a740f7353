"""`host` names `:authority` in a request's head, as in Envoy; a pseudo-header is there once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.callout_guests import GET, Texts, caller
from tests.native.chain_request import Request, load
from tests.native.hostile import written
from tests.native.scripted import chain, outcomes
from wasmgate._native import Chain

if TYPE_CHECKING:
    from wasmgate._native import Host

AUTHORITY = "shop.example"


def passed(program: list[str], host: Host) -> Request:
    """Send a request through the guest with a program."""
    fields = [(b"host", AUTHORITY.encode()), (b"x", b"1")]
    return Request(chain(host, *program), target=b"/a?b", headers=fields)


def asked(host: Host, *operations: str) -> list[str]:
    """Return what operations in the request's headers got."""
    request = passed([f"request_headers: {operation}" for operation in operations], host)
    return [text.rsplit(" = ", 1)[1] for text in outcomes(request)]


def fields_after(host: Host, *operations: str) -> str:
    """Return the request's fields after operations in its headers callback."""
    *_, fields = asked(host, *operations, "fields request")
    return fields


@pytest.mark.parametrize("name", ["host", "Host", "HOST", ":authority"])
def test_it_is_read_by_both_names(host: Host, name: str) -> None:
    """As a field and as a property."""
    assert asked(host, f"get request {name}", f"property request.headers.{name}") == [
        AUTHORITY,
        AUTHORITY,
    ]


@pytest.mark.parametrize("name", ["host", ":authority"])
@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        (["set request {} b"], "b"),
        (["add request {} b"], f"{AUTHORITY},b"),
        (["remove request {}", "add request {} b"], "b"),
        (["set_fields request :method=GET,:path=/,:scheme=http,{}=b"], "b"),
        (["set_fields request :method=GET,:path=/,:scheme=http,:authority=a,{}=b"], "a,b"),
    ],
)
def test_it_is_written_by_both_names(
    host: Host, name: str, operations: list[str], expected: str
) -> None:
    """There is one authority afterwards, and no field `host`."""
    fields = fields_after(host, *(operation.format(name) for operation in operations))
    told = [field for field in fields.split(",:") if "authority" in field or "host" in field]
    assert [field.split("=", 1)[1] for field in told] == [expected]
    assert "host=" not in fields


@pytest.mark.parametrize("name", ["host", ":authority"])
def test_it_is_removed_by_both_names(host: Host, name: str) -> None:
    """The upstream's own name is the host then."""
    assert asked(host, f"remove request {name}", f"get request {name}") == ["Ok", "None"]


def test_a_pseudo_header_grows_behind_a_comma(host: Host) -> None:
    """There is one of each, after any additions."""
    assert asked(host, "add request :path /x", "get request :path") == ["Ok", "/a?b,/x"]


def test_a_response_has_a_field_of_that_name(host: Host) -> None:
    """It is an alias in a request's head alone."""
    policies = chain(
        host,
        "response_headers: add response host h",
        "response_headers: get response :authority",
        "response_headers: get response host",
    )
    request = Request(policies).response(200)
    assert [text.rsplit(" = ", 1)[1] for text in outcomes(request)] == ["Ok", "None", "h"]


@pytest.mark.parametrize("case", ["host_is_authority", "host_property"])
def test_modules_of_others_have_it(host: Host, case: str) -> None:
    """Two hostcalls of each, and their statuses."""
    request = Request(Chain([load(host, written(case))]), headers=[(b"host", b"a")])
    assert [text.rsplit(" ", 1)[1] for text in request.said] == ["0", "0"]


def test_the_host_that_a_module_of_others_writes_is_the_authority(host: Host) -> None:
    """There is one, and no field `host` beside it."""
    chain = Chain([load(host, written("host_is_authority"))])
    fields = [(b"host", b"a"), (b"x", b"1")]
    _, effects, _ = chain.open(None, None, "http", "1.1", "GET", b"/", fields)
    assert effects is not None
    assert effects.request_head is not None
    assert effects.request_head.authority == b"other.example"
    assert effects.request_head.headers == [(b"x", b"1")]


def calls(host: Host, *headers: tuple[bytes, bytes]) -> Request:
    """Make a callout with these headers."""
    texts = Texts()
    module = caller(texts, "proxy_on_request_headers", texts.http_call(headers=headers))
    return Request(Chain([load(host, module, net=("auth",))]))


@pytest.mark.parametrize("name", [b"host", b"Host"])
def test_a_callout_may_name_its_host(host: Host, name: bytes) -> None:
    """What is asked has an authority."""
    fields = [field for field in GET if field[0] != b":authority"]
    callout = calls(host, *fields, (name, b"auth.test")).callouts[0]
    assert [field for field in callout.headers if field[0] in {b":authority", b"host"}] == [
        (b":authority", b"auth.test")
    ]


def test_a_callout_has_one_of_each_pseudo_header(host: Host) -> None:
    """As a request has."""
    callout = calls(host, *GET, (b"host", b"b"), (b":path", b"/c")).callouts[0]
    assert callout.headers == [
        (b":method", b"GET"),
        (b":path", b"/check,/c"),
        (b":authority", b"auth,b"),
    ]
