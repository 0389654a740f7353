"""Forms of one and the same value that ASGI allows, and some that it does not."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wasmgate._asgi import Message

Fields: TypeAlias = list[tuple[bytes, bytes]]


class Bytes(bytes):
    """A bytes of some library."""


class Text(str):
    """A str of some library."""

    __slots__ = ()


def once(items: Iterable[Any]) -> Iterator[Any]:
    """Give items one time only."""
    yield from items


# Two-item iterables.
PAIRS: list[Callable[[list[Any]], Any]] = [
    list,
    tuple,
    once,
    lambda pair: dict.fromkeys(pair).keys(),
]
ITERABLES: list[Callable[[list[Any]], Any]] = [list, tuple, once, iter]
BINARY: list[Callable[[bytes], Any]] = [
    bytes,
    Bytes,
    bytearray,
    memoryview,
    lambda data: memoryview(bytes(byte for pair in zip(data, data, strict=True) for byte in pair))[
        ::2
    ],
]


def ends(host: str, port: int) -> st.SearchStrategy[Any]:
    """Draw host and port in a form that ASGI allows, or that a server has."""
    ports = st.sampled_from([port, str(port)])
    return st.builds(lambda form, its: form([host, its]), st.sampled_from(PAIRS), ports)


def headers(fields: Fields) -> st.SearchStrategy[Any]:
    """Draw header fields in a form that ASGI allows."""

    def build(outer: Any, inner: list[Any], kinds: list[Any]) -> Any:  # noqa: ANN401
        pairs = [
            form([kind(name), kind(value)])
            for form, kind, (name, value) in zip(inner, kinds, fields, strict=True)
        ]
        return outer(pairs)

    size = len(fields)
    return st.builds(
        build,
        st.sampled_from(ITERABLES),
        st.lists(st.sampled_from([list, tuple, once]), min_size=size, max_size=size),
        st.lists(st.sampled_from(BINARY), min_size=size, max_size=size),
    )


def scopes(canonical: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw the scope in another form, with or without the keys that may be left out."""
    host, port = canonical["server"]
    forms: dict[str, st.SearchStrategy[Any]] = {
        key: st.sampled_from([value, Text(value)])
        for key, value in canonical.items()
        if isinstance(value, str)
    }
    forms["type"] = st.just(canonical["type"])
    forms["client"] = ends(*canonical["client"])
    forms["server"] = ends(host, port)
    forms["headers"] = headers(canonical["headers"])
    forms["query_string"] = st.sampled_from(BINARY).map(
        lambda form: form(canonical["query_string"])
    )
    raw = canonical["raw_path"]
    forms["raw_path"] = st.one_of(
        st.none(),
        st.sampled_from(BINARY).map(lambda form: form(raw)),
        st.just(raw + b"?" + canonical["query_string"]),
    )
    forms["extensions"] = st.sampled_from([{}, {"x.unknown": {}}])
    forms["x.unknown"] = st.just(object())
    optional = {
        key: forms.pop(key)
        for key in ("x.unknown", "extensions", "scheme", "root_path", "raw_path", "http_version")
        if key in forms
    }
    return st.fixed_dictionaries(forms, optional=optional)


def requests(body: bytes) -> st.SearchStrategy[list[Message]]:
    """Draw the messages of a request's body, in one part or in two."""
    return st.one_of(
        st.sampled_from(BINARY).map(lambda form: [{"type": "http.request", "body": form(body)}]),
        st.sampled_from(BINARY).map(
            lambda form: [
                {"type": "http.request", "body": form(body[:2]), "more_body": True, "x": 1},
                {"type": "http.request", "body": form(body[2:]), "more_body": False},
            ]
        ),
        st.just(
            [
                {"type": "http.request", "body": body, "more_body": True},
                {"type": "http.request"},
            ]
        ),
    )


def responses(status: int, fields: Fields, body: bytes) -> st.SearchStrategy[list[Message]]:
    """Draw the messages of a response."""
    start = st.builds(
        lambda code, its, cased: {
            "type": "http.response.start",
            "status": code,
            "headers": [(name.title(), value) for name, value in fields] if cased else its,
            "x.unknown": None,
        },
        st.sampled_from([status, HTTPStatus(status)]),
        headers(fields),
        st.booleans(),
    )
    whole = st.sampled_from(BINARY).map(
        lambda form: [{"type": "http.response.body", "body": form(body)}]
    )
    split = st.sampled_from(BINARY).map(
        lambda form: [
            {"type": "http.response.body", "body": form(body), "more_body": True},
            {"type": "http.response.body"},
        ]
    )
    return st.builds(lambda head, rest: [head, *rest], start, st.one_of(whole, split))
