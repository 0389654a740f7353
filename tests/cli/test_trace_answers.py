"""What `wasmgate trace --answer` brings to a policy, for each kind of callout."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.native.callout_guests import HELPERS, IMPORTS, Texts, caller
from tests.native.hostile import guest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Command

HEADERS = "proxy_on_request_headers"
SEND = "(drop (call $send (global.get $call) (i32.const 256) (i32.const 4) (i32.const {})))"
PING = b"*1\r\n$4\r\nPING\r\n"

Told = tuple[list[str], list[str]]
"""The kinds of the callouts, and the log lines that the answers led to."""


@pytest.fixture
def told(tmp_path: Path, wasmgate: Command) -> Callable[..., Told]:
    """Trace a policy that does this in the headers, and pauses."""

    def run(texts: Texts, body: str, *options: str) -> Told:
        (tmp_path / "asks.wasm").write_bytes(caller(texts, HEADERS, body))
        done = wasmgate("trace", "asks.wasm", "--capability", "net=auth", *options, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        facts = json.loads(done.stdout)
        logged = [
            its["arguments"]["message"] for its in facts["events"] if its["name"] == "proxy_log"
        ]
        kinds = [callout["kind"] for callout in facts["callouts"]]
        return kinds, [line for line in logged if not line.startswith(("asked", "done", "init"))][
            : -len(["log", "delete"])
        ]

    return run


def test_a_grpc_call_gets_the_body_as_message(told: Callable[..., Told]) -> None:
    """With 0, which is OK in gRPC, or 200."""
    texts = Texts()
    call = texts.grpc_call()
    assert told(texts, call, "--answer", "auth=0:reply") == (
        ["grpc"],
        ["grpc_receive 5", "buffer 5 0 reply"],
    )


@pytest.mark.parametrize(
    ("options", "close"),
    [
        (
            ("--answer", "auth=7:not you"),
            ["grpc_close 7", "status 0 not you", "code 7"],
        ),
        (
            (),
            ["grpc_close 14", "status 0 the trace has no answer for auth", "code 14"],
        ),
    ],
)
def test_a_grpc_call_fails_with_another_status(
    told: Callable[..., Told], options: tuple[str, ...], close: list[str]
) -> None:
    """And without an answer, as one does whose upstream is away."""
    texts = Texts()
    assert told(texts, texts.grpc_call(), *options) == (["grpc"], close)


def test_a_grpc_stream_gets_an_answer_to_each_message(told: Callable[..., Told]) -> None:
    """And ends when the policy ends its side."""
    texts = Texts()
    body = texts.grpc_stream() + SEND.format(0) + SEND.format(1)
    kinds, lines = told(texts, body, "--answer", "auth=0:one", "--answer", "auth=0:two")
    assert kinds == ["grpc_stream"]
    assert lines[0] == "grpc_receive_initial_metadata 0"
    assert [line for line in lines if line.startswith(("grpc_", "buffer"))][1:] == [
        "grpc_receive 3",
        "buffer 5 0 one",
        "grpc_receive 3",
        "buffer 5 0 two",
        "grpc_close 0",
    ]


def test_a_grpc_stream_without_an_answer_fails(told: Callable[..., Told]) -> None:
    """As it opens."""
    texts = Texts()
    kinds, lines = told(texts, texts.grpc_stream() + SEND.format(1))
    assert (kinds, lines[0]) == (["grpc_stream"], "grpc_close 14")


def test_redis_gets_the_body_as_its_response(told: Callable[..., Told]) -> None:
    """As RESP writes it."""
    texts = Texts()
    server = texts.push(b"auth")
    body = f"(drop (call $redis_init {server} {server} {server} (i32.const 500)))" + texts.done(
        f"(call $redis {server} {texts.push(PING)} (i32.const 64))"
    )
    assert told(texts, body, "--answer", "auth=0:+PONG") == (
        ["redis"],
        ["redis_call_response 0 5", "buffer 9 0 +PONG"],
    )


def test_a_foreign_function_gets_the_body_as_its_result(told: Callable[..., Told]) -> None:
    """Any name that has an answer is one of the application."""
    texts = Texts()
    name, arguments = texts.push(b"score"), texts.push(b"alice")
    body = texts.done(f"(call $foreign {name} {arguments} (i32.const 128) (i32.const 132))")
    options = ("--capability", "foreign_functions=score", "--answer", "score=0:high")
    kinds, lines = told(texts, body, *options)
    assert kinds == ["foreign"]
    assert lines[-1] == "buffer 8 0 high"


@pytest.mark.parametrize("kind", ["http", "foreign"])
def test_a_request_that_waits_for_a_callout_is_told(
    kind: str, tmp_path: Path, wasmgate: Command
) -> None:
    """With the option that answers it, whatever the kind of the callout."""
    texts = Texts()
    if kind == "http":
        body = texts.http_call()
    else:
        name, arguments = texts.push(b"score"), texts.push(b"alice")
        body = texts.done(f"(call $foreign {name} {arguments} (i32.const 128) (i32.const 132))")
    pauses = f'(func (export "{HEADERS}") (param i32 i32 i32) (result i32) {body} (i32.const 1))'
    (tmp_path / "asks.wasm").write_bytes(guest(IMPORTS, HELPERS, *texts.fields, pauses))
    options = ("--capability", "net=auth", "--capability", "foreign_functions=score")
    answers = ("--answer", "score=0:high")
    facts = json.loads(wasmgate("trace", "asks.wasm", *options, *answers, "--json").stdout)
    assert [callout["kind"] for callout in facts["callouts"]] == [kind]
    assert facts["held_by"].endswith("and waits for a callout: give it an --answer")
