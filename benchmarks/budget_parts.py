"""Which part of a request a sample of the profiler belongs to.

A sample is where the processor was: a symbol in a file, or an address in a policy's code, or the
kernel in the middle of a system call. Inlined functions count for the function around them, and
what the allocator and memmove do is counted for them, not for who called: frame pointers would
tell, and what is released has none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

KERNEL = "[kernel.kallsyms]"
SYSTEM_CALL = "system call: "
GUEST = "guest code: "
OTHER = "anything else"

# By the beginning of the symbol, without `<` and lifetimes; the first that fits counts.
_NATIVE = {
    "sockets, timers and pools": r"wasmgate_dataplane|mio|slab",
    "crossing between Python and Rust": r"_native::|pyo3",
    "routing": r"wasmgate_gateway::(routing|cluster)",
    "the upstream's request head": (
        r"wasmgate_gateway::(exchange::upstream_head|http::forwarded|connection::writer)"
    ),
    "the response": r"wasmgate_gateway::(exchange::response_|connection::upstream)",
    "reading the request head": (
        r"httparse|wasmgate_gateway::(connection::(downstream|head|body_reader)|"
        r"exchange::request_head|http)"
    ),
    "the exchange and its effects": r"wasmgate_gateway",
    "hostcalls": (
        r"wasmgate_host::(hostcalls|types|abi|properties|services|guest|context::(instance_state|"
        r"stream_data|stream_table)|wasm::border::(host_functions|link|parts))|wasmer_vm::memory"
    ),
    "streams and the order of policies": (
        r"wasmgate_host::(stream|instance|thread|context)|"
        r"core::ptr::drop_in_place<wasmgate_host"
    ),
    "entering and leaving guests": (
        r"wasmgate_host|wasmer|corosensei|stack_|__rust_probestack|crossbeam_queue|"
        r"std::thread::local"
    ),
}
_LIBC = {
    "malloc and free": (
        r"_?_?(int_)?(malloc|free|calloc|realloc|memalign)|cfree|unlink_chunk|sysmalloc|"
        r"malloc_consolidate|tcache|systrim|_int_"
    ),
    "copying and comparing bytes": r"__?(mem|str)|mem|str",
    SYSTEM_CALL + "on the way": (
        r"__GI|__libc_|epoll|read|write|recv|send|syscall|__errno|pthread"
    ),
}
_FILES = {
    "the event loop (uvloop, libuv)": r"/uvloop/|_asyncio",
    "Python: protocol classes and interpreter": r"libpython|/python3[^/]*$",
    "clocks": r"\[vdso\]",
    "entering and leaving guests": r"ld-linux",  # thread-local storage
}
_ENTRY = re.compile(r"(?:__x64_sys|__arm64_sys|ksys)_(\w+)")
_FRAME = re.compile(r"\s*([0-9a-f]+) (.*) \((.*)\)$")


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of a sample: where the processor was, or where that was called from."""

    address: int
    symbol: str
    file: str


def samples(script: Iterable[str]) -> Iterator[list[Frame]]:
    """Read what `perf script -F ip,sym,dso` writes: frames, innermost first, and an empty line."""
    frames: list[Frame] = []
    for line in script:
        found = _FRAME.match(line)
        if found:
            frames.append(Frame(int(found[1], 16), found[2], found[3]))
        elif not line.strip() and frames:
            yield frames
            frames = []
    if frames:
        yield frames


def part(frames: list[Frame], guests: Mapping[range, str]) -> str:
    """Name the part that a sample belongs to; `guests` has the code of each policy."""
    leaf = frames[0]
    if leaf.file == KERNEL:
        entered = (_ENTRY.match(frame.symbol) for frame in frames)
        call = next((found[1] for found in entered if found), None)
        return SYSTEM_CALL + call if call else "interrupts, page faults, the scheduler"
    for addresses, policy in guests.items():
        if leaf.address in addresses:
            return GUEST + policy
    if "_native" in leaf.file:
        symbol = leaf.symbol.replace("<", "").lstrip("&")
        return _first(_NATIVE, symbol) or "Rust's standard library"
    if "libc.so" in leaf.file or "libc-" in leaf.file:
        return _first(_LIBC, leaf.symbol) or OTHER
    for name, pattern in _FILES.items():
        if re.search(pattern, leaf.file):
            return name
    return OTHER


def _first(parts: Mapping[str, str], symbol: str) -> str | None:
    return next((name for name, pattern in parts.items() if re.match(pattern, symbol)), None)
