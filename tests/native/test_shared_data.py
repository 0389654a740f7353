"""Shared data: of one policy, on all threads, with compare-and-swap."""

from __future__ import annotations

import threading

from tests.native.chain_request import Request
from tests.native.scripted import asked, chain, outcomes, scripted
from wasmgate._native import Chain, Host


def test_what_is_not_there_is_none(host: Host) -> None:
    """NOT_FOUND, the SDK's None."""
    assert asked(host, "get_shared key") == ["None None"]


def test_a_value_is_kept_with_a_number(host: Host) -> None:
    """The number is never 0, which stands for any version."""
    assert asked(host, "set_shared key value", "get_shared key") == ["Ok", "value cas"]


def test_a_swap_with_the_right_number_is_stored(host: Host) -> None:
    """No other write came first."""
    got = asked(host, "set_shared key a", "swap_shared key b 0", "get_shared key")
    assert got == ["Ok", "Ok", "b cas"]


def test_a_swap_with_an_older_number_is_refused(host: Host) -> None:
    """CAS_MISMATCH, and the value stays."""
    got = asked(host, "set_shared k a", "set_shared k b", "swap_shared k c 1", "get_shared k")
    assert got == ["Ok", "Ok", "CasMismatch", "b cas"]


def test_a_write_without_a_number_is_unconditional(host: Host) -> None:
    """`cas` 0."""
    assert asked(host, "set_shared k a", "set_shared k b", "get_shared k")[-1] == "b cas"


def test_policies_of_other_names_do_not_see_it(host: Host) -> None:
    """The name is the `vm_id`."""
    writer = scripted(host, "request_headers: set_shared key value", name="writer")
    reader = scripted(host, "request_headers: get_shared key", name="reader")
    request = Request(Chain([writer, reader]))
    assert outcomes(request)[-1] == "get_shared key = None None"


def test_a_policy_that_is_loaded_again_finds_it(host: Host) -> None:
    """A reload keeps counters."""
    Request(chain(host, "request_headers: set_shared key value")).close()
    assert asked(host, "get_shared key") == ["value cas"]


def test_another_host_does_not_see_it(host: Host) -> None:
    """Each application has its own."""
    Request(chain(host, "request_headers: set_shared key value")).close()
    assert asked(Host(log_level=0), "get_shared key") == ["None None"]


def test_other_threads_see_it(host: Host) -> None:
    """Each has its own instance, and all the same data."""
    policies = chain(host, "request_headers: get_shared key", "configure: set_shared key value")
    got: list[str] = []

    def serve() -> None:
        request = Request(policies)
        got.extend(outcomes(request))
        request.close()

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    assert got[-1] == "get_shared key = value cas"
