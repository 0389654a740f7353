"""One exchange with a probe in it, in which every phase comes about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate import _native
from wasmgate.conformance.phases import FOREIGN_FUNCTION, UPSTREAM
from wasmgate.conformance.probes import probe, status_in
from wasmgate.conformance.statuses import Status
from wasmgate.errors import PolicyLoadError
from wasmgate.policy.capabilities import Capabilities
from wasmgate.policy.limits import Limits

if TYPE_CHECKING:
    from wasmgate._native import Callout, Chain, Effects, Host
    from wasmgate.conformance.cases import Case
    from wasmgate.conformance.phases import Phase

__all__ = ["reported"]

_CLOCK = 1_700_000_000 * 10**9
_TRAILERS = [(b"x-trailer", b"1")]
_OK = [(b":status", b"200"), (b"x-answer", b"1")]


def reported(case: Case, phase: Phase) -> Status | None:
    """Return the status that a case gives in a phase; None when the guest is stopped for it."""
    host = _native.Host(
        clock=_CLOCK, log_level=2, asynchronous_functions=[FOREIGN_FUNCTION.decode()]
    )
    try:
        plugin = _plugin(host, probe(phase, case.calls))
    except PolicyLoadError:
        return None  # stopped while it started
    exchange = _Exchange(host, _native.Chain([plugin]))
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


class _Exchange:
    def __init__(self, host: Host, chain: Chain) -> None:
        self._host = host
        self._chain = chain
        self.said: list[str] = []
        self._answered = False  # what brings the phase about comes first; a probe's own call waits

    def run(self) -> None:
        """Send a request with body and trailers, answer what is asked, respond, and end."""
        headers = [(b"host", b"probe"), (b"x-old", b"1"), (b"transfer-encoding", b"chunked")]
        stream, effects, _ = self._chain.open(
            ("192.0.2.1", 1), ("192.0.2.2", 80), "http", "1.1", "POST", b"/", headers
        )
        self._note(effects)
        self._note(stream.on_request_body(b"request", False))  # noqa: FBT003 (positional only)
        self._note(stream.on_request_trailers(_TRAILERS))
        self._host.advance(1)
        self._note(self._chain.tick()[1])
        self._note(stream.on_response_headers(200, [(b"x-answer", b"1")], False))  # noqa: FBT003
        self._note(stream.on_response_body(b"response", False))  # noqa: FBT003
        self._note(stream.on_response_trailers(_TRAILERS))
        self._note(stream.close())
        self._note(self._chain.tick()[1])

    def _note(self, effects: Effects | None) -> None:
        if effects is None:
            return
        self.said += [message for _, _, message in effects.logs]
        for callout in effects.callouts:
            if not self._answered:
                self._answered = True
                self._answer(callout)

    def _answer(self, callout: Callout) -> None:
        number = callout.id
        match callout.kind:
            case "http":
                self._note(_native.deliver_http(number, _OK, b"answer", _TRAILERS))
            case "grpc_stream":
                self._note(_native.deliver_grpc_metadata(number, _TRAILERS))
                self._note(_native.deliver_grpc_message(number, b"message"))
                self._note(_native.deliver_grpc_trailers(number, _TRAILERS))
                self._note(_native.deliver_grpc_close(number, 0, ""))
            case "foreign":
                self._note(_native.deliver_foreign(number, callout.body))
