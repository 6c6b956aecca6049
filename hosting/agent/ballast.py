"""Room on the node's disk that is kept for one purpose: shutting who is to be shut.

Records, marks and tables need a little space. On a full disk nobody could be suspended, while all
sites go on being served. So a file lies there that can be let go; it is laid again when there is
space for it.
"""

import os
import shutil
from contextlib import suppress

from hosting.agent.host import Host

# Bytes: records and marks of some ten thousand subscriptions.
SIZE = 16 * 1024 * 1024


class Ballast:
    """The file."""

    def __init__(self, host: Host):
        self._host = host
        self._path = host.platform.node / "ballast"

    def lay(self) -> None:
        """Lay it if it is not there and little is taken by that; else another time."""
        node = self._path.parent
        if self._path.exists() or shutil.disk_usage(node).free < 4 * SIZE:
            return
        self._host.changing("write", self._path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        # A disk that fills up meanwhile, or a file system that cannot: there is none then.
        with suppress(OSError):
            file = os.open(self._path, flags, 0o600)
            try:
                os.posix_fallocate(file, 0, SIZE)
            finally:
                os.close(file)

    def release(self) -> bool:
        """Let it go if the disk is full; say whether there is room now that there was not."""
        if not self._path.exists() or shutil.disk_usage(self._path.parent).free >= SIZE:
            return False
        self._host.unlink(self._path)
        return True
