"""How slow a machine is while the tests run, so that their budget of seconds means the same there.

The same virtual machine counted three times as fast in one hour as in another: what its neighbours
do is no fault of the tests. So a fixed sum is done again and again beside them, by a thread's own
processor time, which does not count waiting for a processor that the tests themselves keep busy.
What the hypervisor gave to others meanwhile (proc(5), steal) is counted on top.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

# What the sum takes, in seconds, by Debian's Python on the machine whose seconds the budgets of
# tests.run are: measured in the same run as they were, and again when they change.
REFERENCE = 0.015
_STEPS = 2_000_000
_EVERY = 10.0


def work() -> float:
    """Do the sum once; the seconds of processor time it took."""
    began = time.thread_time()
    for _ in range(_STEPS):
        pass
    return time.thread_time() - began


def processors() -> tuple[int, int]:
    """Since the machine started, in ticks: what its processors worked and what was stolen."""
    try:
        first = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
        user, nice, system, _idle, _waiting, irq, softirq, steal = map(int, first[:8])
    except (OSError, ValueError, IndexError):
        return 0, 0
    return user + nice + system + irq + softirq, steal


class Yardstick:
    """Measures from `with` on, every ten seconds, until it ends."""

    def __init__(
        self,
        measure: Callable[[], float] = work,
        count: Callable[[], tuple[int, int]] = processors,
    ) -> None:
        self._measure, self._count = measure, count
        self._before = self._after = (0, 0)
        self._seconds: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> "Yardstick":
        self._before = self._count()
        self._seconds.append(self._measure())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._after = self._count()

    def _go_on(self) -> None:
        while not self._ended.wait(_EVERY):
            self._seconds.append(self._measure())

    @property
    def slowness(self) -> float:
        """How many times slower than the reference, on average; never below 1: a fast machine
        has the same seconds as any other."""
        worked, stolen = (b - a for a, b in zip(self._before, self._after, strict=True))
        lost = 1 + stolen / worked if worked else 1.0
        return max(1.0, sum(self._seconds) / len(self._seconds) / REFERENCE * lost)
