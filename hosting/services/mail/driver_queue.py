"""Letters that wait to leave: those of who is suspended for abuse are held (postqueue(1),
postsuper(1)), and go on when that is lifted.

Which ones were held is kept in the tables before it is done: what an operator put on hold stays
there, and whoever is killed in between is completed by the next.
"""

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from hosting.agent.host import Host
from hosting.agent.protocol import AgentError
from hosting.services.mail.driver_store import Store

# A letter in Postfix's queue that is on hold; every other queue is on its way.
_HOLD = "hold"
_PATIENCE = 120.0


class Queue:
    """The queue of the Postfix whose configuration is in `conf`."""

    def __init__(self, host: Host, conf: Path):
        self._host = host
        self._conf = conf

    def keep(self, store: Store, held: Collection[int], there: Collection[int]) -> None:
        """Hold what these subscriptions sent, let go what was held of others that are `there`,
        and take away what was held of who is gone."""
        before = store.held()
        if not held and not before:
            return
        waiting = self._waiting()
        ours = {one: whose for one, whose in before.items() if waiting.get(one)}
        new = {}
        for one, (place, sender) in waiting.items():
            if place != _HOLD and one not in ours and (whose := store.owner(sender)) in held:
                new[one] = whose
        store.hold(new)
        again = [one for one, whose in ours.items() if whose in held and waiting[one][0] != _HOLD]
        self._say("-h", [*new, *again])
        lifted = {one: whose for one, whose in ours.items() if whose not in held}
        self._say("-H", [one for one, whose in lifted.items() if whose in there])
        self._say("-d", [one for one, whose in lifted.items() if whose not in there])
        store.let_go(lifted.keys() | (before.keys() - ours.keys()))

    def _waiting(self) -> dict[str, tuple[str, str]]:
        """Every letter by its id: where it is, and from whom."""
        done = self._host.run(["/usr/sbin/postqueue", "-c", str(self._conf), "-j"], _PATIENCE)
        if done.code:
            raise AgentError("io", f"Postfix: {done.output.strip()[-400:]}")
        found = {}
        for line in done.output.splitlines():
            # What it warns of stands between.
            if line.startswith("{"):
                said = json.loads(line)
                found[said["queue_id"]] = said["queue_name"], said["sender"].lower()
        return found

    def _say(self, what: str, ids: Iterable[str]) -> None:
        if not (given := list(ids)):
            return
        command = ["/usr/sbin/postsuper", "-c", str(self._conf), what, "-"]
        done = self._host.run(command, _PATIENCE, "".join(f"{one}\n" for one in given).encode())
        if done.code:
            raise AgentError("io", f"Postfix: {done.output.strip()[-400:]}")
