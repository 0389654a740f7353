"""VMs that policies share, and VMs of tenants, over the border."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import wasmtime

from wasmgate import ConfigError, Isolation, Policy, PolicyLoadError, Tenants
from wasmgate._native import Chain, Host

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate._native import Effects, Stream

# Answers every request 200 with the number of requests that its memory has seen; a configuration
# that begins with "n" is refused.
COUNTER = """(module
  (import "env" "proxy_send_local_response"
    (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes"
    (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $requests (mut i32) (i32.const 48))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (if (i32.eqz (local.get 1)) (then (return (i32.const 1))))
    (drop (call $buffer (i32.const 7) (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 4)))
    (i32.ne (i32.load8_u (i32.load (i32.const 0))) (i32.const 110)))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (global.set $requests (i32.add (global.get $requests) (i32.const 1)))
    (i32.store8 (i32.const 8) (global.get $requests))
    (drop (call $respond (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 1)
      (i32.const 0) (i32.const 0) (i32.const -1)))
    (i32.const 1)))"""


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    """Write the guest that counts."""
    path = tmp_path / "counter.wasm"
    path.write_bytes(wasmtime.wat2wasm(COUNTER))
    return path


def ask(chain: Chain, **headers: str) -> bytes | None:
    """Return the answer to one request."""
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    stream, effects, _ = opened(chain, fields)
    assert effects is not None
    stream.close()
    return effects.response_body


def opened(chain: Chain, fields: list[tuple[bytes, bytes]]) -> tuple[Stream, Effects | None, bool]:
    """Open a stream with a request."""
    return chain.open(None, None, "http", "1.1", "GET", b"/", [(b"host", b"a"), *fields])


def test_policies_of_one_vm_id_share_memory(counter: Path) -> None:
    """And a thread has one instance for them."""
    host = Host()
    chains = [
        Chain([Policy(counter, name=name, vm_id="both").load(host)]) for name in ("one", "two")
    ]
    assert [ask(chain) for chain in chains] == [b"1", b"2"]
    assert host.instances() == 1


def test_a_policy_is_alone_without_a_vm_id(counter: Path) -> None:
    """Also beside one of the same module."""
    host = Host()
    chains = [Chain([Policy(counter, name=name).load(host)]) for name in ("one", "two")]
    assert [ask(chain) for chain in chains] == [b"1", b"1"]


def test_another_configuration_shares_the_vm(counter: Path) -> None:
    """A root context of its own, in the same memory."""
    host = Host()
    plugin = Policy(counter).load(host)
    beside = Policy(counter, configuration="yes").join(plugin)
    assert [ask(Chain([plugin])), ask(Chain([beside]))] == [b"1", b"2"]


def test_another_configuration_may_be_refused(counter: Path) -> None:
    """It is a PolicyLoadError, and the plugin goes on."""
    plugin = Policy(counter).load(Host())
    with pytest.raises(PolicyLoadError, match="refused the configuration"):
        Policy(counter, configuration="no").join(plugin)
    assert ask(Chain([plugin])) == b"1"


def test_tenants_share_no_memory(counter: Path) -> None:
    """Each has its own instance."""
    host = Host()
    policy = Policy(counter, isolation=Isolation.TENANT, tenants=Tenants(header="x-tenant"))
    chain = Chain([policy.load(host)])
    found = [ask(chain, x_tenant=tenant) for tenant in ("acme", "other", "acme")]
    assert (found, host.instances()) == ([b"1", b"1", b"2"], 2)


def test_the_host_names_the_tenant_by_default(counter: Path) -> None:
    """Without case and port."""
    chain = Chain([Policy(counter, isolation=Isolation.TENANT).load(Host())])
    answers = []
    for authority in (b"acme", b"ACME:80", b"other"):
        _, effects, _ = chain.open(None, None, "http", "1.1", "GET", b"/", [(b"host", authority)])
        answers.append(effects.response_body if effects else None)
    assert answers == [b"1", b"2", b"1"]


def test_idle_tenants_go(counter: Path) -> None:
    """By the clock of the host, at the next tick."""
    host = Host(clock=0)
    tenants = Tenants(header="x-tenant", idle=60.0)
    chain = Chain([Policy(counter, isolation=Isolation.TENANT, tenants=tenants).load(host)])
    ask(chain, x_tenant="acme")
    assert chain.tick()[0] == 60.0
    host.advance(60.0)
    assert (chain.tick()[0], host.instances()) == (None, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"isolation": "thread"}, "isolation must be 'policy' or 'tenant'"),
        ({"tenants": Tenants()}, "tenants needs isolation: tenant"),
        ({"isolation": "tenant", "vm_id": "a"}, "vm_id lets policies share a VM"),
    ],
)
def test_what_contradicts_itself_is_refused(arguments: dict[str, object], message: str) -> None:
    """When the policy is described, not when it is loaded."""
    with pytest.raises(ConfigError, match=message):
        Policy("rewrite", **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments",
    [{"header": "a", "property": "b"}, {"max": 0}, {"idle": 0.0}, {"idle": "5m"}, {"max": None}],
)
def test_tenants_that_cannot_be_are_refused(arguments: dict[str, object]) -> None:
    """Two names, no room, no time, and units, which are for gateway.yaml."""
    with pytest.raises(ConfigError, match="tenants"):
        Tenants(**arguments)  # type: ignore[arg-type]
