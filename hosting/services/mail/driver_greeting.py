"""Whether a server speaks: mail servers are the first to say something."""

import socket

_LONGEST = 512


def greeting(address: str, port: int, timeout: float = 2.0) -> bytes | None:
    """Return the first line of a server; None if it says nothing."""
    try:
        with socket.create_connection((address, port), timeout) as connection:
            return connection.makefile("rb").readline(_LONGEST)
    except OSError:
        return None
