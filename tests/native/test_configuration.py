"""How a policy gets its configurations, and refuses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native.chain_request import Request
from tests.native.scripted import callbacks, chain, scripted
from wasmgate import PolicyLoadError

if TYPE_CHECKING:
    from wasmgate._native import Host


def test_both_configurations_reach_their_callbacks(host: Host) -> None:
    """The VM's in `vm_start`, the plugin's in `configure`, with their sizes."""
    policies = chain(host, "configure: body vm 0 99", vm_configuration=b"vm_start: body vm 0 99")
    request = Request(policies)
    assert "vm_start: body vm 0 99 = vm_start: body vm 0 99" in request.said
    assert "configure: body vm 0 99 = vm_start: body vm 0 99" in request.said
    assert callbacks(request)[1:3] == ["vm_start 1 22", "configure 1 23"]


def test_a_refused_configuration_says_why(host: Host) -> None:
    """What the policy logged at level warn and above."""
    with pytest.raises(PolicyLoadError) as caught:
        scripted(host, "configure: log error no-such-key", "configure: refuse", name="strict")
    assert str(caught.value) == (
        "policy 'strict': proxy_on_configure refused the configuration; it said: no-such-key"
    )
    assert caught.value.policy == "strict"


def test_a_refused_vm_configuration_is_named_as_such(host: Host) -> None:
    """It is the VM's."""
    with pytest.raises(PolicyLoadError, match="proxy_on_vm_start refused the configuration"):
        scripted(host, vm_configuration=b"vm_start: refuse")


def test_a_panic_at_start_is_a_load_error(host: Host) -> None:
    """With what it said."""
    with pytest.raises(PolicyLoadError, match=r"(?s)trapped in proxy_on_configure: .*half-way"):
        scripted(host, "configure: panic half-way")
