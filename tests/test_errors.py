"""The tree of errors: what each one says, and that it survives a process border."""

from __future__ import annotations

import inspect
import pickle
import traceback

import pytest

from wasmgate import errors

EXAMPLES = [
    errors.WasmgateError("it broke", where="here", hint="this"),
    errors.ConfigError("gateway.yaml has a problem", problems=("gateway.yaml:1: no",)),
    errors.PolicyError("it failed", policy="auth"),
    errors.PolicyLoadError("not WebAssembly", policy="auth"),
    errors.PolicyTrap("unreachable was executed", policy="auth"),
    errors.OutOfFuel("10000000 were not enough", policy="auth"),
    errors.OutOfMemory("33554432 bytes were not enough", policy="auth"),
    errors.AsgiError("scope['path'] must be a str, not 5 (int)"),
    errors.WrongThread("a stream belongs to the thread that opened it"),
    errors.UpstreamError("it closed the connection", endpoint="http://a:1", retryable=True),
    errors.NoHealthyEndpoint("no endpoint", endpoint="orders"),
    errors.ConnectError("refused", endpoint="http://a:1", retryable=True),
    errors.UpstreamTimeout("60 s passed", endpoint="http://a:1"),
]


def test_diagnostics_says_what_where_and_what_to_try() -> None:
    """Each part has its line."""
    error = errors.WasmgateError("it broke", where="gateway.yaml:3", hint="mend it")
    assert error.diagnostics() == "it broke\n  where: gateway.yaml:3\n  try:   mend it"


def test_diagnostics_leaves_out_what_is_not_known() -> None:
    """No empty lines for a place and a hint that were not given."""
    assert errors.WasmgateError("it broke").diagnostics() == "it broke"


def test_a_traceback_shows_where_and_what_to_try() -> None:
    """An app that does not start shows nothing else."""
    error = errors.ConfigError("no such file", where="jwt_auth(keys=…)", hint="name a file")
    lines = traceback.format_exception(error)
    assert [line.rstrip() for line in lines] == [
        "wasmgate.errors.ConfigError: no such file",
        "  where: jwt_auth(keys=…)",
        "  try:   name a file",
    ]


def test_a_class_advises_when_no_hint_is_given() -> None:
    """An error without a hint has the advice of its class."""
    error = errors.OutOfFuel("stopped", policy="auth")
    assert error.hint == errors.OutOfFuel.advice


def test_a_hint_stands_in_place_of_the_class_advice() -> None:
    """What is known of this one case is better."""
    assert errors.OutOfFuel("stopped", policy="auth", hint="this").hint == "this"


def test_problems_are_part_of_the_message() -> None:
    """`str()` alone shows every mistake."""
    error = errors.ConfigError("two problems", problems=("one", "two"))
    assert str(error) == "two problems\none\ntwo"


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling(error: errors.WasmgateError) -> None:
    """Workers are processes: message, place and attributes arrive as they were."""
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    assert (type(again), again.args, vars(again)) == (type(error), error.args, vars(error))


def test_every_class_has_an_example_above() -> None:
    """A new class is tested as the others are."""
    classes = {getattr(errors, name) for name in errors.__all__}
    assert {type(error) for error in EXAMPLES} == classes


def test_the_docstring_draws_the_tree() -> None:
    """Each class stands in the drawing, indented one step below its base."""
    drawing = [line for line in (errors.__doc__ or "").splitlines() if "  " in line.strip()]
    depths = {}
    for line in drawing:
        name = line.strip("│├└─ ").split()[0]
        depths[name] = next(at for at, letter in enumerate(line) if letter.isalpha()) // 4
    expected = {}
    for name in errors.__all__:
        cls = getattr(errors, name)
        bases = [base for base in inspect.getmro(cls) if issubclass(base, errors.WasmgateError)]
        expected[name] = len(bases)
    assert depths == expected
