"""The extension in Rust: it computes and does no I/O. stubtest checks this file against it.

One call is one phase of a request. It returns `Effects` for the caller to perform, or None: the
data is forwarded unchanged. Header fields are pairs of bytes, names in lower case.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias, TypedDict, final

from typing_extensions import disjoint_base

from wasmgate.messages import Count
from wasmgate.policy.capabilities import Capabilities
from wasmgate.policy.limits import Limits

__all__ = [
    "CAPABILITIES",
    "DEFAULT_LIMITS",
    "LB_POLICIES",
    "REDIRECT_STATUSES",
    "TOKEN_MARKS",
    "AppResponse",
    "CallbackStatistics",
    "Callout",
    "CalloutAdmission",
    "CalloutPlace",
    "Chain",
    "Cluster",
    "DataPlane",
    "Effects",
    "Exchange",
    "Host",
    "Module",
    "Plugin",
    "PolicyStatistics",
    "RequestHead",
    "Route",
    "Router",
    "Stream",
    "TraceEvent",
    "Transaction",
    "UpstreamGroup",
    "UpstreamRequest",
    "Upstreams",
    "built_in_functions",
    "check_address",
    "check_certificate",
    "compile_artifact",
    "deliver_close",
    "deliver_grpc_metadata",
    "deliver_grpc_trailers",
    "deliver_response",
    "held_bytes",
    "http_call",
    "inspect",
    "is_hop_by_hop",
    "is_token",
    "kept_streams",
    "masked",
    "parse_endpoint",
    "path_problem",
    "pending_callouts",
    "printable",
    "trim_memory",
    "value_problem",
]

_Fields: TypeAlias = Iterable[tuple[bytes, bytes]]
_End: TypeAlias = Sequence[str | int | None] | None

@final
class Host:
    """Shared data, queues, metrics and caches of one application.

    A policy that replaces another one of the same name keeps its shared data. `cache` is the folder
    of compiled modules (None: compile each time). Log lines below `log_level`, 0 (trace) to 5
    (critical), are dropped.

    `foreign_functions` are called within the callback of the policy, with the GIL held; a result
    has at most 1 MiB. For an exception, or a result that is not bytes, the policy gets
    INTERNAL_FAILURE. Meanwhile every call on a stream of the thread raises RuntimeError.
    `asynchronous_functions` are names whose calls become callouts in the effects.

    With `clock`, a Unix time in nanoseconds, the clocks of policies stand until `advance`: the time
    that they read, their ticks, and the back-off of a crashed policy. `seed` makes their random
    bytes repeatable. Both are for tests and replays.

    Raises:
        ValueError: The level is invalid, or a name is one of `built_in_functions()`.
    """

    def __new__(
        cls,
        *,
        cache: str | None = None,
        log_level: int = 2,
        foreign_functions: Mapping[str, Callable[[bytes], bytes]] | None = None,
        asynchronous_functions: Sequence[str] | None = None,
        clock: int | None = None,
        seed: int | None = None,
    ) -> Host: ...
    def advance(self, seconds: float) -> None:
        """Advance the clock of the host; ticks that become due run at the next `Chain.tick`.

        Raises:
            ValueError: The time is negative, or the host uses the system's clock.
        """

    def hide(self, value: bytes, name: bytes | None = None) -> bytes:
        """Return a value with secrets masked, as in a trace.

        `name` is the name of its field, property or parameter, which may make the whole value a
        secret. A secret that was masked once is masked in every later text.
        """

    @property
    def time(self) -> int:
        """The Unix time of the policies, in nanoseconds.

        Setting it is a step of the time of day: it changes neither the ticks nor the monotonic
        clock.

        Raises:
            ValueError: The host uses the system's clock.
        """

    @time.setter
    def time(self, unix: int) -> None: ...
    @property
    def cache(self) -> Path | None:
        """The folder of compiled modules."""

    def record(
        self,
        *,
        events: int = 10_000,
        size: int = 4_194_304,
        value: int = 256,
        secrets: bool = False,
        stream: int | None = None,
    ) -> None:
        """Start recording the callbacks and hostcalls of all policies, on all threads.

        At most `events` events are kept, with at most `size` bytes of text; a value is cut after
        `value` bytes. Unless `secrets`, masked are configurations, passwords, arguments and results
        of foreign functions, and the values of authorization, proxy-authorization, cookie and
        set-cookie. With `stream`, the id of a `Stream` or an `Exchange`, only its events are kept.
        """

    def stop_recording(self) -> None:
        """Stop recording; the recorded events can still be taken."""

    def take_trace(self) -> tuple[list[TraceEvent], int]:
        """Return the events since the last call, and the number of events that were dropped."""

    def misses(self, module: bytes) -> bool:
        """Return whether the cache can be used and does not have a module."""

    def callbacks(self) -> list[CallbackStatistics]:
        """Return the statistics of each callback of each policy, on all threads.

        Up to 255 calls of other threads may not be counted yet. The trial start of a plugin counts,
        too.
        """

    def policies(self) -> list[PolicyStatistics]:
        """Return the statistics of each policy."""

    def instances(self) -> int:
        """Return the number of instances on this thread: one for each VM in use."""

    def contexts(self) -> int:
        """Return the number of stream contexts on this thread: one for each policy of a stream."""

    def metrics(self) -> list[tuple[str, str, int]]:
        """Return name, kind (counter, gauge, histogram) and value of each metric.

        The value of a histogram is the sum of its recorded values.
        """

    def deny(self, policy: str, capability: str, value: str) -> None:
        """Count a denial of the caller, such as an address that a name resolves to.

        Raises:
            ValueError: The capability is not in `CAPABILITIES`.
        """

    def denials(self) -> list[tuple[str, str, str, int]]:
        """Return policy, capability, value and count of each denial.

        Capabilities are named as in `Capabilities`. A denial while an instance starts counts once
        for each instance, also in the trial start of a plugin. Above 1,024 rows further values are
        counted together as "(others)".
        """

@final
class CallbackStatistics:
    """The statistics of one callback of one policy. A bucket is (upper bound, cumulative count)."""

    @property
    def policy(self) -> str: ...
    @property
    def callback(self) -> str: ...
    @property
    def count(self) -> int:
        """Number of calls."""

    @property
    def fuel(self) -> int:
        """Units of fuel of all calls."""

    @property
    def fuel_buckets(self) -> list[tuple[int, int]]:
        """Calls by their fuel, with bounds of 256 to 67,108,864 units."""

    @property
    def timed(self) -> int:
        """Number of timed calls: one in sixteen."""

    @property
    def nanoseconds(self) -> int:
        """Nanoseconds of all timed calls."""

    @property
    def time_buckets(self) -> list[tuple[int, int]]:
        """Timed calls by their duration, with bounds of 1,024 to 268,435,456 nanoseconds."""

@final
class PolicyStatistics:
    """The statistics of one policy."""

    @property
    def policy(self) -> str: ...
    @property
    def memory(self) -> int:
        """Bytes of the largest memory of an instance."""

    @property
    def traps(self) -> int:
        """Number of traps."""

    @property
    def out_of_fuel(self) -> int:
        """Number of callbacks that used up their fuel."""

    @property
    def out_of_memory(self) -> int:
        """Number of traps after the memory could not grow."""

    @property
    def callouts(self) -> int:
        """Number of callouts; later messages of a gRPC stream are not counted."""

    @property
    def put_off(self) -> int:
        """Number of deferred callbacks and callouts: above the limits of a step, or the share."""

@final
class TraceEvent:
    """One callback or one hostcall in a trace."""

    @property
    def hostcall(self) -> bool:
        """True: a hostcall of the callback before it; False: a callback."""

    @property
    def policy(self) -> str:
        """The policy's name."""

    @property
    def stream(self) -> int | None:
        """The id of the context's stream; None for a root context."""

    @property
    def context(self) -> int:
        """The context of the callback; of a hostcall the effective context."""

    @property
    def name(self) -> str:
        """The function's name in the ABI."""

    @property
    def arguments(self) -> list[tuple[str, str]]:
        """The arguments: names as in the ABI, values as text."""

    @property
    def results(self) -> list[tuple[str, str]]:
        """The results beside the outcome."""

    @property
    def outcome(self) -> str:
        """The status of a hostcall, such as `OK`; the result of a callback, or `failed`."""

    @property
    def reason(self) -> str | None:
        """Why the host refused the hostcall, or how the callback failed."""

    @property
    def fuel(self) -> int:
        """Units of fuel; those of a callback include its hostcalls."""

    @property
    def nanoseconds(self) -> int:
        """The duration, recording included."""

