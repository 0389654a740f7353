"""HTTP fields: every function on every map, and when fields can be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.native.chain_request import Fields, Request
from tests.native.scripted import asked, chain, outcomes
from wasmgate._native import Chain, Host

if TYPE_CHECKING:
    from pathlib import Path

HEADERS: Fields = [
    (b"host", b"shop.example"),
    (b"accept", b"a"),
    (b"x-a", b"1"),
    (b"accept", b"b"),
    (b"empty", b""),
]


def left(host: Host, *operations: str) -> Fields:
    """Perform operations on the request's headers and return what goes on, without the host."""
    program = [f"request_headers: {operation}" for operation in operations]
    request = Request(chain(host, *program), headers=HEADERS)
    assert request.upstream.head is not None
    return [field for field in request.upstream.head[1] if field[0] != b"host"]


def test_pseudo_headers_come_first_and_host_is_the_authority(host: Host) -> None:
    """As in HTTP/2, for every version of the client."""
    request = Request(
        chain(host, "request_headers: fields request"), target=b"/a?b", headers=HEADERS
    )
    assert outcomes(request) == [
        (
            "fields request = :method=GET,:scheme=http,:authority=shop.example,:path=/a?b,"
            "accept=a,x-a=1,accept=b,empty="
        )
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (":path", "/"),
        ("accept", "a"),
        ("ACCEPT", "a"),
        ("x-a", "1"),
        ("host", "shop.example"),
        ("absent", "None"),
        (":authority", "shop.example"),
    ],
)
def test_get_answers_the_first_value(host: Host, field: str, value: str) -> None:
    """Names are compared without case; an absent field is NOT_FOUND, the SDK's None."""
    request = Request(chain(host, f"request_headers: get request {field}"), headers=HEADERS)
    assert outcomes(request) == [f"get request {field} = {value}"]


def test_an_empty_value_is_not_an_absent_one(host: Host) -> None:
    """Nothing is allocated for it, and the answer is OK."""
    request = Request(chain(host, "request_headers: get request empty"), headers=HEADERS)
    assert outcomes(request) == ["get request empty = "]


def test_add_keeps_what_is_there(host: Host) -> None:
    """The new field comes last."""
    assert left(host, "add request Accept c") == [*HEADERS[1:], (b"accept", b"c")]


def test_set_replaces_every_value_at_the_first_place(host: Host) -> None:
    """`replace_header_map_value`."""
    assert left(host, "set request accept c") == [
        (b"accept", b"c"),
        (b"x-a", b"1"),
        (b"empty", b""),
    ]


def test_set_adds_what_is_not_there(host: Host) -> None:
    """At the end."""
    assert left(host, "set request x-b 2")[-1] == (b"x-b", b"2")


def test_remove_takes_every_value(host: Host) -> None:
    """And an absent name is no error."""
    assert left(host, "remove request accept", "remove request absent") == [
        (b"x-a", b"1"),
        (b"empty", b""),
    ]


def test_set_fields_replaces_all(host: Host) -> None:
    """`set_header_map_pairs`, pseudo-headers with it."""
    operation = "set_fields request :method=PUT,:scheme=http,:authority=b,:path=/p,x=1,x=2"
    request = Request(chain(host, f"request_headers: {operation}"), headers=HEADERS)
    assert request.upstream.head == (b"/p", [(b"x", b"1"), (b"x", b"2")])


def test_a_path_that_is_set_goes_on(host: Host) -> None:
    """The target of the request that is forwarded."""
    request = Request(chain(host, "request_headers: set request :path /other?x=%2F"))
    assert request.upstream.head == (b"/other?x=%2F", [])


def test_what_is_not_changed_goes_on_as_it_came(host: Host) -> None:
    """Also what another layer would spell otherwise."""
    fields = [(b"x-bytes", b"\xff\x00"[:1]), (b"a", b"1"), (b"a", b"2")]
    request = Request(chain(host), headers=fields)
    assert request.upstream.head == (b"/", fields)


@pytest.mark.parametrize(
    ("operation", "warning"),
    [
        ("add request bad\tname 1", "refused a field"),
        ("add request a\x01b 1", "refused a field"),
        ("set request x-a a\rb", "refused a field"),
        ("set_fields request :path=/,bad\tname=1", ""),
        ("remove request :path", "a message needs"),
        ("remove request :method", "a message needs"),
    ],
)
def test_what_would_break_a_request_is_bad_argument(
    host: Host, operation: str, warning: str
) -> None:
    """No field name or value can smuggle a line (RFC 9110 section 5.5); the SDK panics on it."""
    request = Request(chain(host, f"request_headers: {operation}"))
    assert request.status == 503
    assert "unexpected status: 2" in "".join(request.said)
    assert warning in "".join(request.said)


def test_the_map_has_at_most_so_many_fields(host: Host) -> None:
    """`headers` counts pseudo-headers."""
    operations = [f"request_headers: add request x-{number} 1" for number in range(4)]
    assert Request(chain(host, *operations, headers=8)).passed
    assert Request(chain(host, *operations, headers=7)).status == 503


def test_the_map_has_at_most_so_many_bytes(host: Host) -> None:
    """`header_bytes` counts names and values."""
    operation = f"request_headers: add request x {'y' * 100}"
    assert Request(chain(host, operation, header_bytes=200)).passed
    assert Request(chain(host, operation, header_bytes=100)).status == 503


