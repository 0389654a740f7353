"""The base class of the models of gateway.yaml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Model"]


class Model(BaseModel):
    """A frozen model in which an unknown key is an error; errors do not repeat values.

    A start of the gateway does not need the docstrings of fields, and pydantic would parse the
    source for them: `wasmgate.config.schema` reads them. Only `GatewayConfig` is validated, so the
    validators of the models below are built once, as parts of its own.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True
    )
