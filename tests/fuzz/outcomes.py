"""What a subject made of an input, and how two outcomes differ.

The reasons for differences that stay are those of docs/contributing/differences.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fuzz.recorder import Message

# What llhttp, uvicorn's parser, knows, as far as the inputs go; and what nginx takes.
LLHTTP = {b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE"}
NGINX = re.compile(rb"[A-Z_-]+")
# It skips a CR or LF too many before a request.
BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
# It takes a tab beside a length out before anybody could refuse it.
TAB = re.compile(rb"\r\n(?:transfer-encoding|content-length):[^\r\n]*\t", re.IGNORECASE)
# It does not look at what follows the size of a chunk.
CHUNK = re.compile(rb"\r\n[0-9a-fA-F]+([ \t]*;[^\r\n]*)\r\n")
EXTENSIONS = re.compile(rb"(?:;[\w!#$%&'*+.^`|~-]+(?:=(?:[\w!#$%&'*+.^`|~-]+|\"[^\"]*\"))?)*")
METHOD = re.compile(rb"^([^ \r\n]+) [^\r\n]* HTTP/1\.[01]\r$", re.MULTILINE)
NO_PATH = re.compile(rb"[A-Z]+ https?://[^/ \r\n]+ HTTP/")
# It accepts the path of a URL with any scheme.
SCHEME = re.compile(rb"[A-Z]{3,} (?!https?:)[^/ \r\n]+://[^ \r\n]* HTTP/")
REQUEST_LINE = "uvicorn's parser decides what a request line is"
CONNECTION = "uvicorn handles the connection"


@dataclass(frozen=True)
class Outcome:
    """What one subject made of one input; `end` is "closed", "cut" or "open"."""

    seen: tuple[Message, ...]
    came: tuple[Message, ...]
    end: str

    @property
    def statuses(self) -> list[int]:
        """The statuses that came back."""
        return [int(message.line.split(b" ")[1]) for message in self.came]

    @property
    def forwarded(self) -> list[tuple[bytes, bytes]]:
        """Request lines and bodies that the upstream saw."""
        return [(message.line, message.body) for message in self.seen]

    @property
    def methods(self) -> set[bytes]:
        """The methods that the upstream saw."""
        return {message.line.split(b" ")[0] for message in self.seen}


Difference = tuple[str, str | None]


def compare_forms(data: bytes, direct: Outcome, asgi: Outcome) -> Difference | None:
    """Return the difference between both forms of the gateway, and the reason if it is known."""
    if direct.methods - LLHTTP:
        return "methods", REQUEST_LINE
    direct, asgi = _comparable(data, direct), _comparable(data, asgi)
    if direct.statuses[-1:] >= [400] and direct.end == "closed":
        # Behind what it refuses it reads nothing; uvicorn may.
        count = len(direct.statuses)
        asgi = replace(asgi, seen=asgi.seen[: len(direct.seen)], came=asgi.came[:count])
    shared = min(len(direct.seen), len(asgi.seen))
    difference = _of_requests(data, direct.seen[:shared], asgi.seen[:shared])
    if difference is not None:
        return difference
    if direct.statuses != asgi.statuses:
        what = f"statuses {direct.statuses} {asgi.statuses}"
        if direct.statuses[-1:] == [505]:
            return what, REQUEST_LINE  # it takes HTTP/0.9 and HTTP/2.0, and answers 400 to others
        return what, _of_the_parser(data, direct, asgi) or _of_the_connection(data, direct, asgi)
    if direct.came != asgi.came and all(status < 300 for status in direct.statuses):
        return "the client got another response", None
    return None


Messages = tuple["Message", ...]


def _of_requests(data: bytes, ours: Messages, theirs: Messages) -> Difference | None:
    """Compare what the upstreams saw of the same requests."""
    lines = [message.line for message in ours], [message.line for message in theirs]
    if lines[0] != lines[1]:
        same = [line.replace(b"? HTTP/", b" HTTP/") for line in lines[0]] == lines[1]
        return f"lines {lines}", "ASGI has no empty query and no fragment" if same else None
    if [message.body for message in ours] != [message.body for message in theirs]:
        upgrade = b"upgrade" in data.lower()
        return "the upstream saw another body", CONNECTION if upgrade else None
    if [message.fields for message in ours] != [message.fields for message in theirs]:
        pairs = zip(ours, theirs, strict=True)
        more = all(set(one.fields) <= set(other.fields) for one, other in pairs)
        trailers = more and b"chunked" in data.lower()
        return "other fields", "httptools takes trailers for fields" if trailers else None
    return None


def _of_the_parser(data: bytes, direct: Outcome, asgi: Outcome) -> str | None:
    """Recognise what uvicorn's parser takes for a request and ours does not, or the reverse."""
    refused, refused_there = direct.statuses[-1:] == [400], asgi.statuses[-1:] == [400]
    if refused == refused_there:
        return None
    if refused_there:
        # It refuses a method at once, and the upstream may not have seen the whole request yet.
        strange = set(METHOD.findall(data)) - LLHTTP
        return REQUEST_LINE if strange or NO_PATH.search(data) else None
    if b"#" in data:
        return "ASGI has no empty query and no fragment"
    lines = re.findall(rb"[A-Z]{3,} [^\r\n]*", data)
    odd = any(b" HTTP/" not in line or b"  " in line for line in lines)
    # A body that ends with the CR of a line leaves the LF before the next request.
    odd |= any(message.body.endswith(b"\r") for message in direct.seen[-1:])
    odd |= SCHEME.search(data) is not None
    if odd or BARE.search(data) or re.search(rb"[^ ]HTTP/1", data):
        return REQUEST_LINE
    if TAB.search(data) or not all(map(EXTENSIONS.fullmatch, CHUNK.findall(data))):
        return "uvicorn's parser overlooks a tab beside the length, and what follows a chunk's size"
    return None


