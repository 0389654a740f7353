"""Runs a recorded request again, so that a recording is a test.

def test_the_policy_answers_as_it_did() -> None:
    assert replay("denied.json").differences == []
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wasmgate.trace.messages import to_json
from wasmgate.trace.recording import Recording, digests
from wasmgate.trace.runner import run

if TYPE_CHECKING:
    from wasmgate.trace.messages import Hide, Request, Response
    from wasmgate.trace.runner import Outcome

__all__ = ["Replay", "replay"]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """The result of a replay.

    `differences` are lines of a unified diff. It is empty if client and upstream get the same
    messages and all callbacks and hostcalls have the same outcome in the same order. `changed` are
    modules and configurations that differ from the recorded ones; that alone is not a difference.
    """

    # They contain secrets.
    recording: Recording = field(repr=False)
    outcome: Outcome = field(repr=False)
    differences: list[str]
    changed: list[str]


def replay(path: str | Path, *, module: str | Path | None = None) -> Replay:
    """Run a recording again, with another module if `module` is given.

    Raises ConfigError for a file that is not a recording or whose policies do not exist,
    PolicyLoadError if a policy does not start.
    """
    file = Path(path)
    recording = Recording.read(file)
    named = None if module is None else str(Path(module).absolute())
    policies = recording.source.policies(file.absolute().parent, named)
    outcome = run(policies, recording.inputs)
    if outcome.error is not None:
        raise outcome.error
    now = digests(policies)
    changed = [
        f"{kind} of {name}"
        for name, kinds in recording.digests.items()
        for kind, digest in kinds.items()
        if now.get(name, {}).get(kind) != digest
    ]
    hide = outcome.hide
    before = _lines(recording.upstream, recording.client, recording.steps, reset=recording.reset)
    after = _lines(outcome.upstream, outcome.client, outcome.steps, reset=outcome.reset)
    if recording.masked:
        before, after = (
            [hide(line.encode()).decode() for line in lines] for lines in (before, after)
        )
    differences = [
        _shown(line, hide)
        for line in difflib.unified_diff(before, after, "recorded", "replayed", lineterm="")
    ]
    return Replay(recording=recording, outcome=outcome, differences=differences, changed=changed)


def _lines(
    upstream: Request | None,
    client: Response | None,
    steps: list[tuple[str, str, str]],
    *,
    reset: bool,
) -> list[str]:
    lines = [
        line
        for name, its in (("upstream", upstream), ("client", client))
        for line in _message(name, its)
    ]
    if reset:
        lines.append("client: the connection is cut")
    return lines + [" ".join(step).rstrip() for step in steps]


_FIELD = re.compile(
    r"(?P<head>.(?:upstream|client) (?:header|trailer) (?P<name>[^:]+): )(?P<value>.*)"
)


def _shown(line: str, hide: Hide) -> str:
    """Mask the secrets in a line of a diff."""
    field = _FIELD.fullmatch(line)
    if field is None:
        return hide(line.encode()).decode(errors="replace")
    value = hide(field["value"].encode(), field["name"].encode())
    return field["head"] + value.decode(errors="replace")


def _message(name: str, message: Request | Response | None) -> list[str]:
    if message is None:
        return [f"{name}: nothing"]
    data = to_json(message)
    headers, trailers = data.pop("headers"), data.pop("trailers", [])
    first = [f"{name} {key}: {json.dumps(value)}" for key, value in data.items()]
    first += [f"{name} header {field}: {value}" for field, value in headers]
    return first + [f"{name} trailer {field}: {value}" for field, value in trailers]
