"""A mistake inside a policy's configuration has its line and its key, also from the guest."""

from __future__ import annotations

import json
import re
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any

import pytest
import wasmtime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wasmgate import Gateway, PolicyLoadError, policies
from wasmgate._native import Host
from wasmgate.config import load
from wasmgate.origins import key_path
from wasmgate.origins.paths import every

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate.origins import Key

FILE = """
policies:
  shape:
    module: {module}
    configuration: {configuration}
clusters: {{ s: {{ endpoints: ["http://127.0.0.1:9"] }} }}
routes: [ {{ match: {{ prefix: / }}, cluster: s, policies: [shape] }} ]
"""
# Says `message` when it is configured, and refuses.
GUEST = """
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "MESSAGE")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $log (i32.const 4) (i32.const 64) (i32.const LENGTH)))
    (i32.const 0)))
"""
REWRITE: dict[str, Any] = {
    "path_prefix": {"/v1/": "/", "/v2/": "/two/"},
    "path_regex": [{"pattern": "^/a$", "replacement": "/b"}, {"pattern": "c", "replacement": "d"}],
    "host": "orders.internal:80",
    "request_headers": {"remove": ["x-a", "x-b"], "set": {"x-c": "1"}, "append": {"x-d": "2"}},
    "response_headers": {"add": {"x-e": "3"}},
}


@pytest.fixture(scope="module")
def host(artifacts: Path) -> Host:
    """Share compiled modules."""
    return Host(cache=str(artifacts), log_level=0)


def refusal(file: Path, host: Host) -> PolicyLoadError:
    """Load a file's only policy; return why it refuses."""
    (policy,) = load(file).to_policies().values()
    with pytest.raises(PolicyLoadError) as caught:
        policy.load(host)
    return caught.value


def written(folder: Path, configuration: str, module: str = "rewrite") -> Path:
    """Write a gateway.yaml with a configuration that begins on its fifth line."""
    text = FILE.format(module=module, configuration="CONFIGURATION").lstrip("\n")
    block = "\n" + indent(dedent(configuration).strip("\n"), " " * 6)
    file = folder / "gateway.yaml"
    file.write_text(text.replace(" CONFIGURATION", block), "utf-8")
    return file


def in_lines(value: Any) -> str:  # noqa: ANN401 (any JSON)
    """Write a value as YAML, each scalar on a line of its own."""
    if isinstance(value, dict) and value:
        parts = [f"{json.dumps(key)}:{in_item(its)}" for key, its in value.items()]
    elif isinstance(value, list) and value:
        parts = [f"-{in_item(its)}" for its in value]
    else:
        return json.dumps(value)
    return "\n".join(parts)


def in_item(value: Any) -> str:  # noqa: ANN401 (any JSON)
    """Write what stands behind a key."""
    text = in_lines(value)
    return "\n" + indent(text, "  ") if isinstance(value, (dict, list)) and value else f" {text}"


def test_the_configuration_that_is_changed_is_valid(tmp_path: Path, host: Host) -> None:
    """Else nothing below says anything."""
    (policy,) = load(written(tmp_path, in_lines(REWRITE))).to_policies().values()
    policy.load(host)


def test_an_entry_that_is_not_one_of_those_allowed(tmp_path: Path, host: Host) -> None:
    """The hint has the one that is meant."""
    file = written(tmp_path, "algorithms: [RS255]\nkeys: x", "jwt_auth")
    assert refusal(file, host).hint == "write RS256 instead"


SCALARS = [path for path, value in every(REWRITE) if not isinstance(value, (dict, list))]


@pytest.mark.parametrize("path", SCALARS, ids=key_path)
def test_a_value_of_another_kind_has_its_line_and_its_key(
    path: Key, tmp_path: Path, host: Host
) -> None:
    """At every depth of the policy's configuration."""
    changed = json.loads(json.dumps(REWRITE))
    around = changed
    for key in path[:-1]:
        around = around[key]
    around[path[-1]] = True
    file = written(tmp_path, in_lines(changed))
    (line,) = [at for at, text in enumerate(file.read_text().splitlines(), 1) if "true" in text]
    place = f"{file}:{line}: {key_path(('policies', 'shape', 'configuration', *path))}: "
    assert refusal(file, host).message.startswith(place)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(st.data())