@final
class Module:
    """A checked and compiled module, whose instances may have `memory` bytes of memory each.

    Usable on every thread. Releases the GIL while compiling.

    Raises:
        PolicyLoadError: The module cannot run here; the error names `policy`.
    """

    def __new__(cls, host: Host, wasm: bytes, *, policy: str, memory: int) -> Module:
        """Find the module in the host's cache, or compile it here and add it to the cache."""

    @staticmethod
    def find(host: Host, wasm: bytes, *, policy: str, memory: int) -> Module | None:
        """Find the module in the host's cache; None if it is not there or the cache is unusable.

        `compile_artifact` adds a module to a cache, also from another process.
        """

    @staticmethod
    def take(folder: str | Path, wasm: bytes, *, policy: str, memory: int) -> Module | None:
        """Load a module that `compile_artifact` wrote to a temporary folder; None if absent.

        The folder may be deleted afterwards.
        """

DEFAULT_LIMITS: Final[dict[str, int]]
"""The default of each limit of `Limits`; of `background_share` in millionths."""

CAPABILITIES: Final[tuple[str, ...]]
"""The kinds of capability, by the names of `Capabilities`."""

@final
class Plugin:
    """A started and configured policy. Usable on every thread.

    Sizes are in bytes, fuel in units of about one instruction. Releases the GIL while the guest
    runs.

    Raises:
        PolicyLoadError: The module crashes, or refuses its configuration.
    """

    def __new__(
        cls,
        host: Host,
        *,
        name: str,
        module: Module,
        root_id: str,
        configuration: bytes,
        vm_configuration: bytes,
        limits: Limits,
        capabilities: Capabilities,
        environment: dict[str, str],
        fail_open: bool,
        strip_request_headers: list[str],
        allow_on_headers_stop_iteration: bool = False,
        vm_id: str = ...,
        tenants: tuple[Literal["host", "header", "property"], str, int, float] | None = None,
        symbols: Path | None = None,
    ) -> Plugin:
        """Start a module in a VM of its own, or in a shared one.

        Plugins share a VM if they have the same `vm_id` (not empty), module, limit of memory,
        `vm_configuration` and environment. `tenants` gives each tenant its own VM: the kind of its
        key, the name of a header or the path of a property with dots, the maximum of tenants, and
        the seconds until an idle one is dropped. `symbols` is a file with the function names of a
        stripped module, which is read when the module traps.
        """

    def with_configuration(self, configuration: bytes, strip_request_headers: list[str]) -> Plugin:
        """Return a plugin with another configuration, as another root context in the same VM.

        Raises:
            PolicyLoadError: The module refuses the configuration.
        """

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str:
        """SHA-256 of the module, in hex."""

    @property
    def abi(self) -> str:
        """The ABI version of the module, such as "0.2.1"."""

    @property
    def tier(self) -> Literal["fast", "optimized"]:
        """The compiler tier of the code of new instances."""

    def runs(self, module: bytes) -> bool:
        """Return whether `module` is the loaded module."""

    def improve(self, module: bytes) -> bool:
        """Replace fast code by optimised code of the same module, if the cache has it.

        Instances migrate with their state before their next callback. Instances of modules that
        change tables keep the fast code until they are replaced. Returns whether the code was
        replaced.
        """

    @property
    def cached(self) -> bool:
        """Whether the compiled module was in the cache."""

    @property
    def cache_problem(self) -> str | None:
        """Why the cache of compiled modules cannot be used; None if it can."""

