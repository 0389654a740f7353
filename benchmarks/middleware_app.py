"""The third form: `PolicyMiddleware` with the policies around a `Gateway` whose route has none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from work import chain

from wasmgate import PolicyMiddleware
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from wasmgate._asgi import ASGIApp


def create_app() -> ASGIApp:
    """Make the app: $WASMGATE_CONFIG is the gateway's configuration, $KEY the issuer's key."""
    gateway = Gateway.from_file(os.environ["WASMGATE_CONFIG"])
    key = Path(os.environ["KEY"]).read_text("utf-8")
    return PolicyMiddleware(gateway, policies=chain(key))