def test_any_mistake_in_a_configuration_has_a_line_and_a_next_step(
    tmp_path_factory: pytest.TempPathFactory, host: Host, data: st.DataObject
) -> None:
    """A value of any kind in place of any other: it starts, or says where and what to do."""
    changed = json.loads(json.dumps(REWRITE))
    places = [path for path, _ in every(changed) if path]
    path = data.draw(st.sampled_from(places))
    around = changed
    for key in path[:-1]:
        around = around[key]
    around[path[-1]] = data.draw(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="ascii", exclude_characters="$"))
        | st.sampled_from([[], {}, ["x"], {"x": "y"}])
    )  # fmt: skip
    file = written(tmp_path_factory.mktemp("any"), in_lines(changed))
    (policy,) = load(file).to_policies().values()
    try:
        policy.load(host)
    except PolicyLoadError as caught:
        error = caught
    else:
        return
    pattern = rf"{re.escape(str(file))}:([0-9]+): policies\.shape\.configuration"
    place = re.match(pattern, error.message)
    assert place is not None, error.message
    assert "line 1 column" not in error.message
    assert error.diagnostics().splitlines()[-1].startswith("  try:   ")


@pytest.mark.parametrize(
    ("configuration", "place", "hint"),
    [
        (
            "request_headers:\n  set:\n    x-tier: gold\n    x-debug: true",
            "8: policies.shape.configuration.request_headers.set.x-debug: policy 'shape' refused",
            'write it in quotes: "true"',
        ),
        ("hosst: a", "5: policies.shape.configuration.hosst: ", "write host instead"),
        ("path_prefix:\n  /a: /b\n  x: /c", "7: policies.shape.configuration.path_prefix.x: ", ""),
        (
            "path_regex: '('",
            "5: policies.shape.configuration.path_regex: ",
            "write it in brackets: [...]",
        ),
        (
            'path_regex:\n  - {pattern: /a, replacement: /b}\n  - {pattern: "(", replacement: x}',
            "7: policies.shape.configuration.path_regex[1].pattern: ",
            "",
        ),
        (
            "host: http://a",
            "5: policies.shape.configuration.host: ",
            "write a",
        ),
    ],
)
def test_a_mistake_names_what_to_mend(
    configuration: str, place: str, hint: str, tmp_path: Path, host: Host
) -> None:
    """Where it stands, what it is, and what to write."""
    file = written(tmp_path, configuration)
    error = refusal(file, host)
    assert error.message.startswith(f"{file}:{place}")
    assert error.hint.startswith(hint)


def test_json_in_lines_of_its_own_keeps_its_lines(tmp_path: Path, host: Host) -> None:
    """What a person wrote as text is counted in their file."""
    file = written(tmp_path, "x")
    text = '|\n      {"request_headers":\n        {"set": {\n          "x-debug": true}}}'
    file.write_text(file.read_text().replace("\n      x\n", f" {text}\n"), "utf-8")
    assert refusal(file, host).message.startswith(
        f"{file}:7: policies.shape.configuration.request_headers.set.x-debug: "
    )