@final
class Chain:
    """Plugins in the order of a request; a response passes them in reverse order.

    `route_name` is the property of that name. With `edge`, requests come from clients: without
    exactly one valid Host field (HTTP/1.0: at most one), or with more than one Authorization field,
    they are answered 400 before any policy, and headers with an underscore in their name are
    dropped unless `underscores`.
    """

    def __new__(
        cls,
        plugins: Sequence[Plugin],
        *,
        route_name: str = "",
        edge: bool = False,
        underscores: bool = False,
    ) -> Chain: ...
    @property
    def dropped_headers(self) -> int:
        """How many request headers were dropped because their names have an underscore."""

    @property
    def request_body(self) -> bool:
        """Whether a policy has a callback for request bodies."""

    @property
    def response_headers(self) -> bool:
        """Whether a policy has a callback for response heads."""

    @property
    def response_body(self) -> bool:
        """Whether a policy has a callback for response bodies."""

    def open(
        self,
        client: _End,
        server: _End,
        scheme: str,
        http_version: str,
        method: str,
        target: bytes,
        headers: _Fields,
        properties: dict[str, str] | None = None,
    ) -> tuple[Stream, Effects | None, bool]:
        """Open a stream on this thread with the head of its request.

        `client` and `server` are a host and a port (a number, digits, or None) in a list or a
        tuple; `headers` are pairs of bytes in one. TypeError for others. `target` is path and
        query, byte-exact. `properties` are those that the caller found out, such as
        `connection.tls_version` and `wasmgate.user` (`Facts` in rust/host/src/types/attributes.rs
        lists them); other names are ignored. The last of the answer says whether a body follows
        (RFC 9112 section 6.3).
        """

    def open_scope(
        self, scope: MutableMapping[str, Any]
    ) -> tuple[Stream, Effects | None, bool, bytes] | None:
        """Open a stream for an ASGI scope of HTTP; the last of the answer is path and query.

        None, and nothing has happened, for a scope in another form than servers usually give it,
        and for one with TLS, `wasmgate.user`, a mount, or percent-encoding in its path: `open` is
        called for those. A head that policies changed and that is forwarded is written into the
        scope; effects that ask nothing else are None.
        """

    def start(self) -> Effects:
        """Start the policies that have no instance on this thread yet."""

    def tick(self) -> tuple[float | None, Effects]:
        """Run the background work of this thread; return the seconds to the next call.

        Due ticks and deferred work run within the limits of the policies, and one policy without an
        instance is started.
        """

@final
class Stream:
    """One request in a chain. It belongs to its thread: raises WrongThread on another one."""

    @property
    def id(self) -> int: ...
    @property
    def user(self) -> str | None:
        """The user that a policy of this stream authenticated: the property `wasmgate.user`."""

    def on_request_body(self, chunk: bytes, end: bool) -> Effects | None: ...
    def on_request_trailers(self, trailers: _Fields) -> Effects | None: ...
    def on_response_headers(self, status: int, headers: _Fields, end: bool) -> Effects | None: ...
    def on_response_body(self, chunk: bytes, end: bool) -> Effects | None: ...
    def on_response_trailers(self, trailers: _Fields) -> Effects | None: ...
    def respond(self, status: int, headers: _Fields, body: bytes) -> Effects | None:
        """Answer instead of the upstream, through the policies that saw the request."""

    def overrule(self, status: int, headers: _Fields, body: bytes) -> Effects | None:
        """Answer after a timeout, also in place of a policy's response; policies cannot pause it.

        The effects have the whole response, or `reset` if the head of another one was sent.
        """

    def resume(self) -> Effects | None:
        """Continue a stream that was woken; call it for each id in `Effects.wake`."""

    def close(self) -> Effects | None:
        """End the stream: `on_done`, `on_log`, `on_delete`. A second call does nothing."""

