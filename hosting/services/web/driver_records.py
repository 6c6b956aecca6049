"""What the web server writes down: looked after for as long as the agent lives, and added up."""

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from signal import Signals

from hosting.agent.host import Host
from hosting.services.web.driver_log import Logs
from hosting.services.web.driver_traffic import of_visits

# How often logs are counted and looked at (seconds).
PAUSE = 60.0


class Records:
    """The logs, and the traffic out of them. `reopen` sends nginx a signal."""

    def __init__(self, host: Host, reopen: Callable[[Signals], bool]):
        self._host = host
        self._reopen = reopen
        self.logs = Logs(host)
        self._traffic = of_visits(host, self.logs)

    def watch(self) -> None:
        """Count what visits took, and begin new logs in time, from a thread of its own."""
        threading.Thread(target=self._keep, name="logs", daemon=True).start()

    def _keep(self) -> None:
        while True:
            self._host.runner.sleep(PAUSE)
            # A full disk, or a file that is just being moved: the next time.
            with suppress(OSError, sqlite3.Error):
                self.look_after()

    def look_after(self) -> None:
        """Count, and begin new logs where it is time."""
        self._traffic.count()
        self.logs.rotate(self._reopen, self._traffic.count)

    def days(self, numbers: Sequence[int], since: str) -> dict[str, dict[int, int]]:
        """Return what visits to the sites of these took, both ways, by day."""
        return self._traffic.days(numbers, since)

    def this_month(self, number: int) -> int:
        """Return what visits to the sites of one took this month."""
        days = self.days([number], time.strftime("%Y-%m-01"))
        return sum(amounts[number] for amounts in days.values())
