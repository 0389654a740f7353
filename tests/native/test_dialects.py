"""Guests of the ABI's earlier versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import guest, wasm
from wasmgate import PolicyLoadError
from wasmgate._native import Chain

if TYPE_CHECKING:
    from wasmgate._native import Host

LOG = '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))'


def answer_of_get(abi: str) -> bytes:
    """Make a guest that answers 200 and the status of getting an absent header."""
    return guest(
        '(import "env" "proxy_get_header_map_value"',
        "  (func $get (param i32 i32 i32 i32 i32) (result i32)))",
        '(import "env" "proxy_send_local_response"',
        "  (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))",
        '(data (i32.const 64) "x-absent")',
        '(data (i32.const 128) "\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff")',
        '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
        "  (local $status i32)",
        "  (local.set $status (call $get (i32.const 0) (i32.const 64) (i32.const 8)",
        "    (i32.const 128) (i32.const 132)))",
        # The size that was stored, if any, as ten times.
        "  (if (i32.ne (i32.load (i32.const 132)) (i32.const -1)) (then",
        "    (local.set $status (i32.add (local.get $status) (i32.const 10)))))",
        "  (call $answer (i32.add (i32.const 200) (local.get $status))",
        "    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)",
        "    (i32.const -1)))",
        abi=abi,
    )


@pytest.mark.parametrize(
    ("abi", "version", "status"),
    [("0_1_0", "0.1.0", 210), ("0_2_0", "0.2.0", 201), ("0_2_1", "0.2.1", 201)],
)
def test_an_absent_header_is_empty_in_0_1_0_and_not_found_later(
    host: Host, abi: str, version: str, status: int
) -> None:
    """OK with a size of 0, or NOT_FOUND and nothing stored."""
    plugin = load(host, answer_of_get(abi))
    assert (plugin.abi, Request(Chain([plugin])).status) == (version, status)


def test_header_callbacks_of_0_1_0_have_no_end(host: Host) -> None:
    """Two parameters: context and number of fields."""
    module = guest(
        LOG,
        '(data (i32.const 64) "0123456789")',
        '(func (export "proxy_on_request_headers") (param i32) (param $fields i32) (result i32)',
        "  (drop (call $log (i32.const 2) (i32.const 64) (local.get $fields)))",
        "  (i32.const 0))",
        abi="0_1_0",
    )
    request = Request(Chain([load(host, module)]))
    assert (request.passed, request.said) == (True, ["0123"])


def test_0_1_0_gets_its_configuration_by_a_hostcall(host: Host) -> None:
    """The VM's in `vm_start`, the plugin's afterwards."""
    tell = (
        "  (drop (call $configuration (i32.const 0) (i32.const 4)))\n"
        "  (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4))))"
    )
    module = guest(
        LOG,
        '(import "env" "proxy_get_configuration"',
        "  (func $configuration (param i32 i32) (result i32)))",
        f'(func (export "proxy_on_vm_start") (param i32 i32) (result i32)\n{tell}\n(i32.const 1))',
        f'(func (export "proxy_on_configure") (param i32 i32) (result i32)\n{tell}\n(i32.const 1))',
        abi="0_1_0",
    )
    plugin = load(host, module, configuration=b"of the plugin", vm_configuration=b"of the vm")
    assert Request(Chain([plugin])).said == ["of the vm", "of the plugin"]


@pytest.mark.parametrize(
    ("way", "callback"),
    [("request", "proxy_on_request_headers"), ("response", "proxy_on_response_headers")],
)
def test_0_1_0_continues_by_a_hostcall_of_its_own(host: Host, way: str, callback: str) -> None:
    """`proxy_continue_request` and `proxy_continue_response`, each with a status."""
    module = guest(
        f'(import "env" "proxy_continue_{way}" (func $continue (result i32)))',
        f'(func (export "{callback}") (param i32 i32) (result i32)',
        "  (drop (call $continue)) (i32.const 1))",
        abi="0_1_0",
    )
    request = Request(Chain([load(host, module)]))
    assert request.passed
    assert request.response(200).status == 200


def test_0_1_0_clears_a_route_cache_that_is_none(host: Host) -> None:
    """A route is chosen once; the answer is OK."""
    module = guest(
        '(import "env" "proxy_clear_route_cache" (func $clear (result i32)))',
        '(func (export "proxy_on_request_headers") (param i32 i32) (result i32) (call $clear))',
        abi="0_1_0",
    )
    assert Request(Chain([load(host, module)])).passed


def test_0_1_0_starts_with_start(host: Host) -> None:
    """`_start`, where there is no `_initialize`."""
    module = guest(
        LOG,
        '(data (i32.const 64) "started")',
        '(func (export "_start") (drop (call $log (i32.const 2) (i32.const 64) (i32.const 7))))',
        abi="0_1_0",
    )
    assert Request(Chain([load(host, module)])).said == ["started"]


def test_initialize_comes_before_main_and_instead_of_start(host: Host) -> None:
    """A reactor; a start section runs before them."""
    lines = "".join(f'(data (i32.const {64 + 8 * n}) "{text}")' for n, text in enumerate("abcd"))

    def say(number: int) -> str:
        return f"(drop (call $log (i32.const 2) (i32.const {64 + 8 * number}) (i32.const 1)))"

    module = guest(
        LOG,
        lines,
        f"(func $section {say(0)})",
        "(start $section)",
        f'(func (export "_initialize") {say(1)})',
        f'(func (export "main") (param i32 i32) (result i32) {say(2)} (i32.const 0))',
        f'(func (export "_start") {say(3)})',
    )
    assert Request(Chain([load(host, module)])).said == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("names", "said"), [(["__main_void"], ["v"]), (["__main_void", "main"], ["m"])]
)
def test_main_void_stands_in_for_main(host: Host, names: list[str], said: list[str]) -> None:
    """Compilers export both for a `main` without parameters."""
    at = {"__main_void": 64, "main": 65}
    params = {"__main_void": "", "main": "(param i32 i32)"}
    module = guest(
        LOG,
        '(data (i32.const 64) "vm")',
        '(func (export "_initialize"))',
        *(
            f'(func (export "{name}") {params[name]} (result i32)'
            f" (call $log (i32.const 2) (i32.const {at[name]}) (i32.const 1)))"
            for name in names
        ),
    )
    assert Request(Chain([load(host, module)])).said == said


@pytest.mark.parametrize("number", [2, 3, 7, -1])
def test_any_other_action_of_headers_stops_but_two(host: Host, number: int) -> None:
    """Continue is 0, and 2 in the C++ SDK (continue and end the stream)."""
    module = guest(
        '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
        f"  (i32.const {number}))",
    )
    assert Request(Chain([load(host, module)])).passed is (number == 2)


def test_an_unknown_dialect_is_refused_by_name(host: Host) -> None:
    """With those that this host speaks."""
    with pytest.raises(PolicyLoadError, match="the module speaks proxy_abi_version_0_3_0; this"):
        load(host, guest(abi="0_3_0"))


def test_higress_knows_nothing_of_upstream_hosts(host: Host) -> None:
    """NOT_FOUND: an endpoint is chosen after the policies."""
    module = guest(
        '(import "env" "proxy_get_upstream_hosts" (func $get (param i32 i32) (result i32)))',
        '(import "env" "proxy_set_upstream_override_host"',
        "  (func $set (param i32 i32) (result i32)))",
        '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
        "  (i32.ne (i32.const 2) (i32.add (call $get (i32.const 0) (i32.const 4))",
        "    (call $set (i32.const 0) (i32.const 4)))))",
        abi="0_2_100",
    )
    plugin = load(host, module)
    request = Request(Chain([plugin]))
    assert (plugin.abi, request.passed, request.said) == (
        "0.2.100",
        True,
        [
            "proxy_get_upstream_hosts is not available on this host",
            "proxy_set_upstream_override_host is not available on this host",
        ],
    )


UNKNOWN = '(import "env" "foo" (func $foo (param i32) (result i64)))'


def test_an_unknown_function_is_no_obstacle(host: Host) -> None:
    """As long as it is not called."""
    assert Request(Chain([load(host, guest(UNKNOWN))])).passed


def test_an_unknown_function_traps_by_its_name(host: Host) -> None:
    """When it is called."""
    call = "(drop (call $foo (i32.const 0))) (i32.const 1)"
    module = guest(
        UNKNOWN, f'(func (export "proxy_on_vm_start") (param i32 i32) (result i32) {call})'
    )
    with pytest.raises(
        PolicyLoadError, match=r"the guest called env\.foo, which this host does not have"
    ):
        load(host, module)


def test_wasi_is_found_under_its_own_modules_only(host: Host) -> None:
    """`fd_write` of another module is another function."""
    module = guest(
        '(import "other" "sched_yield" (func $yield (result i32)))',
        '(func (export "_initialize") (drop (call $yield)))',
    )
    with pytest.raises(PolicyLoadError, match=r"called other\.sched_yield, which"):
        load(host, module)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (b"", "not a WebAssembly module"),
        (b"#!/bin/sh\n", "not a WebAssembly module"),
        (b"\x7fELF", "not a WebAssembly module"),
        (b"\0asm\x01\0\0\0", "exports no proxy_abi_version_"),
        (b"\0asm\x01\0\0\0\xff", "the module is invalid"),
    ],
)
def test_what_is_no_policy_is_one_error(host: Host, module: bytes, message: str) -> None:
    """With the policy's name."""
    with pytest.raises(PolicyLoadError, match=message) as caught:
        load(host, module, name="mine")
    assert caught.value.policy == "mine"


