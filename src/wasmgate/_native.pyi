"""The Rust side of wasmgate: it only computes. This page is checked against it by stubtest.

One call is one phase of a request. What a phase asks of the layer above comes back as an `Effects`,
or as `None`: what came in goes on as it is. Header fields are pairs of bytes, names in lower case.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final, Literal, TypeAlias, TypedDict, final

from wasmgate.policy.capabilities import Capabilities
from wasmgate.policy.limits import Limits

__all__ = [
    "CAPABILITIES",
    "DEFAULT_LIMITS",
    "LB_POLICIES",
    "TOKEN_MARKS",
    "CallbackStatistics",
    "Callout",
    "Chain",
    "Cluster",
    "Connection",
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
    "UpstreamRequest",
    "built_in_functions",
    "compile_artifact",
    "deliver_close",
    "deliver_grpc_metadata",
    "deliver_grpc_trailers",
    "deliver_response",
    "held_bytes",
    "inspect",
    "is_authority",
    "is_field_value",
    "is_hop_by_hop",
    "is_origin_form",
    "is_token",
    "kept_streams",
    "masked",
    "parse_endpoint",
    "pending_callouts",
    "printable",
    "trim_memory",
]

_Fields: TypeAlias = Iterable[tuple[bytes, bytes]]
_End: TypeAlias = Sequence[str | int | None] | None

@final
class Host:
    """Shared data, queues, metrics and caches of one application.

    A policy that is replaced finds what its predecessor of the same name left here. `cache` is the
    folder of compiled modules (None: compile each time). Log lines below `log_level`, 0 (trace) to
    5 (critical), are dropped.

    `foreign_functions` are called in the callback of a policy that asks for them, with the
    arguments and with the GIL held; the result is at most 1 MiB. An exception and a result that is
    not bytes answer INTERNAL_FAILURE. No stream of the thread can move meanwhile: RuntimeError.
    `asynchronous_functions` are names whose calls come back as effects.

    With `clock`, nanoseconds since 1970, the time of policies stands still until `advance` moves
    it: what they read, when their ticks are due, and how long a crashed one is held back. With
    `seed` their random bytes repeat. Both are for tests and replays.

    Raises ValueError for another level, and for a name of `built_in_functions()`.
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
        """Move the clock that was given; ticks that became due run at the next `Chain.tick`.

        Raises ValueError for a negative time, and when the host goes by the system's clock.
        """

    def hide(self, value: bytes, name: bytes | None = None) -> bytes:
        """Return a value as a trace shows it, with secrets masked.

        Of a field, property or parameter of this name all of it may be one. What was masked is
        masked in every other text from then on; without a name the value is such a text.
        """

    @property
    def time(self) -> int:
        """Nanoseconds since 1970 as policies see them.

        Setting it is a step of the time of day: ticks stay due when they were, and the monotonic
        clock goes on. Raises ValueError when the host goes by the system's clock.
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
        """Record every callback and hostcall of all policies from now on, on all threads.

        At most `events` of them are kept, and `size` bytes of their text; a value is cut after
        `value` bytes. Without `secrets` masked are: configurations, passwords, what foreign
        functions take and give, and the values of authorization, proxy-authorization, cookie and
        set-cookie. With `stream`, the id of a `Stream` or an `Exchange`, only its events are kept.
        """

    def stop_recording(self) -> None:
        """Record no more; what was recorded can still be taken."""

    def take_trace(self) -> tuple[list[TraceEvent], int]:
        """Return the events since the last time, and how many there was no room for."""

    def misses(self, module: bytes) -> bool:
        """Return whether a module could be in the cache and is not: `compile_artifact` makes it."""

    def callbacks(self) -> list[CallbackStatistics]:
        """Return what each callback of each policy used, on all threads.

        This thread's calls are counted to the last, others' up to 255 before. The start of the
        instance that only tries a configuration counts, too.
        """

    def policies(self) -> list[PolicyStatistics]:
        """Return what each policy used as a whole, and how often it failed."""

    def instances(self) -> int:
        """Return how many instances there are on this thread: one for each VM in use."""

    def contexts(self) -> int:
        """Return how many contexts streams have in them: one for each policy of a stream."""

    def metrics(self) -> list[tuple[str, str, int]]:
        """Return name, kind (counter, gauge, histogram) and value of each metric.

        The value of a histogram is the sum of what was recorded.
        """

    def deny(self, policy: str, capability: str, value: str) -> None:
        """Count a denial of the layer above, which knows where a name leads.

        Raises ValueError for a capability that there is not.
        """

    def denials(self) -> list[tuple[str, str, str, int]]:
        """Return policy, capability, value and how often it was asked for without being allowed.

        Capabilities are named as in `Capabilities`. What an instance asks for while it starts
        counts for each instance, the one included that only tries the configuration. Past 1,024
        rows values are counted together as "(others)".
        """

@final
class CallbackStatistics:
    """What one callback of one policy used. Buckets are (bound, how many were not above it)."""

    @property
    def policy(self) -> str: ...
    @property
    def callback(self) -> str: ...
    @property
    def count(self) -> int:
        """Calls in all."""

    @property
    def fuel(self) -> int:
        """Units that they used together."""

    @property
    def fuel_buckets(self) -> list[tuple[int, int]]:
        """By units of fuel, 256 to 67,108,864."""

    @property
    def timed(self) -> int:
        """Calls that were timed: one in sixteen."""

    @property
    def nanoseconds(self) -> int:
        """What the timed ones took together."""

    @property
    def time_buckets(self) -> list[tuple[int, int]]:
        """By nanoseconds, 1,024 to 268,435,456; of the timed ones."""

@final
class PolicyStatistics:
    """What one policy used as a whole, and how often it failed."""

    @property
    def policy(self) -> str: ...
    @property
    def memory(self) -> int:
        """The largest memory that one of its instances had, in bytes."""

    @property
    def traps(self) -> int:
        """Crashes by its own fault."""

    @property
    def out_of_fuel(self) -> int:
        """Callbacks that were stopped because their fuel was used up."""

    @property
    def out_of_memory(self) -> int:
        """Crashes after its memory could not grow."""

    @property
    def callouts(self) -> int:
        """Callouts that it made; more messages of a gRPC stream are none."""

    @property
    def put_off(self) -> int:
        """Callbacks and callouts that had to wait: over the step's bounds, or its share."""

