"""One exchange through a probe that reaches every phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate import _native
from wasmgate.callouts.delivery import Answer, deliver
from wasmgate.conformance.phases import FOREIGN_FUNCTION, UPSTREAM
from wasmgate.conformance.probes import probe, status_in
from wasmgate.conformance.statuses import Status
from wasmgate.errors import PolicyLoadError
from wasmgate.policy.capabilities import Capabilities
from wasmgate.policy.limits import Limits
from wasmgate.simulation.exchange import SimulatedExchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmgate._native import Callout, Chain, Effects, Host
    from wasmgate.conformance.cases import Case
    from wasmgate.conformance.phases import Phase

__all__ = ["reported"]

_CLOCK = 1_700_000_000 * 10**9
_TRAILERS = [(b"x-trailer", b"1")]
_ANSWER = Answer(headers=[(b"x-answer", b"1")], body=b"answer", trailers=_TRAILERS)


def reported(case: Case, phase: Phase) -> Status | None:
    """Return the status of a case in a phase; None if the call traps."""
    host = _native.Host(
        clock=_CLOCK, log_level=2, asynchronous_functions=[FOREIGN_FUNCTION.decode()]
    )
    try:
        plugin = _plugin(host, probe(phase, case.calls))
    except PolicyLoadError:
        return None  # trapped while it started
    exchange = _ProbedRequest(host, _native.Chain([plugin]))
    exchange.run()
    statuses = [status for line in exchange.said if (status := status_in(line)) is not None]
    return Status(statuses[0]) if statuses else None


def _plugin(host: Host, module: bytes) -> _native.Plugin:
    limits = Limits()
    return _native.Plugin(
        host,
        name="probe",
        module=_native.Module(host, module, policy="probe", memory=limits.memory),
        root_id="",
        configuration=b"configuration",
        vm_configuration=b"",
        limits=limits,
        environment={},
        fail_open=True,
        strip_request_headers=[],
        capabilities=Capabilities(
            net=(UPSTREAM.decode(),),
            foreign_functions=(FOREIGN_FUNCTION.decode(),),
            metrics=("*",),
        ),
    )


class _ProbedRequest:
    def __init__(self, host: Host, chain: Chain) -> None:
        self._host = host
        self._chain = chain
        self.said: list[str] = []
        self._answered = False  # only the first callout is answered: it reaches the phase

    def run(self) -> None:
        """Send a request with body and trailers, answer the callout, respond, and end."""
        headers = [(b"host", b"probe"), (b"x-old", b"1"), (b"transfer-encoding", b"chunked")]
        stream, effects, _ = self._chain.open(
            ("192.0.2.1", 1), ("192.0.2.2", 80), "http", "1.1", "POST", b"/", headers
        )
        exchange = SimulatedExchange(stream, head=lambda _: None, note=self._note)
        exchange.begin(effects, body_follows=True)
        exchange.send(b"request", end=False)
        exchange.send_trailers(_TRAILERS)
        self._host.advance(1)
        self._note(self._chain.tick()[1])
        exchange.receive_head(200, [(b"x-answer", b"1")], end=False)
        exchange.receive(b"response", end=False)
        exchange.receive_trailers(_TRAILERS)
        exchange.close()
        self._note(self._chain.tick()[1])

    def _note(self, effects: Effects) -> None:
        self.said += [message for _, _, message in effects.logs]
        for callout in effects.callouts:
            if not self._answered:
                self._answered = True
                for answered in _answers(callout):
                    if answered is not None:
                        self._note(answered)


def _answers(callout: Callout) -> Iterator[Effects | None]:
    match callout.kind:
        case "http":
            yield deliver(callout, _ANSWER)
        case "grpc_stream":
            yield _native.deliver_grpc_metadata(callout.id, _TRAILERS)
            yield deliver(callout, Answer(body=b"message"))
            yield _native.deliver_grpc_trailers(callout.id, _TRAILERS)
            yield _native.deliver_close(callout.id, 0, "")
        case "foreign":
            yield deliver(callout, Answer(body=callout.body))
