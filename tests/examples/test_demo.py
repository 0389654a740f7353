"""`nox -s demo`: the program behind it, on real sockets."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, str(ROOT / "examples" / "gateway" / "demo.py")]
TRANSCRIPT = [sys.executable, str(ROOT / "tools" / "transcript.py"), "--check"]


def test_every_row_passes() -> None:
    """The last line says so, and the exit code too."""
    ran = subprocess.run(DEMO, capture_output=True, text=True, check=False)
    assert (ran.stdout.splitlines()[-1], ran.returncode) == ("11 passed, 0 failed", 0), ran


def test_it_keeps_serving_until_it_is_interrupted() -> None:
    """The printed token and address work; Ctrl-C ends it with the code of the table."""
    with subprocess.Popen([*DEMO, "--serve"], stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        said = ""
        for line in demo.stdout:
            said += line
            if " passed, " in line:
                break
        token, url = re.findall(r"TOKEN=(\S+)", said)[0], re.findall(r"curl -i (\S+)", said)[0]
        response = httpx.get(url, headers={"authorization": f"Bearer {token}"})
        demo.send_signal(signal.SIGINT)
    assert (response.json()["user"], demo.returncode) == ("you", 0)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_transcript_in_the_readme_is_what_curl_shows() -> None:
    """`python tools/transcript.py` renews it."""
    ran = subprocess.run(TRANSCRIPT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
