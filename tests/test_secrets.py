"""Secrets in every place where one may be, and none of them in anything that leaves the process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.middleware.apps import echo
from tests.middleware.asgi_server import get
from tests.parrot import parrot
from wasmgate import Capabilities, Policy, PolicyLoadError, PolicyMiddleware
from wasmgate.cli import main
from wasmgate.config import GatewayConfig
from wasmgate.replay import replay
from wasmgate.testing import Fields
from wasmgate.trace import Request, Response

MARKER = "m4rker-0123456789"
SENSITIVE = {
    "authorization": f"Bearer {MARKER}",
    "proxy-authorization": f"Basic {MARKER}",
    "cookie": f"theme=dark; sid={MARKER}",
    "x-api-key": MARKER,
    "x-amz-security-token": MARKER,
}
CONFIGURATION: dict[str, Any] = {
    "realm": "all",
    "keys": {"secret": MARKER},
    "redis": {"password": MARKER},
}
OPEN: dict[str, Any] = {"net": ["auth:80", "redis:6379"], "env": ["PARROT_KEY"]}


@pytest.fixture(autouse=True)
def _parrots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WASMGATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PARROT_KEY", MARKER)
    password = MARKER.encode()
    (tmp_path / "own.wasm").write_bytes(parrot(password))
    (tmp_path / "answers.wasm").write_bytes(parrot(password, answers=True))
    (tmp_path / "refuses.wasm").write_bytes(parrot(password, refuses=True))
    (tmp_path / "own.json").write_text(json.dumps(CONFIGURATION))


def traced(capsys: pytest.CaptureFixture[str], module: str, *options: str) -> str:
    """Return what a trace writes, with secrets in the request, the response and the answers."""
    fields = [f"--header={name}: {value}" for name, value in SENSITIVE.items()]
    capabilities = [f"--capability={key}={value}" for key, its in OPEN.items() for value in its]
    with pytest.raises(SystemExit):
        main(
            [
                "trace",
                module,
                f"--request=GET:/a?access_token={MARKER}&b=1",
                *fields,
                *capabilities,
                f"--response-header=set-cookie: sid={MARKER}; Path=/",
                "--configuration=own.json",
                *options,
            ]
        )
    written = capsys.readouterr()
    return written.out + written.err


@pytest.mark.parametrize("module", ["own.wasm", "answers.wasm", "refuses.wasm"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_trace_has_no_secrets(
    module: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """In every use by the policy; the rest is shown."""
    written = traced(capsys, module, *options)
    assert MARKER not in written
    assert "proxy_on_configure" in written
    assert module == "refuses.wasm" or "b=1" in written


@pytest.mark.parametrize("module", ["own.wasm", "answers.wasm", "refuses.wasm"])
def test_the_secrets_are_there_for_who_asks(
    module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise the other tests would find nothing."""
    assert MARKER in traced(capsys, module, "--secrets")


@pytest.mark.parametrize("module", ["own.wasm", "answers.wasm"])
def test_a_recording_has_no_secrets(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither has what a replay of one says; with --secrets the recording is whole."""
    said = traced(capsys, module, "--record=r.json")
    recorded = Path("r.json").read_text("utf-8")
    assert MARKER not in said + recorded
    assert "its secrets are masked" in said
    assert MARKER not in repr(replay("r.json").differences)
    traced(capsys, module, "--record=whole.json", "--secrets")
    assert replay("whole.json").differences == []
    assert MARKER not in repr(replay("whole.json"))
    other = "own.wasm" if module == "answers.wasm" else "answers.wasm"
    differences = replay("whole.json", module=other).differences
    assert (differences != [], MARKER in repr(differences)) == (True, False)


async def test_log_lines_of_policies_have_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """Of their configuration, their environment and the client."""
    caplog.set_level(0, logger="wasmgate")
    own = Policy("own.wasm", configuration=CONFIGURATION, capabilities=Capabilities(**OPEN))
    app = PolicyMiddleware(echo, policies=[own])
    fields = [(name.encode(), value.encode()) for name, value in SENSITIVE.items()]
    await get(app, headers=[(b"host", b"a"), *fields])
    assert any("theme=dark" in text for text in caplog.messages)
    assert MARKER not in caplog.text


def test_errors_have_no_secrets() -> None:
    """A policy that refuses its configuration may repeat it."""
    own = Policy("refuses.wasm", configuration=CONFIGURATION, capabilities=Capabilities(**OPEN))
    with pytest.raises(PolicyLoadError) as refused:
        PolicyMiddleware(echo, policies=[own])
    assert '"realm":"all","keys":{"secret":"***"}' in str(refused.value)
    assert MARKER not in str(refused.value)


def test_values_show_no_secrets() -> None:
    """`repr` of what holds them, in reports of tests and in tracebacks."""
    headers = tuple((name.encode(), value.encode()) for name, value in SENSITIVE.items())
    config = GatewayConfig.model_validate(
        {
            "policies": {"own": {"module": "./own.wasm", "configuration": CONFIGURATION}},
            "clusters": {"a": {"endpoints": ["http://127.0.0.1:1"]}},
            "routes": [
                {
                    "match": {"prefix": "/"},
                    "cluster": "a",
                    "policies": [{"own": {"configuration": CONFIGURATION}}],
                }
            ],
            "limits": {"storage": f"redis://user:{MARKER}@127.0.0.1:6379"},
        }
    )
    shown = [
        repr(Request(target=f"/?token={MARKER}".encode(), headers=headers, trailers=headers)),
        repr(Response(headers=headers)),
        repr(Fields(SENSITIVE.items())),
        repr(Policy("own.wasm", configuration=CONFIGURATION)),
        repr(config),
    ]
    assert [MARKER in text for text in shown] == [False] * len(shown)
