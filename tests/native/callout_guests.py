"""Guests that make callouts, written as text.

Each logs what happens as `name number number ...`, so a test can read it. The callout itself is a
piece of text (`http_call`, `grpc_call`, ...) that stands in whichever callback a test chooses.
"""

from __future__ import annotations

import struct

from tests.native.hostile import guest

HEADS = "(param $context i32) (param i32 i32) (result i32)"
TRAILERS = "(param $context i32) (param i32) (result i32)"
PAUSE, CONTINUE = 1, 0

REDIS = b"redis.internal:6379"
PING = b"*1\r\n$4\r\nPING\r\n"
GET = ((b":method", b"GET"), (b":path", b"/check"), (b":authority", b"auth"))

IMPORTS = """
(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
(import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
(import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
(import "env" "proxy_set_tick_period_milliseconds" (func $period (param i32) (result i32)))
(import "env" "proxy_done" (func $finish (result i32)))
(import "env" "proxy_get_status" (func $status (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_buffer_bytes"
  (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_value"
  (func $value (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_current_time_nanoseconds" (func $time (param i32) (result i32)))
(import "env" "proxy_http_call" (func $http
  (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_grpc_call" (func $grpc
  (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_grpc_stream" (func $stream
  (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_grpc_send" (func $send (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_grpc_cancel" (func $cancel (param i32) (result i32)))
(import "env" "proxy_grpc_close" (func $close (param i32) (result i32)))
(import "env" "proxy_redis_init" (func $redis_init
  (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_redis_call" (func $redis (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_call_foreign_function" (func $foreign
  (param i32 i32 i32 i32 i32 i32) (result i32)))
"""

# Numbers and texts gather at 20000 and are logged at level info.
HELPERS = """
(global $at (mut i32) (i32.const 20000))
(global $asked (mut i32) (i32.const 0))
(global $call (mut i32) (i32.const 0))
(global $n (mut i32) (i32.const 0))
(global $until (mut i64) (i64.const 0))
(func $text (param $from i32) (param $size i32)
  (memory.copy (global.get $at) (local.get $from) (local.get $size))
  (global.set $at (i32.add (global.get $at) (local.get $size))))
(func $number (param $n i32)
  (i32.store8 (global.get $at) (i32.const 32))
  (global.set $at (i32.add (global.get $at) (i32.const 1)))
  (if (i32.ge_u (local.get $n) (i32.const 100))
    (then (call $digit (i32.div_u (local.get $n) (i32.const 100)))))
  (if (i32.ge_u (local.get $n) (i32.const 10))
    (then (call $digit (i32.rem_u (i32.div_u (local.get $n) (i32.const 10)) (i32.const 10)))))
  (call $digit (i32.rem_u (local.get $n) (i32.const 10))))
(func $digit (param $n i32)
  (i32.store8 (global.get $at) (i32.add (i32.const 48) (local.get $n)))
  (global.set $at (i32.add (global.get $at) (i32.const 1))))
(func $owner (param $number i32) (result i32)
  (i32.add (i32.const 30000) (i32.mul (local.get $number) (i32.const 4))))
(func $say
  (drop (call $log (i32.const 2) (i32.const 20000)
    (i32.sub (global.get $at) (i32.const 20000))))
  (global.set $at (i32.const 20000)))
"""


def pairs(*fields: tuple[bytes, bytes]) -> bytes:
    """Serialize a map (proxy-wasm/spec, "Serialization")."""
    lengths = b"".join(struct.pack("<II", len(name), len(value)) for name, value in fields)
    texts = b"".join(name + b"\0" + value + b"\0" for name, value in fields)
    return struct.pack("<I", len(fields)) + lengths + texts