@final
class TraceEvent:
    """One callback or one hostcall, as `Host.record` keeps it."""

    @property
    def hostcall(self) -> bool:
        """A hostcall of the callback before it; False: a callback."""

    @property
    def policy(self) -> str:
        """The policy's name."""

    @property
    def stream(self) -> int | None:
        """The stream, if the context belongs to one."""

    @property
    def context(self) -> int:
        """The context: of a callback the one it is for, of a hostcall the one it acts on."""

    @property
    def name(self) -> str:
        """The function's name in the ABI."""

    @property
    def arguments(self) -> list[tuple[str, str]]:
        """What went in: names as in the ABI, values as text."""

    @property
    def results(self) -> list[tuple[str, str]]:
        """What came out beside the outcome."""

    @property
    def outcome(self) -> str:
        """A hostcall's status, `OK` or why not; what a callback answered, or `failed`."""

    @property
    def reason(self) -> str | None:
        """Why the host refused, or what else it said; how the callback failed."""

    @property
    def fuel(self) -> int:
        """Units of fuel that it used; a callback's include those of its hostcalls."""

    @property
    def nanoseconds(self) -> int:
        """How long it took; recording is part of it."""

@final
class Module:
    """A module checked and in machine code, whose instances may have `memory` bytes each.

    Usable on every thread. Releases the GIL while compiling. Raises PolicyLoadError, which names
    `policy`, for a module that cannot run here.
    """

    def __new__(cls, host: Host, wasm: bytes, *, policy: str, memory: int) -> Module:
        """Take the module from the host's cache, or compile it here and keep it there."""

    @staticmethod
    def find(host: Host, wasm: bytes, *, policy: str, memory: int) -> Module | None:
        """Do the same, and return None for what is not in the cache, or where none can be used.

        `compile_artifact` can put it there, or into another folder, in another process.
        """

    @staticmethod
    def take(folder: str | Path, wasm: bytes, *, policy: str, memory: int) -> Module | None:
        """Take what `compile_artifact` has put into a folder for this time alone.

        The folder may go afterwards. Returns None if the module is not there.
        """

