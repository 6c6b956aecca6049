"""What a session of the small server took, written down for the agent as ProFTPD does it."""

import os
import time
from pathlib import Path

from hosting.services.ftp.driver_traffic import line


class Meter:
    """Bytes of files and lists that one session of a subscription received and sent."""

    def __init__(self, log: Path, subscription: int):
        self._log = log
        self._subscription = subscription
        self.received = 0
        self.sent = 0

    def end(self) -> None:
        """Write down what it took, once. In one piece: others write there too."""
        if not self.received and not self.sent:
            return
        day = time.strftime("%Y-%m-%d")
        words = line(day, self._subscription, self.received, self.sent).encode("ascii")
        self.received = self.sent = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        file = os.open(self._log, flags, 0o640)
        try:
            os.write(file, words)
        finally:
            os.close(file)
