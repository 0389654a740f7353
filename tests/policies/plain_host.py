"""A host of proxy-wasm with none of wasmgate's or Envoy's additions, on wasmtime.

It has header maps, a clock and local responses; every other hostcall answers NOT_FOUND.
"""

from __future__ import annotations

import functools
import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import wasmtime

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OK, NOT_FOUND = 0, 1
ROOT, STREAM = 1, 2

Fields = list[tuple[bytes, bytes]]


@functools.cache
def compiled(path: Path) -> tuple[wasmtime.Module, wasmtime.Engine]:
    """Compile a module once for all tests."""
    engine = wasmtime.Engine()
    return wasmtime.Module.from_file(engine, str(path)), engine


@dataclass
class PlainHost:
    """One instance of a module, with one request at a time."""

    module: Path
    configuration: bytes
    fields: Fields = field(default_factory=list)
    status: int | None = None

    def __post_init__(self) -> None:
        module, engine = compiled(self.module)
        self.store = wasmtime.Store(engine)
        linker = wasmtime.Linker(engine)
        for wanted in module.imports:
            kind = wanted.type
            assert isinstance(kind, wasmtime.FuncType)
            call = getattr(self, f"_{wanted.name}", None) or self._absent(kind)
            linker.define_func(wanted.module, wanted.name or "", kind, call)
        self.instance = linker.instantiate(self.store, module)
        self._call("_initialize")
        self._call("proxy_on_context_create", ROOT, 0)
        self._call("proxy_on_vm_start", ROOT, 0)
        assert self._call("proxy_on_configure", ROOT, len(self.configuration)) == 1

    def request(self, fields: Fields) -> int | None:
        """Pass a request's fields through the module; return the status of its own answer."""
        self.fields, self.status = list(fields), None
        self._call("proxy_on_context_create", STREAM, ROOT)
        self._call("proxy_on_request_headers", STREAM, len(fields), 1)
        self._call("proxy_on_delete", STREAM)
        return self.status

    def _absent(self, kind: wasmtime.FuncType) -> Callable[..., int | None]:
        results = len(list(kind.results))
        return lambda *_: NOT_FOUND if results else None

    def _call(self, name: str, *arguments: int) -> int | None:
        function = self.instance.exports(self.store)[name]
        assert isinstance(function, wasmtime.Func)
        answer: int | None = function(self.store, *arguments)
        return answer

    @property
    def _memory(self) -> wasmtime.Memory:
        memory = self.instance.exports(self.store)["memory"]
        assert isinstance(memory, wasmtime.Memory)
        return memory

    def _read(self, at: int, size: int) -> bytes:
        return bytes(self._memory.read(self.store, at, at + size))

    def _give(self, data: bytes, at: int, size_at: int) -> int:
        address = self._call("proxy_on_memory_allocate", len(data))
        assert address is not None
        self._memory.write(self.store, data, address)
        self._memory.write(self.store, struct.pack("<I", address), at)
        self._memory.write(self.store, struct.pack("<I", len(data)), size_at)
        return OK

    def _proxy_log(self, _level: int, at: int, size: int) -> int:
        raise AssertionError(self._read(at, size))

    def _proxy_get_buffer_bytes(
        self, _kind: int, _start: int, _size: int, at: int, size_at: int
    ) -> int:
        return self._give(self.configuration, at, size_at)

    def _proxy_get_current_time_nanoseconds(self, at: int) -> int:
        self._memory.write(self.store, struct.pack("<Q", time.time_ns()), at)
        return OK

    def _proxy_get_header_map_pairs(self, _kind: int, at: int, size_at: int) -> int:
        sizes = b"".join(struct.pack("<II", len(name), len(value)) for name, value in self.fields)
        texts = b"".join(name + b"\0" + value + b"\0" for name, value in self.fields)
        return self._give(struct.pack("<I", len(self.fields)) + sizes + texts, at, size_at)

    def _proxy_replace_header_map_value(
        self, _kind: int, name_at: int, name_size: int, value_at: int, value_size: int
    ) -> int:
        name, value = self._read(name_at, name_size), self._read(value_at, value_size)
        self.fields = [*(one for one in self.fields if one[0] != name), (name, value)]
        return OK

    def _proxy_remove_header_map_value(self, _kind: int, name_at: int, name_size: int) -> int:
        name = self._read(name_at, name_size)
        self.fields = [one for one in self.fields if one[0] != name]
        return OK

    def _proxy_set_property(self, *_: int) -> int:
        return OK

    def _proxy_send_local_response(self, status: int, *_: int) -> int:
        self.status = status
        return OK
