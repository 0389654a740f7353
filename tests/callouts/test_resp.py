"""Where a value of Redis' protocol ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmgate.callouts.resp import Malformed, Values, command

VALUES = [
    *(b"+OK\r\n", b"-ERR no\r\n", b":42\r\n", b":-1\r\n", b"$-1\r\n", b"*-1\r\n", b"$0\r\n\r\n"),
    *(
        b"$3\r\na\r\n\r\n",
        b"*0\r\n",
        b"*2\r\n$1\r\na\r\n*2\r\n:1\r\n+b\r\n",
        b"*1\r\n*1\r\n*-1\r\n",
    ),
]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_is_cut_where_it_ends(value: bytes) -> None:
    """What follows is the next one."""
    assert Values().feed(value + b":7\r\n") == [value, b":7\r\n"]


@given(st.lists(st.sampled_from(VALUES), max_size=5), st.lists(st.integers(1, 7), min_size=1))
def test_however_the_bytes_come(values: list[bytes], sizes: list[int]) -> None:
    """The values are the same."""
    stream, reader, found, at, turn = b"".join(values), Values(), [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        found += reader.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert (found, reader.pending) == (values, 0)


@pytest.mark.parametrize(
    "data", [b"?\r\n", b"%1\r\n", b"$x\r\n", b"*99999999\r\n", b"$99999999999999\r\n", b"\r\n"]
)
def test_what_is_no_value(data: bytes) -> None:
    """Is refused."""
    with pytest.raises(Malformed):
        Values().feed(data)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Are values, the beginning of one, or refused."""
    reader = Values()
    try:
        found = reader.feed(data)
    except Malformed:
        return
    assert sum(map(len, found)) + reader.pending == len(data)


def test_a_command() -> None:
    """As servers read it."""
    assert command("SET", "k", "é") == b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\xc3\xa9\r\n"
