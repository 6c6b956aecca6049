"""Brings a node up to what its deployments say: two loops, as to shut never waits for to build.

The switcher tells the agent at once who is open and who is shut. The applier sends everything else,
in frames; what failed before has frames of its own. Both may repeat themselves at any moment: the
agent takes the same generation twice and changes nothing the second time.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from django.db import DatabaseError, OperationalError, connection
from django.utils import timezone

from hosting import provisioning_queue as queue
from hosting.agent.client import AgentAway, Applied, Done, Switched
from hosting.agent.protocol import AgentError
from hosting.models.nodes import Node
from hosting.provisioning_queue import Behind, Result

logger = logging.getLogger(__name__)

FRAME = 500
_SWITCHES = 50_000
_SWITCHES_AT_ONCE = 5_000
# Nothing rests on the bell, so each loop looks by itself this often (seconds).
LOOK = 1.0
_GREETING = 10.0
_RECONCILING = 3600.0
_SEEN = timedelta(seconds=30)
_LONGEST_SILENCE = 2.0
_LONGEST_WAY = 2.0
# An agent that goes away this often over one subscription alone is not away by chance.
_STRIKES = 3


class Agent(Protocol):
    """What is needed of `hosting.agent.client.Client`."""

    def hello(self, with_applied: bool = False) -> dict: ...

    def switch(self, items: Iterable[tuple[int, int, str]]) -> Switched: ...

    def desired(self, subscriptions: Iterable[dict]) -> Iterable[Applied | Done]: ...


@contextmanager
def _impatient() -> Iterator[None]:
    """On SQLite, wait for the one writer's place a moment only, instead of seconds."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    patience = connection.connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.connection.execute("PRAGMA busy_timeout = 20")
    try:
        yield
    finally:
        connection.connection.execute(f"PRAGMA busy_timeout = {patience}")


@dataclass
class Line:
    """What the two loops share about the agent at the other end."""

    # Held while somebody is being switched: a frame that is about to be sent waits for that.
    urgent: threading.Lock = field(default_factory=threading.Lock)
    # The switcher got no answer: the applier looks whether the node is there.
    doubt: threading.Event = field(default_factory=threading.Event)

    def let_urgent_pass(self) -> None:
        if self.urgent.acquire(timeout=_LONGEST_WAY):
            self.urgent.release()


class Switcher:
    """Tells the agent who is open and who is shut, before anything is written down about it."""

    def __init__(self, node_id: int, agent: Agent, line: Line | None = None) -> None:
        self._node_id = node_id
        self._agent = agent
        self._line = line or Line()
        # Deployment -> generation: told to the agent, not yet recorded.
        self._told: dict[int, int] = {}
        self._silences = 0

    def step(self) -> float:
        """Switch what is to be switched; seconds until it wants to look again."""
        try:
            with self._line.urgent:
                self._switch()
        except AgentAway:
            self._line.doubt.set()
            self._silences += 1
            return min(0.1 * 2**self._silences, _LONGEST_SILENCE)
        self._silences = 0
        return self._write_down()

    def _switch(self) -> None:
        rows = queue.unswitched(self._node_id, _SWITCHES)
        self._told = {row.pk: self._told[row.pk] for row in rows if row.pk in self._told}
        fresh = [row for row in rows if self._told.get(row.pk) != row.generation]
        for start in range(0, len(fresh), _SWITCHES_AT_ONCE):
            self._tell(fresh[start : start + _SWITCHES_AT_ONCE])

    def _tell(self, rows: list[queue.Switch]) -> None:
        answer = self._agent.switch(
            [(row.subscription_id, row.generation, row.state) for row in rows]
        )
        stale = set(answer.stale)
        self._told |= {row.pk: row.generation for row in rows if row.subscription_id not in stale}
        queue.overtake(row for row in rows if row.subscription_id in stale)

    def _write_down(self) -> float:
        """Record what was told. While somebody else writes, the next one to be shut goes first."""
        if self._told:
            try:
                with _impatient():
                    queue.record_switched(self._told)
            except OperationalError as error:
                if "locked" not in str(error):
                    raise
                return 0.02
        return LOOK