@disjoint_base
class AppResponse:
    """How far an ASGI app is with its response, and the stream that it is fed to."""

    stream: Stream
    started: bool
    """Whether the app sent the head."""
    trailing: bool
    """Whether the head declares trailers."""
    ended: bool
    """Whether the last part of the body was sent; declared trailers may follow."""
    done: bool
    """Whether the app sent the whole response."""
    head_unchanged: bool
    """Whether the head was forwarded unchanged."""
    body_unchanged: bool
    """Whether the last part of the body was forwarded unchanged."""
    chunk: bytes | None
    """The last part of the body."""
    count: Count | None
    fields: list[tuple[bytes, bytes]] | None
    """The trailers so far."""

    def __new__(cls, stream: Stream) -> Self: ...
    def feed_usual(self, message: MutableMapping[str, Any]) -> Effects | Literal[False] | None:
        """Feed a message in its usual form. False, and nothing was fed, for any other.

        False also for a message out of its order, for trailers, and for a body that `count` counts.
        """

@final
class Effects:
    """What the caller has to do after a phase."""

    @property
    def forward(self) -> bool:
        """Whether to forward the request's head now."""

    @property
    def request_head(self) -> RequestHead | None:
        """The head that policies changed; None: unchanged."""

    @property
    def request_body(self) -> bytes | None: ...
    @property
    def request_end(self) -> bool: ...
    @property
    def request_trailers(self) -> list[tuple[bytes, bytes]] | None: ...
    @property
    def request_full(self) -> bool:
        """Whether the buffer of the request is full: read no more until this changes."""

    @property
    def response_head(self) -> tuple[int, list[tuple[bytes, bytes]]] | None:
        """Status and fields to send to the client now."""

    @property
    def response_body(self) -> bytes | None: ...
    @property
    def response_end(self) -> bool: ...
    @property
    def response_trailers(self) -> list[tuple[bytes, bytes]] | None: ...
    @property
    def response_full(self) -> bool:
        """Whether the buffer of the response is full."""

    @property
    def reset(self) -> bool:
        """Whether to cut the client's connection: a begun response cannot be completed."""

    @property
    def wake(self) -> list[int]:
        """Ids of other streams that can continue."""

    @property
    def logs(self) -> list[tuple[str, int, str]]:
        """Policy, level (0 to 5) and message."""

    @property
    def timers(self) -> bool:
        """Whether a tick period changed: call `Chain.tick`."""

    @property
    def callouts(self) -> list[Callout]:
        """Callouts to start, in this order."""

    @property
    def cancelled(self) -> list[int]:
        """Ids of callouts to cancel."""

    @property
    def noteworthy(self) -> bool:
        """Whether logs, wake, timers, callouts or cancelled is non-empty: one access for five."""

