"""The framing of Redis' protocol (RESP2): where one value ends and the next begins.

What a value says is none of the gateway's business: a policy gets the bytes as the server sent
them. https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

__all__ = ["Malformed", "Values", "command"]

_LONGEST_LINE = 64 * 1024
_MANY = 1024 * 1024  # values in one array


class Malformed(Exception):
    """The bytes are no RESP2."""


class Values:
    """Cuts a stream of bytes into values; `pending` counts the bytes of one that is not whole."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._seen = 0  # up to here the value under way has been read
        self._missing = 1  # values to read until it is whole

    @property
    def pending(self) -> int:
        """Bytes kept."""
        return len(self._data)

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; return the values that are whole now. Raises Malformed."""
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
    """Return a command as it is sent."""
    parts = [word.encode() for word in words]
    return b"".join([b"*%d\r\n" % len(parts), *(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)])
