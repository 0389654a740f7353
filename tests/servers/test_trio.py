"""Servers on trio: one clear error at the start, and no half-working app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.middleware.apps import echo
from tests.middleware.guests import guest
from tests.servers.conftest import starlette_client
from tests.servers.starting import started
from wasmgate import ConfigError, PolicyMiddleware
from wasmgate.config import GatewayConfig
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate._asgi import ASGIApp

SAYS = "wasmgate runs on asyncio"
SITE = {
    "clusters": {"site": {"endpoints": ["http://site.test"]}},
    "routes": [{"match": {"prefix": "/"}, "cluster": "site"}],
}


@pytest.fixture(params=["middleware", "gateway"])
def app(request: pytest.FixtureRequest) -> ASGIApp:
    """Make an app with policies, and a gateway."""
    if request.param == "gateway":
        return Gateway(GatewayConfig.model_validate(SITE))
    return PolicyMiddleware(echo, policies=[guest()])


def client(app: ASGIApp) -> Any:  # noqa: ANN401 (starlette says which)
    """Make a client whose app runs on trio."""
    return starlette_client()(app, backend="trio")


def test_a_start_on_trio_fails(app: ASGIApp) -> None:
    """With what to use instead."""
    with pytest.raises(ConfigError, match=SAYS) as caught, client(app):
        pass
    assert "hypercorn -k asyncio" in caught.value.hint


def test_a_request_on_trio_fails(app: ASGIApp) -> None:
    """Where the server has no lifespan."""
    with pytest.raises(ConfigError, match=SAYS):
        client(app).get("/")


def test_hypercorn_on_trio_does_not_start(artifacts: Path, tmp_path: Path) -> None:
    """Its log says why."""
    log = tmp_path / "log"
    command = "hypercorn --worker-class trio --bind 127.0.0.1:{port} {app}"
    with started(command, artifacts, log, app="tests.servers.app:outermost") as (_, process):
        process.wait(60)
    assert log.read_text().count(f"{SAYS}, and another library") >= 1