@final
class Callout:
    """A callout of a policy. Properties that its kind does not have are empty.

    The `deliver_*` functions deliver the answer, on the thread of the callout.
    """

    @property
    def id(self) -> int:
        """Unique in the process; of "grpc_send" and "grpc_close" the id of their "grpc_stream"."""

    @property
    def policy(self) -> str: ...
    @property
    def kind(
        self,
    ) -> Literal["http", "grpc", "grpc_stream", "grpc_send", "grpc_close", "redis", "foreign"]: ...
    @property
    def upstream(self) -> str:
        """An entry of the policy's capability `net`; for "redis" with the suffix "?db=1"."""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Pseudo-headers and fields of "http", initial metadata of "grpc" and "grpc_stream"."""

    @property
    def body(self) -> bytes:
        """Body, gRPC message, Redis query in RESP, or arguments of the function."""

    @property
    def trailers(self) -> list[tuple[bytes, bytes]]: ...
    @property
    def timeout(self) -> float | None:
        """Seconds to the whole response; None for a kind without a timeout."""

    @property
    def service(self) -> str:
        """The gRPC service, with its package."""

    @property
    def method(self) -> str:
        """The method of the gRPC service."""

    @property
    def name(self) -> str:
        """The foreign function."""

    @property
    def username(self) -> str:
        """The user of "redis"; empty: the default user."""

    @property
    def password(self) -> str:
        """The password of "redis"; empty: none. Not in the repr."""

    @property
    def end(self) -> bool:
        """Whether the "grpc_send" is the last one."""

@final
class RequestHead:
    """The head of a request after the policies."""

    @property
    def method(self) -> str: ...
    @property
    def target(self) -> bytes:
        """Path and query, byte-exact."""

    @property
    def authority(self) -> bytes: ...
    @property
    def headers(self) -> list[tuple[bytes, bytes]]: ...

LB_POLICIES: Final[tuple[str, ...]]
"""The names of the balancing algorithms."""

@final
class Cluster:
    """Equivalent endpoints and their balancing algorithm, one of LB_POLICIES.

    An endpoint is a URL with scheme, host and port, like "http://127.0.0.1:9001", and its weight.
    `panic_threshold` is a percentage: when fewer endpoints are available, all are picked. 0: never.
    """

    def __new__(
        cls,
        *,
        name: str,
        endpoints: Sequence[tuple[str, int]],
        lb_policy: str,
        panic_threshold: int = 0,
    ) -> Cluster: ...

REDIRECT_STATUSES: Final[tuple[int, ...]]

_HeaderChanges: TypeAlias = tuple[
    Sequence[str], Sequence[tuple[str, str]], Sequence[tuple[str, str]]
]

def path_problem(kind: str, text: str) -> str | None:
    """Return what is wrong with the path of a route, or None.

    `kind` is "path", "prefix", "template" or "regex".

    Raises:
        ValueError: There is no such kind.
    """

def value_problem(kind: str, text: str) -> str | None:
    """Return what is wrong with a value that a route asks for, or None.

    `kind` is "present", "absent", "exact", "prefix", "suffix", "contains" or "regex".

    Raises:
        ValueError: There is no such kind.
    """

@final
class Route:
    """A route: its requests, their policies, and what becomes of them.

    `path` has a kind ("path", "prefix", "template", "regex") and its text. `hosts` are names,
    "*.example", or "*"; none for every host. `headers`, `query` and `cookies` have names, kinds as
    `value_problem` takes them, and texts. What it does is the first of: `redirect` (status, scheme,
    host, port, path, whether the query is left out), `response` (status, fields, body), `clusters`
    with weights. `hash_by` has a kind ("header", "cookie", "query", "client_address", "path") and a
    name. `path_rewrite` has a kind ("prefix", "path", "regex"), a text, and what replaces the
    matches of an expression. `query_rewrite` has the parameters to remove, and those to set.
    `host_rewrite` is a host, or "auto" for that of the endpoint. `request_headers` and
    `response_headers` have names to remove, and names and values to set and to add; values may have
    variables. `timeout` is in seconds. `websocket` bounds WebSocket connections: seconds without a
    byte, and bytes of a message.

    Raises:
        ValueError: There is no such kind, or the timeout is negative.
    """

    def __new__(
        cls,
        *,
        name: str,
        path: tuple[str, str],
        chain: Chain,
        hosts: Sequence[str] = ...,
        methods: Sequence[str] = ...,
        headers: Sequence[tuple[str, str, str]] = ...,
        query: Sequence[tuple[str, str, str]] = ...,
        cookies: Sequence[tuple[str, str, str]] = ...,
        clusters: Sequence[tuple[str, int]] = ...,
        redirect: tuple[Any, ...] | None = None,
        response: tuple[int, Sequence[tuple[str, str]], bytes] | None = None,
        hash_by: tuple[str, str] | None = None,
        path_rewrite: tuple[str, str, str] | None = None,
        query_rewrite: tuple[Sequence[str], Sequence[tuple[str, str]]] | None = None,
        host_rewrite: str | None = None,
        request_headers: _HeaderChanges | None = None,
        response_headers: _HeaderChanges | None = None,
        timeout: float | None = None,
        websocket: tuple[float, int] | None = None,
    ) -> Route: ...
    @property
    def problem(self) -> str | None:
        """What is wrong with it, or None; clusters are not looked up."""

    def with_chain(self, chain: Chain) -> Route:
        """Return the same route with other policies."""

@final
class Router:
    """Routes and clusters, immutable: a reload makes a new router, open exchanges keep theirs.

    A request takes the most specific route that matches, with `file_order` the first one.
    `trusted_proxies` are networks like "10.0.0.0/8".
    `headers` limits the number of a request's fields, `header_bytes` the bytes of their names and
    values (431), `body` the bytes of its body (413). `underscores` allows request headers with an
    underscore in their name.

    Raises:
        ConfigError: A cluster, a route or a network is invalid.
    """

    def __new__(
        cls,
        *,
        clusters: Sequence[Cluster],
        routes: Sequence[Route],
        trusted_proxies: Sequence[str],
        headers: int,
        header_bytes: int,
        body: int | None,
        underscores: bool = False,
        file_order: bool = False,
    ) -> Router: ...
    def explain(
        self, method: str, authority: str, target: str, headers: Sequence[tuple[str, str]]
    ) -> list[tuple[int, str, str]]:
        """Return what each route says to a request, in the order of precedence.

        The index of the route; "taken", "later" (a route before it takes the request), or the first
        thing that does not match: "host", "path", "method", "header", "query", "cookie"; and the
        name of the header, parameter or cookie.
        """

    @property
    def dropped_headers(self) -> int:
        """How many request headers were dropped because their names have an underscore."""

    def open_scope(self, scope: MutableMapping[str, Any]) -> tuple[Exchange, Effects | None] | None:
        """Open an exchange for an ASGI scope of HTTP/1. None as from `Chain.open_scope`."""

    def open(
        self,
        client: _End,
        server: _End,
        scheme: str,
        http_version: str,
        method: str,
        target: bytes,
        headers: _Fields,
        properties: dict[str, str] | None = None,
        *,
        ended: bool = False,
        handshake: bool = False,
    ) -> tuple[Exchange, Effects | None]:
        """Open an exchange on this thread with the head of its request: as `Chain.open` takes it.

        `target` is what the request line says, byte-exact (RFC 9112 section 3.2). `ended` says that
        no body follows, which HTTP/1 says by itself (section 6.3). A request that is refused is
        answered in the effects. None: `Exchange.upstream` is ready to be sent.
        """

    def endpoint(self, cluster: str) -> str | None:
        """Pick an endpoint of a cluster, as for a request; None if none is healthy."""

    def set_available(self, cluster: str, endpoint: str, available: bool) -> None:
        """Exclude an endpoint from the selection, or include it again.

        Raises:
            KeyError: The cluster or the endpoint is unknown.
        """

@final
class Exchange:
    """One request and its response: routed, through the policies, to the upstream and back.

    It belongs to its thread: raises WrongThread on another one. Effects are as for `Stream`, but
    `request_head` is always None: `upstream` has the head.
    """

    @property
    def id(self) -> int: ...
    @property
    def body_follows(self) -> bool:
        """Whether a body follows; False for a request that was refused."""

    @property
    def timeout(self) -> float | None:
        """The timeout of the route: seconds from the request's head to the end of the response."""

    @property
    def upstream(self) -> UpstreamRequest | None:
        """The request to the upstream, once its head is forwarded; each access makes a new one."""

    @property
    def websocket_limits(self) -> tuple[float, int] | None:
        """Of the route's WebSocket connections: seconds without a byte, and bytes of a message."""

    def take_fault(self) -> str | None:
        """Return, once, what was wrong with the upstream's head, or why the response was cut."""

    def on_request_body(self, chunk: bytes, end: bool) -> Effects | None: ...
    def on_request_trailers(self, trailers: _Fields) -> Effects | None: ...
    def on_response_headers(self, status: int, headers: _Fields, end: bool) -> Effects | None:
        """Process the head of the upstream's response, hop-by-hop fields included.

        An interim response (1xx) is not forwarded; for an invalid one the client gets 502.
        """

    def on_response_body(self, chunk: bytes, end: bool) -> Effects | None: ...
    def on_response_trailers(self, trailers: _Fields) -> Effects | None: ...
    def failed(self, failure: str) -> Effects | None:
        """Answer for the upstream, or cut the connection if the response has begun.

        `failure` is "connect" or "protocol" (502), "timeout" (504), "no_healthy_endpoint" (503),
        "late_request" of the client (408), or "route_timeout" (504), which policies cannot pause.

        Raises:
            ValueError: The failure has another name.
        """

    def respond(self, status: int, headers: _Fields, body: bytes) -> Effects | None:
        """Answer instead of the upstream, through the policies that saw the request."""

    def resume(self) -> Effects | None:
        """Continue an exchange that was woken; call it for each id in `Effects.wake`."""

    def close(self) -> Effects | None:
        """End the exchange: `on_done`, `on_log`, `on_delete`. A second call does nothing."""

