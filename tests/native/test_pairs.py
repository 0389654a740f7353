"""Serialized maps from a guest: any bytes are taken or refused, and never break the host."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.native.chain_request import Fields, Request, load
from tests.native.hostile import guest
from wasmgate._native import Chain, Host

if TYPE_CHECKING:
    from pathlib import Path

SETS = guest(
    '(import "env" "proxy_get_buffer_bytes"',
    "  (func $body (param i32 i32 i32 i32 i32) (result i32)))",
    '(import "env" "proxy_set_header_map_pairs" (func $set (param i32 i32 i32) (result i32)))',
    '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))',
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))',
    '(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)',
    "  (drop (call $body (i32.const 7) (i32.const 0) (i32.const -1)",
    "    (i32.const 0) (i32.const 4)))",
    "  (i32.store8 (i32.const 64) (i32.add (i32.const 65)",
    "    (call $set (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4)))))",
    "  (drop (call $log (i32.const 5) (i32.const 64) (i32.const 1)))",
    "  (i32.const 0))",
)
"""Sets the response's headers to the configuration, and logs the status as a letter from A."""
OK, BAD_ARGUMENT, PARSE_FAILURE = "A", "C", "E"


def serialized(pairs: Fields) -> bytes:
    """Write a map as guests do."""
    lengths = b"".join(struct.pack("<II", len(name), len(value)) for name, value in pairs)
    texts = b"".join(name + b"\0" + value + b"\0" for name, value in pairs)
    return struct.pack("<I", len(pairs)) + lengths + texts


def answered(host: Host, bytes_: bytes) -> tuple[str, Request]:
    """Let the guest set the bytes; the letter of the answer, and the request."""
    policies = Chain([load(host, SETS, configuration=bytes_)])
    request = Request(policies).response(200, [(b"x-before", b"1")])
    return request.said[-1], request


@pytest.fixture(scope="module")
def quiet(artifacts: Path) -> Host:
    """Make one host for all examples; only critical lines are kept."""
    return Host(cache=str(artifacts), log_level=5)


NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=9).map(str.encode)
VALUES = st.binary(max_size=9).map(lambda value: bytes(b for b in value if 0x20 <= b != 0x7F))
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=9)


@settings(deadline=None)
@given(PAIRS)
def test_a_sound_map_is_taken(quiet: Host, pairs: Fields) -> None:
    """Order and repeats too."""
    letter, request = answered(quiet, serialized([(b":status", b"299"), *pairs]))
    assert (letter, request.client.head) == (OK, (b"299", pairs))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60))
def test_any_bytes_are_answered(quiet: Host, bytes_: bytes) -> None:
    """OK or a status; what is refused changes nothing."""
    letter, request = answered(quiet, bytes_)
    assert letter in {OK, BAD_ARGUMENT, PARSE_FAILURE}
    if letter != OK:
        assert request.client.head == (b"200", [(b"x-before", b"1")])


@settings(deadline=None)
@given(PAIRS, st.data())
def test_a_damaged_map_is_answered(quiet: Host, pairs: Fields, data: st.DataObject) -> None:
    """Cut, or with one byte changed."""
    sound = bytearray(serialized(pairs))
    at = data.draw(st.integers(0, len(sound) - 1))
    if data.draw(st.booleans()):
        sound[at] = data.draw(st.integers(0, 255))
    else:
        del sound[at:]
    assert answered(quiet, bytes(sound))[0] in {OK, BAD_ARGUMENT, PARSE_FAILURE}


@pytest.mark.parametrize("empty", [b"", b"\0", b"\0\0\0\0"], ids=["nothing", "a zero", "no pairs"])
def test_all_forms_of_an_empty_map_are_taken(quiet: Host, empty: bytes) -> None:
    """The SDKs write it in three ways; a response without a status is 500."""
    letter, request = answered(quiet, empty)
    assert (letter, request.client.head) == (OK, (b"500", []))
