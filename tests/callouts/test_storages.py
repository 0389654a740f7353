"""Where shared limits count: what is refused before a request needs it."""

from __future__ import annotations

import importlib.machinery
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.callouts.places import Setting, middleware, written
from tests.callouts.storage_servers import FORMS
from tests.native.callout_guests import Texts, caller
from wasmgate import Capabilities, ConfigError, Gateway, GatewayConfig
from wasmgate.callouts import storages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNTS = Capabilities(foreign_functions=("wasmgate.limits.hit",))
PLACES = {"memory": "", "unix": "/run/it.sock", "sentinel": "10.0.0.1:26379/counters"}


def url(form: str) -> str:
    """Return a URL of a form."""
    return f"{form}://{PLACES.get(form.rpartition('+')[2], 'user:open%40sesame@10.0.0.1:7000')}"


@pytest.mark.parametrize("form", ["memory", *FORMS])
def test_what_can_be_used(form: str) -> None:
    """Every form has servers in the tests."""
    assert storages.url_problem(url(form)) == ""


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("mongodb://10.0.0.1", "must begin with memory://, memcached://, redis://"),
        ("async+redis://10.0.0.1", "must begin with "),
        ("memcacheds://10.0.0.1:1", "must begin with "),
        ("redis://[::1", "must be a URL"),
        ("redis://", "must name one host, like redis://10.0.0.1:6379"),
        ("rediss://a:1,b:2", "must name one host, like rediss://"),
        ("valkey://10.0.0.1:many", "must name one host, like valkey://"),
        ("memcached://10.0.0.1", "must name every host with its port, like memcached://"),
        ("redis+cluster://a:1,b", "must name every host with its port, like redis+cluster://"),
        ("redis+sentinel://10.0.0.1:26379/", "must end in the name of the service, like "),
        ("valkey+unix://", "must name a socket, like valkey+unix:///run/it.sock"),
    ],
)
def test_what_cannot_be_used(given: str, problem: str) -> None:
    """The words show how it is written."""
    assert storages.url_problem(given).startswith(problem)


def test_a_host_alone_has_the_usual_port() -> None:
    """As everywhere in URLs of Redis."""
    assert storages.url_problem("redis://localhost/1") == ""


def missing(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Let packages be missing."""

    def find(name: str) -> importlib.machinery.ModuleSpec | None:
        return None if name in packages else importlib.machinery.ModuleSpec(name, None)

    monkeypatch.setattr(storages, "find_spec", find)


@pytest.mark.parametrize(
    ("form", "packages", "named", "extra"),
    [
        ("memory", ["limits"], "limits", "limits"),
        ("redis+sentinel", ["redis"], "redis", "redis"),
        ("valkeys", ["limits", "valkey"], "limits and valkey", "valkey"),
        ("memcached", ["memcachio"], "memcachio", "memcached"),
    ],
)
def test_a_missing_package(
    form: str, packages: list[str], named: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to install, and nothing of the URL but its beginning."""
    missing(monkeypatch, *packages)
    with pytest.raises(ConfigError) as refused:
        storages.require(url(form), [COUNTS], where="limits.storage")
    assert refused.value.diagnostics().splitlines() == [
        f"shared limits in {form}:// need a package that is missing: {named}",
        "  where: limits.storage",
        f"  try:   pip install 'wasmgate[{extra}]'",
    ]


def test_what_nobody_counts_in_needs_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default storage asks nothing of those who have no shared limits."""
    missing(monkeypatch, "limits")
    storages.require("memory://", [Capabilities()], where="limits.storage")


@pytest.mark.parametrize("place", ["middleware", "gateway"])
def test_places_ask_before_they_serve(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in the middle of a request."""
    missing(monkeypatch, "memcachio")
    module = tmp_path / "guest.wasm"
    module.write_bytes(caller(Texts(), "proxy_on_request_headers", ""))
    setting = Setting(module=module, clusters={}, storage="memcached://10.0.0.1:11211")
    config = GatewayConfig.model_validate(written(setting, "http://127.0.0.1:1"))
    serve: dict[str, Callable[[], object]] = {
        "middleware": partial(middleware, setting),
        "gateway": partial(Gateway, config),
    }
    with pytest.raises(ConfigError, match="need a package that is missing: memcachio"):
        serve[place]()


def test_a_middleware_refuses_what_is_no_storage(tmp_path: Path) -> None:
    """The password is not in the words."""
    setting = Setting(module=tmp_path, clusters={}, storage="redis+cluster://:sesame@10.0.0.1")
    with pytest.raises(ConfigError, match="must name every host with its port") as refused:
        middleware(setting)
    assert "sesame" not in refused.value.diagnostics()
