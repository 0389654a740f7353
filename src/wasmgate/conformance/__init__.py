"""Probes of a proxy-wasm host: every hostcall in every callback."""