@final
class UpstreamRequest:
    """A request to an upstream."""

    @property
    def cluster(self) -> str: ...
    @property
    def endpoint(self) -> str:
        """The URL of the endpoint: scheme, host and port."""

    @property
    def timeout(self) -> float | None:
        """The timeout of the whole exchange in seconds."""

    @property
    def method(self) -> str: ...
    @property
    def target(self) -> bytes:
        """Path and query, byte-exact, or b"*"."""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The fields in order, `host` first and the framing fields last."""

    @property
    def head(self) -> bytes:
        """Request line and fields in HTTP/1.1, the empty line included."""

    @property
    def length(self) -> int | None:
        """The declared length of the body; None: chunked (RFC 9112 section 7.1)."""

_Note: TypeAlias = (
    tuple[Literal["effects"], tuple[int, Effects]]
    | tuple[Literal["warning"], str]
    | tuple[Literal["fault"], tuple[str, str]]
    | tuple[Literal["access"], tuple[str, str, str, str, int, tuple[int, int] | None]]
    | tuple[Literal["dropped", "released"], int]
    | tuple[Literal["ended"], None]
)

@final
class DataPlane:
    """Threads that serve HTTP/1.1 without Python.

    `listeners` are descriptors of listening sockets that their owner gave away (`socket.detach()`),
    a list for each thread. Nothing is accepted before the first `deploy`. The other arguments are
    seconds that a client may take: idle between two requests, for a head, between two signs of
    life when it is waited for, quiet after its last answer, and sending after that. `certificate`:
    a chain and a private key in PEM, for TLS.

    Raises:
        ValueError: The certificate or the key is invalid.
        OSError: A thread cannot be started.
        RuntimeError: The process was forked; its threads do not go on here.
    """

    def __new__(
        cls,
        listeners: list[list[int]],
        *,
        keep_alive: float,
        head: float,
        client: float,
        linger: float,
        longest_linger: float,
        certificate: tuple[bytes, bytes] | None = None,
        log_accesses: bool = False,
    ) -> DataPlane: ...
    def deploy(
        self,
        router: Router,
        policies: Chain,
        limits: list[tuple[int, int, float, float, float]],
        clients: int,
        callouts: tuple[
            CalloutAdmission,
            tuple[int, int, int, int, float],
            tuple[int, int, float, float, float],
        ],
    ) -> int:
        """Serve exchanges that begin from now on with these; policies start on every thread.

        Returns what the note "released" calls it, which comes once from each thread when the last
        exchange that began with it has ended.

        `limits` are those of each cluster's endpoints, in the order of the router's clusters:
        connections, waiting requests, and seconds to connect, between two reads, and idle.
        `clients` may be connected at once; further ones wait in the backlog. `callouts` are
        what counts callouts in flight, `CalloutLimits.bounds`, and the bounds of connections to
        upstreams that are not clusters. The threads perform HTTP calls themselves.

        Raises:
            ValueError: An endpoint uses TLS, and no certificate authority is trusted.
        """

    def fileno(self) -> int:
        """Return the descriptor that is readable when there are notes."""

    def take_notes(self) -> list[_Note]:
        """Return what happened since the last time; to be called when `fileno` is readable."""

    @property
    def exchanges(self) -> int:
        """How many exchanges have ended."""

    def instances(self, host: Host) -> int:
        """Return how many instances of its policies there are, on all threads."""

    def pending_callouts(self) -> int:
        """Return how many callouts of policies wait for an answer, on all threads."""

    def report(self) -> tuple[int, list[tuple[str, int, int, int]]]:
        """Return the most bytes that a client has not taken, and the pools of connections.

        Of a pool: the endpoint's URL, open and idle connections, and requests that wait for one.
        """

    def drain(self, grace: float) -> None:
        """Accept no more, and end with the last exchange, or after `grace` seconds."""

    def join(self) -> None:
        """Wait until all threads have ended."""

    @property
    def threads(self) -> int:
        """How many threads serve."""

class _Inspection(TypedDict):
    size: int
    digest: str
    abi: str | None
    problem: str | None
    start: str | None
    callbacks: list[str]
    imports: list[tuple[str, str, str, bool]]
    asks: dict[str, list[str]]
    memory: tuple[int, int | None] | None
    custom_sections: list[str]
    producers: list[tuple[str, str, str]]
    target_features: list[str]

def deliver_response(id: int, headers: _Fields, body: bytes, trailers: _Fields) -> Effects | None:
    """Deliver the whole answer to a callout; for a "grpc_stream" one message.

    `headers` and `trailers` are for "http" alone, `:status` the first of them. `body` is the body,
    the gRPC message, the response as the Redis server sent it, or the function's result.

    This and the other `deliver_*` return what the policy asks now, of no stream, or None. An id
    that is gone (answered, cancelled, of another thread) is ignored.
    """

def deliver_grpc_metadata(id: int, fields: _Fields) -> Effects | None:
    """Deliver the initial metadata of a "grpc_stream"; ignored for another kind."""

def deliver_grpc_trailers(id: int, fields: _Fields) -> Effects | None:
    """Deliver the trailing metadata of a "grpc_stream"; ignored for another kind."""

def deliver_close(id: int, status: int, message: str) -> Effects | None:
    """End a callout without a response, or a "grpc_stream": a gRPC status code and its message.

    The policy gets zero headers and the status 503 for "http", the status 1 for "redis", and an
    empty result for "foreign".
    """

def pending_callouts() -> int:
    """Return the number of callouts of this thread without an answer."""

def kept_streams() -> int:
    """Return the number of streams of this thread that are open or wait for `proxy_done`."""

def held_bytes() -> int:
    """Return the bytes of buffered bodies in the streams of this thread."""

def trim_memory() -> None:
    """Return free memory of the allocator to the operating system."""

def built_in_functions() -> list[str]:
    """Return the names of the host's own foreign functions."""

