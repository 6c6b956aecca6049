"""The worker's side of the agent's socket. Every call is a connection of its own and may be
repeated: asking twice for the same state changes nothing the second time.
"""

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hosting.agent import protocol
from hosting.agent.protocol import AgentError

_FRAME_BYTES = 4 * 1024 * 1024
_FRAME_SWITCHES = 50_000


class AgentAway(Exception):
    """The agent could not be reached, or went away before its answer was complete."""


@dataclass(frozen=True)
class Switched:
    """Which subscriptions were switched, and for which the agent knows something newer."""

    switched: list[int]
    stale: list[int]


@dataclass(frozen=True)
class Applied:
    """The result for one subscription and service. `kind` and `message` say why it is not ok."""

    subscription: int
    generation: int
    service: str
    ok: bool
    kind: str = ""
    message: str = ""


@dataclass(frozen=True)
class Done:
    """The end of one frame of subscriptions: reloads of daemons, subscriptions that changed."""

    reloads: int
    changed: int


class Client:
    """Speaks to the agent of one node."""

    def __init__(self, path: str | Path, timeout: float = 60.0):
        self._path = Path(path)
        self._timeout = timeout

    def hello(self, with_applied: bool = False) -> dict:
        """Return version, platform, what is wrong with the daemons, and what has been applied."""
        answer = self._ask({"verb": "hello", "with_applied": with_applied})
        if "applied" in answer:
            answer["applied"] = {int(key): value for key, value in answer["applied"].items()}
        return answer

    def switch(self, items: Iterable[tuple[int, int, str]]) -> Switched:
        """Open, limit and shut subscriptions, given as (subscription, generation, state)."""
        rows = [list(item) for item in items]
        result = Switched([], [])
        for start in range(0, len(rows), _FRAME_SWITCHES):
            frame = rows[start : start + _FRAME_SWITCHES]
            answer = self._ask({"verb": "switch", "items": frame})
            result.switched.extend(answer["switched"])
            result.stale.extend(answer["stale"])
        return result

    def desired(self, subscriptions: Iterable[dict]) -> Iterator[Applied | Done]:
        """Apply subscriptions; yield each result as it comes, and a Done after every frame."""
        for frame in _frames(subscriptions):
            with self._asked({"verb": "desired", "subscriptions": frame}) as stream:
                while True:
                    answer = self._next(stream)
                    if "done" in answer:
                        yield Done(answer["reloads"], answer["changed"])
                        break
                    if "subscription" not in answer:
                        raise AgentError(answer["kind"], answer["message"])
                    yield Applied(**answer)

    def plan(self, subscriptions: Iterable[dict]) -> list[dict]:
        """Return what `desired` would change: subscription, service and changes of each."""
        plans = []
        for frame in _frames(subscriptions):
            plans += self._ask({"verb": "plan", "subscriptions": frame})["plans"]
        return plans

    def measure(
        self, subscriptions: Iterable[int], since: str | None = None
    ) -> dict[str, dict[int, int]]:
        """Return figures by name and number; what could not be measured is missing.

        "disk" is in bytes, by subscription: what each home takes. With `since`, "traffic
        2026-11-23" is that of each day from then on.
        """
        numbers = list(subscriptions)
        found: dict[str, dict[int, int]] = {}
        for start in range(0, len(numbers), protocol.MAX_MEASURED):
            frame = numbers[start : start + protocol.MAX_MEASURED]
            asked: dict = {"verb": "measure", "subscriptions": frame}
            if since is not None:
                asked["since"] = since
            figures = self._ask(asked)["figures"]
            for figure, by_number in figures.items():
                sums = found.setdefault(figure, {})
                sums.update((int(number), amount) for number, amount in by_number.items())
        return found

    def ask(self, service: str, what: str, subscription: int, parameters: dict) -> dict:
        """Return a driver's answer to what a page wants to know of a subscription."""
        asked = {"service": service, "what": what, "subscription": subscription}
        answer: dict = self._ask({"verb": "ask", "parameters": parameters} | asked)["answer"]
        return answer

    def news(self, service: str, after: int) -> list[dict]:
        """Return what happened of a service since, the oldest first; a frame of it."""
        found: list[dict] = self._ask({"verb": "news", "service": service, "after": after})["news"]
        return found

    def transfer(
        self,
        about: tuple[str, str, int],
        parameters: dict,
        file: int,
        go_on: Callable[[int], bool],
    ) -> dict:
        """Have a driver fill an open file, or take in what it holds; the driver's answer.

        `about` is service, what and subscription. `go_on` hears when it begins, and about once a
        second from then on, how many bytes there are so far; if it says no, the agent ends it.
        """
        service, what, subscription = about
        asked: dict = {"verb": "transfer", "service": service, "what": what}
        asked |= {"subscription": subscription, "parameters": parameters}
        with self._connected(asked) as (connection, stream):
            answer = self._next(stream)
            if answer.get("ready"):
                # Said once before anything begins: until then it may be asked again.
                if not go_on(0):
                    raise AgentError("refused", "it was stopped")
                socket.send_fds(connection, [b"f"], [file])
                answer = self._next(stream)
            while "progress" in answer:
                if not go_on(answer["progress"]):
                    raise AgentError("refused", "it was stopped")
                answer = self._next(stream)
        if not answer.get("ok"):
            raise AgentError(answer.get("kind", "io"), answer.get("message", ""))
        found: dict = answer["answer"]
        return found

    def _ask(self, request: dict) -> dict:
        with self._asked(request) as stream:
            answer = self._next(stream)
        if not answer.get("ok"):
            raise AgentError(answer.get("kind", "io"), answer.get("message", ""))
        return answer

    @contextmanager
    def _asked(self, request: dict) -> Iterator[BinaryIO]:
        with self._connected(request) as (_connection, stream):
            yield stream

    @contextmanager
    def _connected(self, request: dict) -> Iterator[tuple[socket.socket, BinaryIO]]:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(self._timeout)
                _connect(connection, self._path)
                # Who refuses does not read first; the words are there all the same.
                with suppress(BrokenPipeError):
                    connection.sendall(protocol.encode(request))
                with connection.makefile("rb") as stream:
                    yield connection, stream
        except OSError as error:
            raise AgentAway(f"the agent at {self._path} is away: {error}") from error

    def _next(self, stream: BinaryIO) -> dict:
        line = protocol.read_line(stream)
        if line is None:
            raise AgentAway(f"the agent at {self._path} went away before it had answered")
        return protocol.decode(line)


def _connect(connection: socket.socket, path: Path) -> None:
    """Connect through the directory's descriptor: the path may be longer than an address can."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{directory}/{path.name}")
    finally:
        os.close(directory)


def _frames(subscriptions: Iterable[dict]) -> Iterator[list[dict]]:
    """Return the subscriptions in frames that the agent takes, by number and by size."""
    frame: list[dict] = []
    size = 0
    for each in subscriptions:
        weight = len(protocol.encode(each))
        if frame and (len(frame) == protocol.MAX_SUBSCRIPTIONS or size + weight > _FRAME_BYTES):
            yield frame
            frame, size = [], 0
        frame.append(each)
        size += weight
    if frame:
        yield frame
