"""The worker: makes the servers what the rows say, and does what pages have left for later.

One process, a thread for each kind of work, so that nothing waits for what it has nothing to do
with. Whatever it has in hand is also in the database: it may be killed at any moment.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connections

from hosting.agent.client import Client
from hosting.bell import Bell
from hosting.daily import Schedule
from hosting.drift import Nightly
from hosting.measuring import Hourly
from hosting.models.nodes import Node
from hosting.worker_jobs import Claims, News, Questions, Queue, Runs, seal
from hosting.worker_provisioning import Applier, Line, Switcher
from panel.core.work import QUEUES

logger = logging.getLogger(__name__)

_FIRST_BACKOFF = 0.25
_LONGEST_BACKOFF = 10.0
_POLITE = 1.5
# How long a few large homes may take to be measured.
_MEASURING = 600.0
# A thread that computes gives way to the others this often: a switch is short and urgent.
_GIVE_WAY = 0.001


def agent_socket() -> Path:
    """Where the agent of this machine listens."""
    return settings.AGENT_SOCKET


@dataclass
class Loop:
    """Calls `step` whenever the bell rings or its own patience ends, whatever happens in it.

    `calm` is the least time from one ring to the next step: what is not urgent gathers meanwhile.
    What goes `by_clock` hears no bell: nothing that is committed makes it due.
    """

    name: str
    step: Callable[[], float]
    calm: float = 0.0
    by_clock: bool = False

    def run(self, bell: Bell) -> None:
        failures = 0
        while not bell.stopping.is_set():
            seen = bell.rung
            try:
                patience = self.step()
                failures = 0
            except Exception:
                failures += 1
                pause = min(_FIRST_BACKOFF * 2**failures, _LONGEST_BACKOFF)
                logger.exception("%s: failed; again in %g s", self.name, pause)
                # A connection that broke is made anew; one in a transaction is given up.
                connections.close_all()
                bell.stopping.wait(pause)
                continue
            if patience and self.by_clock:
                bell.stopping.wait(patience)
            elif patience:
                bell.wait(seen, patience)
                if self.calm:
                    bell.stopping.wait(self.calm)
        connections.close_all()


class Worker:
    """All loops of one process, for one node."""

    def __init__(self, data: Path, socket: Path, node_name: str = "") -> None:
        self.bell = Bell()
        self._client = Client(socket)
        self._socket = socket
        self._node_name = node_name
        self._claims = Claims(data / "worker.lock")
        self._threads: list[threading.Thread] = []

    def run(self) -> None:
        """Work until `stop` is called, then return soon, whatever is under way."""
        sys.setswitchinterval(_GIVE_WAY)
        self._start("bell", self.bell.listen)
        self._go(Loop("runs", Runs(self._claims, self.bell.stopping).step, calm=0.05))
        for kind in QUEUES:
            name = str(kind._meta.verbose_name)
            for _each in range(kind.at_once):
                self._go(Loop(name, Queue(self._claims, kind).step, calm=0.1))
        self._go(Loop("seal", seal, calm=1.0))
        self._go(Loop("daily", Schedule().step, by_clock=True))
        node_id = self._await_node()
        if node_id is not None:
            self._provision(node_id)
            self.bell.stopping.wait()
        deadline = time.monotonic() + _POLITE
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def stop(self) -> None:
        self.bell.stop()

    def _provision(self, node_id: int) -> None:
        line = Line()
        self._go(Loop("switch", Switcher(node_id, self._client, line).step))
        # A moment later than the switcher, which has told the agent what is urgent by then.
        self._go(Loop("apply", Applier(node_id, self._client, line).step, calm=0.03))
        nightly = Nightly(node_id, self._client, self.bell.stopping)
        self._go(Loop("drift", nightly.step, by_clock=True))
        hourly = Hourly(node_id, Client(self._socket, _MEASURING), self.bell.stopping)
        self._go(Loop("measure", hourly.step, by_clock=True))
        self._go(Loop("news", News(node_id, self._client).step, calm=0.2))
        self._go(Loop("questions", Questions(node_id, self._client).step, calm=0.02))

    def _await_node(self) -> int | None:
        """The node to serve, once there is one: an installation may begin without."""
        while not self.bell.stopping.is_set():
            seen = self.bell.rung
            rows = Node.objects.filter(name=self._node_name) if self._node_name else Node.objects
            node_id = rows.order_by("pk").values_list("pk", flat=True).first()
            if node_id is not None:
                return node_id
            self.bell.wait(seen, 1.0)
        return None

    def _go(self, loop: Loop) -> None:
        self._start(loop.name, lambda: loop.run(self.bell))

    def _start(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
