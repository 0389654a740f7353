"""gateway.yaml from a file to a value, or to one error with every mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wasmgate import ConfigError, FailurePolicy, Limits
from wasmgate.config import Address, load

Write = Callable[[str], Path]
Mistakes = Callable[[str], list[str]]

DESIGN = """
    listen: 127.0.0.1:8080
    policies:
      auth:
        module: jwt_auth
        configuration: {algorithms: [RS256], keys: {file: issuer.pem}, audience: orders}
      limit: {module: rate_limit, configuration: {limit: 100/minute, burst: 20, key: user}}
      own:
        module: ./own.wasm
        capabilities: {env: [WASMGATE_KEY]}
        limits: {fuel: 5_000_000, memory: 16MiB}
        failure_policy: open
    clusters:
      orders:
        endpoints: [http://127.0.0.1:9001, http://127.0.0.1:9002]
        lb_policy: round_robin
        read_timeout: 250ms
      site: {endpoints: [http://127.0.0.1:9003]}
    default_policies: [limit]
    routes:
      - match: {host: api.example, prefix: /orders/}
        prefix_rewrite: /
        policies: [auth, limit]
        cluster: orders
        timeout: 5s
      - {match: {prefix: /}, cluster: site}
    trusted_proxies: [10.0.0.0/8]
    server: {headers: 64, header_bytes: 16KiB, body: 10MB}
"""

MINIMAL = """
    clusters: {a: {endpoints: [http://127.0.0.1:9001]}}
    routes: [{match: {prefix: /}, cluster: a}]
"""


@pytest.fixture
def design(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the file of the design and what it names."""
    (tmp_path / "issuer.pem").write_text("PEM")
    (tmp_path / "own.wasm").write_bytes(b"\0asm")
    monkeypatch.setenv("WASMGATE_KEY", "k")
    return write(DESIGN)


def test_times_are_seconds_and_sizes_bytes(design: Path) -> None:
    """With any units of the file."""
    config = load(design)
    found = (config.routes[0].timeout, config.clusters["orders"].read_timeout, config.server.body)
    assert found == (5.0, 0.25, 10_000_000)


def test_policies_are_named_as_in_the_file(design: Path) -> None:
    """The key is the name, and their order is kept."""
    policies = load(design).to_policies()
    assert [policy.name for policy in policies.values()] == ["auth", "limit", "own"]


def test_a_policy_carries_what_the_file_says(design: Path, tmp_path: Path) -> None:
    """Path, limits, capabilities and failure policy."""
    policy = load(design).to_policies()["own"]
    assert (
        policy.module,
        policy.limits,
        policy.capabilities.env,
        policy.failure_policy,
    ) == (
        str(tmp_path / "own.wasm"),
        Limits(fuel=5_000_000, memory=16 * 1024**2),
        ("WASMGATE_KEY",),
        FailurePolicy.OPEN,
    )


def test_a_file_in_a_configuration_becomes_its_text(design: Path) -> None:
    """The policy sees text, never a path."""
    policy = load(design).to_policies()["auth"]
    assert policy.configuration_bytes == (
        b'{"algorithms":["RS256"],"keys":"PEM","audience":"orders"}'
    )


def test_a_route_without_policies_has_the_default_ones(design: Path) -> None:
    """And one with policies has its own."""
    config = load(design)
    assert [config.policies_of(route) for route in config.routes] == [("auth", "limit"), ("limit",)]


def test_an_empty_list_of_policies_is_an_open_route(write: Write) -> None:
    """`[]` is not the same as leaving it out."""
    config = load(
        write("""
        policies: {limit: {module: rate_limit}}
        clusters: {a: {endpoints: [http://127.0.0.1:9001]}}
        default_policies: [limit]
        routes: [{match: {prefix: /}, cluster: a, policies: []}]
        """)
    )
    assert config.policies_of(config.routes[0]) == ()


def test_the_smallest_file_is_one_cluster_and_one_route(write: Write) -> None:
    """Everything else has a default."""
    assert load(write(MINIMAL)).listen == Address("127.0.0.1", 8080)


def test_a_path_may_be_text(write: Write) -> None:
    """As on a command line."""
    assert load(str(write(MINIMAL))).routes[0].cluster == "a"


def test_paths_are_relative_to_the_file(
    design: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not to where the gateway is started."""
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert load(design).to_policies()["own"].read() == b"\0asm"


def test_every_mistake_is_reported(mistakes: Mistakes, monkeypatch: pytest.MonkeyPatch) -> None:
    """YAML, values, unknown keys, names, files and variables, in the order of the file."""
    monkeypatch.delenv("WASMGATE_KEY", raising=False)
    found = mistakes("""
        listen: 8080
        policies:
          auth: {module: jwt_auht, configuration: {keys: {file: none.pem}}}
          own:
            module: ./own.wasm
            capabilities: {env: [WASMGATE_KEY], net: ["a b"]}
            limits: {memory: 32M}
            failure_policy: ajar
        clusters:
          orders: {endpoints: [ftp://a], lb_policy: fastest, read_timeout: 5}
          orders: {}
        default_policies: [limit]
        routes:
          - {match: {host: "a:80", prefix: x}, cluster: ordrs, timeot: 5s}
          - {cluster: orders}
        """)
    assert [line.split(": ")[:2] for line in found] == [
        ["1", "listen"],
        ["3", "policies.auth.module"],
        ["3", "policies.auth.configuration.keys.file"],
        ["5", "policies.own.module"],
        ["6", "policies.own.capabilities.env[0]"],
        ["6", "policies.own.capabilities.net[0]"],
        ["7", "policies.own.limits.memory"],
        ["8", "policies.own.failure_policy"],
        ["10", "clusters.orders.endpoints[0]"],
        ["10", "clusters.orders.lb_policy"],
        ["10", "clusters.orders.read_timeout"],
        ["11", "clusters.orders"],
        ["12", "default_policies[0]"],
        ["14", "routes[0].cluster"],
        ["14", "routes[0].match.host"],
        ["14", "routes[0].match.prefix"],
        ["14", "routes[0].timeot"],
        ["15", "routes[1].match"],
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("routes: []", "routes: must have at least one entry"),
        ("clusters: {a: {endpoints: []}}", "clusters.a.endpoints: must have at least one entry"),
        ("clusters: []", "clusters: must be a mapping (key: value)"),
        ("clusters: {a: x}", "clusters.a: must be a mapping (key: value)"),
        ("clusters: {'a b': {}}", "clusters['a b']: a name has at most 64 letters"),
        ("clusters: {a: {connections: '5'}}", "clusters.a.connections: must be a whole number"),
        ("clusters: {a: {connections: true}}", "clusters.a.connections: must be a whole number"),
        ("clusters: {a: {connections: 0}}", "clusters.a.connections: must be at least 1"),
        ("clusters: {a: {lb_policy: x}}", "clusters.a.lb_policy: must be one of round_robin, "),
        ("policies: {a: {module: 5}}", "policies.a.module: must be text"),
        ("policies: {a: {module: ''}}", "policies.a.module: must not be empty"),
        ("policies: {a: {}}", "policies.a.module: is required"),
        ("policies: {a: {modul: x}}", "policies.a.modul: unknown key (did you mean 'module'?); "),
        ("policies: {a: {limits: {fule: 1}}}", "policies.a.limits.fule: unknown key (did you mean"),
        ("policies: {a: {limits: {fuel: 1.5}}}", "policies.a.limits.fuel: must be a whole number"),
        (
            "policies: {a: {strip_request_headers: [a b]}}",
            "policies.a.strip_request_headers[0]: must be the name of a header",
        ),
        (
            "policies: {a: {capabilities: {net: ['b:0']}}}",
            "policies.a.capabilities.net[0]: must be the name of a cluster or host:port",
        ),
        (
            "policies: {a: {capabilities: {metrics: ['*a']}}}",
            "policies.a.capabilities.metrics[0]: must be the name of a metric, or",
        ),
        (
            "policies: {a: {capabilities: {write: []}}}",
            "policies.a.capabilities.write: unknown key",
        ),
        (
            "policies: {a: {capabilities: {env: [A=B]}}}",
            "policies.a.capabilities.env[0]: must be the name of an environment variable",
        ),
        (
            "routes: [{match: {uri: /}, cluster: a}]",
            "routes[0].match.uri: unknown key (did you mean 'prefix'?)",
        ),
        (
            "routes: [{match: {prefix: /}, upstream: a}]",
            "routes[0].upstream: unknown key (did you mean 'cluster'?)",
        ),
        (
            "routes: [{match: {prefix: /}, cluster: a, plugins: []}]",
            "routes[0].plugins: unknown key (did you mean 'policies'?)",
        ),
        (
            "clusters: {a: {servers: []}}",
            "clusters.a.servers: unknown key (did you mean 'endpoints'?)",
        ),
        (
            "routes: [{match: {prefix: '/orders/*'}}]",
            "routes[0].match.prefix: must be the beginning of a path, which matches everything",
        ),
        (
            "routes: [{match: {prefix: '/orders/{id}/x'}}]",
            "routes[0].match.prefix: must be the beginning of a path, which matches everything",
        ),
        ("routes: {}", "routes: must be a list"),
        ("route: []", "route: unknown key (did you mean 'routes'?); known are listen, policies"),
        ("server: {body: none}", "server.body: must be a size"),
        ("trusted_proxies: 10.0.0.0/8", "trusted_proxies: must be a list"),
        ("listen: 127.0.0.1:99999", "listen: the port must be at most 65535"),
        ("5", "must be a mapping (key: value)"),
        ("~", "must be a mapping (key: value)"),
    ],
)
def test_a_wrong_value_is_explained(text: str, said: str, mistakes: Mistakes) -> None:
    """In words, with the path of its key."""
    assert [line for line in mistakes(text) if line.startswith(f"1: {said}")] != []


def test_a_mistake_is_told_once(mistakes: Mistakes) -> None:
    """A text that cannot name a variable is not looked for, too."""
    found = mistakes("policies: {a: {module: rewrite, capabilities: {env: [A-B]}}}")
    assert len([line for line in found if "capabilities.env[0]" in line]) == 1


def test_a_variable_that_is_not_set_is_one_mistake(mistakes: Mistakes) -> None:
    """The text that it would be in is not missing as well."""
    found = mistakes("clusters: {a: {endpoints: ['http://${NOT_SET_ANYWHERE}']}}")
    assert [line for line in found if "endpoints[0]" in line] == [
        "1: clusters.a.endpoints[0]: the environment variable NOT_SET_ANYWHERE is not set"
    ]


def test_values_do_not_appear_in_errors(mistakes: Mistakes) -> None:
    """A value in the wrong place may be a secret."""
    assert not [
        line for line in mistakes("policies: {a: {limits: {fuel: s3cret}}}") if "s3cret" in line
    ]


def test_a_long_list_of_mistakes_is_cut(mistakes: Mistakes) -> None:
    """Fifty, and how many more."""
    found = mistakes("".join(f"key{at}: 1\n" for at in range(98)))
    assert (len(found), found[-1]) == (51, " and 50 more")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: \xff", "gateway.yaml:1: not UTF-8 text"),
        (b"a: 1\nb: \xff", "gateway.yaml:2: not UTF-8 text"),
        (b"#" * (4 * 1024**2 + 1), "is larger than 4 MiB"),
    ],
    ids=["bytes", "line", "large"],
)
def test_a_file_that_is_no_text_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    """Before YAML is asked."""
    (tmp_path / "gateway.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        load(tmp_path / "gateway.yaml")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path, write: Write) -> None:
    """Some editors write one."""
    path = write(MINIMAL)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(tmp_path / "gateway.yaml").routes[0].cluster == "a"


@pytest.mark.parametrize("name", ["none.yaml", "."])
def test_a_file_that_cannot_be_opened_is_named(name: str, tmp_path: Path) -> None:
    """With the reason that the system gives."""
    with pytest.raises(ConfigError, match=r"cannot be read: (No such file|Is a directory)"):
        load(tmp_path / name)


def test_a_storage_of_limits_is_not_repeated(write: Write) -> None:
    """It may have a password."""
    path = write(f"{MINIMAL.rstrip()}\n    limits: {{storage: redis+cluster://:sesame@10.0.0.1}}\n")
    with pytest.raises(ConfigError, match=r"limits\.storage: must name every host with") as refused:
        load(path)
    assert "sesame" not in str(refused.value)