@dataclass
class Lane:
    """One of the two lines before the agent: what never failed, and what did.

    Frames become smaller when one could not be dealt with as a whole, until the one at fault
    stands alone, and larger again when all goes well.
    """

    read: Callable[[int, int], list[Behind]]
    size: int = FRAME
    strikes: Counter[tuple[int, int]] = field(default_factory=Counter)

    def went_well(self) -> None:
        self.size = min(FRAME, self.size * 2)
        self.strikes.clear()

    def went_wrong(self, batch: list[Behind]) -> bool:
        """Make frames smaller; True if it is this one's fault, which stood alone."""
        self.size = max(1, len(batch) // 2)
        return len(batch) == 1

    def went_silent(self, batch: list[Behind]) -> bool:
        """The agent went away over this; True if it is this one's fault, time and again."""
        if not self.went_wrong(batch):
            return False
        self.strikes[batch[0].pk, batch[0].generation] += 1
        return self.strikes[batch[0].pk, batch[0].generation] >= _STRIKES


class Applier:
    """Sends what is behind, records what came of it, and knows whether the node is there."""

    def __init__(self, node_id: int, agent: Agent, line: Line | None = None) -> None:
        self._node_id = node_id
        self._agent = agent
        self._line = line or Line()
        self._lanes = [Lane(queue.behind), Lane(queue.overdue)]
        self._greeted = self._reconciled = float("-inf")
        self._silences = 0

    def step(self) -> float:
        """Send a frame of each line; seconds until it wants to look again."""
        try:
            self._greet()
            # Each line gets its turn: neither can keep the other waiting.
            sent = [self._send_from(lane) for lane in self._lanes]
        except AgentAway as error:
            return self._note_silence(error)
        self._silences = 0
        return 0.0 if any(sent) else LOOK

    # Whether the node is there.

    def _greet(self) -> None:
        now = time.monotonic()
        if now - self._greeted < _GREETING and not self._line.doubt.is_set():
            return
        self._line.doubt.clear()
        with_applied = now - self._reconciled > _RECONCILING
        answer = self._agent.hello(with_applied)
        self._greeted = now
        node = Node.objects.get(pk=self._node_id)
        if self._note_provided(node, answer) and not with_applied:
            # What it provides since, it lacks for everybody: ask at once what it has applied.
            self._reconciled = float("-inf")
            self._line.doubt.set()
        if with_applied:
            lost = queue.reconcile(self._node_id, answer["applied"])
            self._reconciled = now
            if lost:
                logger.warning("The node has lost %s subscriptions; they are sent again", lost)
        problems = answer.get("problems", {})
        self._note_seen(node, "; ".join(f"{name}: {words}" for name, words in problems.items()))

    def _note_provided(self, node: Node, answer: dict) -> bool:
        """Write down which services there are, and what of them; say whether that was news."""
        said = {name: answer[name] for name in ("platform", "isolates", "services")}
        if said == {name: getattr(node, name) for name in said}:
            return False
        Node.objects.filter(pk=node.pk).update(**said)
        return True

    def _note_seen(self, node: Node, problem: str) -> None:
        now, problem = timezone.now(), problem[:500]
        known = (node.away_since, node.last_error)
        if known != (None, problem) or node.seen_at is None or now - node.seen_at > _SEEN:
            Node.objects.filter(pk=node.pk).update(seen_at=now, away_since=None, last_error=problem)

    def _note_silence(self, error: AgentAway) -> float:
        now = timezone.now()
        rows = Node.objects.filter(pk=self._node_id, away_since=None)
        if rows.update(away_since=now, last_error=str(error)[:500]):
            logger.warning("The node is away: %s", error)
        # It may come back with nothing: ask what it has.
        self._greeted = self._reconciled = float("-inf")
        self._silences += 1
        return min(0.1 * 2**self._silences, _LONGEST_SILENCE)

    # Sending.

    def _send_from(self, lane: Lane) -> bool:
        self._line.let_urgent_pass()
        batch = lane.read(self._node_id, lane.size)
        if not batch:
            return False
        try:
            results, late = self._send(batch)
        except AgentAway as error:
            if lane.went_silent(batch):
                queue.record([_failure(batch[0], "io", str(error))])
            raise
        except DatabaseError:
            raise
        except Exception as error:
            if lane.went_wrong(batch):
                logger.exception("Subscription %s cannot be sent", batch[0].subscription_id)
                kind = error.kind if isinstance(error, AgentError) else "io"
                queue.record([_failure(batch[0], kind, str(error))])
            else:
                logger.warning("A frame of %s is sent in smaller ones: %r", len(batch), error)
        else:
            lane.went_well()
            queue.record(results)
            queue.overtake(late)
        return True

    def _send(self, batch: list[Behind]) -> tuple[list[Result], list[Behind]]:
        """The results of all, and those of which the agent knows something newer."""
        sent = {each.subscription_id: each for each in batch}
        answers: dict[int, list[Applied]] = {number: [] for number in sent}
        for answer in self._agent.desired(queue.frames(batch)):
            if not isinstance(answer, Applied) or answer.subscription not in sent:
                continue
            if answer.generation == sent[answer.subscription].generation:
                answers[answer.subscription].append(answer)
        late = [sent[number] for number, lines in answers.items() if _is_stale(lines)]
        results = [
            _result(sent[number], lines)
            for number, lines in answers.items()
            if not _is_stale(lines)
        ]
        return results, late


def settle(node_id: int, agent: Agent) -> None:
    """Bring a node up to date now, as the loops would. What fails stays behind until it is due."""
    switcher, applier = Switcher(node_id, agent), Applier(node_id, agent)
    is_done = False
    while not is_done:
        switcher.step()
        is_done = applier.step() > 0


def _is_stale(lines: list[Applied]) -> bool:
    return any(line.kind == "stale" for line in lines)


def _result(sent: Behind, lines: list[Applied]) -> Result:
    if not lines:
        return _failure(sent, "io", "The agent said nothing about it.")
    errors = {
        line.service: {"kind": line.kind, "message": line.message} for line in lines if not line.ok
    }
    return Result(sent, errors)


def _failure(sent: Behind, kind: str, message: str) -> Result:
    return Result(sent, {"agent": {"kind": kind, "message": message}})