@pytest.mark.parametrize(
    ("message", "line", "key"),
    [
        ("plugin: rules[1].path: must begin with /api", 8, "rules[1].path"),
        ("Go struct field Config.rules of type string", 5, "rules"),
        ("(/rules/0/path) type must be number, but is string", 6, "rules[0].path"),
        ("error at line 1, column 40", 7, "rules[0].allow"),
        ("cannot parse config", 4, ""),
    ],
)
def test_guests_of_others_have_the_same(
    message: str, line: int, key: str, tmp_path: Path, host: Host
) -> None:
    """With any wording; at least the file's line is named."""
    wat = GUEST.replace("MESSAGE", message).replace("LENGTH", str(len(message)))
    (tmp_path / "guest.wasm").write_bytes(wasmtime.wat2wasm(wat))
    configuration = "rules:\n  - path: /aaaaaaaa\n    allow: true\n  - path: /b"
    file = written(tmp_path, configuration, "./guest.wasm")
    full = "policies.shape.configuration" + (f".{key}" if key else "")
    assert re.match(
        re.escape(f"{file}:") + f"{line}: " + re.escape(f"{full}: policy 'shape' refused"),
        refusal(file, host).message,
    )


def test_a_route_s_own_configuration_has_its_line(tmp_path: Path, host: Host) -> None:
    """And not the one of the policy."""
    file = tmp_path / "gateway.yaml"
    file.write_text(
        "policies: {limit: {module: rate_limit, configuration: {limit: 1/day}}}\n"
        'clusters: {s: {endpoints: ["http://127.0.0.1:9"]}}\n'
        "routes:\n"
        "  - {match: {prefix: /}, cluster: s}\n"
        "  - match: {prefix: /b}\n"
        "    cluster: s\n"
        "    policies:\n"
        "      - limit:\n"
        "          configuration:\n"
        "            limit: 1/fortnight\n",
        "utf-8",
    )
    with pytest.raises(PolicyLoadError) as caught:
        Gateway.from_file(file)
    place = f"{file}:10: routes[1].policies[0].limit.configuration.limit: "
    assert caught.value.message.startswith(place)


@pytest.mark.parametrize(
    ("settings", "place", "hint"),
    [
        ("limits: { start_fuel: 100 }", ":5: policies.p.limits.start_fuel", "write limits: {"),
        ("limits: { memory: 64KiB }", ":5: policies.p.limits.memory", "write limits: {"),
        ("capabilities: { read: [none/] }", ":5: policies.p.capabilities.read", "name files"),
        ("failure_policy: open", ":3: policies.p.configuration", "give it one: configuration:"),
    ],
)
def test_what_else_keeps_a_policy_from_starting_has_its_line(
    settings: str, place: str, hint: str, tmp_path: Path, host: Host
) -> None:
    """Its limits, its files, or a configuration that is not there."""
    empty = "open" in settings
    module = "jwt_auth" if empty else "rewrite"
    configuration = "" if empty else "    configuration: {host: a}\n"
    file = tmp_path / "gateway.yaml"
    file.write_text(
        f"# a comment\npolicies:\n  p:\n    module: {module}\n"
        f"    {settings}\n{configuration}"
        'clusters: {s: {endpoints: ["http://127.0.0.1:9"]}}\n'
        "routes: [{match: {prefix: /}, cluster: s, policies: [p]}]\n",
        "utf-8",
    )
    error = refusal(file, host)
    assert (f"{file}{place}" in error.message, error.hint.startswith(hint)) == (True, True)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("limit: 100", 'limit: "100/minute"'),
        ("limit: [100/minute, 1000/hour]", 'limit: "100/minute; 1000/hour"'),
        ("limit: 10r/s", 'limit: "10/second"'),
        ("limit: {requests: 5}", 'limit: "100/minute"'),
        ("limit: [1/day, 1/day, 1/day, 1/day, 1/day]", 'limit: "100/minute"'),
    ],
)
def test_the_hint_for_a_limit_starts_when_it_is_pasted(
    written: str, expected: str, tmp_path: Path, host: Host
) -> None:
    """It is the right spelling of what was written, and not of the next mistake."""
    file = written_limit(tmp_path, written)
    hint = refusal(file, host).hint.removeprefix("write ")
    assert f"limit: {hint}" == expected
    (policy,) = load(written_limit(tmp_path, f"limit: {hint}")).to_policies().values()
    policy.load(host)


def written_limit(folder: Path, configuration: str) -> Path:
    """Write a gateway.yaml with a configuration of rate_limit."""
    return written(folder, configuration, "rate_limit")


