"""A module that makes one hostcall in one callback and logs its status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate.conformance.calls import Call, Loaded, Long, Slot, Text
from wasmgate.conformance.encoding import I32, I64, Function, Import, encode, signed, unsigned
from wasmgate.conformance.phases import ACCEPTING, CALLBACKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wasmgate.conformance.encoding import Signature
    from wasmgate.conformance.phases import Phase

__all__ = ["MARK", "probe", "status_in"]

MARK = "status "
"""A log line of a probe begins with this; the character after it is the status, counted from 0."""

_INFO = 2
_LOG = Call("proxy_log", (_INFO, Text(b"")))
_SLOTS, _REPORT, _TEXTS = 0, 256, 512
_CALL, _DROP, _LOCAL_GET, _LOCAL_SET, _GLOBAL_GET, _GLOBAL_SET = 0x10, 0x1A, 0x20, 0x21, 0x23, 0x24
_I32_LOAD, _I32_STORE8, _I32_CONST, _I64_CONST = 0x28, 0x3A, 0x41, 0x42
_I32_ADD, _I32_AND = 0x6A, 0x71


def status_in(line: str) -> int | None:
    """Return the status that a log line of a probe reports; None for another line."""
    return ord(line[len(MARK)]) - ord("0") if line.startswith(MARK) else None


def probe(phase: Phase, calls: Sequence[Call], dialect: str = "0_2_1") -> bytes:
    """Return a module that makes `calls` in a phase and logs the status of the last one."""
    return _Writer(phase, calls).module(dialect)


class _Writer:
    def __init__(self, phase: Phase, calls: Sequence[Call]) -> None:
        self._phase = phase
        self._calls = calls
        self._data = bytearray(_TEXTS)
        self._data[_REPORT : _REPORT + len(MARK)] = MARK.encode()
        before = [one for others in phase.before.values() for one in others]
        wanted = {(one.module, one.name): one for one in (*calls, *before, _LOG)}
        self._imports = [
            Import(module, name, _signature(one)) for (module, name), one in wanted.items()
        ]

    def module(self, dialect: str) -> bytes:
        functions = [Function(f"proxy_abi_version_{dialect}", ((), ()), b"")]
        functions += [
            Function(name, signature, self._body(name, signature), locals=1)
            for name, signature in CALLBACKS.items()
        ]
        heap = len(self._data) + 16
        return encode(self._imports, functions, heap=heap, data=bytes(self._data))

    def _body(self, name: str, signature: Signature) -> bytes:
        parameters, results = signature
        code = b"".join(
            self._made(one) + bytes([_DROP]) for one in self._phase.before.get(name, ())
        )
        if name == self._phase.callback:
            code += self._probing(len(parameters))
        if name == "proxy_on_memory_allocate":
            return code + _allocating()
        return code + (_const(int(name in ACCEPTING)) if results else b"")

    def _probing(self, status: int) -> bytes:
        *setup, last = self._calls
        code = b"".join(self._made(one) + bytes([_DROP]) for one in setup)
        code += self._made(last) + bytes([_LOCAL_SET]) + unsigned(status)
        code += _const(_REPORT + len(MARK)) + bytes([_LOCAL_GET]) + unsigned(status)
        code += _const(ord("0")) + bytes([_I32_ADD, _I32_STORE8, 0, 0])
        code += _const(_INFO) + _const(_REPORT) + _const(len(MARK) + 1)
        return code + self._called(_LOG) + bytes([_DROP])

    def _made(self, one: Call) -> bytes:
        return b"".join(self._arguments(one)) + self._called(one)

    def _called(self, one: Call) -> bytes:
        places = [(known.module, known.name) for known in self._imports]
        return bytes([_CALL]) + unsigned(places.index((one.module, one.name)))

    def _arguments(self, one: Call) -> Iterator[bytes]:
        for argument in one.arguments:
            match argument:
                case Text(content):
                    yield _const(len(self._data)) + _const(len(content))
                    self._data += content
                case Slot(number):
                    yield _const(_SLOTS + 8 * number)
                case Loaded(number):
                    yield _const(_SLOTS + 8 * number) + bytes([_I32_LOAD, 2, 0])
                case Long(number):
                    yield bytes([_I64_CONST]) + signed(number)
                case number:
                    yield _const(number)


def _signature(one: Call) -> Signature:
    """Return the type of a hostcall: it returns a status, and a text is two parameters."""
    kinds = {Text: (I32, I32), Long: (I64,)}
    parameters = tuple(
        kind for argument in one.arguments for kind in kinds.get(type(argument), (I32,))
    )
    return parameters, (I32,)


def _const(number: int) -> bytes:
    return bytes([_I32_CONST]) + signed(number)


def _allocating() -> bytes:
    """Allocate the bytes behind those of the previous call, aligned to eight."""
    size = bytes([_LOCAL_GET, 0]) + _const(7) + bytes([_I32_ADD]) + _const(-8) + bytes([_I32_AND])
    heap = bytes([_GLOBAL_GET, 0])
    return heap + heap + size + bytes([_I32_ADD, _GLOBAL_SET, 0])