DEFAULT_LIMITS: Final[dict[str, int]]
"""The default of each limit of `Limits`; of `background_share` in millionths."""

CAPABILITIES: Final[tuple[str, ...]]
"""The kinds of capability, by the names of `Capabilities`."""

@final
class Plugin:
    """A policy started and configured. Usable on every thread.

    Sizes are bytes, fuel is units of about one instruction. Releases the GIL while the guest runs.
    Raises PolicyLoadError.
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
        """Start a module, in a VM that it may share.

        Plugins of one `vm_id` share a VM if their modules, with the limit of memory,
        `vm_configuration` and environment are the same too; one with an empty `vm_id` is alone.
        `tenants` gives each tenant a VM: what names it (the name of a header, or the path of a
        property with dots), how many there may be, and the seconds until an idle one is dropped.
        `symbols` is a file with the names of the functions of a stripped module; it is read when
        one of them crashed.
        """

    def with_configuration(self, configuration: bytes, strip_request_headers: list[str]) -> Plugin:
        """Return the same plugin with another configuration, as a root context in the same VM.

        Raises PolicyLoadError when it refuses the configuration.
        """

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str:
        """SHA-256 of the module, in hex."""

    @property
    def abi(self) -> str:
        """The version of the ABI that the module speaks, like "0.2.1"."""

    @property
    def tier(self) -> Literal["fast", "optimized"]:
        """How well the code is compiled that new instances run."""

    def runs(self, module: bytes) -> bool:
        """Return whether `module` is what was loaded."""

    def improve(self, module: bytes) -> bool:
        """Take optimised code of the same module from the cache in place of fast code.

        Instances change over before their next callback and keep what they remember, but for
        modules whose code changes tables: theirs go on in fast code until they are replaced.
        Returns whether there was better code.
        """

    @property
    def cached(self) -> bool:
        """True when the compiled module came from the cache."""

    @property
    def cache_problem(self) -> str | None:
        """Why the cache of compiled modules could not be used, if it could not."""

@final
class Chain:
    """Plugins in the order in which a request meets them; a response meets them in reverse.

    `route_name` is the property of that name for streams that this chain opens. With `edge`,
    requests are as clients sent them: other than one valid Host field (in HTTP/1.0 also none), and
    more than one Authorization, are answered 400 before any policy; headers whose names have an
    underscore are dropped unless `underscores` lets them pass.
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
        """True when a policy has a callback for request bodies."""

    @property
    def response_headers(self) -> bool:
        """True when a policy has a callback for response heads."""

    @property
    def response_body(self) -> bool:
        """True when a policy has a callback for response bodies."""

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

    def start(self) -> Effects:
        """Start the policies that have no instance on this thread yet."""

    def tick(self) -> tuple[float | None, Effects]:
        """Give the background of this thread a turn; return the seconds to the next one.

        Ticks that are due run, and what waited for a turn, as far as the limits of the policies
        allow; one policy is started that has no instance.
        """

