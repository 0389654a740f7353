"""The transcript of a traced request, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from wasmgate._native import printable
from wasmgate.cli.console import out
from wasmgate.trace.messages import Response, to_json
from wasmgate.trace.proposal import looked_for_files, took_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.text import Text

    from wasmgate._native import TraceEvent
    from wasmgate.trace import Outcome, Request
    from wasmgate.trace.messages import Fields

__all__ = ["as_json", "show"]

_FILES = (
    "looks for folders and finds none: which files it misses cannot be seen; "
    "open them with --capability read=PATH"
)


class _Plain(TypedDict):
    soft_wrap: bool
    highlight: bool
    markup: bool


_SHOWN_BODY = 400
_PLAIN: _Plain = {"soft_wrap": True, "highlight": False, "markup": False}
_ENVIRONMENT = (
    "asks for its environment variables, for all at once: which of them it misses cannot be seen"
)


def as_json(outcome: Outcome, proposed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole outcome as values of JSON."""
    return {
        "events": [_event(event) for event in outcome.events],
        "lost": outcome.lost,
        "upstream": outcome.upstream and to_json(outcome.upstream),
        "client": outcome.client and to_json(outcome.client),
        "reset": outcome.reset,
        "error": None if outcome.error is None else str(outcome.error),
        "held_by": outcome.held_by,
        "callouts": [
            dict(zip(("policy", "kind", "to"), callout, strict=True))
            for callout in outcome.callouts
        ],
        "denials": [
            dict(zip(("policy", "capability", "value", "count"), denial, strict=True))
            for denial in outcome.denials
        ],
        "capabilities": proposed,
        "took_environment": took_environment(outcome),
        "looked_for_files": looked_for_files(outcome),
    }


def _event(event: TraceEvent) -> dict[str, Any]:
    return {
        "kind": "hostcall" if event.hostcall else "callback",
        "policy": event.policy,
        "context": event.context,
        "name": event.name,
        "arguments": dict(event.arguments),
        "outcome": event.outcome,
        "results": dict(event.results),
        "reason": event.reason,
        "fuel": event.fuel,
        "nanoseconds": event.nanoseconds,
    }


def show(
    outcome: Outcome, proposed: Mapping[str, Mapping[str, Sequence[str]]], *, python: bool = False
) -> None:
    """Print the transcript, the messages to upstream and client, and the proposed capabilities."""
    console = out()
    for event in outcome.events:
        console.print(_hostcall(event) if event.hostcall else _callback(event), soft_wrap=True)
    if outcome.lost:
        console.print(f"… and {outcome.lost:,} more events that exceeded the limit")
    if outcome.error is None:
        _heading("the upstream sees")
        held = f"  nothing: {outcome.held_by or 'no policy let it go on'}"
        console.print(_message(outcome.upstream) or held, **_PLAIN)
        _heading("the client sees")
        cut = "its connection is cut" if outcome.reset else None
        shown = cut or _message(outcome.client) or "  nothing: no policy let it go on"
        console.print(shown, **_PLAIN)
    _heading("the smallest capabilities")
    snippet = _python(proposed) if python else _snippet(proposed)
    console.print(snippet, **_PLAIN)
    for name, paths in _refused_reads(outcome).items():
        console.print(f"  {name} was refused files: {paths}", **_PLAIN)
    for name in took_environment(outcome):
        console.print(f"  {name} {_ENVIRONMENT}", **_PLAIN)
    for name in looked_for_files(outcome):
        console.print(f"  {name} {_FILES}", **_PLAIN)


def _refused_reads(outcome: Outcome) -> dict[str, str]:
    refused: dict[str, list[str]] = {}
    for policy, capability, value, _ in outcome.denials:
        if capability == "read":
            refused.setdefault(policy, []).append(value)
    return {policy: ", ".join(values) for policy, values in refused.items()}


def _heading(text: str) -> None:
    out().print(f"\n{text}", style="bold", highlight=False)


def _callback(event: TraceEvent) -> Text:
    from rich.text import Text

    failed = event.outcome == "failed"
    text = Text.assemble(
        (event.policy, "cyan"), f" #{event.context} ", (event.name, "bold"), _inside(event)
    )
    if event.outcome:
        text.append(f" → {event.outcome}", "bold red" if failed else "green")
    text.append(f"  {event.fuel:,} fuel, {event.nanoseconds / 1000:,.1f} µs", "dim")
    if event.reason:
        text.append(f"\n    {event.reason}", "red")
    return text


def _hostcall(event: TraceEvent) -> Text:
    from rich.text import Text

    text = Text.assemble("    ", event.name, _inside(event))
    text.append(f" → {event.outcome}", "yellow" if event.reason else "green")
    for name, value in event.results:
        text.append(f" {name}={value}")
    if event.reason:
        word = "but" if event.outcome == "OK" else "because"
        text.append(f"\n        {word}: {event.reason}", "yellow")
    return text


def _inside(event: TraceEvent) -> str:
    return f"({', '.join(f'{name}={value}' for name, value in event.arguments)})"


def _message(message: Request | Response | None) -> str:
    if message is None:
        return ""
    if isinstance(message, Response):
        lines = [str(message.status)]
    else:
        lines = [printable(f"{message.method} {message.target.decode('latin-1')}")]
    lines += _lines(message.headers)
    if message.body:
        body = message.body[:_SHOWN_BODY].decode(errors="replace")
        more = len(message.body) - _SHOWN_BODY
        lines += [
            "",
            *map(printable, body.splitlines()),
            *([f"… ({more:,} more bytes)"] if more > 0 else []),
        ]
    if message.trailers:
        lines += ["", *_lines(message.trailers)]
    return "\n".join(f"  {line}" for line in lines)


def _lines(fields: Fields) -> list[str]:
    return [printable(f"{name.decode('latin-1')}: {_text(value)}") for name, value in fields]


def _text(value: bytes) -> str:
    # RFC 9110 section 5.5: bytes that are not ASCII are opaque.
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _snippet(proposed: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """Write the proposal in the form of gateway.yaml."""
    lines = ["  policies:"]
    for name, capabilities in proposed.items():
        entries = ", ".join(
            f"{kind}: [{', '.join(_quoted(value) for value in values)}]"
            for kind, values in capabilities.items()
        )
        lines.append(f"    {name}: {{capabilities: {{{entries}}}}}")
    return "\n".join(lines)


def _python(proposed: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    lines = []
    for name, capabilities in proposed.items():
        entries = ", ".join(f"{kind}={tuple(values)!r}" for kind, values in capabilities.items())
        lines.append(f"  {name}: Capabilities({entries})")
    return "\n".join(lines)


def _quoted(value: str) -> str:
    plain = value and not set(value) & set("\"'#,[]{}*&!|>%@`: ")
    return value if plain else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
