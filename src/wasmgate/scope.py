"""The ASGI scope: what the extension reads of it, and what policies change in it.

The scope is changed in place and passed to the app, as in Starlette's routing, so that outer
middleware sees what the app writes into it (`route`, `endpoint`, `path_params`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, unquote_to_bytes

from wasmgate._asgi import binary, broken, fields
from wasmgate._native import is_token
from wasmgate._tls import of_scope as tls_of_scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmgate._asgi import Fields, Scope
    from wasmgate._native import RequestHead

__all__ = [
    "UNUSUAL",
    "USER",
    "Arrival",
    "arrival",
    "canonical",
    "declared",
    "frame",
    "rewrite",
    "target",
    "without",
]

USER = "wasmgate.user"
"""The key of the user that policies authenticated, a str; the property of inner policies, too."""

UNUSUAL = (TypeError, ValueError, OverflowError, LookupError, AttributeError)
"""Errors of `arrival` and of the extension for a scope that is not in its usual form."""

Arrival: TypeAlias = tuple[Any, Any, str, str, str, bytes, Any, "dict[str, str] | None"]

# Numbers, because `b"%" in path` makes an exception first: it asks whether b"%" is a number.
_PERCENT, _QUESTION = ord("%"), ord("?")
_VERSIONS = {"1.0": "1.0", "1": "1.0", "1.1": "1.1", "2": "2", "3": "3"}
# ASGI has 1.0, 1.1 and 2; servers write what a client says behind the point, and h11 and llhttp
# take an HTTP/0.9 that has a head. HTTP/3 is what hypercorn calls it, "1" is granian's 1.0.
# h11 takes any number: the extension answers 505 to one that HTTP has not (RFC 9110 15.6.6).
_VERSION = re.compile(r"(0)\.[0-9]|([1-9])(?:\.[0-9])?")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PORT = re.compile(r"[0-9]{1,5}")
_LAST_PORT = 0xFFFF
_FRAMING = {b"content-length", b"transfer-encoding"}
_DIGITS = 20  # of a length; no body has more bytes
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")  # RFC 3986 section 3.1
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
# Characters of a path that are not percent-encoded (RFC 3986 section 3.3).
_PATH = "/:@!$&'()*+,;=~-._"


def arrival(scope: Scope) -> Arrival:
    """Return the arguments of `Chain.open` and `Router.open` for a scope in its usual form.

    Raises one of `UNUSUAL` for another form, which `canonical` changes or refuses.
    """
    method = scope["method"] if scope["type"] == "http" else scope.get("method", "GET")
    if method not in _METHODS and not _is_method(method):
        raise ValueError("method")
    return (
        scope.get("client"),
        scope.get("server"),
        _SCHEMES[scope.get("scheme", "http")],
        _VERSIONS[scope.get("http_version", "1.1")],
        method,
        target(scope)[1],
        scope.get("headers", ()),
        _facts(scope) if scope.get("extensions") or USER in scope else None,
    )


def _is_method(text: str) -> bool:
    """Return whether a text is the name of a method, a token (RFC 9110 section 9.1)."""
    return is_token(text.encode("utf-8", "surrogatepass"))


def _facts(scope: Scope) -> dict[str, str] | None:
    """Return the properties for policies that a scope has beside the request, by their names."""
    facts = tls_of_scope(scope)
    if (user := scope.get(USER)) is not None:
        return {**(facts or {}), USER: user}
    return facts


def target(scope: Scope) -> tuple[bytes, bytes]:
    """Return the path of the mount, if the path begins with it, and path and query below it.

    Both have the bytes of the client. If a server leaves out the optional `raw_path`, or middleware
    changes `path` alone, the client's percent-encoding is unknown and the path is encoded again.
    `root_path` is decoded, the target is not: `/%61pi/x` is `/x` below `/api`. A path outside of
    the mount is returned whole: some servers leave the mount out of the path.
    An empty path is `/` (RFC 9110 section 4.2.3).
    """
    path: object = scope["path"]
    raw: bytes | None = scope.get("raw_path")
    query: object = scope.get("query_string", b"")
    root: object = scope.get("root_path", "")
    if (
        type(raw) is bytes
        and raw
        and root == ""
        and type(query) is bytes
        and _PERCENT not in raw
        and _QUESTION not in raw
        and raw.decode("utf-8", "replace") == path
    ):
        return b"", raw + b"?" + query if query else raw
    if not (isinstance(path, str) and isinstance(root, str) and isinstance(query, bytes)):
        raise TypeError("path, root_path or query_string")
    if raw is None:
        raw = quote(path, safe=_PATH).encode("ascii")
    elif _QUESTION in raw:
        raw = raw.partition(b"?")[0]  # some servers include the query
    if (unquote_to_bytes(raw) if _PERCENT in raw else raw).decode("utf-8", "replace") != path:
        raw = quote(path, safe=_PATH).encode("ascii")
    mount = _mount(raw, root) if root else b""
    below = raw[len(mount) :] or b"/"
    return mount, below + b"?" + query if query else below


def _mount(path: bytes, root: str) -> bytes:
    """Return the prefix of `path` that decodes to `root`, if it ends at the end of a segment."""
    wanted = root.rstrip("/").encode("utf-8", "surrogateescape")
    length = len(wanted)
    for end in range(length, min(len(path), 3 * length) + 1):
        if path[end : end + 1] in {b"", b"/"} and unquote_to_bytes(path[:end]) == wanted:
            return path[:end]
    return b""


def canonical(scope: Scope) -> Arrival:
    """Bring a scope into its usual form, in place, and return the same as `arrival`.

    Raises AsgiError, which names the field, for a value that ASGI does not allow.
    """
    for key in ("client", "server"):
        if scope.get(key) is not None:
            scope[key] = _end(key, scope[key])
    scope["headers"] = fields("scope['headers']", scope.get("headers", ()))
    version = _text(scope, "http_version", "1.1")
    known = _VERSION.fullmatch(version)
    if known is None:
        raise broken("scope['http_version']", "'1.0', '1.1' or '2'", version)
    scheme = _text(scope, "scheme", "http")
    if not _SCHEME.fullmatch(scheme):
        raise broken("scope['scheme']", "a scheme", scheme)
    method = _text(scope, "method", None if scope["type"] == "http" else "GET")
    if not _is_method(method):
        raise broken("scope['method']", "the name of a method, like 'GET'", method)
    for key in ("path", "root_path"):
        try:
            _text(scope, key, None if key == "path" else "").encode()
        except UnicodeError:
            raise broken(f"scope['{key}']", "text that UTF-8 can encode", scope[key]) from None
    if scope.get("raw_path") is not None:
        scope["raw_path"] = binary("scope['raw_path']", scope["raw_path"])
    if "query_string" in scope:
        scope["query_string"] = binary("scope['query_string']", scope["query_string"])
    _check_properties(scope)
    return (
        scope.get("client"),
        scope.get("server"),
        _SCHEMES.get(scheme.lower(), "http"),
        _VERSIONS.get(version) or _nearest(known[1] or known[2]),
        method,
        target(scope)[1],
        scope["headers"],
        _facts(scope),
    )


def _text(scope: Scope, key: str, default: str | None) -> str:
    value = scope.get(key, default)
    if not isinstance(value, str):
        raise broken(f"scope['{key}']", "a str", value)
    return value


def _end(key: str, value: object) -> tuple[str, int | None]:
    """Read one end of the connection: host and port, or the path of a socket and None."""
    expected = "two items, a host (str) and a port (int)"
    field = f"scope['{key}']"
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise broken(field, expected, value)
    items = list(value)
    if len(items) != 2 or not isinstance(items[0], str):  # noqa: PLR2004 (host and port)
        raise broken(field, expected, items)
    host, port = items
    if port is None:
        return host, None
    if isinstance(port, str) and _PORT.fullmatch(port):
        port = int(port)  # granian has a str
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= _LAST_PORT:
        raise broken(f"{field}: the port", "an int of 0 to 65535, or None", port)
    return host, port


def _nearest(major: str) -> str:
    """Return the version whose rules apply to an unknown minor version (RFC 9110 section 2.5)."""
    return {"0": "1.0", "1": "1.1"}.get(major, major)


def _check_properties(scope: Scope) -> None:
    if scope.get(USER) is not None:
        _text(scope, USER, "")
    extensions, field = scope.get("extensions"), "scope['extensions']"
    if extensions is None:
        return
    if not hasattr(extensions, "get"):
        raise broken(field, "a dict", extensions)
    try:
        tls_of_scope(scope)
    except UNUSUAL as error:
        raise broken(f"{field}['tls']", f"as the TLS extension says ({error})", None) from None


def declared(headers: Fields) -> int | None:
    """Return the Content-Length of fields; None without one, and if it is not a number."""
    lengths = {value for name, value in headers if name.lower() == b"content-length"}
    length = lengths.pop() if len(lengths) == 1 else b""
    return int(length) if length.isdigit() and len(length) < _DIGITS else None


def rewrite(scope: Scope, head: RequestHead, came: bytes) -> Scope:
    """Write a head that policies changed into a scope, and return the scope for the app.

    `came` is path and query below the mount before the policies. Servers read HEAD from their scope
    when they send the body (RFC 9110 section 9.3.2), so the app gets a copy if a policy changes the
    method from or to HEAD.
    """
    method = head.method
    if scope.get("method") != method and "HEAD" in {scope.get("method"), method}:
        scope = dict(scope)
    wanted = head.target
    if wanted != came:
        mount = target(scope)[0] if scope.get("root_path") else b""
        path, _, query = wanted.partition(b"?")
        whole = mount + path
        scope["raw_path"] = whole
        decoded = unquote_to_bytes(whole) if _PERCENT in whole else whole
        scope["path"] = decoded.decode("utf-8", "replace")
        scope["query_string"] = query
    headers, authority = head.headers, head.authority
    scope["headers"] = [(b"host", authority), *headers] if authority else headers
    if "method" in scope:
        scope["method"] = method
    return scope


def frame(scope: Scope) -> None:
    """Add Transfer-Encoding to an HTTP/1 request whose body has no length.

    Without framing fields it would have no body (RFC 9112 section 6.3).
    """
    if scope.get("http_version", "1.1").startswith("1"):
        names = {name.lower() for name, _ in scope["headers"]}
        if names.isdisjoint(_FRAMING):
            scope["headers"] = [*scope["headers"], (b"transfer-encoding", b"chunked")]


def without(extensions: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the extensions of a scope without those of `names`."""
    return {name: value for name, value in extensions.items() if name not in names}
