"""An agent in memory: keeps what it is told, refuses what is stale, fails and dies on request."""

from collections.abc import Callable, Iterable, Iterator

from hosting.agent.client import AgentAway, Applied, Done, Switched
from hosting.agent.protocol import AgentError


class RecordingAgent:
    """Speaks as `hosting.agent.client.Client` does and answers by the agent's rules."""

    def __init__(self) -> None:
        # Every call, in order: the verb and the subscriptions it was about.
        self.calls: list[tuple[str, list[int]]] = []
        self.heard: dict[int, int] = {}
        self.applied: dict[int, int] = {}
        self.frames: dict[int, dict] = {}
        self.state: dict[int, str] = {}
        self.services: dict[str, dict] = {"web": {}, "dns": {}}
        self.problems: dict[str, str] = {}
        # What it says to what pages ask, by what.
        self.answers: dict[str, dict] = {}
        self.is_away = False
        self.is_silent = False
        # Subscriptions that it fails on, with the daemon's words; that it dies on; that end it all.
        self.faults: dict[int, str] = {}
        self.deadly: set[int] = set()
        self.confusing: set[int] = set()
        # Called within `desired`, after a frame has come in: what happens meanwhile.
        self.meanwhile: Callable[[], None] = lambda: None

    def calls_of(self, verb: str) -> list[list[int]]:
        """What each call of a verb was about."""
        return [ids for name, ids in self.calls if name == verb]

    def hello(self, with_applied: bool = False) -> dict:
        self._answer("hello", [])
        applied = {"applied": dict(self.applied)} if with_applied else {}
        about = {"version": 1, "platform": "embedded", "isolates": False}
        about |= {"services": dict(self.services), "problems": dict(self.problems)}
        return {"ok": True} | about | applied

    def switch(self, items: Iterable[tuple[int, int, str]]) -> Switched:
        rows = list(items)
        self._answer("switch", [number for number, _, _ in rows])
        result = Switched([], [])
        for number, generation, state in rows:
            if generation < self.heard.get(number, 0):
                result.stale.append(number)
                continue
            self.heard[number], self.state[number] = generation, state
            result.switched.append(number)
        return result

    def ask(self, service: str, what: str, subscription: int, parameters: dict) -> dict:
        self._answer("ask", [subscription])
        return {"asked": [service, what, parameters]} | self.answers.get(what, {})

    def desired(self, subscriptions: Iterable[dict]) -> Iterator[Applied | Done]:
        frame = list(subscriptions)
        ids = [each["id"] for each in frame]
        self._answer("desired", ids)
        if self.deadly & set(ids):
            raise AgentAway("it went away before it had answered")
        if self.confusing & set(ids):
            raise AgentError("invalid", "what is this?")
        self.meanwhile()
        for each in [] if self.is_silent else frame:
            yield self._apply(each)
        yield Done(1, len(frame))

    def _apply(self, each: dict) -> Applied:
        number, generation = each["id"], each["generation"]
        if generation < self.heard.get(number, 0):
            return Applied(number, generation, "web", False, "stale", "something newer was seen")
        self.heard[number] = generation
        self.state[number] = each["state"]
        if number in self.faults:
            return Applied(number, generation, "web", False, "check", self.faults[number])
        self.applied[number] = generation
        self.frames[number] = each
        return Applied(number, generation, "web", True)

    def plan(self, subscriptions: list[dict]) -> list[dict]:
        self._answer("plan", [each["id"] for each in subscriptions])
        return [
            {"subscription": each["id"], "service": "web", "changes": []} for each in subscriptions
        ]

    def measure(
        self, subscriptions: list[int], since: str | None = None
    ) -> dict[str, dict[int, int]]:
        self._answer("measure", list(subscriptions))
        return {"disk": dict.fromkeys(subscriptions, 4096)}

    def _answer(self, verb: str, ids: list[int]) -> None:
        if self.is_away:
            raise AgentAway("the agent is away: connection refused")
        self.calls.append((verb, ids))
