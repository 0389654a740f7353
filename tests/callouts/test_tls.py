"""Callouts over TLS to clusters with a private certificate authority, which the process trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.callouts.grpc_service import serving
from tests.callouts.places import PLACES, REQUEST, Setting, asking, place, told, welcomes
from tests.gateway.certificates import certificate
from tests.gateway.certificates import serving as tls
from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import ask
from tests.native.callout_guests import Texts, caller

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.parametrize("name", PLACES)


class Service(NamedTuple):
    """What a service shows, and whether this process trusts it."""

    pem: Path
    trusted: bool


@pytest.fixture(params=[True, False], ids=["trusted", "strange"])
def service(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Service:
    """Make the certificate of a service."""
    pem = certificate(tmp_path, "127.0.0.1")
    if request.param:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    return Service(pem, trusted=request.param)


async def test_http(
    name: str, service: Service, tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """The answer of a service whose authority is trusted; nothing of any other."""
    async with ScriptedUpstream(welcomes, tls=tls(service.pem)) as auth:
        module = asking(tmp_path, "auth")
        setting = Setting(module=module, clusters={"auth": auth.url}, net=("auth",))
        async with place(name, setting, tmp_path) as port:
            assert (await ask(port)).status == 200
        assert len(auth.requests) == service.trusted
    line = "buffer 4 0 welcome" if service.trusted else "its certificate is not trusted"
    assert line in told(name, tmp_path, said)


async def test_grpc(
    name: str, service: Service, tmp_path: Path, said: Callable[[], list[str]]
) -> None:
    """The same; the failure has status 14."""
    texts = Texts()
    async with serving(service.pem.read_bytes()) as (_, where):
        module = tmp_path / "guest.wasm"
        module.write_bytes(caller(texts, REQUEST, texts.grpc_call()))
        setting = Setting(module=module, clusters={"auth": where.endpoint}, net=("auth",))
        async with place(name, setting, tmp_path) as port:
            assert (await ask(port)).status == 200
    line = "buffer 5 0 egassem" if service.trusted else "grpc_close 14"
    assert line in told(name, tmp_path, said)
