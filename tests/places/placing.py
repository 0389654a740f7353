"""One policy before one upstream, in each of the three places, on real sockets."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import wasmtime

from tests.gateway.scripted_upstream import Peer, Script, ScriptedUpstream
from tests.gateway.serving import FORMS, configuration, serve
from wasmgate import Limits, Policy, PolicyMiddleware
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PLACES = ("middleware", "asgi", "direct")

# The lines of a policy when its stream ends, once each and in this order.
FAREWELL = ["done", "log", "delete"]

_PARAMETERS = {
    "headers": "(param $context i32) (param $fields i32) (param $end i32)",
    "body": "(param $context i32) (param $size i32) (param $end i32)",
    "trailers": "(param $context i32) (param $fields i32)",
}

_GUEST = """
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
  (import "env" "proxy_set_buffer_bytes"
    (func $set_body (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value"
    (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_inject_encoded_data_to_filter_chain"
    (func $inject (param i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "donelog-delete")
  (data (i32.const 16) "held")
  (data (i32.const 32) "x-sum1")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func $say (param $at i32) (param $size i32)
    (drop (call $log (i32.const 2) (local.get $at) (local.get $size))))
  (func $held (call $say (i32.const 16) (i32.const 4)))
  (func (export "proxy_on_done") (param i32) (result i32)
    (call $say (i32.const 0) (i32.const 4)) (i32.const 1))
  (func (export "proxy_on_log") (param i32) (call $say (i32.const 4) (i32.const 3)))
  (func (export "proxy_on_delete") (param i32) (call $say (i32.const 8) (i32.const 6)))
  CALLBACKS)
"""


def write(folder: Path, **callbacks: str) -> Path:
    """Write a policy with these callbacks, like `request_body="(i32.const 0)"`.

    It says "held" with `$held`, and each word of `FAREWELL` when a stream ends.
    """
    functions = (
        f'(func (export "proxy_on_{name}") {_PARAMETERS[name.partition("_")[2]]} (result i32)'
        f" {body})"
        for name, body in callbacks.items()
    )
    module = folder / "guest.wasm"
    module.write_bytes(wasmtime.wat2wasm(_GUEST.replace("CALLBACKS", "\n".join(functions))))
    return module


@contextlib.asynccontextmanager
async def placed(
    place: str,
    module: Path,
    *scripts: Script,
    within: str | None = None,
    body: int = 1 << 20,
    partial: bool = False,
) -> AsyncIterator[tuple[int, ScriptedUpstream]]:
    """Serve the policy in a place, before an upstream; gives the port and the upstream.

    Around an app means around a gateway without policies. `partial`: headers may be stopped alone.
    """
    settings: dict[str, Any] = {"timeout_graceful_shutdown": 1}
    async with ScriptedUpstream(*scripts) as upstream:
        route = {"match": {"prefix": "/"}, "cluster": "site", "timeout": within}
        changes: dict[str, Any] = {"routes": [route]}
        if place == "middleware":
            policy = Policy(
                module,
                name="guest",
                limits=Limits(body=body),
                allow_on_headers_stop_iteration=partial,
            )
            app: Any = PolicyMiddleware(
                Gateway(configuration(upstream.url, **changes)), policies=[policy]
            )
        else:
            settings["http"] = FORMS[place]
            changes["default_policies"] = ["guest"]
            changes["policies"] = {
                "guest": {
                    "module": str(module),
                    "limits": {"body": body},
                    "allow_on_headers_stop_iteration": partial,
                }
            }
            app = Gateway(configuration(upstream.url, **changes))
        async with serve(app, **settings) as port:
            yield port, upstream


async def begins(peer: Peer) -> None:
    """Script: a response that begins and does not end."""
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")


async def trails(peer: Peer) -> None:
    """Script: a response with trailers."""
    await begins(peer)
    await peer.send(b"0\r\nx-own: 1\r\n\r\n")
