"""The tables of docs/reference/languages.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import digits, markdown, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from results import Result

_NAMES = {
    "empty": "`empty`: callbacks that do nothing",
    "by-hand": "`by-hand`: WebAssembly text",
    "rust-trimmed": "`rust-trimmed`: Rust, exports only what it uses",
    "rust": "`rust`: Rust, its SDK",
    "go": "`go`: Go, no SDK",
    "assemblyscript": "`assemblyscript`: AssemblyScript, its SDK",
}
_NOTHING = (
    "The run of record does not have these figures; measure them: `nox -s bench -- --only guests`."
)
_MILLISECOND = 1000.0
_KILOBYTE = 1000

_GATEWAYS = ("wasmgate", "envoy")

Measured = dict[str, dict[str, "Result"]]


def guests(results: Sequence[Result]) -> str:
    """Return what a request and what an instance costs in each language, as Markdown tables.

    A guest that could not be built where it was measured is named below them.
    """
    found: Measured = {}
    for result in results:
        if result.question == "guests":
            found.setdefault(result.subject, {})[result.metric] = result
    if not found:
        return _NOTHING
    missing = [f"`{name}`" for name in _NAMES if name not in found]
    left_out = (
        [f"Not measured, because the compiler is not installed: {', '.join(missing)}."]
        if missing
        else []
    )
    return "\n\n".join([_requests(found), _instances(found), *left_out])


def served(results: Sequence[Result]) -> str:
    """Return what a request costs in `wasmgate run` and in Envoy, as a Markdown table."""
    found: dict[str, dict[tuple[str, str], Result]] = {}
    for result in results:
        if result.question == "guests.served":
            of = found.setdefault(result.params["guest"], {})
            of[result.params["gateway"], result.metric] = result
    if not found:
        return _NOTHING.replace("guests`", "guests.served`")
    rows = []
    for name, title in _NAMES.items():
        if own := found.get(name):
            cpu = [own[gateway, "cpu"] for gateway in _GATEWAYS]
            beyond = [
                one.median - found["empty"][gateway, "cpu"].median
                for one, gateway in zip(cpu, _GATEWAYS, strict=True)
            ]
            row = [title, spread(cpu[0]), spread(cpu[1]), _times(cpu[1].median, cpu[0].median)]
            row += [digits(one) if any(beyond) else "" for one in beyond]
            rows.append([*row, *(f"{own[gateway, 'rss'].median:,.0f}" for gateway in _GATEWAYS)])
    heads = ["a request", "CPU in `wasmgate`, us", "in Envoy, us", "times `wasmgate`"]
    heads += [f"beyond `empty`: in {gateway}, us" for gateway in ("`wasmgate`", "Envoy")]
    return markdown([*heads, "memory of `wasmgate`, MB", "of Envoy, MB"], rows)


def _requests(found: Measured) -> str:
    rows = []
    for name, title in _NAMES.items():
        if own := found.get(name):
            beyond = own["cpu"].median - found["empty"]["cpu"].median
            rows.append(
                [
                    title,
                    spread(own["cpu"]),
                    digits(beyond) if beyond else "",
                    _times(beyond, _beyond_rust(found)),
                    spread(own["middleware"]),
                    f"{own['fuel'].median:,.0f}",
                ]
            )
    heads = ["a request", "CPU, us", "beyond `empty`, us", "times `rust`"]
    return markdown([*heads, "added by `PolicyMiddleware`, us", "fuel"], rows)


def _beyond_rust(found: Measured) -> float:
    rust = found.get("rust")
    return rust["cpu"].median - found["empty"]["cpu"].median if rust else 0.0


def _instances(found: Measured) -> str:
    first_of_rust = found["rust"]["first"].median if "rust" in found else 0.0
    rows = [
        [
            title,
            digits(own["cpu"].params["module_bytes"] / _KILOBYTE),
            _milliseconds(own["compile"]),
            _milliseconds(own["first"]),
            _times(own["first"].median, first_of_rust),
            *(digits(own[metric].median) for metric in ("memory", "memory_later")),
        ]
        for name, title in _NAMES.items()
        if (own := found.get(name))
    ]
    heads = ["an instance", "module, kB", "compiled, ms", "first answer, ms", "times `rust`"]
    return markdown([*heads, "memory, kB", "memory later, kB"], rows)


def _times(value: float, of: float) -> str:
    return f"{value / of:.2f}" if value and of else ""


def _milliseconds(result: Result) -> str:
    values = (value / _MILLISECOND for value in (result.median, result.min, result.max))
    return "{} ({}..{})".format(*map(digits, values))