@final
class Stream:
    """One request passing a chain. It belongs to its thread: WrongThread is raised elsewhere."""

    @property
    def id(self) -> int: ...
    @property
    def user(self) -> str | None:
        """The user that a policy of this stream found: the property `wasmgate.user`."""

    def on_request_body(self, chunk: bytes, end: bool) -> Effects | None: ...
    def on_request_trailers(self, trailers: _Fields) -> Effects | None: ...
    def on_response_headers(self, status: int, headers: _Fields, end: bool) -> Effects | None: ...
    def on_response_body(self, chunk: bytes, end: bool) -> Effects | None: ...
    def on_response_trailers(self, trailers: _Fields) -> Effects | None: ...
    def respond(self, status: int, headers: _Fields, body: bytes) -> Effects | None:
        """Answer instead of the upstream, through the policies that saw the request."""

    def overrule(self, status: int, headers: _Fields, body: bytes) -> Effects | None:
        """Do the same when time is over: also instead of a policy's answer, and no policy holds it.

        The effects have the whole response, or `reset` when the head of another one has gone.
        """

    def resume(self) -> Effects | None:
        """Perform what was asked of this stream from outside; call it for each id in `wake`."""

    def close(self) -> Effects | None:
        """End the stream: `on_done`, `on_log`, `on_delete`. A second call does nothing."""

@final
class Effects:
    """What a phase asks of the layer above."""

    @property
    def forward(self) -> bool:
        """The request's head goes on now."""

    @property
    def request_head(self) -> RequestHead | None:
        """The head as policies changed it; None: as it came."""

    @property
    def request_body(self) -> bytes | None: ...
    @property
    def request_end(self) -> bool: ...
    @property
    def request_trailers(self) -> list[tuple[bytes, bytes]] | None: ...
    @property
    def request_full(self) -> bool:
        """A policy holds back as much of the request as it may: read no more until this changes."""

    @property
    def response_head(self) -> tuple[int, list[tuple[bytes, bytes]]] | None:
        """Status and fields that go to the client now."""

    @property
    def response_body(self) -> bytes | None: ...
    @property
    def response_end(self) -> bool: ...
    @property
    def response_trailers(self) -> list[tuple[bytes, bytes]] | None: ...
    @property
    def response_full(self) -> bool:
        """The same of the response."""

    @property
    def reset(self) -> bool:
        """Cut the client's connection: it is too late for a clean answer."""

    @property
    def wake(self) -> list[int]:
        """Ids of other streams that can go on."""

    @property
    def logs(self) -> list[tuple[str, int, str]]:
        """Policy, level (0 to 5) and message."""

    @property
    def timers(self) -> bool:
        """A tick period changed: call `Chain.tick`."""

    @property
    def callouts(self) -> list[Callout]:
        """What policies ask of others, to be performed in this order."""

    @property
    def cancelled(self) -> list[int]:
        """Ids of callouts whose answer nobody waits for any more."""

    @property
    def noteworthy(self) -> bool:
        """One of the five above says something: cheaper to ask than them."""

@final
class Callout:
    """Something that a policy asks of others. What its kind does not have is empty.

    The answer comes back with the `deliver_*` functions, on the thread that the callout came from.
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
        """An entry of the policy's capability `net`; of "redis" with "?db=1" for database 1."""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Of "http" pseudo-headers and fields, of "grpc" and "grpc_stream" initial metadata."""

    @property
    def body(self) -> bytes:
        """Body, gRPC message, Redis query as RESP writes it, or the function's arguments."""

    @property
    def trailers(self) -> list[tuple[bytes, bytes]]: ...
    @property
    def timeout(self) -> float | None:
        """Seconds to the whole answer; None for what has no end of its own."""

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
        """Of "redis"; empty for the default user."""

    @property
    def password(self) -> str:
        """Of "redis"; empty for none. Not in the repr."""

    @property
    def end(self) -> bool:
        """No further "grpc_send" follows."""

@final
class RequestHead:
    """The head of a request as policies left it."""

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
"""Every `lb_policy` by its name."""

@final
class Cluster:
    """Endpoints that serve the same, and how one is chosen: `lb_policy` is one of LB_POLICIES.

    An endpoint is a URL of scheme, host and port, like "http://127.0.0.1:9001".
    """

    def __new__(cls, *, name: str, endpoints: Sequence[str], lb_policy: str) -> Cluster: ...

