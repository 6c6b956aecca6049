"""Tells the worker's loops that something was committed, within milliseconds and without a queue.

Ringing for nothing costs a look; a ring that was missed costs a second, as every loop looks by
itself now and then. So nothing rests on it but speed.
"""

import logging
import sqlite3
import threading
import time

from django.db import connection

from hosting.provisioning import CHANNEL

logger = logging.getLogger(__name__)

# How often SQLite is asked whether anybody has committed. The question costs ten microseconds.
_POLL = 0.02
# How long PostgreSQL's silence is believed before the connection is looked at.
_SILENCE = 1.0
_RECONNECT = 1.0


class Bell:
    """Counts rings; a loop waits until there are more than it has seen."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rung = 0
        self.stopping = threading.Event()

    @property
    def rung(self) -> int:
        return self._rung

    def ring(self) -> None:
        with self._condition:
            self._rung += 1
            self._condition.notify_all()

    def wait(self, seen: int, patience: float) -> None:
        """Until it has rung more than `seen` times, `patience` seconds are over, or at the end."""
        with self._condition:
            self._condition.wait_for(
                lambda: self._rung != seen or self.stopping.is_set(), timeout=patience
            )

    def stop(self) -> None:
        """Have every loop come to its end."""
        self.stopping.set()
        self.ring()

    def listen(self) -> None:
        """Ring for commits until stopped; survives whatever happens to the connection."""
        attend = self._attend_postgres if connection.vendor == "postgresql" else self._attend_sqlite
        while not self.stopping.is_set():
            try:
                attend()
            except Exception:
                logger.exception("The worker cannot notice commits; it looks each second instead")
                self.stopping.wait(_RECONNECT)
            finally:
                connection.close()

    def _attend_sqlite(self) -> None:
        # A connection of its own: data_version tells of commits by others only.
        database = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
        try:
            known = None
            while not self.stopping.is_set():
                # Not `stopping.wait`: with its locks it costs five times what the question does.
                time.sleep(_POLL)
                version = database.execute("PRAGMA data_version").fetchone()[0]
                if version != known:
                    known = version
                    self.ring()
        finally:
            database.close()

    def _attend_postgres(self) -> None:
        connection.ensure_connection()
        listener = connection.connection
        listener.execute(f"LISTEN {CHANNEL}")
        # What was said before anybody listened.
        self.ring()
        while not self.stopping.is_set():
            for _notice in listener.notifies(timeout=_SILENCE, stop_after=1):
                self.ring()