@pytest.mark.parametrize(
    ("names", "address"), [(["malloc"], 8192), (["malloc", "proxy_on_memory_allocate"], 4096)]
)
def test_the_specifications_allocator_comes_before_malloc(
    host: Host, names: list[str], address: int
) -> None:
    """AssemblyScript guests have only `malloc`. The guest logs a star for each 4 KiB."""
    addresses = {"proxy_on_memory_allocate": 4096, "malloc": 8192}
    module = wasm(
        "\n".join(
            [
                "(module",
                LOG,
                '(import "env" "proxy_get_header_map_pairs"',
                "  (func $pairs (param i32 i32 i32) (result i32)))",
                '(memory (export "memory") 1)',
                '(data (i32.const 64) "***")',
                '(func (export "proxy_abi_version_0_2_1"))',
                *(
                    f'(func (export "{name}") (param i32) (result i32)'
                    f" (i32.const {addresses[name]}))"
                    for name in names
                ),
                '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
                "  (drop (call $pairs (i32.const 0) (i32.const 16) (i32.const 20)))",
                "  (call $log (i32.const 2) (i32.const 64)",
                "    (i32.shr_u (i32.load (i32.const 16)) (i32.const 12))))",
                ")",
            ]
        )
    )
    assert Request(Chain([load(host, module)])).said == ["*" * (address // 4096)]


def test_a_function_may_be_imported_twice(host: Host) -> None:
    """Go's linker does it."""
    module = guest(
        LOG,
        LOG.replace("$log", "$again"),
        '(data (i32.const 64) "ab")',
        '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
        "  (drop (call $log (i32.const 2) (i32.const 64) (i32.const 1)))",
        "  (call $again (i32.const 2) (i32.const 65) (i32.const 1)))",
    )
    assert Request(Chain([load(host, module)])).said == ["a", "b"]
