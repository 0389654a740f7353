"""Arguments in Python that cannot be meant: what is wrong, where, and what to write."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import wasmgate
from wasmgate import (
    CalloutLimits,
    Capabilities,
    ConfigError,
    Limits,
    Policy,
    PolicyLoadError,
    PolicyMiddleware,
    Tenants,
    policies,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCES = sorted(Path(wasmgate.__file__).parent.rglob("*.py"))


async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 (never called)
    """Do nothing."""


def around(value: Any, **others: Any) -> PolicyMiddleware:  # noqa: ANN401 (what is wrong)
    """Put something else than a list of policies around an app."""
    return PolicyMiddleware(app, policies=value, **others)


LIMIT = policies.rate_limit(limit="100/minute")
RS256 = ["RS256"]
wrong: Any = policies  # for a type checker every row below is wrong

MISTAKES: list[tuple[Callable[[], object], str, str]] = [
    (lambda: around(LIMIT), "policies=", "put it in brackets: policies=[…]"),
    (lambda: around(policies), "policies=", "write policies=[policies.rate_limit"),
    (lambda: around("rate_limit"), "policies=", "write policies=["),
    (lambda: around(None), "policies=", "write policies=["),
    (lambda: around({"limit": LIMIT}), "policies=", "write policies=["),
    (lambda: around(["own.wasm"]), "policies[0]", "write Policy('own.wasm')"),
    (lambda: around([LIMIT, policies.rate_limit]), "policies[1]", "call it: rate_limit(…)"),
    (lambda: around([None]), "policies[0]", "write Policy('own.wasm'), or "),
    (lambda: around([], clusters={"a": "http://b:99999"}), "clusters['a']", "write clusters={"),
    (lambda: around([], clusters={"a": "b:80"}), "clusters['a']", "write clusters={"),
    (lambda: around([], clusters={"a": ["http://b"]}), "clusters['a']", "write clusters={"),
    (lambda: around([], timeout="5s"), "PolicyMiddleware(timeout=…)", "write seconds"),
    (
        lambda: policies.jwt_auth(algorithms=RS256, keys="https://a.example/jwks.json"),
        "jwt_auth(keys=…)",
        "save the JWK Set as a file and write keys=Path(",
    ),
    (lambda: around([], limits_storage="redis"), "limits_storage", "write redis://"),
    (lambda: Policy("https://a.example/own.wasm").read(), "module", "download it, and name"),
    (lambda: Policy("oci://a.example/own").read(), "module", "download it, and name"),
    (lambda: Policy("rate_limits").read(), "module", "bundled are jwt_auth"),
    (lambda: Policy("./none.wasm").read(), "module", "looked for "),
    (lambda: Policy(""), "Policy(module=…)", "write Policy('own.wasm')"),
    (lambda: Policy(wrong), "Policy(module=…)", "write Policy('own.wasm')"),
    (lambda: Policy("m", name="a b"), "Policy(name=…)", "give name= with"),
    (lambda: Policy("m", name=wrong), "Policy(name=…)", "write name=a str"),
    (lambda: Policy("m", limits=wrong), "Policy(limits=…)", "write limits=wasmgate.Limits("),
    (lambda: Policy("m", capabilities=wrong), "Policy(capabilities=…)", "write capabilities="),
    (lambda: Policy("m", tenants=wrong), "Policy(tenants=…)", "write tenants="),
    (
        lambda: Policy("m", failure_policy=wrong),
        "Policy(failure_policy=…)",
        "write failure_policy=",
    ),
    (lambda: Policy("m", isolation=wrong), "Policy(isolation=…)", "write isolation='policy'"),
    (lambda: Policy("m", tenants=Tenants()), "Policy(isolation=…)", "take one of the two"),
    (
        lambda: Policy("m", strip_request_headers=("x user",)),
        "Policy(strip_request_headers=…)",
        "write the name alone",
    ),
    (
        lambda: Policy("m", configuration={"a": {"b": Path("x")}}),  # type: ignore[dict-item]
        "Policy(configuration=…): a.b",
        "use dict, list,",
    ),
    (lambda: Policy("m", configuration="\ud800"), "Policy(configuration=…)", "use dict, list,"),
    (lambda: Limits(memory=wrong), "Limits(memory=…)", "write memory=32 * 1024**2; units"),
    (lambda: Limits(fuel=0), "Limits(fuel=…)", "write fuel=10_000_000; units"),
    (lambda: Capabilities(net=("http://b",)), "Capabilities(net=…)", "write net=('auth"),
    (lambda: Capabilities(net=("b:99999",)), "Capabilities(net=…)", "write net=('auth"),
    (lambda: Capabilities(env=wrong), "Capabilities(env=…)", "write a list, also of one: ["),
    (lambda: CalloutLimits(time=wrong), "CalloutLimits(time=…)", "write time=60.0"),
    (lambda: Tenants(header="a", property="b"), "Tenants(header=…, property=…)", "take one"),
    (lambda: Tenants(idle=0), "Tenants(max=…, idle=…)", "max is a number"),
    (
        lambda: policies.jwt_auth(algorithms=RS256, keys="keys/issuer.pub.pem"),
        "jwt_auth(keys=…)",
        "write keys=Path('keys/issuer.pub.pem')",
    ),
    (lambda: policies.jwt_auth(algorithms=RS256, keys=wrong), "jwt_auth(keys=…)", "write keys="),
    (
        lambda: policies.jwt_auth(algorithms=RS256, keys=Path("none.pem")),
        "jwt_auth(keys=…)",
        "name a PEM or JWK file",
    ),
    (
        lambda: policies.jwt_auth(algorithms="RS256", keys="x"),
        "jwt_auth(algorithms=…)",
        "write algorithms=['RS256']",
    ),
    (
        lambda: policies.jwt_auth(algorithms=RS256, keys="x", claims_to_headers=wrong),
        "jwt_auth(claims_to_headers=…)",
        "write claims_to_headers={'x-tenant'",
    ),
    (
        lambda: policies.rewrite(path_regex="("),  # type: ignore[arg-type]
        "rewrite(path_regex=…)",
        "write path_regex=[(",
    ),
    (
        lambda: policies.rewrite(path_regex=[("a", "b", "c")]),  # type: ignore[list-item]
        "rewrite(path_regex=…)",
        "write path_regex=[(",
    ),
    (lambda: policies.rewrite(path_prefix=wrong), "rewrite(path_prefix=…)", "write path_prefix={"),
    (
        lambda: policies.rewrite(request_headers=wrong),
        "rewrite(request_headers=…)",
        "write request_headers={'set'",
    ),
    (
        lambda: policies.rewrite(path_prefix={"/a": Path("x")}),  # type: ignore[dict-item]
        "rewrite(path_prefix=…): path_prefix['/a']",
        "use dict, list,",
    ),
]


@pytest.mark.parametrize(("made", "where", "hint"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_says_where_and_what_to_write(
    made: Callable[[], object], where: str, hint: str
) -> None:
    """In the words of Python, and never by an exception of Python's own."""
    with pytest.raises((ConfigError, PolicyLoadError)) as caught:
        made()
    error = caught.value
    assert (error.where, error.hint[: len(hint)]) == (where, hint)
    assert error.diagnostics().splitlines()[-1].startswith("  try:   ")


