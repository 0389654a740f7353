"""What the host keeps for one guest has a bound; what making an instance costs is charged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import guest
from wasmgate import PolicyLoadError
from wasmgate._native import Chain

if TYPE_CHECKING:
    from wasmgate._native import Host

RESPOND = """(import "env" "proxy_send_local_response"
  (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"""
HEADERS = '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)'
BAD_ARGUMENT = 2


def answer(status: str) -> str:
    """Answer with a status, which is WebAssembly text."""
    nothing = " ".join(["(i32.const 0)"] * 6)
    return f"(drop (call $respond {status} {nothing} (i32.const -1))) (i32.const 1))"


def test_a_response_that_is_longer_than_a_body_may_be_is_a_500(host: Host) -> None:
    """The client does not wait for it, and the log says why."""
    body = "(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 60001)"
    module = guest(
        RESPOND,
        f"{HEADERS} (drop (call $respond (i32.const 200) {body}",
        "(i32.const 0) (i32.const 0) (i32.const -1))) (i32.const 1))",
    )
    request = Request(Chain([load(host, module, body=60_000)]))
    line = "answered 500 in place of its response: its limit `body` allows no more bytes"
    assert (request.status, request.client.body, request.said) == (500, b"", [line])


def test_a_property_cannot_be_declared_under_a_name_without_end(host: Host) -> None:
    """The names live as long as the instance."""
    length = 1025
    module = guest(
        """(import "env" "proxy_call_foreign_function"
          (func $call (param i32 i32 i32 i32 i32 i32) (result i32)))""",
        RESPOND,
        '(data (i32.const 16) "declare_property") (data (i32.const 64) "\\0a\\81\\08")',
        HEADERS,
        answer(
            f"""(i32.add (i32.const 200) (call $call (i32.const 16) (i32.const 16)
            (i32.const 64) (i32.const {length + 3}) (i32.const 0) (i32.const 4)))"""
        ),
    )
    request = Request(Chain([load(host, module)]))
    assert request.status == 200 + BAD_ARGUMENT
    assert request.said == ["declare_property: the name is too long"]


def test_the_bytes_of_callouts_under_way_are_bounded(host: Host) -> None:
    """Sixteen times `body`, of all streams of an instance; who is answered makes room."""
    head = b"".join(
        [
            (3).to_bytes(4, "little"),
            *(
                number.to_bytes(4, "little")
                for name, value in ((":authority", "a"), (":method", "GET"), (":path", "/"))
                for number in (len(name), len(value))
            ),
            *(
                f"{name}\0{value}\0".encode()
                for name, value in ((":authority", "a"), (":method", "GET"), (":path", "/"))
            ),
        ]
    )
    text = "".join(f"\\{byte:02x}" for byte in head)
    module = guest(
        """(import "env" "proxy_http_call"
          (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))""",
        f'(data (i32.const 16) "a") (data (i32.const 64) "{text}")',
        HEADERS,
        f"""(drop (call $call (i32.const 16) (i32.const 1) (i32.const 64) (i32.const {len(head)})
          (i32.const 0) (i32.const 1000) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 4)))
        (i32.const 1))""",
    )
    chain = Chain([load(host, module, net=("a",), body=1100)])
    requests = [Request(chain) for _ in range(20)]
    made = [len(request.callouts) for request in requests]
    assert made == [1] * 17 + [0] * 3
    line = "could not make a callout: those under way have 16 times its limit `body`"
    assert requests[-1].said == [line]
    requests[0].close()
    assert len(Request(chain).callouts) == 1


PARTS = {
    "imports": '(import "env" "proxy_done" (func (result i32)))' * 20,
    "functions": "(func)" * 3000,
    "globals": "(global (mut i32) (i32.const 0))" * 100,
    "tables": "(table 5000 funcref)",
    "elements": f"(table 2000 funcref) (func $f) (elem (i32.const 0) {'$f ' * 2000})",
    "data": f'(data (i32.const 0) "{"a" * 30_000}") (data (i32.const 0) "{"a" * 30_000}")',
    "exports": "".join(f'(func (export "f{number}"))' for number in range(100)),
}
"""What an instance can have much of."""


def test_a_small_instance_starts_with_little(host: Host) -> None:
    """It has a page of memory and a handful of functions."""
    assert load(host, guest(), start_fuel=6_000).name == "guest"


@pytest.mark.parametrize("part", PARTS)
def test_an_instance_is_charged_for_what_it_is_made_of(host: Host, part: str) -> None:
    """Before it is made: it is not made in vain."""
    line = "the making of its instance used up its fuel of 6000 units"
    with pytest.raises(PolicyLoadError, match=line):
        load(host, guest(PARTS[part]), start_fuel=6_000)
