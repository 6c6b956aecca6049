"""What subscriptions use of a node: their homes, and what each service measures of itself."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from hosting.agent import trees
from hosting.agent.driver import Driver
from hosting.agent.host import Host


def measured(
    host: Host, drivers: Iterable[Driver[Any]], numbers: Sequence[int], since: str | None
) -> dict[str, dict[str, int]]:
    """Return figures by name and number: of disk by the homes, and what drivers measure besides.

    One that could not be measured is left out; what several measure of the same is added up.
    Traffic of each day from `since` on is a figure of its own: "traffic 2026-11-23".
    """
    found: dict[str, Counter[int]] = {"disk": Counter()}
    for number in numbers:
        if (size := trees.disk_usage(host, number)) is not None:
            found["disk"][number] = size
    for driver in drivers:
        figures = dict(driver.measure(numbers))
        if since is not None:
            by_day = driver.traffic(numbers, since).items()
            figures |= {f"traffic {day}": amounts for day, amounts in by_day}
        for figure, by_number in figures.items():
            # Not update(): it would leave out a zero, and zero is known.
            sums = found.setdefault(figure, Counter())
            for number, amount in by_number.items():
                sums[number] += amount
    return {
        figure: {str(number): amount for number, amount in by_number.items()}
        for figure, by_number in found.items()
    }
