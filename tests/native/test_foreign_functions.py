"""Foreign functions of the application, called in a policy's callback."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.native.chain_request import Request
from tests.native.scripted import outcomes, scripted
from tests.native.test_exchange import begin, router
from wasmgate._native import Chain, Exchange, Host, built_in_functions
from wasmgate.errors import WrongThread

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmgate._native import Stream

LONGEST = 1 << 20


@pytest.fixture
def host_with(artifacts: Path) -> Callable[..., Host]:
    """Make a host that has `acme.it`."""

    def make(function: Callable[[bytes], bytes]) -> Host:
        return Host(cache=str(artifacts), log_level=0, foreign_functions={"acme.it": function})

    return make


def chain(host: Host, *program: str) -> Chain:
    """Make a chain of a policy that may call `acme.it`."""
    return Chain([scripted(host, *program, foreign_functions=("acme.it",))])


def called(host: Host) -> Request:
    """Let a policy call `acme.it` on a request."""
    return Request(chain(host, "request_headers: foreign acme.it 6869"))


def test_a_function_gets_the_arguments_and_gives_the_result(
    host_with: Callable[..., Host],
) -> None:
    """As bytes, within the callback."""
    assert outcomes(called(host_with(bytes.upper))) == ["foreign acme.it 6869 = HI"]


def test_a_function_is_called_by_whom_it_was_allowed_to(host_with: Callable[..., Host]) -> None:
    """To others it is not there; the log and the table of denials say why."""
    host = host_with(bytes.upper)
    request = Request(Chain([scripted(host, "request_headers: foreign acme.it 6869")]))
    assert outcomes(request) == ["foreign acme.it 6869 = NotFound"]
    told = "PermissionDenied: policy 'guest' may not call 'acme.it' (capability foreign_functions)"
    assert told in request.said
    assert host.denials() == [("guest", "foreign_functions", "acme.it", 1)]


def test_a_function_that_raises_is_an_internal_failure(host_with: Callable[..., Host]) -> None:
    """The policy's log has the type, and nothing of the text."""

    def broken(arguments: bytes) -> bytes:
        raise LookupError(arguments)

    request = called(host_with(broken))
    assert outcomes(request) == ["foreign acme.it 6869 = InternalFailure"]
    assert "the foreign function `acme.it` raised LookupError" in request.said


def test_a_result_is_bytes(host_with: Callable[..., Host]) -> None:
    """Text is not guessed to be UTF-8."""
    request = called(host_with(bytes.decode))
    assert outcomes(request) == ["foreign acme.it 6869 = InternalFailure"]
    assert "the foreign function `acme.it` answered str, not bytes" in request.said


@pytest.mark.parametrize(("length", "passed"), [(LONGEST, True), (LONGEST + 1, False)])
def test_a_result_is_bounded(host_with: Callable[..., Host], length: int, passed: bool) -> None:  # noqa: FBT001 (a case)
    """To 1 MiB; the log says how long it was."""
    request = called(host_with(lambda _: b"x" * length))
    told = f"the foreign function `acme.it` answered {length} bytes, more than {LONGEST}"
    assert (told not in request.said) == passed


def test_no_other_stream_moves_while_a_function_runs(host_with: Callable[..., Host]) -> None:
    """The policy's instance is in a callback: another one would meet it half way."""
    told: list[str] = []
    others: list[Stream] = []

    def nested(arguments: bytes) -> bytes:
        with pytest.raises(RuntimeError) as raised:
            others[0].on_response_headers(200, [], end=True)
        told.append(str(raised.value))
        return arguments

    host = host_with(nested)
    policies = chain(host, "response_headers: foreign acme.it 6869")
    others.append(Request(policies).stream)
    assert outcomes(Request(policies).response(200)) == ["foreign acme.it 6869 = hi"]
    assert told == [
        "a foreign function runs on this thread, and no stream can move before it has answered"
    ]


STEPS: dict[str, Callable[[Exchange], object]] = {
    "on_request_body": lambda other: other.on_request_body(b"", end=True),
    "on_request_trailers": lambda other: other.on_request_trailers([]),
    "on_response_headers": lambda other: other.on_response_headers(200, [], end=True),
    "failed": lambda other: other.failed("timeout"),
    "respond": lambda other: other.respond(200, [], b""),
    "resume": Exchange.resume,
    "close": Exchange.close,
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_no_exchange_moves_while_a_function_runs(
    host_with: Callable[..., Host], step: Callable[[Exchange], object]
) -> None:
    """Afterwards it goes on as if nothing was."""
    other = begin(router())[0]
    told: list[str] = []

    def nested(arguments: bytes) -> bytes:
        with pytest.raises(RuntimeError, match="a foreign function runs on this thread"):
            step(other)
        told.append("raised")
        return arguments

    called(host_with(nested))
    effects = other.on_response_headers(200, [], end=True)
    assert told == ["raised"]
    assert effects is not None
    assert effects.response_head is not None


def test_no_chain_starts_while_a_function_runs(host_with: Callable[..., Host]) -> None:
    """It is not said to have started."""
    others: list[Chain] = []
    told: list[str] = []

    def nested(arguments: bytes) -> bytes:
        with pytest.raises(RuntimeError, match="a foreign function runs on this thread"):
            others[0].start()
        told.append("raised")
        return arguments

    host = host_with(nested)
    others.append(chain(host))
    called(host)
    assert told == ["raised"]


def test_an_exchange_moves_on_the_thread_that_opened_it() -> None:
    """What comes on another is not lost in silence."""
    other = begin(router())[0]
    with ThreadPoolExecutor(1) as pool, pytest.raises(WrongThread):
        pool.submit(other.on_response_headers, 204, [], end=True).result()


def test_a_stream_that_a_function_drops_ends_afterwards(host_with: Callable[..., Host]) -> None:
    """Garbage is collected at any time, also within a function."""
    dropped: list[Request] = []

    def dropping(arguments: bytes) -> bytes:
        dropped.clear()
        return arguments

    policies = chain(
        host_with(dropping), "request_headers: foreign acme.it 6869", "done: log info ended"
    )
    dropped.append(Request(policies))
    assert outcomes(Request(policies)) == ["foreign acme.it 6869 = hi"]
    following = Request(Chain([]))
    assert [text for text in following.said if "ended" in text] != []


def test_the_hosts_own_functions_stay_its_own() -> None:
    """Callers of `verify_signature` can rely on it."""
    for name in built_in_functions():
        with pytest.raises(ValueError, match=f"`{name}` is the host's own function"):
            Host(foreign_functions={name: bytes.upper})