def check_certificate(
    chain: bytes, key: bytes
) -> tuple[tuple[Literal["chain", "key"], str, str] | None, list[str]]:
    """Check a certificate chain and its private key, in PEM.

    Returns what is wrong: in which of both, what it is, and what to do, where `FILE` stands for its
    path; and what is odd about the certificates.
    """

def compile_artifact(
    module: bytes, *, cache: str, tier: Literal["fast", "optimized"]
) -> Literal["fast", "optimized"]:
    """Compile a module into the folder `cache`, for another process to load; return its tier.

    A module that the fast tier cannot compile is optimised at once. The errors are Python's own,
    because the subprocess that compiles cannot import those of `wasmgate`.

    Raises:
        ValueError: The module cannot run here.
        OSError: The folder cannot be used.
    """

TOKEN_MARKS: Final[str]
"""The characters of a token beside letters, digits and "-"."""

def is_token(text: bytes) -> bool:
    """Return whether bytes are a token: a field name or a method (RFC 9110 section 5.6.2)."""

def http_call(
    headers: _Fields, body: bytes, trailers: _Fields
) -> tuple[str, bytes, list[tuple[bytes, bytes]], bytes]:
    """Build the request of an HTTP call from its pseudo-headers and fields, body and trailers.

    Returns the method, the target, the fields with `host` and those that frame the content, and the
    content: it follows the head as it is, transfer coding included (RFC 9112 section 6). Fields of
    the connection and of the framing are left out.

    Raises:
        ValueError: A part is not of its grammar; it could hold a second request.
    """

