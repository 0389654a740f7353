"""The fixture of the plugin, also where wasmgate is not installed but on the path."""

from wasmgate.testing.plugin import policy_host

__all__ = ["policy_host"]
