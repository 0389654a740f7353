"""A mistake anywhere in a gateway.yaml: it loads, or says what is wrong, where, and what to do."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wasmgate import ConfigError
from wasmgate.config import load
from wasmgate.config.yaml_loader import PythonLoader

if TYPE_CHECKING:
    from pathlib import Path

VALID = """
listen: 127.0.0.1:8080
x-limits: &limits { fuel: 5_000_000, memory: 16MiB }
policies:
  auth:
    module: jwt_auth
    configuration: { algorithms: [RS256], keys: { file: issuer.pem }, audience: orders }
    strip_request_headers: [x-verified]
  limit: { module: rate_limit, configuration: { limit: 100/minute, burst: 20, key: user } }
  own:
    module: ./own.wasm
    root_id: one
    vm_configuration: { a: [1, 2.5, true, null] }
    capabilities:
      net: [orders, "10.0.0.1:80"]
      env: [PATH]
      read: [keys/]
      foreign_functions: [wasmgate.limits.hit]
      metrics: [own_*]
      shared_data: [limit]
    limits: { <<: *limits, body: 64KiB, headers: 8, header_bytes: 4096, log_bytes: 1KiB }
    failure_policy: open
    allow_on_headers_stop_iteration: true
    isolation: tenant
    tenants: { header: x-tenant, max: 10, idle: 5m }
