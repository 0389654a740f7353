"""Shared queues, and the callback that says that a value has come."""

from __future__ import annotations

from tests.native.chain_request import Request
from tests.native.scripted import asked, callbacks, chain, outcomes, scripted
from wasmgate._native import Chain, Host


def test_values_come_out_in_order(host: Host) -> None:
    """First in, first out; an empty queue is EMPTY, the SDK's None."""
    got = asked(
        host, "register q", "enqueue 1 a", "enqueue 1 b", "dequeue 1", "dequeue 1", "dequeue 1"
    )
    assert got == ["1", "Ok", "Ok", "a", "b", "None"]


def test_registering_again_opens_the_queue(host: Host) -> None:
    """The same id."""
    assert asked(host, "register q", "register q", "register r") == ["1", "1", "2"]


def test_a_queue_is_found_by_policy_and_name(host: Host) -> None:
    """An empty `vm_id` is the policy's own; absent is NOT_FOUND, the SDK's None."""
    got = asked(host, "register q", "resolve guest q", "resolve  q", "resolve guest r")
    assert got == ["1", "1", "1", "None"]


def test_a_queue_that_is_not_there_is_not_found(host: Host) -> None:
    """By its id."""
    assert asked(host, "enqueue 7 a", "dequeue 7") == ["NotFound", "NotFound"]


def test_the_policy_that_registered_it_is_told(host: Host) -> None:
    """After the callback that queued, in its root context."""
    policies = chain(
        host,
        "configure: register q",
        "request_headers: enqueue 1 a",
        "queue_ready: dequeue 1",
    )
    request = Request(policies)
    order = [text for text in request.said if "queue" in text and "enqueue" not in text]
    assert order == ["queue_ready 1 1", "queue_ready: dequeue 1 = a"]
    assert callbacks(request)[-1] == "queue_ready 1 1"


def test_one_policy_queues_for_another(host: Host) -> None:
    """By the other's name."""
    consumer = scripted(host, "configure: register q", "queue_ready: dequeue 1", name="consumer")
    producer = scripted(
        host,
        "request_headers: resolve consumer q",
        "request_headers: enqueue 1 a",
        name="producer",
        shared_data=("consumer",),
    )
    request = Request(Chain([consumer, producer]))
    assert ("consumer", 2, "queue_ready: dequeue 1 = a") in request.records
    assert outcomes(request)[-1] == "dequeue 1 = a"


def test_a_value_that_is_queued_while_it_is_told_comes_with_the_next_step(host: Host) -> None:
    """Two policies cannot play ping-pong within one step."""
    policies = chain(
        host,
        "configure: register q",
        "request_headers: enqueue 1 a",
        "queue_ready: dequeue 1",
        "queue_ready: enqueue 1 b",
    )
    request = Request(policies)
    assert [text for text in callbacks(request) if "queue_ready" in text] == ["queue_ready 1 1"]
    request.response(200)
    assert callbacks(request).count("queue_ready 1 1") == 2


def test_a_stream_that_is_let_go_by_a_queue_goes_on_in_the_same_step(host: Host) -> None:
    """The policy pauses, queues, and is told."""
    policies = chain(
        host,
        "configure: register q",
        "request_headers: enqueue 1 a",
        "request_headers: pause",
        "queue_ready: all resume request",
    )
    assert Request(policies).passed


def test_a_policy_that_is_gone_is_not_told(host: Host) -> None:
    """And nothing is left of its instance."""
    consumer = scripted(host, "configure: register q", name="consumer")
    Request(Chain([consumer])).close()
    del consumer
    producer = chain(
        host, "request_headers: enqueue 1 a", name="producer", shared_data=("consumer",)
    )
    request = Request(producer)
    assert outcomes(request) == ["enqueue 1 a = Ok"]
    assert "queue_ready" not in "".join(request.said)


def test_a_queue_of_another_needs_the_capability(host: Host) -> None:
    """As if it were not there, also for a number that was guessed."""
    consumer = scripted(host, "configure: register q", name="consumer")
    operations = ("resolve consumer q", "enqueue 1 a", "dequeue 1")
    program = [f"request_headers: {operation}" for operation in operations]
    request = Request(Chain([consumer, scripted(host, *program, name="producer")]))
    got = [text for policy, _, text in request.records if policy == "producer" and " = " in text]
    answers = [text.rsplit(" = ", 1)[1] for text in got]
    assert answers == ["None", "NotFound", "NotFound"]
    line = "PermissionDenied: policy 'producer' may not open 'consumer' (capability shared_data)"
    assert ("producer", 3, line) in request.records
    assert host.denials() == [("producer", "shared_data", "consumer", 3)]
