"""What runs of the FTP server on this node, and whether it greets: looks only."""

import os
import socket
from contextlib import suppress
from pathlib import Path

from hosting.agent.platform import Platform


def running(program: Path) -> dict[int, int]:
    """Return the processes that run a program, and the user of each, whoever started them."""
    found: dict[int, int] = {}
    wanted = os.path.realpath(program)
    for place in Path("/proc").iterdir():
        with suppress(OSError, ValueError, StopIteration):
            pid = int(place.name)
            # A program that was upgraded meanwhile is marked as deleted.
            if str((place / "exe").readlink()).removesuffix(" (deleted)") == wanted:
                lines = (place / "status").read_bytes().splitlines()
                line = next(line for line in lines if line.startswith(b"Uid:"))
                found[pid] = int(line.split()[1])
    return found


def greeting(address: str, port: int, timeout: float) -> bytes:
    """Return the first that a server says by itself; nothing if it says nothing."""
    try:
        with socket.create_connection((address, port), timeout) as connection:
            connection.settimeout(timeout)
            return connection.recv(256)
    except OSError:
        return b""


def greets(platform: Platform) -> bool:
    """Say whether both ports of a node greet."""
    address = platform.probe_address()
    ports = (platform.ftp_port, platform.sftp_port)
    said = [greeting(address, port, 2.0) for port in ports if port is not None]
    return [each[:4] for each in said] == [b"220 ", b"SSH-"]