def _of_the_connection(data: bytes, direct: Outcome, asgi: Outcome) -> str | None:
    """Recognise what uvicorn does with a connection between two exchanges."""
    if b"upgrade" in data.lower():
        return CONNECTION  # it reads neither body nor anything else behind one that it ignores
    if b"HTTP/1.0" in data and asgi.statuses == direct.statuses[: len(asgi.statuses)]:
        return CONNECTION  # it does not keep HTTP/1.0
    over = direct.statuses[-1:] >= [400] or b"HTTP/1.0" in data
    if asgi.statuses[-1:] == [400] and over:
        return CONNECTION  # it refuses a pipelined request before it has answered those before it
    return None


def compare_nginx(data: bytes, direct: Outcome, nginx: Outcome) -> Difference | None:
    """Return what the gateway forwarded and nginx did not, or not so."""
    direct, nginx = _comparable(data, direct), _comparable(data, nginx)
    if direct.end == "open" and nginx.end == "closed" and nginx.statuses[-1:] < [400]:
        return f"waits, nginx answers {nginx.statuses}", None
    if not all(NGINX.fullmatch(method) for method in direct.methods):
        return "methods", "nginx refuses more than it must"
    shared = min(len(direct.seen), len(nginx.seen))
    ours, theirs = direct.forwarded[:shared], nginx.forwarded[:shared]
    if ours != theirs:
        there = [(line.replace(b"OPTIONS * ", b"OPTIONS / "), body) for line, body in ours]
        reason = "nginx knows no * (RFC 9112 §3.2.4)" if there == theirs else None
        return f"forwarded {ours} {theirs}", reason
    if len(direct.seen) <= len(nginx.seen) or nginx.end == "open":
        return None  # to refuse more is allowed
    lower = data.lower()
    picky = b"* HTTP/" in data or b"\t" in data or lower.count(b"\r\nexpect:") > 1
    picky |= re.search(rb"\r\nconnection:[^\r]*([^ ,\r]close|close[^ ,\r])", lower) is not None
    reason = "nginx refuses more than it must" if picky else None
    return f"forwarded {len(direct.seen)} {len(nginx.seen)}, {nginx.statuses}", reason


def _comparable(data: bytes, outcome: Outcome) -> Outcome:
    """Leave out what is not known: behind an error that answers HEAD nothing is read."""
    if data.lstrip(b"\r\n").startswith(b"HEAD") and outcome.statuses[:1] >= [400]:
        return replace(outcome, seen=outcome.seen[:1], came=outcome.came[:1])
    return outcome