class Texts:
    """Bytes in a guest's memory, from 256 on; `push` gives address and length as operands."""

    def __init__(self) -> None:
        self.fields: list[str] = []
        self._at = 256

    def push(self, content: bytes) -> str:
        """Place bytes and return the two operands."""
        escaped = "".join(f"\\{byte:02x}" for byte in content)
        self.fields.append(f'(data (i32.const {self._at}) "{escaped}")')
        operands = f"(i32.const {self._at}) (i32.const {len(content)})"
        self._at += len(content)
        return operands

    def say(self, name: str, *numbers: str) -> str:
        """Log a name and numbers."""
        shown = " ".join(f"(call $number {number})" for number in numbers)
        return f"(call $text {self.push(name.encode())}) {shown} (call $say)"

    def show(self, name: str, read: str) -> str:
        """Log a name and the bytes that a hostcall reads (into 128 and 132), or its status."""
        return f"""(i32.store (i32.const 132) (i32.const 0)) (call $text {self.push(name.encode())})
            (call $number {read})
            (call $text {self.push(b" ")})
            (call $text (i32.load (i32.const 128)) (i32.load (i32.const 132))) (call $say)"""

    def done(self, what: str) -> str:
        """Make a callout, remember its number and its stream, log status and number."""
        return f"""{self.say("asked", what, "(i32.load (i32.const 64))")}
            (global.set $call (i32.load (i32.const 64)))
            (i32.store (call $owner (global.get $call)) (global.get $asked))"""

    def http_call(
        self,
        *,
        upstream: bytes = b"auth",
        headers: tuple[tuple[bytes, bytes], ...] = GET,
        body: bytes = b"",
        trailers: tuple[tuple[bytes, bytes], ...] = (),
        timeout: int = 1500,
    ) -> str:
        """Make an HTTP call."""
        parts = (upstream, pairs(*headers), body, pairs(*trailers))
        operands = " ".join(self.push(part) for part in parts)
        return self.done(f"(call $http {operands} (i32.const {timeout}) (i32.const 64))")

    def grpc_call(
        self,
        *,
        upstream: bytes = b"auth",
        service: bytes = b"a.Service",
        method: bytes = b"Check",
        metadata: tuple[tuple[bytes, bytes], ...] = ((b"x-a", b"1"),),
        message: bytes = b"message",
        timeout: int = 1500,
    ) -> str:
        """Make a gRPC call."""
        parts = (upstream, service, method, pairs(*metadata), message)
        operands = " ".join(self.push(part) for part in parts)
        return self.done(f"(call $grpc {operands} (i32.const {timeout}) (i32.const 64))")

    def redis_init(
        self, server: bytes = REDIS, *, password: bytes = b"secret", timeout: int = 1000
    ) -> str:
        """Set the credentials for a Redis server."""
        operands = " ".join(self.push(part) for part in (server, b"user", password))
        return self.say("init", f"(call $redis_init {operands} (i32.const {timeout}))")

    def redis_call(self, server: bytes = REDIS) -> str:
        """Ask a Redis server."""
        return self.done(f"(call $redis {self.push(server)} {self.push(PING)} (i32.const 64))")

    def grpc_stream(self, upstream: bytes = b"auth", method: bytes = b"Watch") -> str:
        """Open a gRPC stream."""
        parts = (upstream, b"a.Service", method, pairs((b"x-a", b"1")))
        operands = " ".join(self.push(part) for part in parts)
        return self.done(f"(call $stream {operands} (i32.const 64))")


def note(callback: str, signature: str, texts: Texts, *shown: str, until: str | None = None) -> str:
    """Write a callback of an answer that logs its numbers, and what `shown` reads.

    The stream that asked goes on after it, or after the callback `until` alone.
    """
    goes_on = """(if (i32.load (call $owner (local.get $number)))
          (then (global.set $asked (i32.load (call $owner (local.get $number))))))
        (drop (call $effective (global.get $asked))) (drop (call $continue (i32.const 0)))
        (drop (call $continue (i32.const 1)))"""
    count = signature.count("i32") - 2
    numbers = " ".join(f"$p{n}" for n in range(count))
    params = " ".join(f"(param {number} i32)" for number in numbers.split())
    said = texts.say(
        callback.removeprefix("proxy_on_"), *(f"(local.get {n})" for n in numbers.split())
    )
    return f"""(func (export "{callback}") (param $root i32) (param $number i32) {params}
        {said} {" ".join(shown)} {goes_on if until in {None, callback} else ""})"""


