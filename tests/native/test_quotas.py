"""What one policy or tenant uses up, others still have."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import wasm, written
from wasmgate._native import Chain, Host

OK, BAD_ARGUMENT, INTERNAL_FAILURE = 0, 2, 10

REGISTER = """(import "env" "proxy_register_shared_queue"
  (func $register (param i32 i32 i32) (result i32)))"""
USES = {
    "queues": (
        REGISTER,
        "(call $register (i32.const 0) (i32.const 4) (i32.const 8))",
        INTERNAL_FAILURE,
    ),
    "queued bytes": (
        f"""{REGISTER} (import "env" "proxy_enqueue_shared_queue"
          (func $enqueue (param i32 i32 i32) (result i32)))""",
        """(drop (call $register (i32.const 32) (i32.const 4) (i32.const 8)))
        (call $enqueue (i32.load (i32.const 8)) (i32.const 0) (i32.const 1000000))""",
        INTERNAL_FAILURE,
    ),
    "metrics": (
        """(import "env" "proxy_define_metric"
          (func $define (param i32 i32 i32 i32) (result i32)))""",
        "(call $define (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 8))",
        BAD_ARGUMENT,
    ),
    "shared data": (
        """(import "env" "proxy_set_shared_data"
          (func $set (param i32 i32 i32 i32 i32) (result i32)))""",
        """(call $set
          (i32.const 0) (i32.const 4) (i32.const 64) (i32.const 1000000) (i32.const 0))""",
        INTERNAL_FAILURE,
    ),
}
"""Imports, one use of the resource under a new name (four bytes at 0), and how it is refused."""

# With a sixth field a request takes all there is; it answers 200 and the status of one more use.
GUEST = """(module
  {imports}
  (import "env" "proxy_send_local_response"
    (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 32)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 512))
  (func $use (param $name i32) (result i32)
    (i32.store (i32.const 0) (local.get $name)) {use})
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $i i32)
    (i32.store (i32.const 32) (i32.const 0x71717171))
    (if (i32.ge_u (local.get 1) (i32.const 6)) (then
      (block $full (loop $more
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $full (call $use (i32.add (i32.const 0x61616161) (local.get $i))))
        (br_if $more (i32.lt_u (local.get $i) (i32.const 5000)))))))
    (drop (call $respond (i32.add (i32.const 200) (call $use (i32.const 0x7a7a7a7a)))
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const -1)))
    (i32.const 1)))"""


@pytest.fixture(params=USES)
def resource(request: pytest.FixtureRequest) -> str:
    """Name what is used up."""
    name: str = request.param
    return name


@pytest.fixture
def module(resource: str) -> bytes:
    """Make the guest that uses it up."""
    imports, use, _ = USES[resource]
    return wasm(GUEST.format(imports=imports, use=use))


def asked(chain: Chain, tenant: str = "", *, greedy: bool = False) -> int:
    """Return the status of one more use, after all others in a greedy request."""
    fields = [(b"host", b"a"), (b"x-tenant", tenant.encode())]
    request = Request(chain, headers=[*fields, (b"x-evil", b"1")] if greedy else fields)
    request.close()
    assert request.status is not None, request.records
    return request.status - 200


def tenants(host: Host, module: bytes, idle: float = 300.0) -> Chain:
    """Load the guest for tenants that a header names."""
    named: tuple[Literal["header"], str, int, float] = ("header", "x-tenant", 8, idle)
    plugin = load(host, module, fuel=10**10, metrics=("*",), tenants=named)
    return Chain([plugin])


def test_a_tenant_takes_nothing_from_another(host: Host, module: bytes, resource: str) -> None:
    """Each has what it would have alone."""
    chain = tenants(host, module)
    refused = USES[resource][2]
    got = [asked(chain, tenant, greedy=True) for tenant in "abc"]
    assert (got, asked(chain, "d")) == ([refused] * 3, OK)


def test_a_module_of_others_takes_no_queues_from_other_tenants(host: Host) -> None:
    """Those that were there before, and those that come."""
    chain = tenants(host, written("queues_of_other_tenants"))
    before = asked(chain, "b")
    greedy = asked(chain, "a", greedy=True)
    assert (before, greedy, asked(chain, "a")) == (OK, INTERNAL_FAILURE, INTERNAL_FAILURE)
    assert [asked(chain, tenant) for tenant in "bcd"] == [OK] * 3


def test_a_policy_takes_nothing_from_another(host: Host, module: bytes, resource: str) -> None:
    """Each has what it would have alone."""

    def policy(name: str) -> Chain:
        return Chain([load(host, module, name=name, fuel=10**10, metrics=("*",))])

    refused = USES[resource][2]
    chains = [policy(name) for name in "abc"]
    got = [asked(chain, greedy=True) for chain in chains]
    assert (got, asked(policy("d"))) == ([refused] * 3, OK)


@pytest.mark.parametrize("resource", [name for name in USES if name != "shared data"])
def test_what_a_tenant_had_is_given_back_when_it_is_gone(module: bytes) -> None:
    """A tenant that returns starts with nothing, and so do later tenants.

    Shared data outlives the VM on purpose: `rust/host/src/services/tenant_data.rs` tests its bound.
    """
    host = Host(log_level=0, clock=0)
    chain = tenants(host, module, idle=1.0)
    for _ in range(3):
        for tenant in "abcdefgh":
            asked(chain, tenant, greedy=True)
        host.advance(2.0)
        chain.tick()
    assert asked(chain, "a") == OK