clusters:
  orders:
    endpoints: [http://127.0.0.1:9001, { url: "https://[::1]:9002", weight: 2 }]
    lb_policy: least_request
    panic_threshold: 40%
    health_check:
      path: /health
      method: GET
      host: site.example
      headers: { x-check: "1" }
      statuses: [200, 204-299]
      interval: 5s
      timeout: 1s
      unhealthy_threshold: 2
      healthy_threshold: 1
    connections: 5
    connect_timeout: 1s
    read_timeout: 250ms
  site: { endpoints: [http://127.0.0.1:9003] }
default_policies: [limit]
routes:
  - match: { host: api.example, prefix: /orders/ }
    prefix_rewrite: /
    policies: [auth, limit: { configuration: { limit: 1/second } }]
    cluster: orders
    timeout: 5s
  - { match: { prefix: / }, cluster: site }
  - match:
      host: [a.example, "*.b.example"]
      template: "/users/{id}"
      methods: [GET]
      headers: { x-tier: gold, x-old: { present: false } }
      query: { v: { regex: "[0-9]+" } }
      cookies: { c: { prefix: a } }
    name: users
    clusters: { orders: 90, site: 10 }
    hash_by: { cookie: session }
    path_rewrite: "/v2/{id}"
    query_rewrite: { set: { a: b }, remove: [c] }
    host_rewrite: auto
    request_headers: { set: { x-a: "%{client_address}" }, add: { x-b: c }, remove: [x-d] }
    response_headers: { remove: [server] }
    websocket: { idle_timeout: 60s, message_size: 1MiB }
  - { match: { regex: /v1/.* }, regex_rewrite: { pattern: ^/v1, substitution: / }, cluster: site }
  - { match: { path: /old }, redirect: { scheme: https, host: c.example, port: 8443, path: /new } }
  - { match: { path: /r }, respond: { status: 200, headers: { x-a: b }, body: ok } }
route_order: specificity
trusted_proxies: [10.0.0.0/8]
server: { headers: 64, header_bytes: 16KiB, body: 10MB }
callouts: { in_flight: 8, per_policy: 4, request: 1KiB, response: 1MiB, time: 3s }
limits: { storage: "memory://" }
"""

SCALARS = [
    "", "~", "x", "5", "0", "-1", "1.5", "1e999", "true", "no", "a b", "${WASMGATE_NONE}", "${",
    "$$", "http://127.0.0.1:99999", "https://a.example/x.wasm", "127.0.0.1:99999", "../x", "\0",
    "ä", "a" * 300, "9" * 5000, "10.0.0.1/8", "24h1", "1000h", "2TiB", "9007199254740993", "&", "*",
]  # fmt: skip
TAGS = ["str", "int", "float", "bool", "null", "map", "seq", "binary", "timestamp", "set", "!own"]

# What pydantic says, in no words of ours.
BARE = re.compile(
    r"Input should|Field required|Extra inputs|String should|Unable to|Value error|Assertion"
    r"|should have|should be a valid|valid (string|integer|dictionary|tuple|list|boolean)|pydantic"
)
LOADER = PythonLoader("")
Slot = tuple[yaml.Node, int, int]


def slots(root: yaml.Node) -> list[Slot]:
    """Return every place of a node below another: its parent, entry, and 0 for key, 1 for value."""
    found: list[Slot] = []
    todo = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, yaml.MappingNode):
            pairs = [(at, side) for at in range(len(node.value)) for side in (0, 1)]
            found += [(node, at, side) for at, side in pairs]
            todo += [value for pair in node.value for value in pair]
        elif isinstance(node, yaml.SequenceNode):
            found += [(node, at, 1) for at in range(len(node.value))]
            todo += node.value
    return found


def put(slot: Slot, node: yaml.Node) -> None:
    """Put a node in a place."""
    parent, at, side = slot
    if isinstance(parent, yaml.MappingNode):
        pair = list(parent.value[at])
        pair[side] = node
        parent.value[at] = tuple(pair)
    else:
        parent.value[at] = node


def taken(slot: Slot) -> yaml.Node:
    """Return the node of a place."""
    parent, at, side = slot
    entry = parent.value[at]
    node: yaml.Node = entry[side] if isinstance(parent, yaml.MappingNode) else entry
    return node


def mutate(data: st.DataObject, root: yaml.Node) -> None:
    """Drop, replace, rename, retag or repeat one node."""
    places = slots(root)
    slot = data.draw(st.sampled_from(range(len(places))).map(places.__getitem__))
    parent, at, _ = slot
    node = taken(slot)
    what = data.draw(st.sampled_from(["drop", "scalar", "swap", "retag", "list", "map", "twice"]))
    if what == "drop":
        del parent.value[at]
    elif what == "scalar":
        style = data.draw(st.sampled_from([None, "'", "|"]))
        text = data.draw(st.sampled_from(SCALARS))
        # Without quotes it becomes what it looks like, with them it is text.
        tag = LOADER.resolve(yaml.ScalarNode, text, (style is None, True))  # type: ignore[no-untyped-call]
        put(slot, yaml.ScalarNode(tag, text, style=style))
    elif what == "swap":
        other = data.draw(st.sampled_from(range(len(places))).map(places.__getitem__))
        put(slot, copy.deepcopy(taken(other)))
    elif what == "retag":
        tag = data.draw(st.sampled_from(TAGS))
        changed = copy.deepcopy(node)
        changed.tag = tag if tag.startswith("!") else f"tag:yaml.org,2002:{tag}"
        put(slot, changed)
    elif what == "list":
        put(slot, yaml.SequenceNode("tag:yaml.org,2002:seq", [copy.deepcopy(node)]))
    elif what == "map":
        key = yaml.ScalarNode("tag:yaml.org,2002:str", "extra")
        put(slot, yaml.MappingNode("tag:yaml.org,2002:map", [(key, copy.deepcopy(node))]))
    else:
        parent.value.insert(at, copy.deepcopy(parent.value[at]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Put what the file names into a folder."""
    folder = tmp_path_factory.mktemp("mutations")
    (folder / "issuer.pem").write_text("PEM")
    (folder / "own.wasm").write_bytes(b"\0asm")
    return folder


def judge(folder: Path, text: str) -> None:
    """Load a text: it is a configuration, or a mistake that is told as all are."""
    file = folder / "gateway.yaml"
    file.write_text(text, "utf-8")
    error = refusal(file)
    if error is None:
        return
    assert error.problems, error
    for line in error.problems:
        assert re.match(rf"{re.escape(str(file))}:[0-9]+: \S", line) or " more" in line, line
        assert not BARE.search(line), line
        assert "this kind of value" not in line, line
    *_, last = error.diagnostics().splitlines()
    assert re.fullmatch(r"  try:   \S.{7,}", last), last
    assert not BARE.search(last), last


def refusal(file: Path) -> ConfigError | None:
    """Return what is said of a file, None of one that can be used."""
    try:
        load(file).to_policies()
    except ConfigError as error:
        return error
    return None


def test_the_file_that_is_changed_is_valid(folder: Path) -> None:
    """Else nothing below says anything."""
    file = folder / "gateway.yaml"
    file.write_text(VALID, "utf-8")
    assert len(load(file).routes) == 6


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_any_mistake_is_told_with_its_line_and_a_next_step(
    folder: Path, data: st.DataObject
) -> None:
    """Never a traceback, and never a sentence of pydantic's."""
    root = PythonLoader(VALID).get_single_node()
    assert root is not None
    for _ in range(data.draw(st.integers(1, 3))):
        if slots(root):
            mutate(data, root)
    try:
        text = yaml.serialize(root, allow_unicode=True)
    except yaml.YAMLError:  # an alias in itself, say, which no text has
        return
    judge(folder, text)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.integers(0, len(VALID)), st.text(max_size=3), st.integers(0, 12))
def test_any_slip_of_the_hand_is_told_so_too(
    folder: Path, at: int, typed: str, removed: int
) -> None:
    """Characters that are typed over others, anywhere in the file."""
    judge_text = VALID[:at] + typed + VALID[at + removed :]
    try:
        judge_text.encode()
    except UnicodeEncodeError:
        return
    judge(folder, judge_text)