def answers(texts: Texts, on_answer: str, until: str | None = None) -> list[str]:
    """Write every callback of an answer; after it the stream that asked goes on (see `note`)."""

    def value(number: int, name: bytes) -> str:
        return texts.show(
            f"map {number}",
            f"(call $value (i32.const {number}) {texts.push(name)} (i32.const 128)"
            " (i32.const 132))",
        )

    def buffer(number: int) -> str:
        return texts.show(
            f"buffer {number}",
            f"(call $buffer (i32.const {number}) (i32.const 0) (i32.const 999) (i32.const 128)"
            " (i32.const 132))",
        )

    status = texts.show(
        "status", "(call $status (i32.const 136) (i32.const 128) (i32.const 132)) "
    ) + texts.say("code", "(i32.load (i32.const 136))")
    four, five = "i32 i32 i32", "i32 i32 i32 i32"
    return [
        note(
            "proxy_on_http_call_response",
            five + " i32",
            texts,
            value(6, b"x-user"),
            buffer(4),
            value(7, b"x-sum"),
            status,
            on_answer,
        ),
        note("proxy_on_grpc_receive_initial_metadata", four, texts, value(4, b"x-m"), until=until),
        note("proxy_on_grpc_receive", four, texts, buffer(5), until=until),
        note("proxy_on_grpc_receive_trailing_metadata", four, texts, value(5, b"x-t"), until=until),
        note("proxy_on_grpc_close", four, texts, status, until=until),
        note("proxy_on_redis_call_response", five, texts, buffer(9)),
        note("proxy_on_foreign_function", four, texts, buffer(8)),
    ]


PHASES = {
    "proxy_on_request_headers": HEADS,
    "proxy_on_request_body": HEADS,
    "proxy_on_request_trailers": TRAILERS,
    "proxy_on_response_headers": HEADS,
    "proxy_on_response_body": HEADS,
    "proxy_on_response_trailers": TRAILERS,
}
"""The callbacks of a stream in which a policy may pause."""


def caller(
    texts: Texts,
    callback: str,
    body: str,
    *more: str,
    answer: int = PAUSE,
    done: int = 1,
    on_answer: str = "",
    until: str | None = None,
) -> bytes:
    """Make a guest that does `body` in a callback, and logs the answers and the stream's end.

    `done` is what `proxy_on_done` answers, `on_answer` is done when an HTTP call was answered, and
    after `until`, or any other answer, the stream goes on.
    """
    ends = {"proxy_on_done": "(result i32)", "proxy_on_log": "", "proxy_on_delete": ""}
    signatures = PHASES | {
        "proxy_on_configure": "(param $context i32) (param i32) (result i32)",
        "proxy_on_vm_start": "(param $context i32) (param i32) (result i32)",
        "proxy_on_tick": "(param $context i32)",
    }
    callbacks = []
    if callback in signatures:
        result = f"(i32.const {answer})" if "result" in signatures[callback] else ""
        callbacks.append(
            f'(func (export "{callback}") {signatures[callback]}'
            f" (global.set $asked (local.get $context)) {body} {result})"
        )
    for name, result in ends.items():
        does = body if callback == name else ""
        value = f"(i32.const {done})" if result else ""
        said = texts.say(name.removeprefix("proxy_on_"))
        callbacks.append(
            f'(func (export "{name}") (param $context i32) {result} {said} {does} {value})'
        )
    callbacks += [*more, *answers(texts, on_answer, until)]
    return guest(IMPORTS, HELPERS, *texts.fields, *callbacks)
