"""Callouts: what policies ask of others, performed on the event loop of their streams."""

from wasmgate.callouts.limits import CalloutLimits
from wasmgate.callouts.performer import Callouts, Settings
from wasmgate.callouts.targets import Cluster, fixed

__all__ = [
    "CalloutLimits",
    "Callouts",
    "Cluster",
    "Settings",
    "fixed",
]
