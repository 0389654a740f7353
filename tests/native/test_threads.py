"""Threads: an instance and its streams belong to one."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import pytest

from tests.native.chain_request import Request
from tests.native.scripted import callbacks, chain
from wasmgate import WrongThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmgate._native import Host


def elsewhere(work: Callable[[], object]) -> None:
    """Run on another thread, and raise here what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 (raised again)
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


@pytest.mark.parametrize("phase", ["request_body", "response", "resume", "close"])
def test_a_stream_cannot_be_used_on_another_thread(host: Host, phase: str) -> None:
    """WrongThread says what to do."""
    request = Request(chain(host))
    phases = {
        "request_body": lambda: request.request_body(b"a"),
        "response": lambda: request.response(200),
        "resume": request.resume,
        "close": request.close,
    }
    with pytest.raises(WrongThread, match="belongs to the thread that opened it"):
        elsewhere(phases[phase])
    assert request.response(200).status == 200


def test_each_thread_has_its_own_instance(host: Host) -> None:
    """It starts at the first request there."""
    policies = chain(host)
    Request(policies).close()
    said: list[str] = []
    elsewhere(lambda: said.extend(callbacks(Request(policies).close())))
    assert said[0] == "context_create 1"


def test_a_stream_that_is_dropped_elsewhere_is_ended_at_home(host: Host) -> None:
    """With the next request of its thread."""
    policies = chain(host)
    requests = [Request(policies)]
    elsewhere(requests.clear)
    assert callbacks(Request(policies))[:3] == ["done 2", "log 2", "delete 2"]


def test_a_stream_can_outlive_its_thread(host: Host) -> None:
    """Its instance has gone; dropping it is quiet."""
    policies = chain(host)
    requests: list[Request] = []
    elsewhere(lambda: requests.append(Request(policies)))
    with pytest.raises(WrongThread):
        requests[0].close()
    requests.clear()
    gc.collect()
    assert Request(policies).passed


def test_many_threads_serve_at_once(host: Host) -> None:
    """Nothing of one request is seen in another."""
    policies = chain(host, "request_headers: set_property who me", "response_headers: property who")
    failures: list[str] = []

    def serve() -> None:
        for number in range(50):
            request = Request(policies, target=b"/%d" % number)
            request.response(200).response_body(b"x", end=True).close()
            if "response_headers: property who = me" not in request.said:
                failures.append("\n".join(request.said))

    threads = [threading.Thread(target=serve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