@final
class Route:
    """Which requests go through which policies to which cluster.

    `host` is a name, "*." and a name for every name below it, or None for every host; case and
    port do not count. `prefix` ends with a whole segment: "/orders" matches "/orders" and
    "/orders/1", not "/ordersx". `timeout` is seconds. Raises ValueError for a negative one.
    """

    def __new__(
        cls,
        *,
        name: str,
        host: str | None,
        prefix: str,
        prefix_rewrite: str | None,
        chain: Chain,
        cluster: str,
        timeout: float | None,
    ) -> Route: ...

@final
class Router:
    """Routes and clusters. It never changes: a reload makes a new one, open exchanges keep theirs.

    The first route that matches is taken. `trusted_proxies` are address ranges like "10.0.0.0/8".
    `headers` bounds the fields of a request, `header_bytes` their names and values (431), `body`
    the bytes of its body (413). `underscores` lets request headers pass whose names have an
    underscore. Raises ConfigError.
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
    ) -> Router: ...
    @property
    def dropped_headers(self) -> int:
        """How many request headers were dropped because their names have an underscore."""

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
    ) -> tuple[Exchange, Effects | None]:
        """Open an exchange on this thread with the head of its request: as `Chain.open` takes it.

        `target` is what the request line says, byte-exact (RFC 9112 section 3.2). `ended` says that
        no body follows, which HTTP/1 says by itself (section 6.3). A request that is refused is
        answered in the effects. None: `Exchange.upstream` is ready to be sent.
        """

    def endpoint(self, cluster: str) -> str | None:
        """Choose an endpoint for a call to a cluster, as for a request; None when there is none."""

    def set_healthy(self, cluster: str, endpoint: str, healthy: bool) -> None:
        """Take an endpoint out of the choice, or back in. Raises KeyError if there is none."""

@final
class Exchange:
    """One request and its response: routed, through the policies, to the upstream and back.

    It belongs to its thread: WrongThread is raised elsewhere. Effects mean what they mean for
    `Stream`, but `request_head` is always None: `upstream` has the head.
    """

    @property
    def id(self) -> int: ...
    @property
    def body_follows(self) -> bool:
        """True when the request has a body to come; False also for a request that was refused."""

    @property
    def timeout(self) -> float | None:
        """Seconds from the request's head to the end of the response, as its route has it."""

    @property
    def upstream(self) -> UpstreamRequest | None:
        """The request to send on, once its head goes on. Ask once: it is made anew each time."""

    def take_fault(self) -> str | None:
        """Return what was wrong with the upstream's head, or why the response was cut: once."""

    def on_request_body(self, chunk: bytes, end: bool) -> Effects | None: ...
    def on_request_trailers(self, trailers: _Fields) -> Effects | None: ...
    def on_response_headers(self, status: int, headers: _Fields, end: bool) -> Effects | None:
        """Take the head of the upstream's response, with its fields about the connection.

        An interim response (1xx) goes no further; one that breaks a rule of HTTP is answered 502.
        """

    def on_response_body(self, chunk: bytes, end: bool) -> Effects | None: ...
    def on_response_trailers(self, trailers: _Fields) -> Effects | None: ...
    def failed(self, failure: str) -> Effects | None:
        """Answer for the upstream, or cut the connection when the response is on its way.

        `failure` is "connect" or "protocol" (502), "timeout" (504) or "no_healthy_endpoint" (503);
        "late_request" (408) is the client's; "route_timeout" (504) is also an answer that no policy
        can hold. Raises ValueError for another one.
        """

    def respond(self, status: int, headers: _Fields, body: bytes) -> Effects | None:
        """Answer instead of the upstream, through the policies that saw the request."""

    def resume(self) -> Effects | None:
        """Perform what was asked of this exchange from outside; call it for each id in `wake`."""

    def close(self) -> Effects | None:
        """End the exchange: `on_done`, `on_log`, `on_delete`. A second call does nothing."""

