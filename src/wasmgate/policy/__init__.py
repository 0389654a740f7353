"""Policies: their settings, and how they are loaded."""

from wasmgate.policy.policy import Policy
from wasmgate.policy.value import LONGEST_NAME, FailurePolicy, Json

__all__ = ["LONGEST_NAME", "FailurePolicy", "Json", "Policy"]