@pytest.mark.parametrize(
    "limits",
    ["start_fuel: 100", "start_fuel: 100, memory: 128MiB, fuel: 7_000_000", "memory: 64KiB"],
)
def test_the_hint_for_limits_starts_when_it_is_pasted(
    limits: str, tmp_path: Path, host: Host
) -> None:
    """It keeps the other limits that were set."""
    file = tmp_path / "gateway.yaml"
    text = (
        "policies:\n  p:\n    module: rewrite\n    configuration: {host: a}\n    LIMITS\n"
        'clusters: {s: {endpoints: ["http://127.0.0.1:9"]}}\n'
        "routes: [{match: {prefix: /}, cluster: s, policies: [p]}]\n"
    )
    file.write_text(text.replace("LIMITS", f"limits: {{ {limits} }}"), "utf-8")
    before = next(iter(load(file).to_policies().values())).limits
    hint = refusal(file, host).hint.removeprefix("write ").partition(";")[0]
    file.write_text(text.replace("LIMITS", hint), "utf-8")
    (policy,) = load(file).to_policies().values()
    policy.load(host)
    kept = {**before.changed(), "start_fuel": 0, "memory": 0}
    assert {**policy.limits.changed(), "start_fuel": 0, "memory": 0} == kept


@pytest.mark.parametrize("pattern", [r"^/a\d+(", r"\pL"])
def test_a_pattern_is_repeated_as_it_was_written(pattern: str, tmp_path: Path, host: Host) -> None:
    """A backslash stays one backslash."""
    rule = json.dumps([{"pattern": pattern, "replacement": "/"}])
    assert f": `{pattern}`: " in refusal(written(tmp_path, f"path_regex: {rule}"), host).message


def test_names_of_headers_are_taken_in_any_case(tmp_path: Path, host: Host) -> None:
    """They are case-insensitive (RFC 9110 §5.1)."""
    rules = "request_headers: {remove: [X-A], set: {X-B: '1'}, add: {X-C: '2'}, append: {X-D: '3'}}"
    (policy,) = load(written(tmp_path, rules)).to_policies().values()
    policy.load(host)


def test_the_value_of_a_variable_is_not_repeated(
    tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guests repeat what they refuse, and it may be a secret."""
    monkeypatch.setenv("WASMGATE_SECRET", "sesame-open/")
    error = refusal(written(tmp_path, "host: ${WASMGATE_SECRET}"), host)
    assert "sesame" not in error.diagnostics()
    assert "`${WASMGATE_SECRET}`" in error.message


@pytest.mark.parametrize(
    ("policy", "place", "hint"),
    [
        (
            lambda: policies.rewrite(request_headers={"set": {"x-debug": True}}),  # type: ignore[arg-type]
            "rewrite(request_headers=…): request_headers.set.x-debug: ",
            'write it in quotes: "true"',
        ),
        (
            lambda: policies.rewrite(path_regex=[("/a", "/b"), ("(", "x")]),
            "rewrite(path_regex=…): path_regex[1].pattern: ",
            "",
        ),
        (lambda: policies.rate_limit(limit="1/fortnight"), "rate_limit(limit=…): ", "write "),
        (
            lambda: policies.rate_limit(limit=100),  # type: ignore[arg-type]
            "rate_limit(limit=…): ",
            'write "100/minute"',
        ),
        (
            lambda: policies.rate_limit(limit=["5/second", "100/minute"]),  # type: ignore[arg-type]
            "rate_limit(limit=…): ",
            'write "5/second; 100/minute"',
        ),
    ],
)
def test_in_python_the_argument_is_named(policy: Any, place: str, hint: str, host: Host) -> None:  # noqa: ANN401
    """It is what a person wrote."""
    with pytest.raises(PolicyLoadError) as caught:
        policy().load(host)
    assert caught.value.message.startswith(place)
    assert caught.value.hint.startswith(hint)
