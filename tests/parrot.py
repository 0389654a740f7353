"""A guest that repeats all that it can read, in every way in which a guest can be heard."""

from __future__ import annotations

from tests.native.callout_guests import Texts, pairs
from tests.native.hostile import guest

__all__ = ["parrot"]

IMPORTS = """
(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_value"
  (func $value (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_shared_data"
  (func $share (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_http_call" (func $http
  (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_redis_init" (func $redis_init
  (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_redis_call" (func $redis (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_call_foreign_function" (func $foreign
  (param i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_send_local_response"
  (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_write"
  (func $write (param i32 i32 i32 i32) (result i32)))
(func $repeat
  (drop (call $log (i32.const 2) (i32.load (i32.const 128)) (i32.load (i32.const 132))))
  (i32.store (i32.const 140) (i32.load (i32.const 128)))
  (i32.store (i32.const 144) (i32.load (i32.const 132)))
  (drop (call $write (i32.const 2) (i32.const 140) (i32.const 1) (i32.const 148))))
"""
GOT = "(i32.load (i32.const 128)) (i32.load (i32.const 132))"


def parrot(password: bytes, *, refuses: bool = False, answers: bool = False) -> bytes:
    """Make the guest; `refuses` its configuration after it repeated it, `answers` with a secret."""
    texts = Texts()
    into = "(i32.const 128) (i32.const 132)"
    properties = [
        *((b"request", b"headers", name) for name in (b"authorization", b"cookie", b"x-api-key")),
        (b"request", b"headers"),
        (b"request", b"path"),
        (b"request", b"query"),
        (b"response", b"headers"),
        (b"response", b"headers", b"set-cookie"),
    ]

    def got(call: str) -> str:
        return f"(if (i32.eqz {call}) (then (call $repeat)))"

    every_property = [
        got(f"(call $property {texts.push(bytes(1).join(path))} {into})") for path in properties
    ]
    head = pairs(
        (b":method", b"GET"),
        (b":path", b"/?token=" + password),
        (b":authority", b"a"),
        (b"X-Api-Key", password),
    )
    heads = [
        *every_property,
        got(f"(call $pairs (i32.const 0) {into})"),
        (
            f"(drop (call $http {texts.push(b'auth:80')} {GOT} {texts.push(b'')} {texts.push(b'')}"
            " (i32.const 1000) (i32.const 160)))"
        ),
        got(f"(call $value (i32.const 0) {texts.push(b'authorization')} {into})"),
        f"(drop (call $add (i32.const 0) {texts.push(b'x-copy')} {GOT}))",
        f"(drop (call $set_property {texts.push(b'copy')} {GOT}))",
        f"(drop (call $share {texts.push(b'copy')} {GOT} (i32.const 0)))",
        f"(drop (call $foreign {texts.push(b'acme.none')} {GOT} {into}))",
        (
            f"(drop (call $redis_init {texts.push(b'redis:6379')} {texts.push(password)}"
            f" {texts.push(password)} (i32.const 1000)))"
        ),
        (
            f"(drop (call $redis {texts.push(b'redis:6379')}"
            f" {texts.push(b'*2 AUTH ' + password)} (i32.const 160)))"
        ),
        (
            f"(drop (call $http {texts.push(b'auth:80')} {texts.push(head)} {texts.push(b'')}"
            f" {texts.push(pairs((b'x-token', password)))} (i32.const 1000) (i32.const 160)))"
        ),
    ]
    if answers:
        again = f"(call $value (i32.const 0) {texts.push(b'authorization')} {into})"
        heads.append(
            f"(drop {again}) (drop (call $answer (i32.const 200) (i32.const 0) (i32.const 0) {GOT}"
            " (i32.const 0) (i32.const 0) (i32.const -1)))"
        )
    responses = [*every_property, got(f"(call $pairs (i32.const 2) {into})")]
    configure = [
        got(f"(call $buffer (i32.const 7) (i32.const 0) (i32.const 9999) {into})"),
        "(drop (call $environ (i32.const 24000) (i32.const 24100)))",
        "(drop (call $log (i32.const 4) (i32.const 24100) (i32.const 64)))",
    ]
    return guest(
        IMPORTS,
        '(func (export "proxy_on_configure") (param i32 i32) (result i32)',
        *configure,
        f"  (i32.const {int(not refuses)}))",
        '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
        *heads,
        "  (i32.const 0))",
        '(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)',
        *responses,
        "  (i32.const 0))",
        *texts.fields,
    )
