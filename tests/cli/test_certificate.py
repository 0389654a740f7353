"""`wasmgate run` with a certificate: an error before anything starts, or TLS."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.gateway.test_certificate import CERTIFICATE, KEY, OTHER, files, secret, signed
from tests.gateway.test_certificate import PEM as FORM

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command

RENEWED = "a renewed one often comes with a new key"
GATEWAY = """
listen: 127.0.0.1:0
clusters: {site: {endpoints: ["http://127.0.0.1:1"]}}
routes: [{match: {prefix: /}, cluster: site}]
"""


@pytest.fixture
def run(wasmgate_process: Command, tmp_path: Path) -> Command:
    """Run a gateway with a certificate."""
    (tmp_path / "gateway.yaml").write_text(GATEWAY)

    def started(chain: object, key: object, *more: str) -> subprocess.CompletedProcess[str]:
        tls = ("--tls-certificate", str(chain), "--tls-key", str(key))
        return wasmgate_process("run", "gateway.yaml", *tls, *more)

    return started


@pytest.mark.parametrize("more", [(), ("--workers", "2")])
def test_one_that_cannot_be_used_is_a_problem(
    run: Command, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """With the file, the reason and a hint, and no socket, thread or worker."""
    chain, key = files(tmp_path, CERTIFICATE, secret(OTHER))
    done = run(chain, key, *more)
    assert (done.returncode, done.stdout) == (1, "")
    wrong = "the private key does not belong to the certificate"
    assert done.stderr.splitlines() == [
        f"error: {key}: {wrong} (the certificate is {chain})",
        "  where: --tls-key",
        f"  try:   name the key that the certificate was made for: {RENEWED}",
    ]


def test_one_that_cannot_be_read_is_a_problem(run: Command, tmp_path: Path) -> None:
    """As any other file of the configuration."""
    _, key = files(tmp_path, CERTIFICATE, secret(KEY))
    done = run(tmp_path / "missing.pem", key)
    assert done.returncode == 1
    assert f"error: {tmp_path}/missing.pem: it cannot be read: No such file" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_without_the_other_is_wrong_usage(wasmgate_process: Command, tmp_path: Path) -> None:
    """They go together."""
    (tmp_path / "gateway.yaml").write_text(GATEWAY)
    done = wasmgate_process("run", "gateway.yaml", "--tls-key", "key.pem")
    assert done.returncode == 2


def test_one_that_has_expired_is_shown_with_a_warning(tmp_path: Path) -> None:
    """The client sees it in the handshake."""
    (tmp_path / "gateway.yaml").write_text(GATEWAY)
    expired = signed(KEY, begins=-9, ends=-4)
    chain, key = files(tmp_path, expired.public_bytes(FORM), secret(KEY))
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "wasmgate", "run", "gateway.yaml"),
            *("--tls-certificate", str(chain), "--tls-key", str(key)),
        ],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "300"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = [process.stderr.readline(), process.stderr.readline()]
        assert said[0] == f"warning: {chain}: certificate 1 in it expired 3 days ago\n"
        port = int(said[1].split("127.0.0.1:")[1].split()[0])
        shown = ssl.get_server_certificate(("127.0.0.1", port))
        assert ssl.PEM_cert_to_DER_cert(shown) == expired.public_bytes(type(FORM).DER)
    finally:
        process.terminate()
        process.communicate()
