"""A WebAssembly module that adds a header to each request, written byte by byte: no compiler is needed."""

from __future__ import annotations

from collections.abc import Iterable

I32, FUNCTION, MEMORY = 0x7F, 0x00, 0x02
ABI = "proxy_abi_version_0_2_1"
ADD_HEADER = "proxy_add_header_map_value"
DATA = 16
"""Where the header is in the module's memory."""


def adding_header(name: str, value: str) -> bytes:
    """The module. Its functions: 0 is Envoy's, which adds a header; 1 says the ABI, 2 gives memory to Envoy,
    3 is called for the headers of each request.
    """
    text = f"{name}{value}".encode()
    types = [signature(5, 1), signature(0, 0), signature(1, 1), signature(3, 1)]
    imports = [string("env") + string(ADD_HEADER) + bytes([FUNCTION, 0])]
    exports = [
        string("memory") + bytes([MEMORY, 0]),
        string(ABI) + bytes([FUNCTION, 1]),
        string("proxy_on_memory_allocate") + bytes([FUNCTION, 2]),
        string("proxy_on_request_headers") + bytes([FUNCTION, 3]),
    ]
    arguments = (0, DATA, len(name), DATA + len(name), len(value))
    called = b"".join(constant(each) for each in arguments) + bytes([0x10, 0, 0x1A]) + constant(0)
    return b"\0asm\1\0\0\0" + b"".join(
        (
            section(1, types),
            section(2, imports),
            section(3, [b"\1", b"\2", b"\3"]),
            section(5, [b"\0\1"]),
            section(7, exports),
            section(10, [body(b""), body(constant(4096)), body(called)]),
            section(11, [b"\0" + constant(DATA) + b"\x0b" + number(len(text)) + text]),
        )
    )


def number(value: int) -> bytes:
    """LEB128 of a number that is not negative."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + number(rest) if rest else bytes([low])


def constant(value: int) -> bytes:
    """i32.const. Its number is signed: a set bit 6 at the end would be a sign."""
    encoded = number(value)
    return b"\x41" + (encoded if not encoded[-1] & 0x40 else encoded[:-1] + bytes([encoded[-1] | 0x80, 0]))


def string(text: str) -> bytes:
    """A name."""
    return number(len(text)) + text.encode()


def signature(parameters: int, results: int) -> bytes:
    """A function of so many i32."""
    return b"\x60" + number(parameters) + bytes([I32] * parameters) + number(results) + bytes([I32] * results)


def body(code: bytes) -> bytes:
    """A function without variables of its own."""
    whole = b"\0" + code + b"\x0b"
    return number(len(whole)) + whole


def section(kind: int, entries: Iterable[bytes]) -> bytes:
    """A section of so many entries."""
    listed = list(entries)
    content = number(len(listed)) + b"".join(listed)
    return bytes([kind]) + number(len(content)) + content
