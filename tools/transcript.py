"""Run curl against the demo's gateway and keep what came in README.md.

    python tools/transcript.py            write the transcript between its markers in README.md
    python tools/transcript.py --check    compare, write nothing

The port, which differs from run to run, is shown as 8080, and the token as $TOKEN. It needs curl,
and what the demo needs.
Exit codes: 0 written or equal, 1 different.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DEMO = ROOT / "examples" / "gateway" / "demo.py"
BEGIN, END = "<!-- transcript: begin -->", "<!-- transcript: end -->"
BLOCK = re.compile(f"{BEGIN}\n(.*?){END}", re.DOTALL)
_CRASHES_COUNT_TOGETHER = 10.5  # seconds
SHOWN = "http://127.0.0.1:8080"
COMMANDS = (
    'curl -i {url}/v1/orders/7 -H "Authorization: Bearer $TOKEN" -H "X-Auth-User: root"',
    "curl -i {url}/v1/orders/7",
    """for i in $(seq 10); do
  curl -s -o /dev/null -w "%{{http_code}} " {url}/v1/orders/7 -H "Authorization: Bearer $TOKEN"
done""",
    'curl -i {url}/v1/orders/7 -H "Authorization: Bearer $TOKEN"',
    'curl -i {url}/loop/ -H "X-Loop: 1"',
    "curl -i {url}/loop/",
)


def main() -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    text = README.read_text("utf-8")
    with _demo() as (url, token):
        ran = "\n".join(_run(command, url, token) for command in COMMANDS)
    renewed = BLOCK.sub(lambda _: f"{BEGIN}\n```console\n{ran}```\n{END}", text)
    if not check:
        README.write_text(renewed, "utf-8")
    elif renewed != text:
        print(f"README.md differs from what curl shows now:\n{ran}")
        return 1
    return 0


@contextlib.contextmanager
def _demo() -> Iterator[tuple[str, str]]:
    """Serve the demo; yield the gateway's URL and a token."""
    command = [sys.executable, str(DEMO), "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None  # noqa: S101 (it is a pipe)
        url = token = ""
        for line in demo.stdout:
            if found := re.match(r"Serving on (\S+);", line):
                url = found[1]
            token = line.removeprefix("TOKEN=").strip() if line.startswith("TOKEN=") else token
            if " passed, " in line:
                break
        # The demo has made a policy crash. A second crash within ten seconds would be answered by
        # holding the policy back, which is not what is shown here.
        time.sleep(_CRASHES_COUNT_TOGETHER)
        try:
            yield url, token
        finally:
            demo.send_signal(signal.SIGINT)


def _run(command: str, url: str, token: str) -> str:
    """Return a command and its output as a terminal shows them."""
    shell = ["bash", "-c", command.format(url=url).replace("curl ", "curl -sS ", 1)]
    ran = subprocess.run(shell, env={"TOKEN": token}, check=True, capture_output=True, text=True)
    # Date is another one each time.
    lines = [line.rstrip() for line in ran.stdout.splitlines()]
    shown = [line for line in lines if not line.startswith("date: ")]
    typed = command.format(url=SHOWN).replace("\n", "\n> ")
    return "\n".join([f"$ {typed}", *shown, ""])


if __name__ == "__main__":
    sys.exit(main())
