"""How much somebody has sent in the last hour, so that a password that was stolen sends little."""

import time
from collections import deque
from collections.abc import Callable, Hashable

HOUR = 3600.0
# So many senders are remembered; who has sent nothing for an hour is forgotten first.
_MOST = 100_000


class Outgoing:
    """Counts recipients by sender, in memory: a program that begins anew begins at nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._sent: dict[Hashable, deque[tuple[float, int]]] = {}

    def sent(self, who: Hashable) -> int:
        """Return to how many recipients somebody has sent within the last hour."""
        found = self._sent.get(who)
        if found is None:
            return 0
        since = self._clock() - HOUR
        while found and found[0][0] <= since:
            found.popleft()
        if not found:
            del self._sent[who]
        return sum(number for _at, number in found)

    def take(self, number: int, limits: dict[Hashable, int]) -> bool:
        """Count so many recipients for each of these senders; False, and nothing counted, where
        that would be more than the limit of any of them. 0 is without limit, below it is none."""
        over = [who for who, most in limits.items() if most and self.sent(who) + number > most]
        if over:
            return False
        if len(self._sent) > _MOST:
            for who in list(self._sent):
                self.sent(who)
        for who, most in limits.items():
            if most:
                self._sent.setdefault(who, deque()).append((self._clock(), number))
        return True
