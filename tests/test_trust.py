"""SSL_CERT_FILE and SSL_CERT_DIR: what cannot be used is said at the start."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.gateway.certificates import certificate
from tests.middleware.apps import echo
from tests.middleware.guests import guest
from wasmgate import Capabilities, ConfigError, PolicyMiddleware
from wasmgate.config import GatewayConfig, warnings
from wasmgate.gateway import Gateway
from wasmgate.trust import problem, require

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name a file that is not there."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")


def gateway(endpoint: str, **policies: object) -> GatewayConfig:
    """Describe a gateway before one endpoint."""
    settings: dict[str, object] = {
        "clusters": {"site": {"endpoints": [endpoint]}},
        "routes": [{"match": {"prefix": "/"}, "cluster": "site"}],
        "policies": policies,
        "default_policies": list(policies),
    }
    return GatewayConfig.model_validate(settings)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("none.pem", "cannot be read (No such file or directory)"),
        ("", "cannot be read"),
        (".", "cannot be read (Is a directory)"),
        ("text.pem", "has no certificate in PEM"),
        ("empty.pem", "has no certificate in PEM"),
    ],
)
def test_a_file_that_cannot_be_used(
    file: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is said, with the variable and its value."""
    (tmp_path / "text.pem").write_text("hello")
    (tmp_path / "empty.pem").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", file)
    wrong = problem() or ""
    assert (wrong.startswith(f"SSL_CERT_FILE={file!r} "), said in wrong) == (True, True), wrong


def test_a_folder_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of a list is looked at."""
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path}:{tmp_path / 'none'}")
    assert f"there is no folder '{tmp_path / 'none'}'" in (problem() or "")


def test_what_can_be_used_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with a certificate, a folder that is there, and neither."""
    assert problem() is None
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path, "127.0.0.1")))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert problem() is None


@pytest.mark.usefixtures("wrong")
def test_a_gateway_before_a_tls_endpoint_does_not_start() -> None:
    """It could answer nothing but 502."""
    with pytest.raises(ConfigError, match=r"SSL_CERT_FILE='/nowhere/ca\.pem' cannot be read"):
        Gateway(gateway("https://site.test"))
    Gateway(gateway("http://site.test"))


@pytest.mark.usefixtures("wrong")
def test_a_middleware_with_a_tls_cluster_does_not_start() -> None:
    """Its policies could call nothing."""
    with pytest.raises(ConfigError, match=r"SSL_CERT_FILE='/nowhere/ca\.pem' cannot be read"):
        PolicyMiddleware(echo, policies=[], clusters={"auth": "https://auth.test"})
    PolicyMiddleware(echo, policies=[], clusters={"auth": "http://auth.test"})


@pytest.mark.usefixtures("wrong")
def test_policies_that_may_call_others_start_with_a_warning(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Their calls may be over TLS, or not."""
    monkeypatch.setenv("WASMGATE_CACHE", str(tmp_path))
    said = "over TLS, and none could be trusted: SSL_CERT_FILE='/nowhere/ca.pem' cannot be read"
    with caplog.at_level(logging.WARNING, "wasmgate.policy"):
        PolicyMiddleware(echo, policies=[guest(capabilities=Capabilities(net=("a:443",)))])
        PolicyMiddleware(echo, policies=[guest()])
    assert sum(said in record.getMessage() for record in caplog.records) == 1
    policy = {"module": "own.wasm", "capabilities": {"net": ["a:443"]}}
    told = warnings(gateway("http://site.test", own=policy))
    assert [said in line for line in told] == [True]


@pytest.mark.usefixtures("wrong")
def test_the_scheme_of_an_endpoint_has_no_case() -> None:
    """RFC 3986 section 3.1: HTTPS is https, and TLS needs trusted certificates."""
    require(["http://a.example"], where="clusters")
    with pytest.raises(ConfigError, match=r"HTTPS://a\.example could never be trusted"):
        require(["http://b.example", "HTTPS://a.example"], where="clusters")
