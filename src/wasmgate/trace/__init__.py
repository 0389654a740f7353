"""Traces of one request through policies without a server, recorded and replayed."""

from wasmgate.trace.messages import Request, Response
from wasmgate.trace.proposal import proposal
from wasmgate.trace.recording import Recording, Source
from wasmgate.trace.runner import Inputs, Outcome, run

__all__ = ["Inputs", "Outcome", "Recording", "Request", "Response", "Source", "proposal", "run"]
