"""What a service's driver offers to the agent, and how the one at fault is found in a batch."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from hosting.agent.protocol import AgentError

Desired = TypeVar("Desired")


@dataclass(frozen=True)
class Change:
    """One difference between what is there and what should be, to be shown."""

    what: str
    before: list[str]
    after: list[str]


@dataclass
class Result:
    """What became of a batch."""

    failures: dict[int, AgentError] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    reloads: int = 0


class Driver(ABC, Generic[Desired]):
    """One service on this node. All methods but `switch` and `plan` are called one at a time."""

    service: str
    # Whether a subscription that is suspended for overuse alone stays open in this service.
    serves_limited: ClassVar[bool] = False

    def offers(self) -> dict[str, object]:
        """Return what this node offers of the service, as plain data; {} where that is all one."""
        return {}

    def measure(self, numbers: Sequence[int]) -> dict[str, dict[int, int]]:
        """Return figures of this service by name and number; unknown ones are left out.

        "disk": bytes that the service keeps outside of the homes, which are measured anyway, by
        subscription. A figure of the service's own has what numbers it likes; its room in the
        panel takes it (`figures_source`).
        """
        return {}

    def traffic(self, numbers: Sequence[int], since: str) -> dict[str, dict[int, int]]:
        """Return bytes in and out by day ("2026-11-23", from `since` on) and subscription."""
        return {}

    def count(self) -> None:
        """Count what daemons have written down of traffic: their logs are about to be cut."""

    def ask(self, what: str, subscription: int, parameters: object) -> dict[str, object]:
        """Answer what a page wants to know of a subscription: changes nothing, and soon ends.

        Runs beside everything else; `parameters` are what the wire brought.
        """
        raise AgentError("invalid", f"{self.service} does not know {what[:60]!r}")

    def transfer(
        self,
        what: str,
        subscription: int,
        parameters: object,
        file: int,
        told: Callable[[int], bool],
    ) -> dict[str, object]:
        """Fill an open file with what a subscription has, or take in what the file holds.

        Runs beside everything else, and may take hours. `told` is called with the bytes so far,
        about once a second; False: nobody waits any more, and it ends with an AgentError.
        """
        raise AgentError("invalid", f"{self.service} transfers no {what[:60]!r}")

    def news(self, after: int) -> list[dict[str, Any]]:
        """Return what happened on this node since news number `after`, the oldest first.

        Each has its number as "end"; a frame of them at the most.
        """
        return []

    @abstractmethod
    def parse(self, value: object) -> Desired:
        """Return what one subscription should have of this service; AgentError if it is not sound.

        `value` is what the wire brought. What is returned is comparable, and never trusted text.
        """

    def know(self, states: Mapping[int, str]) -> None:
        """Hear what each subscription may do (`protocol.STATES`), before `settle` and `switch`."""

    @abstractmethod
    def settle(self, applied: Mapping[int, Desired], shut: Collection[int]) -> None:
        """Complete or take back what a crash left half done; start the daemon or adopt it."""

    @abstractmethod
    def switch(self, shut: Collection[int], opened: Collection[int]) -> None:
        """Shut and open subscriptions, at once and without a reload. Runs beside `apply`."""

    @abstractmethod
    def plan(self, wanted: Mapping[int, Desired | None]) -> dict[int, list[Change]]:
        """Return what `apply` would change, without changing anything."""

    @abstractmethod
    def apply(self, wanted: Mapping[int, Desired | None]) -> Result:
        """Make it so, None meaning absent; whatever fails leaves that subscription as it was."""

    @abstractmethod
    def problem(self) -> str | None:
        """Return what is wrong with the daemon as a whole, in words; None if it serves."""

    @abstractmethod
    def watch(self) -> None:
        """Begin to notice the daemon's death and to start it again."""

    @abstractmethod
    def stop(self) -> None:
        """Leave; take the daemon along where the platform says so."""


def sift(
    numbers: Sequence[int], attempt: Callable[[tuple[int, ...]], None]
) -> tuple[tuple[int, ...], dict[int, AgentError]]:
    """Return those that can be done together, and the error of each that is at fault.

    `attempt` raises AgentError for a set that cannot be done. Each further attempt holds all that
    was found good so far, so its last success was with exactly those that are returned.
    """

    def look(some: Sequence[int], good: tuple[int, ...]) -> tuple[int, ...]:
        try:
            attempt(good + tuple(some))
            return good + tuple(some)
        except AgentError as error:
            if len(some) == 1:
                faults[some[0]] = error
                return good
        half = len(some) // 2
        return look(some[half:], look(some[:half], good))

    faults: dict[int, AgentError] = {}
    return (look(numbers, ()) if numbers else ()), faults
