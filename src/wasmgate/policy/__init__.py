"""Policies: what a user says about one, and how it is loaded."""

from wasmgate.policy.policy import Policy
from wasmgate.policy.value import LONGEST_NAME, FailurePolicy, Json

__all__ = ["LONGEST_NAME", "FailurePolicy", "Json", "Policy"]
