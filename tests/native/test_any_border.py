"""Every value that crosses the border from Python is accepted, or refused with its error."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.native.chain_request import load
from tests.native.hostile import guest
from wasmgate import WasmgateError
from wasmgate import _native as native
from wasmgate._native import Chain, Host, Stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmgate._native import Effects

HEADERS = [(b":method", b"GET"), (b":path", b"/"), (b":authority", b"a")]
# Any bytes but those that name no field, which `ValueError` refuses.
NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: not name.startswith(b":"))
FIELDS = st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=6)
IDS = st.integers(0, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)
Steps: TypeAlias = "st.SearchStrategy[Callable[[Stream], Effects | None]]"


def asking(name: str) -> str:
    """Write a callback that asks for an HTTP call and lets go on."""
    packed = native_map(HEADERS)
    escaped = "".join(f"\\{byte:02x}" for byte in packed)
    return f"""
        (data (i32.const 64) "cluster") (data (i32.const 128) "{escaped}")
        (func (export "{name}") (param i32 i32 i32) (result i32)
          (drop (call $http (i32.const 64) (i32.const 7) (i32.const 128) (i32.const {len(packed)})
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000)
            (i32.const 0)))
          (i32.const 0))"""


def native_map(fields: list[tuple[bytes, bytes]]) -> bytes:
    """Serialize a map as guests do."""
    words = [len(fields), *(len(part) for field in fields for part in field)]
    head = b"".join(word.to_bytes(4, "little") for word in words)
    return head + b"".join(part + b"\0" for field in fields for part in field)


CALLS = """(import "env" "proxy_http_call" (func $http
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"""
BODIES = '(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) (i32.const 1))'


@pytest.fixture(scope="module")
def chain(artifacts: Path) -> Chain:
    """Load a policy that calls out for each request and holds back the body of each response."""
    host = Host(cache=str(artifacts), log_level=0)
    module = guest(CALLS, asking("proxy_on_request_headers"), BODIES)
    return Chain([load(host, module, net=("cluster",))])


def opened(chain: Chain, headers: list[tuple[bytes, bytes]]) -> tuple[Stream, Effects | None]:
    """Open a stream with any fields."""
    peer = ("192.0.2.1", 1)
    stream, effects, _ = chain.open(peer, peer, "http", "1.1", "GET", b"/", headers)
    return stream, effects


def chunks(step: Callable[[Stream, bytes, bool], Effects | None]) -> Steps:
    """Feed any chunk to one direction."""
    return st.builds(
        lambda chunk, end: lambda stream: step(stream, chunk, end),
        st.binary(max_size=64),
        st.booleans(),
    )


STEPS: dict[str, Steps] = {
    "request_body": chunks(Stream.on_request_body),
    "request_trailers": FIELDS.map(lambda fields: lambda its: its.on_request_trailers(fields)),
    "response_headers": st.builds(
        lambda status, fields, end: lambda its: its.on_response_headers(status, fields, end),
        st.integers(0, 2**16 - 1),
        FIELDS,
        st.booleans(),
    ),
    "response_body": chunks(Stream.on_response_body),
    "response_trailers": FIELDS.map(lambda fields: lambda its: its.on_response_trailers(fields)),
    "respond": st.builds(
        lambda status, fields, body: lambda its: its.respond(status, fields, body),
        st.integers(0, 2**16 - 1),
        FIELDS,
        st.binary(max_size=64),
    ),
    "resume": st.just(Stream.resume),
    "close": st.just(Stream.close),
}
ANSWERS: list[st.SearchStrategy[Callable[[int], Effects | None]]] = [
    st.builds(
        lambda fields, body, trailers: (
            lambda id_: native.deliver_response(id_, fields, body, trailers)
        ),
        FIELDS,
        st.binary(max_size=64),
        FIELDS,
    ),
    FIELDS.map(lambda fields: lambda id_: native.deliver_grpc_metadata(id_, fields)),
    FIELDS.map(lambda fields: lambda id_: native.deliver_grpc_trailers(id_, fields)),
    st.builds(
        lambda status, text: lambda id_: native.deliver_close(id_, status, text),
        U32,
        st.text(max_size=20),
    ),
]


@given(
    headers=FIELDS,
    steps=st.lists(st.one_of(*STEPS.values()), max_size=12),
    answers=st.lists(st.one_of(*ANSWERS), max_size=4),
    strangers=st.lists(IDS, max_size=2),
)
def test_any_order_of_phases_and_answers_ends(
    chain: Chain,
    headers: list[tuple[bytes, bytes]],
    steps: list[Callable[[Stream], Effects | None]],
    answers: list[Callable[[int], Effects | None]],
    strangers: list[int],
) -> None:
    """A stream takes any phases and answers in any order, and nothing of it is left."""
    stream, effects = opened(chain, headers)
    ids = [callout.id for callout in effects.callouts] if effects else []
    for number, step in enumerate(steps):
        step(stream)
        if number < len(answers):
            for id_ in [*ids, *strangers]:
                answers[number](id_)
    stream.close()
    assert stream.close() is None
    for answer in answers:
        assert [answer(id_) for id_ in ids] == [None] * len(ids)


@given(
    name=st.text(max_size=8),
    root_id=st.text(max_size=8),
    configuration=st.binary(max_size=32),
    numbers=st.tuples(*[st.sampled_from([0, 1, 65_535, 65_536, 2**31, 2**63, 2**64 - 1])] * 7),
    environment=st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3),
    names=st.lists(st.text(max_size=6), max_size=3).map(tuple),
)
def test_any_arguments_load_or_are_refused(  # noqa: PLR0917 - they come by name
    artifacts: Path,
    name: str,
    root_id: str,
    configuration: bytes,
    numbers: tuple[int, ...],
    environment: dict[str, str],
    names: tuple[str, ...],
) -> None:
    """A plugin with any limits, names and texts serves a request, or `PolicyError` says why not."""
    host = Host(cache=str(artifacts), log_level=0)
    fuel, start_fuel, memory, body, headers, header_bytes, log_bytes = numbers
    with suppress(WasmgateError):
        plugin = load(
            host,
            guest(BODIES),
            name=name,
            root_id=root_id,
            configuration=configuration,
            vm_configuration=configuration,
            fuel=fuel,
            start_fuel=start_fuel,
            memory=memory,
            body=body,
            headers=headers,
            header_bytes=header_bytes,
            log_bytes=log_bytes,
            environment=environment,
            strip_request_headers=names,
            net=names,
            foreign_functions=names,
            metrics=names,
            shared_data=names,
            vm_id=root_id,
        )
        assert plugin.name == name
        stream, _ = opened(Chain([plugin]), [])
        stream.close()


@given(module=st.binary(max_size=64).map(lambda data: b"\0asm\1\0\0\0" + data))
def test_any_module_is_refused_with_a_reason(host_of_modules: Host, module: bytes) -> None:
    """Bytes behind the magic number of WebAssembly are a module or a `PolicyError`."""
    with pytest.raises(WasmgateError):
        load(host_of_modules, module)


@pytest.fixture(scope="module")
def host_of_modules() -> Host:
    """Make a host without a cache."""
    return Host()


@given(name=st.just(b"") | st.binary(max_size=12).map(lambda name: b":" + name))
def test_what_names_no_field_is_refused(chain: Chain, name: bytes) -> None:
    """Neither in a head nor in trailers; the stream goes on as it was."""
    with pytest.raises(ValueError, match="a field has the name of none"):
        opened(chain, [(name, b"")])
    stream, _ = opened(chain, [(b"a", b"b")])
    for method in (stream.on_request_trailers, stream.on_response_trailers):
        with pytest.raises(ValueError, match="a field has the name of none"):
            method([(name, b"")])
    with pytest.raises(ValueError, match="a field has the name of none"):
        stream.on_response_headers(200, [(name, b"")], end=False)
    stream.close()
