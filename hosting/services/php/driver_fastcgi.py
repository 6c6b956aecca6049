"""A FastCGI client that asks one thing: is somebody there, and what does it answer.

By the FastCGI specification of 1996, version 1: a request is three streams of records.
"""

import os
import socket
import struct
from pathlib import Path

_VERSION = 1
_BEGIN, _END, _PARAMETERS, _INPUT, _OUTPUT = 1, 3, 4, 5, 6
_RESPONDER = 1
_HEAD = struct.Struct(">BBHHBx")
_LIMIT = 64 * 1024


def _record(kind: int, data: bytes) -> bytes:
    return _HEAD.pack(_VERSION, kind, 1, len(data), 0) + data


def _pair(name: str, value: str) -> bytes:
    """Return a name and a value. Both are ours and short: a length takes one byte up to 127."""
    return bytes((len(name), len(value))) + name.encode("ascii") + value.encode("ascii")


def request(script: str) -> bytes:
    """Return a whole request for a script."""
    pairs = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": script,
        "SCRIPT_FILENAME": script,
        "QUERY_STRING": "",
    }
    parameters = b"".join(_pair(name, value) for name, value in pairs.items())
    return b"".join(
        (
            # The role, and 0: close the connection afterwards.
            _record(_BEGIN, struct.pack(">HB5x", _RESPONDER, 0)),
            _record(_PARAMETERS, parameters),
            _record(_PARAMETERS, b""),
            _record(_INPUT, b""),
        )
    )


def answer(raw: bytes) -> bytes | None:
    """Return the body of a complete answer; None if it is torn, or is none."""
    output, at = b"", 0
    while at + _HEAD.size <= len(raw):
        _version, kind, _number, length, padding = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        data = raw[at : at + length]
        if len(data) < length:
            return None
        at += length + padding
        if kind == _OUTPUT:
            output += data
        if kind == _END:
            head, parted, body = output.partition(b"\r\n\r\n")
            is_error = any(line.startswith(b"Status:") for line in head.split(b"\r\n"))
            return body if parted and not is_error else None
    return None


def ask(path: Path, script: str, timeout: float = 2.0) -> bytes | None:
    """Ask whoever listens at a socket; None if nothing sensible came back."""
    raw = b""
    try:
        # Through the directory's descriptor: a path may be longer than an address can be.
        directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(timeout)
                connection.connect(f"/proc/self/fd/{directory}/{path.name}")
                connection.sendall(request(script))
                while len(raw) < _LIMIT and (part := connection.recv(65536)):
                    raw += part
        finally:
            os.close(directory)
    except OSError:
        return None
    return answer(raw)
