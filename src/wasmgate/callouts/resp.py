"""The framing of RESP2, the protocol of Redis: where a value ends.

Values are not decoded: a policy gets the bytes that the server sent.
https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

__all__ = ["Malformed", "Values", "command"]

_LONGEST_LINE = 64 * 1024
_MANY = 1024 * 1024  # values in one array


class Malformed(Exception):
    """The bytes are not RESP2; the message names the part that is wrong."""


class Values:
    """Splits a stream of bytes into values of RESP2."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._seen = 0  # bytes of the incomplete value that were read
        self._missing = 1  # nested values to read until it is complete

    @property
    def pending(self) -> int:
        """Bytes of the incomplete value."""
        return len(self._data)

    def feed(self, data: bytes) -> list[bytes]:
        """Add received bytes and return the values that are complete. Raises Malformed."""
        self._data += data
        values = []
        while self._read():
            values.append(bytes(self._data[: self._seen]))
            del self._data[: self._seen]
            self._seen, self._missing = 0, 1
        return values

    def _read(self) -> bool:
        while self._missing:
            end = self._data.find(b"\r\n", self._seen)
            if end < 0:
                if len(self._data) - self._seen > _LONGEST_LINE:
                    raise Malformed("a line without an end")
                return False
            kind = bytes(self._data[self._seen : self._seen + 1])
            line = self._data[self._seen + 1 : end]
            following, inside = end + 2, 0
            if kind == b"$":
                following += max(_number(line, most=1 << 40) + 2, 0) if line != b"-1" else 0
                if following > len(self._data):
                    return False
            elif kind == b"*":
                inside = max(_number(line, most=_MANY), 0)
            elif kind not in {b"+", b"-", b":"}:
                raise Malformed(f"a value of type {kind!r}")
            self._seen = following
            self._missing += inside - 1
        return True


def _number(line: bytearray, *, most: int) -> int:
    digits = line[1:] if line[:1] == b"-" else line
    if not digits.isdigit() or len(digits) > 13 or int(line) > most:  # noqa: PLR2004 (digits)
        raise Malformed(f"the length {bytes(line[:20])!r}")
    return int(line)


def command(*words: str) -> bytes:
    """Encode a command as an array of bulk strings."""
    parts = [word.encode() for word in words]
    return b"".join([b"*%d\r\n" % len(parts), *(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)])