def check_address(name: str, address: str) -> str | None:
    """Return why a name may not resolve to an address, or None if it may.

    A name that only a private network can have may resolve to private addresses and to this
    machine; any other name only to public addresses (RFC 6890). Of an IPv6 address that embeds an
    IPv4 address both are checked. Link-local, multicast and unspecified addresses and the metadata
    services of clouds are refused for every name.

    Raises:
        ValueError: `address` is not an IP address.
    """

def parse_endpoint(url: str) -> tuple[str, str, int, bool]:
    """Parse the URL of an endpoint: "http" or "https", a host, and maybe a port.

    Returns the URL in lower case, the host (IPv6 without brackets), the port (80 or 443 if none is
    written), and whether the endpoint uses TLS.

    Raises:
        ValueError: The URL is invalid. Its arguments are the problem, as in "must be ...", and what
            to write instead.
    """

def is_hop_by_hop(name: bytes) -> bool:
    """Return whether a field is hop-by-hop and not forwarded (RFC 9110 section 7.6.1).

    `name` may be in any case. Fields that a Connection field names are for the caller to remove.
    """

def printable(text: str) -> str:
    """Return text in one line without control sequences of terminals.

    Line breaks, control characters and bidirectional controls are escaped.
    """

def masked(name: bytes, value: bytes) -> bytes:
    """Return the value of a field, property or parameter of this name, masked if it is a secret."""

def inspect(module: bytes) -> _Inspection:
    """Describe a module without compiling it, also one that cannot be loaded.

    `problem` is why it cannot be loaded, as far as its declarations show. `imports` are (module,
    name, kind, known here); a call of an unknown function traps. `asks` has the kinds of capability
    that it can use, with the imports that need them.

    Raises:
        PolicyLoadError: The bytes are not a WebAssembly module.
    """

@final
class Upstreams:
    """The connections to endpoints of one event loop, which waits for `fileno()`.

    Raises OSError.
    """

    def __new__(cls) -> Upstreams: ...
    def fileno(self) -> int:
        """Return the descriptor that is readable when a turn is due."""

    def turn(self, timer: bool) -> tuple[list[int], float | None]:
        """Take in what happened.

        Returns the ids of the transactions with which something did, and the seconds until a turn
        is due in any case, if that is news. `timer`: these seconds are over.
        """

    def group(self, limits: tuple[int, int, float, float, float], checked: bool) -> UpstreamGroup:
        """Return pools with these bounds; see `DataPlane.deploy`.

        `checked`: the addresses of a host that is not an address are checked (`check_address`).
        """

@final
class CalloutAdmission:
    """Counts callouts in flight, of an event loop and of the threads that it has started."""

    def __new__(cls) -> CalloutAdmission: ...
    def enter(
        self, policy: str, size: int, bounds: tuple[int, int, int, int, float]
    ) -> CalloutPlace | tuple[str, bool]:
        """Take a place for a callout whose request has `size` bytes.

        Returns the place, or the limit that is reached, in words, and whether the log is to have a
        line about it: one in 10 seconds. `bounds` are `CalloutLimits.bounds`.
        """

    @property
    def in_flight(self) -> int:
        """How many callouts are in flight."""

@final
class CalloutPlace:
    """The place of one callout, until it is dropped."""

@final
class UpstreamGroup:
    """Pools of connections with one set of bounds, one for each endpoint."""

    def begin(
        self,
        endpoint: str,
        method: str,
        head: bytes,
        length: int | None,
        body: bytes,
        *,
        end: bool,
        within: float | None = None,
    ) -> Transaction:
        """Send a request as soon as there is a connection.

        `length`: bytes of the body, None for a chunked one; `body`: what there is of it; `end`:
        nothing follows that; `within`: seconds for all of it.
        """

    def close(self) -> None:
        """Close idle connections, and the others when their transactions end."""

    def report(self) -> list[tuple[str, int, int, int]]:
        """Return the pools in use: URL, open and idle connections, requests that wait."""

@final
class Transaction:
    """One request and its response."""

    @property
    def id(self) -> int: ...
    @property
    def accepting(self) -> bool:
        """Whether the upstream wants the rest of the request's body."""

    @property
    def full(self) -> bool:
        """Whether so much of the body waits that no more is to come."""

    @property
    def ended(self) -> bool:
        """Whether all of the response has come and its body was taken."""

    @property
    def fault(self) -> tuple[str, str, bool] | None:
        """Why nothing more comes: a kind, words, and whether nothing was sent.

        The kinds are those of `Exchange.failed`, and "denied".
        """

    @property
    def trailers(self) -> list[tuple[bytes, bytes]]:
        """The fields behind the body."""

    def write(self, chunk: bytes, end: bool) -> bool:
        """Send more of the request's body; False if it is not as long as its head says."""

    @property
    def state(self) -> int:
        """What is next to be taken: 0 nothing, 1 hints, 2 the head; 3: nothing more comes."""

    def take_head(self) -> tuple[int, list[tuple[bytes, bytes]], bytes, bool] | None:
        """Return status, fields, what has come of the body, and whether that is all; once."""

    def take_hints(self) -> list[bytes]:
        """Return the values of `link` of the responses 103 that have come."""

    def take_body(self) -> bytes:
        """Return what has come of the body."""

    def close(self) -> None:
        """Give up what has not ended."""
