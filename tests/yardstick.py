"""How slow a machine is while the tests run, so that their budget of seconds means the same there.

The same virtual machine counted three times as fast in one hour as in another: what its neighbours
do is no fault of the tests. So a fixed sum is done again and again beside them, by a thread's own
processor time, which does not count waiting for a processor that the tests themselves keep busy.
"""

import threading
import time
from collections.abc import Callable

# What the sum takes, in seconds, on the machine whose seconds the budgets of tests.run are.
REFERENCE = 0.05
_STEPS = 2_000_000
_EVERY = 10.0


def work() -> float:
    """Do the sum once; the seconds of processor time it took."""
    began = time.thread_time()
    for _ in range(_STEPS):
        pass
    return time.thread_time() - began


class Yardstick:
    """Measures from `with` on, every ten seconds, until it ends."""

    def __init__(self, measure: Callable[[], float] = work) -> None:
        self._measure = measure
        self._seconds: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> "Yardstick":
        self._seconds.append(self._measure())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._ended.wait(_EVERY):
            self._seconds.append(self._measure())

    @property
    def slowness(self) -> float:
        """How many times slower than the reference, on average; never below 1: a fast machine
        has the same seconds as any other."""
        return max(1.0, sum(self._seconds) / len(self._seconds) / REFERENCE)
