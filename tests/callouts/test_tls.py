"""Callouts over TLS to clusters with a private certificate authority, which the process trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.callouts.places import PLACES, Setting, place
from tests.callouts.test_places import REQUEST, asking, told, welcomes
from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import ask
from tests.gateway.test_tls import certificate
from tests.gateway.test_tls import serving as tls
from tests.native.callout_guests import Texts, caller

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.parametrize("name", PLACES)


@pytest.mark.parametrize("trusted", [True, False])
async def test_http(
    name: str,
    trusted: bool,  # noqa: FBT001 (a parameter of the test)
    tmp_path: Path,
    said: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer of a service whose authority is trusted; nothing of any other."""
    pem = certificate(tmp_path, "127.0.0.1")
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    async with ScriptedUpstream(welcomes, tls=tls(pem)) as auth:
        module = asking(tmp_path, "auth")
        setting = Setting(module=module, clusters={"auth": auth.url}, net=("auth",))
        async with place(name, setting, tmp_path) as port:
            assert (await ask(port)).status == 200
        assert len(auth.requests) == trusted
    line = "buffer 4 0 welcome" if trusted else "certificate verify failed"
    assert line in told(name, tmp_path, said)


@pytest.mark.parametrize("trusted", [True, False])
async def test_grpc(
    name: str,
    trusted: bool,  # noqa: FBT001 (a parameter of the test)
    tmp_path: Path,
    said: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same; the failure has status 14."""
    pytest.importorskip("grpc", reason="grpcio is not installed")
    from tests.callouts.test_grpc import serving  # noqa: PLC0415 (needs grpcio)

    pem = certificate(tmp_path, "127.0.0.1")
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    texts = Texts()
    async with serving(pem.read_bytes()) as (_, where):
        module = tmp_path / "guest.wasm"
        module.write_bytes(caller(texts, REQUEST, texts.grpc_call()))
        setting = Setting(module=module, clusters={"auth": where.endpoint}, net=("auth",))
        async with place(name, setting, tmp_path) as port:
            assert (await ask(port)).status == 200
    line = "buffer 5 0 egassem" if trusted else "grpc_close 14"
    assert line in told(name, tmp_path, said)
