"""Requests through policies without a server: for traces, tests and the conformance matrix."""
