"""Instructions of a request on a thread of the data plane, counted by valgrind.

Two runs of crossings.py under callgrind, one with more exchanges; their difference is what an
exchange takes, and what starting takes is in neither.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from budget_parts import GUEST, Frame, part
from processes import free_port
from results import Result, summary
from standalone import Bench, Shape, configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY = 100, 1100
_CROSSINGS = Path(__file__).with_name("crossings.py")
_LINE = re.compile(r"\s*([\d,]+) \([ \d.]+%\)\s+\S*?:(.*?)(?:'\d+)?(?: \[(.*)\])?$")
_ALL_GUESTS = GUEST + "the three policies"


def missing() -> str | None:
    """Say what is not there that this needs."""
    return None if shutil.which("valgrind") else "valgrind is not installed"


def count(bench: Bench) -> Iterator[Result]:
    """Yield the instructions that each part takes. Raises CalledProcessError."""
    path = bench.folder / "instructions.yaml"
    upstream = f"127.0.0.1:{free_port()}"
    text = configuration(Shape(), bench.tokens.public_pem, port=1, upstream=upstream)
    path.write_text(text, "utf-8")
    token = bench.tokens.known.read_text("utf-8").split(maxsplit=1)[0]
    # valgrind's processor has other features, so the first run of all compiles the policies.
    _counted(bench.folder, str(path), token, FEW)
    few, many = (_counted(bench.folder, str(path), token, exchanges) for exchanges in (FEW, MANY))
    for name, total in (many - few).most_common():
        each = [total / (MANY - FEW)]
        yield summary("budget.instructions", "wasmgate", "instructions", each, part=name)


def _counted(folder: Path, configured: str, token: str, exchanges: int) -> Counter[str]:
    out = folder / f"callgrind.{exchanges}"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", sys.executable]
    command += [str(_CROSSINGS), configured, token, str(exchanges)]
    subprocess.run(command, capture_output=True, check=True)
    annotated = subprocess.run(
        ["callgrind_annotate", "--threshold=100", str(out)],
        capture_output=True,
        text=True,
        check=True,
    )
    return by_part(annotated.stdout)


def by_part(annotated: str) -> Counter[str]:
    """Add up what callgrind_annotate prints. Code that is of no file is a policy's."""
    found: Counter[str] = Counter()
    for line in annotated.splitlines():
        if read := _LINE.match(line):
            name = _ALL_GUESTS
            if read[3] and read[3] != "???":
                name = part([Frame(0, read[2], read[3])], {})
            found[name] += int(read[1].replace(",", ""))
    return found
