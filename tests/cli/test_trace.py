"""`wasmgate trace`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.native.callout_guests import Texts, caller
from tests.native.hostile import guest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command

REWRITE = {"path_prefix": {"/v1/": "/"}, "request_headers": {"set": {"x-tier": "gold"}}}

CALLS = guest(
    '(import "env" "proxy_http_call" (func $call',
    "  (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))",
    '(import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))',
    '(import "env" "proxy_set_effective_context" (func $act (param i32) (result i32)))',
    '(import "env" "proxy_send_local_response"',
    "  (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))",
    '(data (i32.const 64) "auth:8080")',
    # :method GET, :path /, :authority a
    '(data (i32.const 256) "\\03\\00\\00\\00\\07\\00\\00\\00\\03\\00\\00\\00'
    "\\05\\00\\00\\00\\01\\00\\00\\00"
    '\\0a\\00\\00\\00\\01\\00\\00\\00:method\\00GET\\00:path\\00/\\00:authority\\00a\\00")',
    "(global $stream (mut i32) (i32.const 0))",
    '(func (export "proxy_on_request_headers") (param $context i32) (param i32 i32) (result i32)',
    "  (global.set $stream (local.get $context))",
    "  (if (result i32) (call $call (i32.const 64) (i32.const 9) (i32.const 256) (i32.const 61)",
    "      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 500)",
    "      (i32.const 128))",
    "    (then (i32.const 0)) (else (i32.const 1))))",
    '(func (export "proxy_on_http_call_response") (param i32 i32) (param $fields i32)',
    "  (param i32 i32)",
    "  (drop (call $act (global.get $stream)))",
    "  (drop (if (result i32) (local.get $fields)",
    "    (then (call $continue (i32.const 0)))",
    "    (else (call $answer (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0)",
    "      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1))))))",
)
"""Asks `auth:8080`: an answer lets the request go on, a failure is 403, a refusal is ignored."""

MEASURES = guest(
    '(import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))',
    '(data (i32.const 80) "asked")',
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
    "  (drop (call $define (i32.const 0) (i32.const 80) (i32.const 5) (i32.const 128)))",
    "  (i32.const 0))",
)
"""Defines the metric `asked` and goes on."""

TAKES = guest(
    '(import "wasi_snapshot_preview1" "environ_get" (func $take (param i32 i32) (result i32)))',
    '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
    "  (call $take (i32.const 64) (i32.const 128)))",
)
"""Reads its environment, which is empty: 0."""

ENDS = guest(
    '(func (export "proxy_on_request_trailers") (param i32 i32) (result i32) (i32.const 0))'
)
"""Looks at the trailers of the request and goes on."""

Traced = dict[str, Any]


@pytest.fixture
def calls(tmp_path: Path) -> None:
    """Have the guest that asks as `calls.wasm`."""
    (tmp_path / "calls.wasm").write_bytes(CALLS)


@pytest.fixture
def measures(tmp_path: Path) -> None:
    """Have the guest with a metric as `measures.wasm`."""
    (tmp_path / "measures.wasm").write_bytes(MEASURES)


@pytest.fixture
def rewrite(tmp_path: Path) -> None:
    """Have a configuration of the policy `rewrite`."""
    (tmp_path / "rewrite.json").write_text(json.dumps(REWRITE))


def traced(wasmgate: Command, *arguments: str) -> Traced:
    """Trace and return what is told."""
    done = wasmgate("trace", *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    facts: Traced = json.loads(done.stdout)
    return facts


@pytest.mark.usefixtures("rewrite")
def test_the_transcript_is_for_people(wasmgate: Command) -> None:
    """A line a callback, a line a hostcall, then what was seen."""
    done = wasmgate(
        "trace", "rewrite", "--configuration", "rewrite.json", "--request", "GET:/v1/a?b=c"
    )
    assert done.returncode == 0
    for line in (
        "    proxy_get_header_map_value(map=request_headers, name=:path) → OK value=/v1/a?b=c",
        "  GET /a?b=c",
        "  host: localhost",
        "  x-tier: gold",
        "  200",
        "    rewrite: {capabilities: {}}",
    ):
        assert line in done.stdout.splitlines()


@pytest.mark.usefixtures("rewrite")
def test_json_says_the_same(wasmgate: Command) -> None:
    """For programs."""
    facts = traced(wasmgate, "rewrite", "--configuration", "rewrite.json", "--request", "GET:/v1/a")
    assert (facts["upstream"]["target"], facts["client"]["status"], facts["lost"]) == ("/a", 200, 0)
    (call,) = [it for it in facts["events"] if it["name"] == "proxy_get_header_map_value"]
    assert (call["arguments"], call["results"]) == (
        {"map": "request_headers", "name": ":path"},
        {"value": "/v1/a"},
    )


@pytest.mark.usefixtures("rewrite")
def test_secrets_are_masked_unless_asked(wasmgate: Command) -> None:
    """Also in what the upstream sees."""
    arguments = ("trace", "rewrite", "--configuration", "rewrite.json", "-H", "cookie: s3cret")
    assert "s3cret" not in wasmgate(*arguments).stdout
    assert "s3cret" in wasmgate(*arguments, "--secrets").stdout


@pytest.mark.usefixtures("rewrite")
def test_bodies_pass(tmp_path: Path, wasmgate: Command) -> None:
    """The request's and the response's."""
    (tmp_path / "order").write_bytes(b"\xffone")
    (tmp_path / "reply").write_bytes(b"two")
    facts = traced(
        wasmgate,
        *("rewrite", "--configuration", "rewrite.json", "--request", "POST:/", "--body", "order"),
        *("--response", "201", "--response-header", "x-a: b", "--response-body", "reply"),
    )
    assert facts["upstream"]["body_base64"] == "/29uZQ=="
    assert facts["client"] == {"status": 201, "headers": [["x-a", "b"]], "body": "two"}


@pytest.mark.usefixtures("measures")
def test_what_was_denied_is_proposed(wasmgate: Command) -> None:
    """With the reason at the hostcall."""
    facts = traced(wasmgate, "measures.wasm")
    (call,) = [it for it in facts["events"] if it["name"] == "proxy_define_metric"]
    assert "may not define 'asked' (capability metrics)" in call["reason"]
    assert facts["capabilities"] == {"measures": {"metrics": ["asked"]}}


@pytest.mark.usefixtures("measures")
def test_what_was_used_is_proposed_and_nothing_else(wasmgate: Command) -> None:
    """A capability that the policy did not use is not in it."""
    facts = traced(
        wasmgate,
        *("measures.wasm", "--capability", "metrics=ask*", "--capability", "net=other:1"),
    )
    assert facts["capabilities"] == {"measures": {"metrics": ["ask*"]}}


@pytest.mark.usefixtures("calls")
def test_an_upstream_that_was_denied_is_proposed(wasmgate: Command) -> None:
    """With the reason at the hostcall."""
    facts = traced(wasmgate, "calls.wasm")
    (call,) = [it for it in facts["events"] if it["name"] == "proxy_http_call"]
    assert "may not reach 'auth:8080' (capability net)" in call["reason"]
    assert facts["capabilities"]["calls"]["net"] == ["auth:8080"]


def test_a_cluster_of_envoy_is_proposed_by_its_name(tmp_path: Path, wasmgate: Command) -> None:
    """Which a configuration takes."""
    texts = Texts()
    module = tmp_path / "calls.wasm"
    call = texts.http_call(upstream=b"outbound|80||auth.static")
    module.write_bytes(caller(texts, "proxy_on_request_headers", call))
    proposed = traced(wasmgate, "calls.wasm")["capabilities"]
    assert proposed == {"calls": {"net": ["auth.static"]}}
    allowed = traced(wasmgate, "calls.wasm", "--capability", "net=auth.static")
    assert allowed["callouts"] == [{"policy": "calls", "kind": "http", "to": "auth.static"}]
    assert allowed["capabilities"] == proposed


@pytest.mark.parametrize("allowed", [(), ("--capability", "net=cache:6379")])
def test_a_redis_is_proposed_without_its_database(
    allowed: tuple[str, ...], tmp_path: Path, wasmgate: Command
) -> None:
    """Denied or used; a configuration takes no database."""
    texts, server = Texts(), b"cache:6379?db=3"
    call = texts.redis_init(server) + texts.redis_call(server)
    (tmp_path / "asks.wasm").write_bytes(caller(texts, "proxy_on_request_headers", call))
    facts = traced(wasmgate, "asks.wasm", *allowed)
    assert facts["capabilities"] == {"asks": {"net": ["cache:6379"]}}


@pytest.mark.usefixtures("calls")
def test_an_upstream_that_was_asked_is_proposed(wasmgate: Command) -> None:
    """A capability that the policy did not use is not in it."""
    facts = traced(
        wasmgate,
        *("calls.wasm", "--capability", "net=auth:8080", "--capability", "net=other:1"),
    )
    assert facts["capabilities"] == {"calls": {"net": ["auth:8080"]}}


@pytest.mark.usefixtures("calls")
def test_capabilities_are_proposed_in_python_too(wasmgate: Command) -> None:
    """`--python`."""
    done = wasmgate("trace", "calls.wasm", "--python")
    assert done.stdout.splitlines()[-1] == "  calls: Capabilities(net=('auth:8080',))"


def test_missing_environment_variables_are_said_to_be_unknown(
    tmp_path: Path, wasmgate: Command
) -> None:
    """Of a policy that takes them."""
    (tmp_path / "takes.wasm").write_bytes(TAKES)
    last = wasmgate("trace", "takes.wasm").stdout.splitlines()[-1]
    assert last.startswith("  takes asks for its environment variables")
    assert traced(wasmgate, "takes.wasm")["took_environment"] == ["takes"]


@pytest.mark.usefixtures("calls")
def test_a_callout_is_answered(wasmgate: Command) -> None:
    """By its upstream."""
    facts = traced(
        wasmgate, "calls.wasm", "--capability", "net=auth:8080", "--answer", "auth:8080=200:ok"
    )
    assert facts["callouts"] == [{"policy": "calls", "kind": "http", "to": "auth:8080"}]
    assert facts["client"]["status"] == 200


@pytest.mark.usefixtures("calls")
def test_a_callout_without_an_answer_fails(wasmgate: Command) -> None:
    """As one does whose upstream is away."""
    facts = traced(wasmgate, "calls.wasm", "--capability", "net=auth:8080")
    assert (facts["upstream"], facts["client"]["status"]) == (None, 403)


@pytest.mark.usefixtures("rewrite")
def test_a_gateway_chooses_the_route(tmp_path: Path, wasmgate: Command) -> None:
    """Its policies run, and the upstream sees what the gateway sends."""
    (tmp_path / "gateway.yaml").write_text(
        json.dumps(
            {
                "policies": {
                    "tier": {"module": "rewrite", "configuration": REWRITE},
                    "other": {"module": "rewrite", "configuration": {"path_prefix": {"/": "/no/"}}},
                },
                "clusters": {"orders": {"endpoints": ["http://127.0.0.1:9001"]}},
                "routes": [
                    {"match": {"prefix": "/v1/"}, "policies": ["tier"], "cluster": "orders"},
                    {"match": {"prefix": "/"}, "policies": ["other"], "cluster": "orders"},
                ],
            }
        )
    )
    facts = traced(wasmgate, "gateway.yaml", "--request", "GET:/v1/orders")
    fields = dict(facts["upstream"]["headers"])
    assert (facts["upstream"]["target"], fields["x-tier"]) == ("/orders", "gold")
    requests = [event for event in facts["events"] if "request" in event["name"]]
    assert {event["policy"] for event in requests} == {"tier"}


def test_a_policy_that_does_not_start_is_1(wasmgate: Command) -> None:
    """With what it did until then, and what it said."""
    done = wasmgate("trace", "jwt_auth")
    assert (done.returncode, "refused the configuration" in done.stderr) == (1, True)
    assert "jwt_auth #1 proxy_on_configure(size=0) → false" in done.stdout
    assert "the upstream sees" not in done.stdout


def test_json_of_a_policy_that_does_not_start_has_the_error(wasmgate: Command) -> None:
    """Beside its events."""
    done = wasmgate("trace", "jwt_auth", "--json")
    facts = json.loads(done.stdout)
    assert "refused the configuration" in facts["error"]
    assert "proxy_on_configure" in [event["name"] for event in facts["events"]]


@pytest.mark.usefixtures("rewrite")
def test_trailers_pass(wasmgate: Command) -> None:
    """The request's and the response's."""
    facts = traced(
        wasmgate,
        *("rewrite", "--configuration", "rewrite.json", "--trailer", "x-sum: 1"),
        *("--response-trailer", "x-time: 2"),
    )
    assert facts["upstream"]["trailers"] == [["x-sum", "1"]]
    assert facts["client"]["trailers"] == [["x-time", "2"]]


def test_trailers_pass_a_gateway(tmp_path: Path, wasmgate: Command) -> None:
    """But those that have no place there."""
    (tmp_path / "gateway.yaml").write_text(
        json.dumps(
            {
                "clusters": {"orders": {"endpoints": ["http://127.0.0.1:9001"]}},
                "routes": [{"match": {"prefix": "/"}, "cluster": "orders"}],
            }
        )
    )
    given = ("--trailer", "x-sum: 1", "--trailer", "host: b", "--response-trailer", "x-time: 2")
    facts = traced(wasmgate, "gateway.yaml", *given)
    assert facts["upstream"]["trailers"] == [["x-sum", "1"]]
    assert facts["client"]["trailers"] == [["x-time", "2"]]


def test_trailers_meet_their_callback(tmp_path: Path, wasmgate: Command) -> None:
    """The policy counts the fields."""
    (tmp_path / "ends.wasm").write_bytes(ENDS)
    facts = traced(wasmgate, "ends.wasm", "--trailer", "a: 1", "--trailer", "b: 2")
    (call,) = [it for it in facts["events"] if it["name"] == "proxy_on_request_trailers"]
    assert call["arguments"] == {"fields": "2"}


@pytest.mark.parametrize(
    "wrong",
    [
        ("--request", "/orders"),
        ("--header", "nothing"),
        ("--answer", "auth"),
        ("--capability", "net"),
        ("--capability", "network=auth:80"),
        ("--response", "99"),
    ],
)
def test_what_cannot_be_read_is_2(wrong: tuple[str, str], wasmgate: Command) -> None:
    """And the option is named."""
    done = wasmgate("trace", "rewrite", *wrong)
    assert done.returncode == 2
    assert wrong[0] in done.stderr