@pytest.mark.parametrize(
    "limits", [{"headers": 5}, {"header_bytes": 60}], ids=["too many", "too long"]
)
def test_a_request_over_the_limits_is_431_before_any_policy(
    host: Host, limits: dict[str, int]
) -> None:
    """No policy sees it."""
    fields = [(b"x-a", b"y" * 20), (b"x-b", b"y" * 20)]
    request = Request(chain(host, **limits), headers=fields)
    assert (request.status, request.said) == (431, [])


def test_response_fields_are_written_in_their_callback(host: Host) -> None:
    """`:status` too."""
    program = ("set response :status 404", "add response x-a 1", "remove response server")
    policies = chain(host, *(f"response_headers: {operation}" for operation in program))
    request = Request(policies).response(200, [(b"server", b"x"), (b"x-b", b"2")])
    assert request.client.head == (b"404", [(b"x-b", b"2"), (b"x-a", b"1")])


@pytest.mark.parametrize("status", ["nonsense", "999", "99", "-1"])
def test_a_status_that_is_none_is_500(host: Host, status: str) -> None:
    """A policy cannot make a response that no client understands."""
    policies = chain(host, f"response_headers: set response :status {status}")
    assert Request(policies).response(200).status == 500


def test_a_response_callback_can_read_the_request(host: Host) -> None:
    """More than Envoy allows, and useful."""
    policies = chain(host, "response_headers: get request :path")
    assert outcomes(Request(policies).response(200)) == ["get request :path = /"]


def test_request_fields_cannot_be_written_when_they_have_gone_on(host: Host) -> None:
    """It would change nothing; the log says so."""
    policies = chain(host, "response_headers: add request x 1")
    request = Request(policies).response(200)
    assert request.status == 503
    assert "could not change header fields: these fields have gone on already" in "".join(
        request.said
    )


def test_response_fields_are_not_there_in_the_request(host: Host) -> None:
    """Reading finds nothing."""
    assert asked(host, "get response :status", "fields response") == ["None", ""]


def test_fields_are_written_while_the_policy_pauses(host: Host) -> None:
    """From a tick, as after a callout."""
    policies = chain(
        host,
        "configure: tick_period 10",
        "request_headers: pause",
        "tick: all set request x-later 1",
        "tick: all resume request",
    )
    request = Request(policies)
    assert not request.passed
    while not policies.tick()[1].wake:
        pass
    assert request.resume().upstream.head == (b"/", [(b"x-later", b"1")])


def test_trailers_are_read_and_written(host: Host) -> None:
    """Every function works on them too."""
    operations = (
        "fields response_trailers",
        "set response_trailers x-sum 2",
        "add response_trailers x-sum 3",
        "remove response_trailers x-gone",
        "get response_trailers x-sum",
    )
    policies = chain(host, *(f"response_trailers: {operation}" for operation in operations))
    request = Request(policies).response(200).response_body(b"body")
    request.response_trailers([(b"x-sum", b"1"), (b"x-gone", b"1")])
    assert outcomes(request)[0] == "fields response_trailers = x-sum=1,x-gone=1"
    assert request.client.trailers == [(b"x-sum", b"2"), (b"x-sum", b"3")]
    assert request.client.ended


def test_headers_of_calls_are_empty(host: Host) -> None:
    """There is no call whose response could be read."""
    assert asked(host, "get call a", "fields call") == ["None", ""]


def test_stripped_headers_go_before_any_policy_runs(host: Host) -> None:
    """A client cannot send the headers that a policy sets, in any case."""
    policies = chain(
        host, "request_headers: get request x-auth-user", strip_request_headers=("X-Auth-User",)
    )
    request = Request(policies, headers=[(b"X-Auth-USER", b"admin"), (b"x-a", b"1")])
    assert outcomes(request) == ["get request x-auth-user = None"]
    assert request.upstream.head == (b"/", [(b"x-a", b"1")])


NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=12)
VALUES = st.binary(max_size=24).map(
    lambda value: bytes(byte for byte in value if byte >= 0x20 and byte != 0x7F)
)
FIELDS = st.lists(
    st.tuples(NAMES.filter(lambda name: name != "host").map(str.encode), VALUES), max_size=20
)


@pytest.fixture(scope="module")
def adding(artifacts: Path) -> Chain:
    """Load a policy that adds a field, once for all examples."""
    host = Host(cache=str(artifacts), log_level=5)
    both = ("request_headers: add request x-added 1", "response_headers: add response x-added 1")
    return chain(host, *both)


@settings(deadline=None)
@given(FIELDS)
def test_any_fields_survive_the_way_through_a_policy(adding: Chain, fields: Fields) -> None:
    """Order and repeats too, also when the policy rewrote the map."""
    request = Request(adding, headers=fields).response(200, fields)
    expected = [*fields, (b"x-added", b"1")]
    assert request.upstream.head == (b"/", expected)
    assert request.client.head == (b"200", expected)


@settings(deadline=None)
@given(FIELDS)
def test_any_fields_go_on_as_they_came(untouching: Chain, fields: Fields) -> None:
    """Through a policy that reads them all and changes none."""
    request = Request(untouching, headers=fields).response(200, fields)
    assert (request.upstream.head, request.client.head) == ((b"/", fields), (b"200", fields))


@pytest.fixture(scope="module")
def untouching(artifacts: Path) -> Chain:
    """Load a policy that only looks, once for all examples."""
    host = Host(cache=str(artifacts), log_level=5)
    return chain(host, "request_headers: fields request", "response_headers: fields response")