ANYTHING: list[Any] = [5, "x", b"x", [], {}, None, 1.5, True, object()]
CALLS: list[tuple[Callable[..., object], dict[str, Any]]] = [
    (PolicyMiddleware, {"app": app, "policies": []}),
    (Policy, {"module": "rate_limit"}),
    (policies.jwt_auth, {"keys": {"secret": "s" * 40}, "algorithms": ["HS256"]}),
    (policies.rate_limit, {"limit": "1/minute"}),
    (policies.rewrite, {}),
    *((own, {}) for own in (CalloutLimits, Capabilities, Limits, Tenants)),
]
ARGUMENTS = [
    (call, needed, name)
    for call, needed in CALLS
    for name in inspect.signature(call).parameters
    if name not in {"app", "origin"}  # of the framework, and of wasmgate itself
]


@pytest.mark.parametrize(
    ("call", "needed", "name"), ARGUMENTS, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_any_value_is_taken_or_refused_in_words(
    call: Callable[..., object], needed: dict[str, Any], name: str
) -> None:
    """An error of wasmgate with a next step, never a bare one of Python."""
    for value in ANYTHING:
        try:
            call(**needed | {name: value})
        except ConfigError as error:
            assert error.hint  # noqa: PT017 (either is right)


def test_a_secret_that_is_no_path_is_not_repeated() -> None:
    """It may begin with a slash: base64 has one."""
    with pytest.raises(PolicyLoadError) as caught:
        around([policies.jwt_auth(algorithms=["HS256"], keys="/s3cret+base64==")])
    assert "s3cret" not in caught.value.diagnostics()


def test_every_error_of_a_configuration_has_a_next_step() -> None:
    """None relies on a sentence that fits all."""
    lines = [
        f"{source.name}:{node.lineno}"
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"ConfigError", "PolicyLoadError", "Problem", "Mistake"}
        and "hint" not in {keyword.arg for keyword in node.keywords}
        and len(node.args) < {"Problem": 4, "Mistake": 3}.get(node.func.id, 99)
        and not any(isinstance(argument, ast.Starred) for argument in node.args)
    ]
    assert lines == []