@final
class UpstreamRequest:
    """A request ready to be sent on."""

    @property
    def cluster(self) -> str: ...
    @property
    def endpoint(self) -> str:
        """Where to, as the cluster has it: scheme, host and port."""

    @property
    def timeout(self) -> float | None:
        """Seconds for the whole exchange."""

    @property
    def method(self) -> str: ...
    @property
    def target(self) -> bytes:
        """Path and query, byte-exact, or b"*"."""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The fields in order, `host` first and the framing last."""

    @property
    def head(self) -> bytes:
        """Request line and fields as HTTP/1.1 writes them, the empty line included."""

    @property
    def length(self) -> int | None:
        """How many body bytes the head announces; None: chunked (RFC 9112 section 7.1)."""

_Out: TypeAlias = tuple[int, bytes | None, bytes | None, int]

@final
class Connection:
    """One HTTP/1.1 client and its exchanges, without I/O.

    Each event answers flags, bytes for the client, bytes for the upstream, and what to dial: the
    number of a cluster shifted by 16 bits and of its endpoint, or -1. They are performed in this
    order: the upstream connection is given back (RELEASE) or closed (ABANDON), a new one is asked
    for, bytes are written, then the other flags: NOTES are to be fetched; an exchange ENDED; a
    policy keeps something back until the stream `id` is woken, then `resume` (WAITS); the client's
    connection is to be cut (RESET), or closed (CLOSE; LINGER: the client may be sending still); the
    client has sent too much ahead of its turn (FULL); more of it can be answered once it has taken
    these bytes (UNREAD: `proceed`); `pressure` is not what it was (PRESSURE). FAILED: `faults` are
    to be fetched. TIMED: `timeout` counts from now on.

    Bytes that go on as they came are the object that was passed in, not a copy of it.

    An event raises RuntimeError while a foreign function runs on the thread, and WrongThread on
    another thread than that of the exchange under way.
    """

    RELEASE: ClassVar[int]
    ABANDON: ClassVar[int]
    CLOSE: ClassVar[int]
    RESET: ClassVar[int]
    UNREAD: ClassVar[int]
    WAITS: ClassVar[int]
    NOTES: ClassVar[int]
    ENDED: ClassVar[int]
    FULL: ClassVar[int]
    LINGER: ClassVar[int]
    FAILED: ClassVar[int]
    TIMED: ClassVar[int]
    PRESSURE: ClassVar[int]

    def __new__(
        cls,
        router: Router,
        client: tuple[str, int] | None,
        server: tuple[str, int | None] | None,
        secure: bool,
        properties: dict[str, str] | None = None,
    ) -> Connection: ...
    @property
    def id(self) -> int:
        """The id of the exchange's stream."""

    @property
    def idle(self) -> bool:
        """True between two exchanges with nothing read of the next one."""

    @property
    def busy(self) -> bool:
        """True while an exchange is under way."""

    @property
    def timeout(self) -> float | None:
        """Seconds that the exchange may take; with another route it is another."""

    @property
    def pressure(self) -> tuple[bool, bool]:
        """Whether client and upstream are to wait: a policy holds back as much as it may."""

    @property
    def may_retry(self) -> bool:
        """True when the request can be sent again, once.

        Nothing answered it, it is idempotent, and at most 64 KiB of its body were sent.
        """

    @property
    def waits_for(self) -> Literal["client", "upstream", "policy"]:
        """Who has to do something for the exchange to go on."""

    def set_router(self, router: Router) -> None:
        """Use another router for the exchanges that begin from now on."""

    def receive(self, data: bytes) -> _Out: ...
    def receive_upstream(self, data: bytes) -> _Out: ...
    def receive_upstream_eof(self) -> _Out: ...
    def fail(self, failure: str) -> _Out:
        """Answer instead of the upstream; `failure` as in `Exchange.failed`."""

    def late(self) -> _Out:
        """Answer 408: the client took too long to send a head or the rest of a body."""

    def retry(self) -> _Out:
        """Send the request again; the answer has its bytes."""

    def resume(self) -> _Out: ...
    def drain(self) -> None:
        """Begin no further exchange."""

    def close(self) -> _Out:
        """End the exchange under way: the client is gone."""

    def choke(self) -> None:
        """Read no further request: the client does not take its answers."""

    def proceed(self) -> _Out:
        """Go on with the requests that waited until the client had taken its answers."""

    @property
    def request(self) -> str:
        """Method and path of the exchange's request, without its query and escaped, for logs."""

    def faults(self) -> list[str]:
        """Return what was wrong with responses, and why they were cut, since the last call."""

    def notes(self) -> Effects:
        """Return log lines, ids to wake and timers since the last call."""

    def log_accesses(self) -> None:
        """Keep what an access log says of each exchange from now on."""

    def accesses(self) -> list[tuple[str, str, str, int]]:
        """Return method, target, version ("1.1") and status of what was answered since last."""

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
    """Return how many callouts of this thread wait for an answer."""

