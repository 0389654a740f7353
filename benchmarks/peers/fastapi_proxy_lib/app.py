"""fastapi-proxy-lib as its documentation has it, with the policies of `python_stack` around it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from fastapi_proxy_lib.fastapi.app import reverse_http_app
from python_stack import PythonStack

if TYPE_CHECKING:
    from fastapi import FastAPI


def create_app() -> FastAPI:
    """Make the app: $UPSTREAM is where requests go, $KEY the issuer's key or nothing."""
    # httpx keeps twenty idle connections by default: too few for the load.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=1024)
    client = httpx.AsyncClient(limits=limits, trust_env=False)
    app = reverse_http_app(client, base_url=f"http://{os.environ['UPSTREAM']}/")
    if key := os.environ["KEY"]:
        app.add_middleware(PythonStack, public_pem=Path(key).read_text("utf-8"))
    return app
