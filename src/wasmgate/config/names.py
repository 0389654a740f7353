"""Names in gateway.yaml, and what to say of one that is of another form."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from wasmgate._native import TOKEN_MARKS

__all__ = ["FORMS", "VARIABLE", "FieldName", "MetricPattern", "Name", "Text", "Variable"]

_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"
_FIELD = f"^[{TOKEN_MARKS}0-9A-Za-z-]+$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
_METRIC = r"^[^*]+[*]?$|^[*]$"

FORMS = {
    _NAME: (
        "a name has at most 64 letters, digits, '_', '.' and '-'",
        "write a name such as orders or rate-limit",
    ),
    _FIELD: ("must be the name of a header, such as x-user", "write the name alone, without ':'"),
    VARIABLE: (
        "must be the name of an environment variable: letters, digits and '_'",
        "write the name alone, without '$' and without a value: API_KEY",
    ),
    _METRIC: (
        "must be the name of a metric, or the beginning of names and a '*'",
        "write '*' at the end only, such as own_*",
    ),
}
"""What to say of a text that does not match a pattern, and what to write instead."""

Name = Annotated[str, StringConstraints(pattern=_NAME)]
"""A policy or a cluster."""

FieldName = Annotated[str, StringConstraints(pattern=_FIELD)]
"""A header (RFC 9110 section 5.1)."""

Variable = Annotated[str, StringConstraints(pattern=VARIABLE)]
"""An environment variable."""

MetricPattern = Annotated[str, StringConstraints(pattern=_METRIC)]
"""A metric, or a prefix that ends in '*'."""

Text = Annotated[str, StringConstraints(min_length=1)]
"""Any name."""