def kept_streams() -> int:
    """Return how many streams of this thread are open, or not let go of by a policy."""

def held_bytes() -> int:
    """Return the bytes of bodies that policies hold back in the streams of this thread."""

def trim_memory() -> None:
    """Give memory that is free, and that the allocator keeps, back to the operating system."""

def built_in_functions() -> list[str]:
    """Return the foreign functions that every host has for itself."""

def compile_artifact(
    module: bytes, *, cache: str, tier: Literal["fast", "optimized"]
) -> Literal["fast", "optimized"]:
    """Compile a module into the folder `cache`, for another process to load; returns the tier.

    What the fast tier cannot compile is optimised at once. Raises ValueError for a module that
    cannot run here and OSError when the folder cannot be used: the process that compiles has no
    package `wasmgate`, so the errors are Python's own.
    """

TOKEN_MARKS: Final[str]
"""The characters of a token beside letters, digits and "-"."""

def is_token(text: bytes) -> bool:
    """Return whether bytes are a token: a field name or a method (RFC 9110 section 5.6.2)."""

def is_field_value(value: bytes) -> bool:
    """Return whether bytes can be the value of a field (RFC 9110 section 5.5).

    Control characters other than tab are refused.
    """

def is_origin_form(target: bytes) -> bool:
    """Return whether bytes are a request target in origin-form (RFC 9112 section 3.2.1)."""

def is_authority(authority: bytes) -> bool:
    """Return whether bytes can be an authority without user information (RFC 3986 section 3.2)."""

def parse_endpoint(url: str) -> tuple[str, str, int, bool]:
    """Parse the URL of an endpoint: "http" or "https", a host, and maybe a port.

    Returns the URL in lower case, the host (IPv6 without brackets), the port (80 or 443 if none is
    written), and whether the endpoint uses TLS. Raises ValueError, whose arguments are the problem,
    as in "must be ...", and what to write instead.
    """

def is_hop_by_hop(name: bytes) -> bool:
    """Return whether a field is about one connection, and does not go on (RFC 9110 section 7.6.1).

    `name` can be in any case. What a Connection field names is not known here.
    """

def printable(text: str) -> str:
    """Return text in one line, with nothing in it that a terminal obeys.

    Line breaks, control characters and signs of direction are written out as escapes.
    """

def masked(name: bytes, value: bytes) -> bytes:
    """Return the value of a field, property or parameter of this name, masked if it is a secret."""

def inspect(module: bytes) -> _Inspection:
    """Describe a module without compiling it, also one that could not be loaded.

    `problem` is why it cannot be loaded, as far as can be seen without its code. `imports` are
    (module, name, kind, known here); a call of a function that is unknown is a trap. `asks` are the
    kinds of capability that it can ask for, each with the imports with which it would. Raises
    PolicyLoadError when it is no wasm.
    """
